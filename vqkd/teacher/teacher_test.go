package teacher_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imglish/imglish/pixels"
	"github.com/imglish/imglish/vqkd/teacher"
)

// paint makes one 16×16 patch from a function of column and row.
func paint(f func(x, y int) (r, g, b int)) *pixels.Image {
	im := pixels.New(16, 16)
	for y := range 16 {
		for x := range 16 {
			r, g, b := f(x, y)
			im.Set(x, y, uint8(min(max(r, 0), 255)), uint8(min(max(g, 0), 255)), uint8(min(max(b, 0), 255)))
		}
	}
	return im
}

func vector(im *pixels.Image) []float32 {
	c := teacher.Defaults()
	v := make([]float32, c.Dim())
	c.Targets(v, im, 16)
	return v
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

func flat(r, g, b int) *pixels.Image { return paint(func(int, int) (int, int, int) { return r, g, b }) }

func stripe(vertical bool, level int) *pixels.Image {
	return paint(func(x, y int) (int, int, int) {
		if !vertical {
			x = y
		}
		if x >= 8 {
			return 128 + level, 128 + level, 128 + level
		}
		return 128 - level, 128 - level, 128 - level
	})
}

// What looks alike has alike vectors, what differs in colour or edges has not.
func TestVectorsMeanColourAndEdges(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	noisy := func(im *pixels.Image) *pixels.Image {
		out := im.Clone()
		for i, v := range out.Pix {
			out.Pix[i] = uint8(min(max(int(v)+rng.IntN(5)-2, 0), 255))
		}
		return out
	}
	grey, red, blue := flat(128, 128, 128), flat(200, 40, 40), flat(40, 40, 200)
	up, across := stripe(true, 60), stripe(false, 60)
	tests := []struct {
		name   string
		a, b   *pixels.Image
		lo, hi float64
	}{
		{"a flat patch and its noise", grey, noisy(grey), 0.97, 1},
		{"a red patch and its noise", red, noisy(red), 0.99, 1},
		{"an edge and its noise", up, noisy(up), 0.98, 1},
		{"red and blue", red, blue, -1, 0.5},
		{"red and grey", red, grey, -1, 0.7},
		{"black and white", flat(10, 10, 10), flat(245, 245, 245), -1, 0},
		{"edges of two directions", up, across, -1, 0.8},
		{"an edge and flat grey", up, grey, -1, 0.8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if c := cosine(vector(tt.a), vector(tt.b)); c < tt.lo || c > tt.hi+1e-6 {
				t.Errorf("cosine = %.3f, want %.2f to %.2f", c, tt.lo, tt.hi)
			}
		})
	}
}

// An edge votes for its direction, in the cells that it runs through.
func TestEdgeGoesToItsOrientation(t *testing.T) {
	c := teacher.Defaults()
	v := vector(stripe(true, 60)) // gradient along x: orientation 0
	for cell := range 4 {
		for o := range c.Orientations {
			if x := v[cell*c.Orientations+o]; (o == 0) != (x > 0.1) {
				t.Errorf("cell %d, orientation %d of a vertical edge = %.3f", cell, o, x)
			}
		}
	}
}

// The grid is row-major, and each patch sees its own pixels.
func TestGridOrder(t *testing.T) {
	im := pixels.New(48, 32)
	for y := range 32 {
		for x := range 48 {
			im.Set(x, y, uint8(40*(y/16*3+x/16)), 0, 0)
		}
	}
	c := teacher.Defaults()
	dst := make([]float32, 6*c.Dim())
	c.Targets(dst, im, 16)
	for i := range 6 {
		y := dst[i*c.Dim()+4*c.Orientations] // Y of the first cell
		want := float32((0.299*float64(40*i) - 128) / 128 / 2 * c.Luma)
		if math.Abs(float64(y-want)) > 1e-4 {
			t.Errorf("patch %d: Y = %v, want %v", i, y, want)
		}
	}
}
