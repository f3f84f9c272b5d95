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
	"testing"

	"github.com/imglish/imglish/tensor"
)

// Float32 is the tol of a backend that computes in float32: its unit roundoff.
const Float32 = 1.0 / (1 << 24)

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
