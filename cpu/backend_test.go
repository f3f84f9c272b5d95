//go:build cgo

package cpu_test

import (
	"math"
	"strings"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
)

// Wide right-hand sides are done in strips; a row alone must still equal the row among others.
func TestLinearInStrips(t *testing.T) {
	const n, in, out = 13, 1030, 4100 // 4.2M weights: three strips of columns, three blocks of the sum
	each(t, func(t *testing.T, isa cpu.ISA) {
		c := open(t, isa, 2)
		defer c.Close()
		x, w, y, one := normal(c, 1, n, in), normal(c, 2, out, in), c.Alloc(tensor.Float, n, out), c.Alloc(tensor.Float, 1, out)
		c.Linear(y, tensor.Tensor{}, x, w, tensor.Tensor{}, tensor.Identity)
		c.Linear(one, tensor.Tensor{}, x.Rows(7, 8), w, tensor.Tensor{}, tensor.Identity)
		got, want := download(c, one), download(c, y.Rows(7, 8))
		xs, ws := download(c, x.Rows(7, 8)), download(c, w)
		for j := range want {
			if got[j] != want[j] {
				t.Fatalf("column %d is %v alone, %v among %d rows", j, got[j], want[j], n)
			}
			var sum float64
			for k, v := range xs {
				sum += float64(v) * float64(ws[j*in+k])
			}
			if math.Abs(sum-float64(got[j])) > 2e-4 {
				t.Fatalf("column %d is %v, want %v", j, got[j], sum)
			}
		}
	})
}

// The activations hold their relative accuracy down to 1e-11, below which a part of GELU's tail loses it on AVX-512.
func TestActivationAccuracy(t *testing.T) {
	each(t, func(t *testing.T, isa cpu.ISA) {
		c := open(t, isa, 1)
		defer c.Close()
		const n = 40001
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(i-n/2) / (n / 2) * 12
		}
		in, w, y := c.Alloc(tensor.Float, n, 1), c.Alloc(tensor.Float, 1, 1), c.Alloc(tensor.Float, n, 1)
		c.Upload(in, x)
		c.Upload(w, []float32{1})
		for act, f := range map[tensor.Act]func(float64) float64{
			tensor.GELU: func(v float64) float64 { return v * 0.5 * math.Erfc(-v/math.Sqrt2) },
			tensor.Tanh: math.Tanh,
		} {
			c.Linear(y, tensor.Tensor{}, in, w, tensor.Tensor{}, act)
			var worst, where float64
			for i, got := range download(c, y) {
				want := f(float64(x[i]))
				// exp(-x²/2) loses x²/2 units to the rounding of its argument.
				allowed := 1e-6 + float64(x[i])*float64(x[i])*6e-8
				if e := math.Abs(float64(got)-want) / (math.Abs(want)*allowed + 1e-11); e > worst {
					worst, where = e, float64(x[i])
				}
			}
			if worst > 1 {
				t.Errorf("activation %d at %v: %.2f of the error allowed", act, where, worst)
			}
		}
	})
}

func TestOutOfMemoryComesFromSync(t *testing.T) {
	c := open(t, cpu.Best, 2)
	defer c.Close()
	huge := c.Alloc(tensor.Float, 1<<40, 1<<8)
	small := c.Temp(tensor.Float, 1<<40, 1<<8)
	c.Add(huge, huge, small)
	if err := c.Sync(); err == nil || !strings.Contains(err.Error(), "out of memory") {
		t.Fatalf("Sync after asking for 2^50 bytes: %v", err)
	}
}

func TestUseAfterRelease(t *testing.T) {
	c := open(t, cpu.Best, 1)
	defer c.Close()
	mark := c.Mark()
	x := c.Temp(tensor.Float, 3)
	c.Release(mark)
	defer func() {
		if recover() == nil {
			t.Error("Zero of a released tensor went through")
		}
	}()
	c.Zero(x)
}

// Not-a-numbers must come out: they are how a training run learns that it has gone wrong.
func TestNaNStays(t *testing.T) {
	each(t, func(t *testing.T, isa cpu.ISA) {
		c := open(t, isa, 1)
		defer c.Close()
		const n, d = 20, 40
		x := normal(c, 1, n, d)
		bad := make([]float32, n*d)
		for i := range bad {
			bad[i] = float32(i % 7)
		}
		bad[5*d+3] = float32(math.NaN())
		c.Upload(x, bad)
		w, y := normal(c, 2, d, d), c.Alloc(tensor.Float, n, d)
		check := func(what string) {
			t.Helper()
			for i, v := range download(c, y) {
				if (i/d == 5) != (v != v) {
					t.Fatalf("%s: row %d, column %d is %v", what, i/d, i%d, v)
				}
			}
		}
		for _, act := range []tensor.Act{tensor.Identity, tensor.GELU, tensor.Tanh} {
			c.Linear(y, tensor.Tensor{}, x, w, tensor.Tensor{}, act)
			check("linear")
		}
		loss, targets := c.Alloc(tensor.Float, n), c.Alloc(tensor.I32, n)
		c.CrossEntropy(loss, y, x, targets, tensor.Tensor{}, 0)
		check("cross entropy")
		c.CrossEntropy(loss, y, x, targets, tensor.Tensor{}, 0.1)
		check("smoothed cross entropy")
		soft := c.Alloc(tensor.Float, n, d)
		c.SoftCrossEntropy(loss, y, x, soft, tensor.Tensor{})
		check("soft cross entropy")
		c.BCE(loss, y, x, soft, tensor.Tensor{})
		for i, v := range download(c, y) {
			if (i == 5*d+3) != (v != v) {
				t.Fatalf("BCE: row %d, column %d is %v", i/d, i%d, v)
			}
		}
		if got := download(c, loss); got[5] == got[5] || got[4] != got[4] {
			t.Fatalf("BCE: losses %v around one that is no number", got[4:7])
		}
		sum := c.Alloc(tensor.Float, 1)
		c.SumSquares(sum, x)
		factor := c.Alloc(tensor.Float, 1)
		c.ClipFactor(factor, sum, 1)
		if got := download(c, factor)[0]; got != 0 {
			t.Errorf("clip factor of a sum that is not a number: %v, want 0", got)
		}
	})
}

func download(c tensor.Backend, t tensor.Tensor) []float32 {
	x := make([]float32, t.Len())
	c.Download(x, t)
	return x
}
