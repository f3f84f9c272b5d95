package optest

import (
	"fmt"

	"github.com/imglish/imglish/tensor"
)

func lossCases(m maker, n, d int) []opCase {
	x, y, w := m.floats(n, d).byRow(), m.floats(n, d).byRow(), m.floats(n).byRow()
	targets := m.ints(tensor.I32, 0, d, n).byRow()
	for i := 1; i < n; i += 3 {
		targets.x[i] = -100
	}
	name := func(op string) string { return fmt.Sprintf("%s/%dx%d", op, n, d) }
	bound := 64 + float64(d)/8
	cos := bound
	if d == 1 {
		cos = 1 << 30 // 1 − cos is 0 or 2 and its gradient 0, up to rounding
	}
	return []opCase{
		{name: name("CrossEntropy"), in: []value{x, targets, w}, ulps: bound, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			n := in[0].Dim(0)
			loss, bare, dx := b.Temp(tensor.Float, n), b.Temp(tensor.Float, n), b.Temp(tensor.Float, n, d)
			b.CrossEntropy(bare, tensor.Tensor{}, in[0], in[1], tensor.Tensor{}, 0)
			b.CrossEntropy(loss, dx, in[0], in[1], in[2], 0)
			b.CrossEntropy(loss, in[0], in[0], in[1], in[2], 0) // in place
			if d == 1 {
				b.Zero(loss)
				b.Zero(bare)
			}
			return []tensor.Tensor{loss, bare, dx, in[0]}
		}},
		{name: name("ArgMax"), in: []value{x}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			ids := b.Temp(tensor.I32, in[0].Dim(0))
			b.ArgMax(ids, in[0])
			return []tensor.Tensor{ids}
		}},
		{name: name("CosineLoss"), in: []value{x, y, w}, ulps: cos, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			n := in[0].Dim(0)
			loss, bare, dx := b.Temp(tensor.Float, n), b.Temp(tensor.Float, n), b.Temp(tensor.Float, n, d)
			b.CosineLoss(bare, tensor.Tensor{}, in[0], in[1], tensor.Tensor{})
			b.CosineLoss(loss, dx, in[0], in[1], in[2])
			if d == 1 {
				b.Zero(dx)
			}
			return []tensor.Tensor{loss, bare, dx}
		}},
		{name: name("SquaredError"), in: []value{x, y}, ulps: bound, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			loss, dx := b.Temp(tensor.Float, in[0].Dim(0)), b.Temp(tensor.Float, in[0].Shape...)
			b.SquaredError(loss, dx, in[0], in[1], 0.7)
			b.SquaredError(loss, tensor.Tensor{}, in[0], in[1], 0.7)
			return []tensor.Tensor{loss, dx}
		}},
	}
}

// softLossCases have targets that are spread over the classes.
func softLossCases(m maker, n, d int) []opCase {
	x, w, soft, scores := m.floats(n, d).byRow(), m.floats(n).byRow(), m.probabilities(n, d).byRow(), m.uniform(n, d).byRow()
	targets := m.ints(tensor.I32, -1, d, n).byRow()
	name := func(op string) string { return fmt.Sprintf("%s/%dx%d", op, n, d) }
	bound := 64 + float64(d)/8
	// run calls a loss without and with gradient and weights, the last time in place.
	run := func(loss func(b tensor.Backend, loss, dx, x, targets, w tensor.Tensor)) func(tensor.Backend, []tensor.Tensor) []tensor.Tensor {
		return func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			n := in[0].Dim(0)
			weighted, bare, dx := b.Temp(tensor.Float, n), b.Temp(tensor.Float, n), b.Temp(tensor.Float, n, d)
			loss(b, bare, tensor.Tensor{}, in[0], in[1], tensor.Tensor{})
			loss(b, weighted, dx, in[0], in[1], in[2])
			loss(b, weighted, in[0], in[0], in[1], in[2])
			return []tensor.Tensor{weighted, bare, dx, in[0]}
		}
	}
	cs := []opCase{
		{name: name("BCE"), in: []value{x.copy().times(4), scores, w}, ulps: bound, run: run(tensor.Backend.BCE)},
		{name: name("BCE/far"), in: []value{x.copy().times(40), scores, w}, ulps: bound, run: run(tensor.Backend.BCE)},
	}
	if d > 1 {
		cs = append(cs,
			opCase{name: name("SoftCrossEntropy"), in: []value{x, soft, w}, ulps: bound, run: run(tensor.Backend.SoftCrossEntropy)},
			opCase{name: name("SoftCrossEntropy/sums"), in: []value{x, scores, w}, ulps: bound, run: run(tensor.Backend.SoftCrossEntropy)},
			opCase{name: name("CrossEntropy/smooth"), in: []value{x, targets, w}, ulps: bound, run: run(
				func(b tensor.Backend, loss, dx, x, targets, w tensor.Tensor) {
					b.CrossEntropy(loss, dx, x, targets, w, 0.1)
				})},
		)
	}
	return cs
}

// wholeCases are ops whose rows hang together.
func wholeCases(m maker, n, d int) []opCase {
	name := func(op string) string { return fmt.Sprintf("%s/%dx%d", op, n, d) }
	whole := []bool{false, false, false, false}
	size := min(n*d, 4099)
	equal := m.ints(tensor.I32, -3, 4, size).asFloats()
	smallest := func(b tensor.Backend, in []tensor.Tensor) (out []tensor.Tensor) {
		for _, k := range []int{0, 1, size / 3, size * 4 / 5, size} {
			keep := b.Temp(tensor.Float, size)
			b.Smallest(keep, in[0], k)
			out = append(out, keep)
		}
		return out
	}
	cs := []opCase{
		{name: name("Smallest"), in: []value{m.floats(size)}, run: smallest},
		{name: name("Smallest/equal"), in: []value{equal}, run: smallest},
		{name: name("ScaleExp"), in: []value{m.floats(n, d), m.floats(1)}, ulps: 8, rowOut: whole, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y := b.Temp(tensor.Float, n, d)
			b.ScaleExp(y, in[0], in[1])
			b.ScaleExp(in[0], in[0], in[1])
			return []tensor.Tensor{y, in[0]}
		}},
		{name: name("ScaleExpBackward"), in: []value{m.floats(n, d), m.floats(n, d), m.floats(1), m.floats(1)}, ulps: 1024, rowOut: whole,
			run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				dx := b.Temp(tensor.Float, n, d)
				b.ScaleExpBackward(dx, in[2], in[0], in[1], in[3])
				b.ScaleExpBackward(in[0], in[2], in[0], in[1], in[3])
				return []tensor.Tensor{dx, in[0], in[2]}
			}},
	}
	if n > 1 {
		cs = append(cs, opCase{name: name("Contrastive"), in: []value{m.units(n, d), m.units(n, d), m.floats(1), m.floats(1)}, ulps: 1024 + float64(n+d),
			rowOut: whole, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				loss, dv, du := b.Temp(tensor.Float, n), b.Temp(tensor.Float, n, d), b.Temp(tensor.Float, n, d)
				tensor.Contrastive(b, loss, dv, du, in[3], in[0], in[1], in[2], 1/float64(n))
				return []tensor.Tensor{loss, dv, du, in[3]}
			}})
	}
	return cs
}
