package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/imglish/imglish/cpu"
	"github.com/imglish/imglish/tensor"
)

// float16 rounds to 11 bits, half to even, as float16 does within its normal range.
func float16(x float64) float64 {
	f, e := math.Frexp(x)
	return math.Ldexp(math.RoundToEven(math.Ldexp(f, 11)), e-11)
}

// TestFastIsNoCoarserThanFloat16 holds tier fast to its contract: over whole matrices, the error against exact products
// is no larger than that of products whose operands are rounded to float16.
func TestFastIsNoCoarserThanFloat16(t *testing.T) {
	const n, out = 40, 50
	r := rand.New(rand.NewPCG(3, 5))
	normal := func(rows, k int, tail float64) []float64 { // with tail, some values are far larger than the rest
		x := make([]float64, rows*k)
		for i := range x {
			x[i] = r.NormFloat64()
			if r.Float64() < 0.01 {
				x[i] *= 1 + tail
			}
		}
		return x
	}
	for _, k := range []int{48, 384, 768, 3072} {
		for _, tail := range []float64{0, 30} {
			x, w := normal(n, k, tail), normal(out, k, 0)
			for i, v := range x {
				x[i] = float64(float32(v))
			}
			for i, v := range w {
				w[i] = float64(float32(v))
			}
			exact, half := make([]float64, n*out), 0.0
			for i := range n {
				for o := range out {
					sum, rounded := 0.0, 0.0
					for j := range k {
						sum += x[i*k+j] * w[o*k+j]
						rounded += float16(x[i*k+j]) * float16(w[o*k+j])
					}
					exact[i*out+o] = sum
					half += (rounded - sum) * (rounded - sum)
				}
			}
			each(t, func(t *testing.T, isa cpu.ISA) {
				b := open(t, isa, 2)
				defer b.Close()
				got, fast := product(b, x, w, n, k, out), 0.0
				for i := range got {
					fast += (got[i] - exact[i]) * (got[i] - exact[i])
				}
				t.Logf("k %d, tail %v: error %.3g, float16's %.3g", k, tail, math.Sqrt(fast/n/out), math.Sqrt(half/n/out))
				if fast > half {
					t.Errorf("k %d, tail %v: root mean square error %.3g, float16's is %.3g", k, tail, math.Sqrt(fast/n/out), math.Sqrt(half/n/out))
				}
			})
		}
	}
}

// product is x·wᵀ of tier fast.
func product(b tensor.Backend, x, w []float64, n, k, out int) []float64 {
	xs, ws, ys := b.Alloc(tensor.Float, n, k), b.Alloc(tensor.Float, out, k), b.Alloc(tensor.Float, n, out)
	defer b.Free(xs)
	defer b.Free(ys)
	b.UploadF64(xs, x)
	b.UploadF64(ws, w)
	ready := b.Prepare(ws, tensor.Fast)
	defer b.FreePrepared(ready)
	b.Free(ws)
	b.Product(ys, xs, ready, tensor.Tensor{}, tensor.Identity, false)
	y := make([]float64, n*out)
	b.DownloadF64(y, ys)
	return y
}

// TestFastAtItsLimits: sums that come as close to 32 bits as they can, sizes at float's ends, what is not finite.
func TestFastAtItsLimits(t *testing.T) {
	each(t, func(t *testing.T, isa cpu.ISA) {
		b := open(t, isa, 1)
		defer b.Close()
		for _, k := range []int{1, 2, 7, 383, 384, 385, 768, 1537} {
			for name, of := range map[string]func(i int) float64{
				"equal":     func(int) float64 { return 1 },
				"one large": func(i int) float64 { return map[bool]float64{true: 1e6, false: 1e-6}[i == k/2] },
				"rising":    func(i int) float64 { return float64(i + 1) },
				"huge":      func(int) float64 { return 1e17 },
				"minute":    func(i int) float64 { return 1e-17 * float64(1+i%3) },
				"opposite":  func(i int) float64 { return float64(1 - 2*(i%2)) },
			} {
				t.Run(fmt.Sprintf("%d/%s", k, name), func(t *testing.T) {
					x, square := make([]float64, k), 0.0
					for i := range x {
						x[i] = float64(float32(of(i)))
						square += x[i] * x[i]
					}
					minus := make([]float64, 2*k) // a row and its negative: sums at both ends
					for i := range x {
						minus[i], minus[k+i] = x[i], -x[i]
					}
					y := product(b, minus, x, 2, k, 1)
					if !(math.Abs(y[0]-square) <= 1e-3*square) || !(math.Abs(y[1]+square) <= 1e-3*square) {
						t.Errorf("x·x = %v, (−x)·x = %v, want ±%v", y[0], y[1], square)
					}
				})
			}
		}
		ones := []float64{1, 1, 1}
		for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
			if y := product(b, []float64{1, bad, 2, 1, 2, 3}, ones, 2, 3, 1); !math.IsNaN(y[0]) && !math.IsInf(y[0], 0) || math.Abs(y[1]-6) > 1e-2 {
				t.Errorf("rows {1, %v, 2} and {1, 2, 3} by ones give %v, want no number and 6", bad, y)
			}
		}
		if y := product(b, []float64{0, 0, 0}, ones, 1, 3, 1); y[0] != 0 {
			t.Errorf("zeros by ones give %v", y)
		}
	})
}

// TestTilesGiveTheSameIntegers: the digits of tier fast are those of its integers, so products are equal bit for bit where
// vectors are equally wide: on tiles in plain C, and on AMX's own.
func TestTilesGiveTheSameIntegers(t *testing.T) {
	isas := [][2]cpu.ISA{{cpu.Generic, cpu.Generic | tiles}, {cpu.AVX2, cpu.AVX2 | tiles}, {cpu.AVX512, cpu.AVX512 | tiles}, {cpu.AVX512, cpu.AMX}}
	r := rand.New(rand.NewPCG(7, 9))
	for _, isa := range isas {
		if !cpu.Has(isa[0]) || !cpu.Has(isa[1]&^tiles) {
			continue
		}
		for _, size := range [][3]int{{1, 1, 1}, {1, 64, 16}, {17, 65, 33}, {5, 63, 7}, {40, 384, 64}, {33, 385, 40}, {48, 770, 31}, {197, 768, 96}} {
			n, k, out := size[0], size[1], size[2]
			x, w := make([]float64, n*k), make([]float64, out*k)
			for _, v := range [][]float64{x, w} {
				for i := range v {
					v[i] = r.NormFloat64() * math.Exp(r.NormFloat64())
				}
			}
			copy(x, make([]float64, k)) // a row of zeros
			x[len(x)-1] = 1e4           // and one that a single value rules
			var y [2][]float64
			for i := range y {
				b := open(t, isa[i], 2)
				y[i] = product(b, x, w, n, k, out)
				if err := b.Close(); err != nil {
					t.Fatal(err)
				}
			}
			for i, v := range y[0] {
				if y[1][i] != v {
					t.Fatalf("%v, %v: element %d is %v, integers give %v", isa, size, i, y[1][i], v)
				}
			}
		}
	}
}
