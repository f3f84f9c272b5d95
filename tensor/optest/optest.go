// Package optest is the one table of cases that every tensor backend passes.
//
// [Run] compares each op with the float64 reference at sizes 1, odd and with tails, and holds the two rules of
// [tensor.Backend]: a row's result is bit-equal alone, in a batch and at other positions, and no result depends on the
// number of threads. [Gradients] holds the backward ops of a float64 backend to finite differences; the others are held
// to that backend by Run.
package optest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// Float32 is the tol of a backend that computes in float32: its unit roundoff.
const Float32 = 1.0 / (1 << 24)

// value is one input of a case, as plain numbers.
type value struct {
	dt    tensor.DType
	shape []int
	x     []float64
	rows  bool // one entry of the first axis belongs to one row of the case
}

// opCase is one op at one size.
type opCase struct {
	name string
	in   []value
	// run calls the op and returns its outputs; an output may be an input that the op changes.
	run func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor
	// rowOut says which outputs belong to rows; nil means all of them.
	rowOut []bool
	// ulps bounds max|a−b| in units of tol·max|b|.
	ulps float64
}

func (c *opCase) isRow(out int) bool { return c.rowOut == nil || c.rowOut[out] }

// Run holds newBackend's backends to the reference. tol is the unit roundoff of their working precision.
func Run(t *testing.T, newBackend func(threads int) tensor.Backend, tol float64) {
	t.Helper()
	ref := tensor.NewReference[float64]()
	backends := map[int]tensor.Backend{}
	for _, threads := range []int{1, 2, 3} {
		b := newBackend(threads)
		defer b.Close()
		backends[threads] = b
	}
	for _, c := range cases() {
		t.Run(c.name, func(t *testing.T) {
			want := c.do(t, ref, c.in)
			got := c.do(t, backends[1], c.in)
			for i := range want {
				if err := near(got[i], want[i], c.ulps*tol); err != nil {
					t.Errorf("output %d: %v", i, err)
				}
			}
			for _, threads := range []int{2, 3} {
				again := c.do(t, backends[threads], c.in)
				for i := range got {
					if err := same(again[i], got[i]); err != nil {
						t.Errorf("output %d on %d threads and on one: %v", i, threads, err)
					}
				}
			}
			c.rowsAlone(t, backends[1], got)
			c.rowsAlone(t, backends[3], got)
		})
	}
	t.Run("AttentionPacking", func(t *testing.T) { attentionPacking(t, backends[1], backends[3]) })
	t.Run("AttentionCached", func(t *testing.T) { attentionCached(t, tol, backends[1], backends[3]) })
	t.Run("Cast", func(t *testing.T) { cast(t, backends[3]) })
	t.Run("Checks", func(t *testing.T) { checks(t, backends[1]) })
	t.Run("Transfer", func(t *testing.T) { transfer(t, backends[1]) })
	t.Run("Arena", func(t *testing.T) { arena(t, backends[1]) })
}

// do uploads, runs and downloads.
func (c *opCase) do(t *testing.T, b tensor.Backend, in []value) [][]float64 {
	t.Helper()
	mark := b.Mark()
	defer b.Release(mark)
	ts := make([]tensor.Tensor, len(in))
	for i, v := range in {
		ts[i] = upload(b, v)
	}
	var out [][]float64
	for _, y := range c.run(b, ts) {
		out = append(out, download(b, y))
	}
	if err := b.Sync(); err != nil {
		t.Fatalf("Sync: %v", err)
	}
	return out
}

// rowsAlone runs the case on chosen rows only and compares with the rows of the whole, bit by bit.
func (c *opCase) rowsAlone(t *testing.T, b tensor.Backend, whole [][]float64) {
	t.Helper()
	n := -1
	for _, v := range c.in {
		if v.rows {
			n = v.shape[0]
		}
	}
	if n < 1 {
		return
	}
	picks := [][]int{{}, {0}, {n - 1}, {n - 1, 0, n / 2}}
	var backwards []int
	for i := range n {
		backwards = append(backwards, n-1-i)
	}
	picks = append(picks, backwards, append(backwards[:n/2:n/2], 0))
	for _, pick := range picks {
		in := make([]value, len(c.in))
		for i, v := range c.in {
			in[i] = v
			if v.rows {
				in[i] = v.pick(pick)
			}
		}
		got := c.do(t, b, in)
		for o := range got {
			if !c.isRow(o) {
				continue
			}
			per := len(whole[o]) / n
			for k, i := range pick {
				if err := same(got[o][k*per:(k+1)*per], whole[o][i*per:(i+1)*per]); err != nil {
					t.Fatalf("output %d: row %d of %d, alone among %v: %v", o, i, n, pick, err)
				}
			}
		}
	}
}

func (v value) pick(rows []int) value {
	per := 1
	for _, d := range v.shape[1:] {
		per *= d
	}
	w := value{dt: v.dt, rows: true, shape: append([]int{len(rows)}, v.shape[1:]...)}
	for _, i := range rows {
		w.x = append(w.x, v.x[i*per:(i+1)*per]...)
	}
	return w
}

func upload(b tensor.Backend, v value) tensor.Tensor {
	t := b.Temp(v.dt, v.shape...)
	switch v.dt {
	case tensor.Float:
		b.UploadF64(t, v.x)
	case tensor.U8:
		b.UploadU8(t, convert[uint8](v.x))
	case tensor.U16:
		b.UploadU16(t, convert[uint16](v.x))
	case tensor.I32:
		b.UploadI32(t, convert[int32](v.x))
	}
	return t
}

func convert[T uint8 | uint16 | int32](x []float64) []T {
	y := make([]T, len(x))
	for i, v := range x {
		y[i] = T(v)
	}
	return y
}

func download(b tensor.Backend, t tensor.Tensor) []float64 {
	y := make([]float64, t.Len())
	switch t.DType {
	case tensor.Float:
		b.DownloadF64(y, t)
	case tensor.I32:
		x := make([]int32, t.Len())
		b.DownloadI32(x, t)
		for i, v := range x {
			y[i] = float64(v)
		}
	case tensor.U16:
		x := make([]uint16, t.Len())
		b.DownloadU16(x, t)
		for i, v := range x {
			y[i] = float64(v)
		}
	}
	return y
}

// near reports where got is further than bound·max|want| from want.
func near(got, want []float64, bound float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	var top float64
	for _, w := range want {
		top = max(top, math.Abs(w))
	}
	for i, w := range want {
		if d := math.Abs(got[i] - w); !(d <= bound*top) {
			return fmt.Errorf("element %d is %v, want %v: off by %.3g, bound %.3g", i, got[i], w, d, bound*top)
		}
	}
	return nil
}

// same reports where got and want differ in any bit.
func same(got, want []float64) error {
	if len(got) != len(want) {
		return fmt.Errorf("%d elements, want %d", len(got), len(want))
	}
	for i, w := range want {
		if math.Float64bits(got[i]) != math.Float64bits(w) {
			return fmt.Errorf("element %d is %v, not bit-equal to %v", i, got[i], w)
		}
	}
	return nil
}

// maker draws inputs; floats are rounded to float32, so that every backend sees the same numbers.
type maker struct{ r *rand.Rand }

func newMaker(seed uint64) maker { return maker{rand.New(rand.NewPCG(seed, 7))} }

func (m maker) floats(shape ...int) value {
	v := value{dt: tensor.Float, shape: shape}
	for range size(shape) {
		v.x = append(v.x, float64(float32(m.r.NormFloat64())))
	}
	return v
}

// uniform draws from [0, 1).
func (m maker) uniform(shape ...int) value {
	v := value{dt: tensor.Float, shape: shape}
	for range size(shape) {
		v.x = append(v.x, float64(m.r.Float32()))
	}
	return v
}

// probabilities draws rows whose sum is about 1, most of it in few places.
func (m maker) probabilities(n, d int) value {
	v := m.uniform(n, d)
	for i := range n {
		row, sum := v.x[i*d:(i+1)*d], 0.0
		for j := range row {
			row[j] = math.Pow(row[j], 8)
			sum += row[j]
		}
		for j := range row {
			row[j] = float64(float32(row[j] / sum))
		}
	}
	return v
}

// units draws rows of length 1.
func (m maker) units(n, d int) value {
	v := m.floats(n, d)
	for i := range n {
		row, sum := v.x[i*d:(i+1)*d], 0.0
		for _, x := range row {
			sum += x * x
		}
		for j := range row {
			row[j] = float64(float32(row[j] / math.Sqrt(sum)))
		}
	}
	return v
}

func (m maker) ints(dt tensor.DType, from, to int, shape ...int) value {
	v := value{dt: dt, shape: shape}
	for range size(shape) {
		v.x = append(v.x, float64(from+m.r.IntN(to-from)))
	}
	return v
}

func (v value) copy() value { v.x = slices.Clone(v.x); return v }

// byRow marks the value as one entry a row.
func (v value) byRow() value { v.rows = true; return v }

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
