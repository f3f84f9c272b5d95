package optest

import (
	"fmt"

	"github.com/imglish/imglish/tensor"
)

func gatherCases(m maker, n, d int) []opCase {
	const rows = 6
	x, table, ids := m.floats(n, d).byRow(), m.floats(rows, d), m.ints(tensor.I32, -2, rows, n).byRow()
	name := func(op string) string { return fmt.Sprintf("%s/%dx%d", op, n, d) }
	distinct := value{dt: tensor.I32, shape: []int{n}} // every second row of a table of 2n, in reverse, one left out
	for i := range n {
		distinct.x = append(distinct.x, float64(2*(n-1-i)))
	}
	distinct.x[n/2] = -1
	return []opCase{
		{name: name("Gather"), in: []value{table, ids}, ulps: 1, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y := b.Temp(tensor.Float, in[1].Dim(0), d)
			b.Gather(y, in[0], in[1])
			return []tensor.Tensor{y}
		}},
		{name: name("GatherAdd"), in: []value{x, table, ids}, ulps: 2, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			b.GatherAdd(in[0], in[1], in[2])
			return []tensor.Tensor{in[0]}
		}},
		{name: name("ScatterAdd"), in: []value{table, x, ids}, ulps: 8 + float64(n), rowOut: []bool{false}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			b.ScatterAdd(in[0], in[1], in[2])
			return []tensor.Tensor{in[0]}
		}},
		{name: name("Scatter"), in: []value{m.floats(2*n, d), m.floats(n, d), distinct}, ulps: 1, rowOut: []bool{false}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			b.Scatter(in[0], in[1], in[2])
			return []tensor.Tensor{in[0]}
		}},
	}
}

func patchCase(m maker, n, side, patch int) opCase {
	px := m.ints(tensor.U8, 0, 256, n, side, side, 3).byRow()
	return opCase{name: fmt.Sprintf("Patches/%d/%d", side, patch), in: []value{px}, ulps: 4, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
		g := side / patch
		y := b.Temp(tensor.Float, in[0].Dim(0)*g*g, 3*patch*patch)
		b.Patches(y, in[0], patch, [3]float64{1 / 127.5, 1 / 255., 0.02}, [3]float64{-1, 0.25, -0.5})
		return []tensor.Tensor{y}
	}}
}

// poolCases pool segments of a sequence of rows that share none: one empty, one of a row, the rest of what is left.
func poolCases(m maker, n, d int) []opCase {
	seg := value{dt: tensor.I32, shape: []int{4, 2}, x: []float64{0, 0, float64(n - 1), 1, 1, float64(max(0, n-2) / 2), float64(n), 0}}
	name := func(op string) string { return fmt.Sprintf("%s/%dx%d", op, n, d) }
	// Segments are the rows of this op: any choice of them gives the same means.
	seg = seg.byRow()
	return []opCase{
		{name: name("MeanRows"), in: []value{m.floats(n, d), seg}, ulps: 8 + float64(n), run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y := b.Temp(tensor.Float, in[1].Dim(0), d)
			b.MeanRows(y, in[0], in[1])
			return []tensor.Tensor{y}
		}},
		{name: name("MeanRowsBackward"), in: []value{m.floats(4, d).byRow(), seg}, ulps: 4, rowOut: []bool{false}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			dx := b.Temp(tensor.Float, n, d)
			b.MeanRowsBackward(dx, in[0], in[1])
			return []tensor.Tensor{dx}
		}},
	}
}
