package pixels

import (
	"math/rand/v2"
	"testing"
)

// resizePlain is the rule of Resize written for reading: for each output pixel of each pass, the weighted sum of the
// input pixels, in 64-bit integers, rounded to 8 bits.
func resizePlain(im *Image, box [4]float64, w, h int, f Filter) *Image {
	pass := func(in *Image, n int, size int, from, to float64, at func(x, y int) (int, int), out *Image, put func(i, j int) (int, int)) {
		all := weights(size, from, to, n, f)
		other := in.W + in.H - size
		for i := range n {
			for j := range other {
				x, y := put(i, j)
				first, w := all.of(i)
				for c := range 3 {
					s := int64(1) << (weightBits - 1)
					for k, weight := range w {
						sx, sy := at(first+k, j)
						s += int64(in.Pix[3*(sy*in.W+sx)+c]) * int64(weight)
					}
					out.Pix[3*(y*out.W+x)+c] = uint8(min(max(s>>weightBits, 0), 255))
				}
			}
		}
	}
	same := func(i, j int) (int, int) { return i, j }
	swap := func(i, j int) (int, int) { return j, i }
	across := func(in *Image) *Image {
		out := New(w, in.H)
		pass(in, w, in.W, box[0], box[2], same, out, same)
		return out
	}
	down := func(in *Image) *Image {
		out := New(in.W, h)
		pass(in, h, in.H, box[1], box[3], swap, out, swap)
		return out
	}
	passes := []func(*Image) *Image{across, down}
	needed := []bool{w != im.W || box[0] != 0 || box[2] != float64(w), h != im.H || box[1] != 0 || box[3] != float64(h)}
	first := 0
	if downFirst(im.W, im.H, w, h) {
		first = 1
	}
	out := im
	for _, i := range []int{first, 1 - first} {
		if needed[i] {
			out = passes[i](out)
		}
	}
	return out
}

func TestResizeAgainstPlain(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	sides := []int{1, 2, 3, 7, 16, 31, 50}
	for i := range 400 {
		im := New(sides[r.IntN(len(sides))], sides[r.IntN(len(sides))])
		for j := range im.Pix {
			im.Pix[j] = uint8(r.UintN(2) * 255) // extremes, where overshoot shows
			if i%2 == 0 {
				im.Pix[j] = uint8(r.UintN(256))
			}
		}
		box := [4]float64{0, 0, float64(im.W), float64(im.H)}
		if i%3 == 0 {
			box[0], box[1] = float64(float32(r.Float64()*box[2]*.9)), float64(float32(r.Float64()*box[3]*.9))
			box[2] = float64(float32(box[0] + (box[2]-box[0])*(.2+.8*r.Float64())))
			box[3] = float64(float32(box[1] + (box[3]-box[1])*(.2+.8*r.Float64())))
			box[2], box[3] = min(box[2], float64(im.W)), min(box[3], float64(im.H))
		}
		w, h, f := sides[r.IntN(len(sides))], sides[r.IntN(len(sides))], Filter(r.IntN(3))
		got, want := im.ResizeBox(box, w, h, f), resizePlain(im, box, w, h, f)
		if string(got.Pix) != string(want.Pix) || got.W != w || got.H != h {
			t.Fatalf("%d×%d, box %v to %d×%d, %v: differs from the plain rule", im.W, im.H, box, w, h, f)
		}
		window := [4]int{r.IntN(w), r.IntN(h), 0, 0}
		window[2], window[3] = 1+r.IntN(w-window[0]), 1+r.IntN(h-window[1])
		got, want = im.resize(box, w, h, window, f), want.Crop(window[0], window[1], window[2], window[3])
		if string(got.Pix) != string(want.Pix) {
			t.Fatalf("%d×%d, box %v to %d×%d, %v: window %v differs from the whole", im.W, im.H, box, w, h, f, window)
		}
	}
}

// The passes in Go and all variants of those in C must agree.
func TestPassesAgree(t *testing.T) {
	defer func() { portable = false }()
	r := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		im := New(1+r.IntN(70), 1+r.IntN(70))
		for j := range im.Pix {
			im.Pix[j] = uint8(r.UintN(256))
		}
		w, f := 1+r.IntN(80), Filter(r.IntN(3))
		across := weights(im.W, 0, float64(im.W), w, f)
		down := weights(im.H, 0, float64(im.H), w, f)
		top := r.IntN(im.H)
		bottom := top + 1 + r.IntN(im.H-top)
		rows, columns := rowsGo(im, top, bottom, across), columnsGo(im, down)
		for _, portable = range []bool{false, true} {
			if string(resizeRows(im, top, bottom, across).Pix) != string(rows.Pix) {
				t.Errorf("rows of %d×%d to %d, %v, portable %v: C and Go differ", im.W, im.H, w, f, portable)
			}
			if string(resizeColumns(im, down).Pix) != string(columns.Pix) {
				t.Errorf("columns of %d×%d to %d, %v, portable %v: C and Go differ", im.W, im.H, w, f, portable)
			}
		}
	}
}
