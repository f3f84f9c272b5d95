package optest

import (
	"fmt"

	"github.com/imglish/imglish/tensor"
)

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
