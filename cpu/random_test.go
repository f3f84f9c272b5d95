package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
)

// twin runs the same calls on the kernels (one and three threads) and on the float64 reference.
type twin struct {
	t        *testing.T
	r        *rand.Rand
	backends []tensor.Backend // reference, one thread, three threads
}

// set is one tensor on each backend.
type set []tensor.Tensor

func (w twin) floats(shape ...int) set {
	x := make([]float64, size(shape))
	for i := range x {
		x[i] = float64(float32(w.r.NormFloat64()))
	}
	return w.upload(tensor.Float, shape, func(b tensor.Backend, t tensor.Tensor) { b.UploadF64(t, x) })
}

func (w twin) upload(dt tensor.DType, shape []int, fill func(b tensor.Backend, t tensor.Tensor)) (s set) {
	for _, b := range w.backends {
		t := b.Temp(dt, shape...)
		fill(b, t)
		s = append(s, t)
	}
	return s
}

func (w twin) ints(x []int32, shape ...int) set {
	return w.upload(tensor.I32, shape, func(b tensor.Backend, t tensor.Tensor) { b.UploadI32(t, x) })
}

func (w twin) run(f func(b tensor.Backend, i int)) {
	for i, b := range w.backends {
		f(b, i)
	}
}

// near holds the kernels to the reference within bound·max|reference|, and both thread counts to the same bits.
func (w twin) near(what string, s set, bound float64) {
	w.t.Helper()
	var x [3][]float64
	for i, b := range w.backends {
		x[i] = make([]float64, s[i].Len())
		b.DownloadF64(x[i], s[i])
		if err := b.Sync(); err != nil {
			w.t.Fatal(err)
		}
	}
	var top float64
	for _, v := range x[0] {
		top = max(top, math.Abs(v))
	}
	for j, v := range x[0] {
		if d := math.Abs(x[1][j] - v); !(d <= bound*top) {
			w.t.Fatalf("%s: element %d is %v, want %v: off by %.3g of the largest, bound %.3g", what, j, x[1][j], v, d/top, bound)
		}
		if math.Float64bits(x[1][j]) != math.Float64bits(x[2][j]) {
			w.t.Fatalf("%s: element %d is %v on one thread, %v on three", what, j, x[1][j], x[2][j])
		}
	}
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// TestRandomShapes draws shapes that no table would name. The seeds are fixed; a failure names its round.
func TestRandomShapes(t *testing.T) {
	each(t, func(t *testing.T, isa cpu.ISA) {
		backends := []tensor.Backend{tensor.NewReference[float64](), open(t, isa, 1), open(t, isa, 3)}
		defer backends[1].Close()
		defer backends[2].Close()
		for round := range uint64(16) {
			t.Run(fmt.Sprint(round), func(t *testing.T) {
				w := twin{t, rand.New(rand.NewPCG(round, 99)), backends}
				for _, b := range backends {
					mark := b.Mark()
					defer b.Release(mark)
				}
				w.linear()
				w.attention()
				w.nearest()
			})
		}
	})
}

func (w twin) linear() {
	n, in, out := 1+w.r.IntN(150), 1+w.r.IntN(500), 1+w.r.IntN(200)
	act := tensor.Act(w.r.IntN(3))
	what := fmt.Sprintf("linear %dx%dx%d act %d ", n, in, out, act)
	x, wt, b, dy := w.floats(n, in), w.floats(out, in), w.floats(out), w.floats(n, out)
	y, pre, dx, dw, db := w.floats(n, out), w.floats(n, out), w.floats(n, in), w.floats(out, in), w.floats(out)
	w.run(func(c tensor.Backend, i int) { c.Scale(wt[i], wt[i], 1/math.Sqrt(float64(in))) })
	w.run(func(c tensor.Backend, i int) { c.Linear(y[i], pre[i], x[i], wt[i], b[i], act) })
	w.near(what+"y", y, 4e-6)
	w.near(what+"pre", pre, 4e-6)
	w.run(func(c tensor.Backend, i int) { c.LinearBackward(dx[i], dw[i], db[i], dy[i], pre[i], x[i], wt[i], act) })
	w.near(what+"dx", dx, 8e-6)
	w.near(what+"dw", dw, 8e-6)
	w.near(what+"db", db, 8e-6)
}

func (w twin) attention() {
	heads, head := 1+w.r.IntN(4), 1+w.r.IntN(70)
	d, a := heads*head, tensor.Attend{Heads: heads, Scale: 1 / math.Sqrt(float64(head)), Causal: w.r.IntN(2) == 0}
	// All vision rows lie in front of all text rows, with gaps that belong to no segment.
	segments := 1 + w.r.IntN(4)
	seg := make([]int32, 4*segments)
	at := int32(w.r.IntN(3))
	for part := range 2 {
		for s := range segments {
			rows := int32(max(0, w.r.IntN(130)-20))
			seg[4*s+2*part], seg[4*s+2*part+1] = at, rows
			at += rows + int32(w.r.IntN(2))
		}
	}
	n := int(at) + 1
	what := fmt.Sprintf("attention %d heads of %d, causal %v, segments %v ", heads, head, a.Causal, seg)
	out, lse, qkv, segs := w.floats(n, d), w.floats(n, heads), w.floats(n, 3*d), w.ints(seg, segments, 4)
	dout, dqkv := w.floats(n, d), w.floats(n, 3*d)
	w.run(func(c tensor.Backend, i int) { c.Attention(out[i], lse[i], qkv[i], segs[i], a) })
	w.near(what+"out", out, 4e-6)
	w.near(what+"lse", lse, 4e-6)
	w.run(func(c tensor.Backend, i int) {
		c.AttentionBackward(dqkv[i], dout[i], out[i], lse[i], qkv[i], segs[i], a)
	})
	w.near(what+"dqkv", dqkv, 2e-5)
}

// nearest compares products, not codes: two codes may be closer than rounding.
func (w twin) nearest() {
	n, d, k := 1+w.r.IntN(60), 1+w.r.IntN(60), 1+w.r.IntN(3000)
	z, book, best := w.floats(n, d), w.floats(k, d), w.floats(n)
	codes := w.upload(tensor.U16, []int{n}, func(tensor.Backend, tensor.Tensor) {})
	picked, again := w.floats(n, d), w.floats(n)
	w.run(func(c tensor.Backend, i int) {
		c.NearestCode(codes[i], best[i], z[i], book[i])
		c.LookupCodes(picked[i], book[i], codes[i])
	})
	w.near(fmt.Sprintf("nearest %dx%dx%d", n, d, k), best, 4e-6)
	// The code that goes with the product: z·book[code] by another way, the diagonal of a linear layer.
	w.run(func(c tensor.Backend, i int) {
		all := c.Temp(tensor.Float, n, n)
		c.Linear(all, tensor.Tensor{}, z[i], picked[i], tensor.Tensor{}, tensor.Identity)
		x, y := make([]float64, n*n), make([]float64, n)
		c.DownloadF64(x, all)
		for j := range y {
			y[j] = x[j*n+j]
		}
		c.UploadF64(again[i], y)
	})
	for i, b := range w.backends {
		x, y := make([]float64, n), make([]float64, n)
		b.DownloadF64(x, best[i])
		b.DownloadF64(y, again[i])
		for j := range x {
			if x[j] != y[j] {
				w.t.Fatalf("%s: nearest %dx%dx%d: row %d: best is %v, its code's product %v", b.Name(), n, d, k, j, x[j], y[j])
			}
		}
	}
}
