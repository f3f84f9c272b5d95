package pixels

import "fmt"

// Image is a picture in memory.
//
//	Pix: [H, W, 3] uint8, row-major, RGB
type Image struct {
	W, H int
	Pix  []uint8
}

// New returns a black picture. It panics if a side is not positive.
func New(w, h int) *Image {
	if w <= 0 || h <= 0 {
		panic(fmt.Sprintf("pixels: picture of %d×%d", w, h))
	}
	return &Image{W: w, H: h, Pix: make([]uint8, 3*w*h)}
}

// At returns the colour at column x, row y.
func (im *Image) At(x, y int) (r, g, b uint8) {
	p := im.Pix[3*(y*im.W+x):]
	return p[0], p[1], p[2]
}

// Set changes the colour at column x, row y.
func (im *Image) Set(x, y int, r, g, b uint8) {
	p := im.Pix[3*(y*im.W+x):]
	p[0], p[1], p[2] = r, g, b
}

// Clone returns a copy that shares no memory.
func (im *Image) Clone() *Image {
	return &Image{W: im.W, H: im.H, Pix: append([]uint8(nil), im.Pix...)}
}

// Crop copies the w×h pixels whose upper left corner is (x, y). Parts outside of the picture are black.
func (im *Image) Crop(x, y, w, h int) *Image {
	out := New(w, h)
	x0, x1 := max(x, 0), min(x+w, im.W)
	if x0 >= x1 {
		return out
	}
	for r := max(y, 0); r < min(y+h, im.H); r++ {
		copy(out.Pix[3*((r-y)*w+x0-x):], im.Pix[3*(r*im.W+x0):3*(r*im.W+x1)])
	}
	return out
}

// FlipH returns the picture mirrored left to right.
func (im *Image) FlipH() *Image {
	out := New(im.W, im.H)
	for y := range im.H {
		in, o := im.Pix[3*y*im.W:3*(y+1)*im.W], out.Pix[3*y*im.W:3*(y+1)*im.W]
		for i, j := 0, len(o)-3; i < len(in); i, j = i+3, j-3 {
			o[j], o[j+1], o[j+2] = in[i], in[i+1], in[i+2]
		}
	}
	return out
}
