package pixels_test

import (
	"fmt"
	"testing"

	"github.com/imglish/imglish/pixels"
)

func TestCropAndFlip(t *testing.T) {
	im := pixels.New(3, 2)
	for i := range im.Pix {
		im.Pix[i] = uint8(i)
	}
	c := im.Crop(1, 1, 3, 2) // one column and one row lie outside
	if c.W != 3 || c.H != 2 {
		t.Fatalf("size %d×%d", c.W, c.H)
	}
	for _, tt := range []struct {
		x, y int
		want uint8
	}{{0, 0, 12}, {1, 0, 15}, {2, 0, 0}, {0, 1, 0}} {
		if r, _, _ := c.At(tt.x, tt.y); r != tt.want {
			t.Errorf("red at %d,%d = %d, want %d", tt.x, tt.y, r, tt.want)
		}
	}
	f := im.FlipH()
	if r, g, b := f.At(0, 1); r != 15 || g != 16 || b != 17 {
		t.Errorf("flipped corner %d %d %d, want 15 16 17", r, g, b)
	}
	if string(f.FlipH().Pix) != string(im.Pix) {
		t.Error("two flips change the picture")
	}
}

func ExampleImage_Resize() {
	im := pixels.New(100, 60)
	small := im.Resize(50, 30, pixels.Bicubic)
	fmt.Println(small.W, small.H, len(small.Pix))
	// Output: 50 30 4500
}

func ExampleReferenceView() {
	view := pixels.ReferenceView(pixels.New(640, 480), 224)
	fmt.Println(view.W, view.H)
	// Output: 224 224
}
