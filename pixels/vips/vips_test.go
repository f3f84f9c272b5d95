//go:build cgo

package vips_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/pixels/vips"
)

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t *testing.T, data []byte) *pixels.Image {
	t.Helper()
	im, _, err := pixels.Decode(data, pixels.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return im
}

func TestLosslessWebP(t *testing.T) {
	for _, name := range []string{"v-noise420.jpg", "decode/rgb.png", "v-small31x29.jpg"} {
		im := decode(t, read(t, name))
		data, err := vips.EncodeWebP(im)
		if err != nil {
			t.Fatal(err)
		}
		if got := decode(t, data); string(got.Pix) != string(im.Pix) {
			t.Errorf("%s: lossless WebP has other pixels", name)
		}
	}
}

// libvips and package pixels must agree on what upright is.
func TestUpright(t *testing.T) {
	data := read(t, "v-exif6.jpg")
	out, err := vips.Upright(data)
	if err != nil {
		t.Fatal(err)
	}
	got := decode(t, out)
	want := decode(t, data).Turn(6)
	if got.W != want.W || got.H != want.H {
		t.Fatalf("size %d×%d, want %d×%d", got.W, got.H, want.W, want.H)
	}
	for i := range want.Pix {
		if d := int(got.Pix[i]) - int(want.Pix[i]); d > 2 || d < -2 {
			t.Fatalf("byte %d is %d, want %d", i, got.Pix[i], want.Pix[i])
		}
	}
}

func TestThumbnail(t *testing.T) {
	for _, tt := range []struct {
		name string
		w, h int
	}{{"v-444.jpg", 100, 80}, {"v-exif6.jpg", 63, 100}, {"v-small31x29.jpg", 31, 29}, {"decode/rgba.png", 37, 23}} {
		out, err := vips.Thumbnail(read(t, tt.name), 100)
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if info, err := pixels.Probe(out); err != nil || info.Format != pixels.JPEG || info.W != tt.w || info.H != tt.h {
			t.Errorf("%s: thumbnail %+v (%v), want %d×%d", tt.name, info, err, tt.w, tt.h)
		}
	}
}

// A format that libvips could read and that we do not want must not reach it.
func TestOtherFormatsAreRefused(t *testing.T) {
	svg := []byte(`<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="5" height="5"/></svg>`)
	tiff := []byte("II*\x00\x08\x00\x00\x00")
	for _, data := range [][]byte{svg, tiff, nil} {
		if _, err := vips.Thumbnail(data, 10); !errors.Is(err, pixels.ErrNotImage) {
			t.Errorf("Thumbnail(%.10q): %v, want %v", data, err, pixels.ErrNotImage)
		}
		if _, err := vips.Upright(data); !errors.Is(err, pixels.ErrNotImage) {
			t.Errorf("Upright(%.10q): %v, want %v", data, err, pixels.ErrNotImage)
		}
	}
	if vips.Version() == "" {
		t.Error("no version of libvips")
	}
}
