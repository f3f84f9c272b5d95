package optest

import (
	"fmt"
	"math"

	"github.com/imglish/imglish/tensor"
)

// cases is the table. Sizes: 1, odd, multiples of the vector widths, and tails behind them; and one size that is large
// enough for a backend to use its threads.
func cases() []opCase {
	m := newMaker(1)
	var cs []opCase
	add := func(more ...opCase) { cs = append(cs, more...) }
	for _, s := range [][2]int{{1, 1}, {3, 5}, {4, 16}, {7, 33}, {130, 1027}} {
		add(elementwiseCases(m, s[0], s[1])...)
		add(gatherCases(m, s[0], s[1])...)
		add(normCases(m, s[0], s[1])...)
		add(lossCases(m, s[0], s[1])...)
		add(softLossCases(m, s[0], s[1])...)
		add(poolCases(m, s[0], s[1])...)
		add(reduceCases(m, s[0]*s[1])...)
		add(wholeCases(m, s[0], s[1])...)
	}
	for _, s := range [][2]int{{4, 1}, {4, 4}, {32, 8}, {48, 16}} {
		add(patchCase(m, 3, s[0], s[1]))
	}
	for _, s := range [][3]int{{1, 1, 1}, {3, 5, 7}, {5, 16, 16}, {9, 48, 144}, {33, 65, 31}, {130, 96, 200}, {70, 1030, 67}, {2, 300, 1025}} {
		add(linearCases(m, s[0], s[1], s[2])...)
	}
	for _, s := range [][3]int{{1, 1, 1}, {5, 3, 9}, {66, 8, 64}, {101, 32, 513}} {
		add(codebookCases(m, s[0], s[1], s[2])...)
	}
	add(attentionCases(m)...)
	return append(cs, tieCases()...)
}

func elementwiseCases(m maker, n, d int) []opCase {
	x, y, f := m.floats(n, d).byRow(), m.floats(n, d).byRow(), m.floats(n).byRow()
	name := func(op string) string { return fmt.Sprintf("%s/%dx%d", op, n, d) }
	mask := m.ints(tensor.U8, 0, 2, n).byRow()
	return []opCase{
		{name: name("Scale"), in: []value{x}, ulps: 2, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y := b.Temp(tensor.Float, in[0].Shape...)
			b.Scale(y, in[0], 0.3)
			b.Scale(in[0], in[0], -3)
			return []tensor.Tensor{y, in[0]}
		}},
		{name: name("Add"), in: []value{x, y}, ulps: 2, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			z := b.Temp(tensor.Float, in[0].Shape...)
			b.Add(z, in[0], in[1])
			b.Add(in[0], in[0], in[1])
			return []tensor.Tensor{z, in[0]}
		}},
		{name: name("AddRows"), in: []value{x, y, f}, ulps: 3, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			b.AddRows(in[0], in[1], in[2])
			b.AddRows(in[1], in[0], tensor.Tensor{})
			return []tensor.Tensor{in[0], in[1]}
		}},
		{name: name("ScaleRows"), in: []value{x, y, f}, ulps: 2, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			z := b.Temp(tensor.Float, in[0].Shape...)
			b.ScaleRows(z, in[1], tensor.Tensor{})
			b.ScaleRows(in[0], in[1], in[2])
			b.ScaleRows(in[1], in[1], in[2])
			return []tensor.Tensor{z, in[0], in[1]}
		}},
		{name: name("SelectRows"), in: []value{x, m.floats(d), mask}, ulps: 1, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y := b.Temp(tensor.Float, in[0].Shape...)
			b.SelectRows(y, in[0], in[1], in[2])
			b.SelectRows(in[0], in[0], in[1], in[2])
			return []tensor.Tensor{y, in[0]}
		}},
		{name: name("SelectRowsBackward"), in: []value{y, m.floats(d), mask}, ulps: 8 + float64(n), rowOut: []bool{true, false, true},
			run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				dx := b.Temp(tensor.Float, in[0].Shape...)
				b.SelectRowsBackward(dx, in[1], in[0], in[2])
				b.SelectRowsBackward(in[0], in[1], in[0], in[2])
				return []tensor.Tensor{dx, in[1], in[0]}
			}},
	}
}

func linearCases(m maker, n, in, out int) []opCase {
	x, w, b, dy := m.floats(n, in).byRow(), m.floats(out, in).times(2/math.Sqrt(float64(in))), m.floats(out), m.floats(n, out).byRow()
	dw, db := m.floats(out, in), m.floats(out)
	var cs []opCase
	for act, actName := range []string{"Identity", "GELU", "Tanh"} {
		act := tensor.Act(act)
		cs = append(cs, opCase{
			name: fmt.Sprintf("Linear/%s/%dx%dx%d", actName, n, in, out), in: []value{x, w, b}, ulps: 32 + float64(in)/8,
			run: func(be tensor.Backend, t []tensor.Tensor) []tensor.Tensor {
				rows := t[0].Dim(0)
				y, pre, bare := be.Temp(tensor.Float, rows, out), be.Temp(tensor.Float, rows, out), be.Temp(tensor.Float, rows, out)
				be.Linear(y, pre, t[0], t[1], t[2], act)
				be.Linear(bare, tensor.Tensor{}, t[0], t[1], tensor.Tensor{}, act)
				return []tensor.Tensor{y, pre, bare}
			},
		}, opCase{
			name: fmt.Sprintf("LinearBackward/%s/%dx%dx%d", actName, n, in, out), in: []value{x, w, dy, dw, db, m.floats(n, out).byRow()},
			ulps: 32 + float64(max(n, out))/4, rowOut: []bool{true, false, false, true},
			run: func(be tensor.Backend, t []tensor.Tensor) []tensor.Tensor {
				rows := t[0].Dim(0)
				dx, dx2, dy2 := be.Temp(tensor.Float, rows, in), be.Temp(tensor.Float, rows, in), be.Temp(tensor.Float, rows, out)
				be.Copy(dy2, t[2])
				be.LinearBackward(dx, t[3], t[4], t[2], t[5], t[0], t[1], act)
				be.LinearBackward(dx2, tensor.Tensor{}, tensor.Tensor{}, dy2, t[5], t[0], t[1], act)
				return []tensor.Tensor{dx, t[3], t[4], dx2}
			},
		})
	}
	return append(cs, productCases(m, n, in, out)...)
}

// fastUlps bounds the error of a product of tier Fast against the largest element, in units of 2⁻²⁴: operands of 384
// normal values are rounded in steps of 1/2,300 of their deviation.
const fastUlps = 1 << 15

func productCases(m maker, n, in, out int) []opCase {
	x, w, b, y := m.floats(n, in).byRow(), m.floats(out, in).times(2/math.Sqrt(float64(in))), m.floats(out), m.floats(n, out).byRow()
	var cs []opCase
	for _, p := range []tensor.Precision{tensor.Exact, tensor.Fast} {
		ulps := 32 + float64(in)/8
		if p == tensor.Fast {
			ulps += fastUlps
		}
		cs = append(cs, opCase{
			name: fmt.Sprintf("Product/%v/%dx%dx%d", p, n, in, out), in: []value{x, w, b, y}, ulps: ulps,
			run: func(be tensor.Backend, t []tensor.Tensor) []tensor.Tensor {
				ready := be.Prepare(t[1], p)
				defer be.FreePrepared(ready)
				be.Zero(t[1]) // w is not needed any more
				rows := t[0].Dim(0)
				outs := []tensor.Tensor{t[3]}
				be.Product(t[3], t[0], ready, t[2], tensor.Identity, true)
				for _, act := range []tensor.Act{tensor.Identity, tensor.GELU, tensor.Tanh} {
					y, bare := be.Temp(tensor.Float, rows, out), be.Temp(tensor.Float, rows, out)
					be.Product(y, t[0], ready, t[2], act, false)
					be.Product(bare, t[0], ready, tensor.Tensor{}, act, false)
					outs = append(outs, y, bare)
				}
				return outs
			},
		})
	}
	return cs
}

func normCases(m maker, n, d int) []opCase {
	x, dy, gamma, beta := m.floats(n, d).byRow(), m.floats(n, d).byRow(), m.floats(d), m.floats(d)
	dgamma, dbeta := m.floats(d), m.floats(d)
	name := func(op string) string { return fmt.Sprintf("%s/%dx%d", op, n, d) }
	const eps = 1e-5
	bound := 64 + float64(n+d)/8
	if d == 1 {
		bound = 1 << 20 // one element less its mean is 0: only rounding is left, times 1/√eps
	}
	return []opCase{
		{name: name("LayerNorm"), in: []value{x, gamma, beta}, ulps: bound, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y, stats := b.Temp(tensor.Float, in[0].Shape...), b.Temp(tensor.Float, in[0].Dim(0), 2)
			b.LayerNorm(y, stats, in[0], in[1], in[2], eps)
			return []tensor.Tensor{y, stats}
		}},
		{name: name("LayerNormBackward"), in: []value{x, dy, gamma, dgamma, dbeta, beta}, ulps: bound, rowOut: []bool{true, false, false}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y, stats := b.Temp(tensor.Float, in[0].Shape...), b.Temp(tensor.Float, in[0].Dim(0), 2)
			b.LayerNorm(y, stats, in[0], in[2], in[5], eps)
			b.LayerNormBackward(y, in[3], in[4], in[1], in[0], stats, in[2])
			return []tensor.Tensor{y, in[3], in[4]}
		}},
		{name: name("L2Normalize"), in: []value{x}, ulps: bound, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y, norm := b.Temp(tensor.Float, in[0].Shape...), b.Temp(tensor.Float, in[0].Dim(0))
			b.L2Normalize(y, norm, in[0], 1e-12)
			return []tensor.Tensor{y, norm}
		}},
		{name: name("L2NormalizeBackward"), in: []value{x, dy}, ulps: bound, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y, norm := b.Temp(tensor.Float, in[0].Shape...), b.Temp(tensor.Float, in[0].Dim(0))
			dx := b.Temp(tensor.Float, in[0].Shape...)
			b.L2Normalize(y, norm, in[0], 1e-12)
			b.L2NormalizeBackward(dx, in[1], y, norm)
			if d == 1 { // the tangent space of a point: the result is rounding alone
				b.Zero(dx)
			}
			return []tensor.Tensor{dx}
		}},
	}
}

func codebookCases(m maker, n, d, k int) []opCase {
	z, codes := m.floats(n, d).byRow(), m.ints(tensor.U16, 0, k, n).byRow()
	name := func(op string) string { return fmt.Sprintf("%s/%dx%dx%d", op, n, d, k) }
	unitRows := func(b tensor.Backend, x tensor.Tensor) {
		norm := b.Temp(tensor.Float, x.Dim(0))
		b.L2Normalize(x, norm, x, 1e-12)
	}
	return []opCase{
		{name: name("NearestCode"), in: []value{z, m.floats(k, d)}, ulps: 64 + float64(d), run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			unitRows(b, in[1])
			codes, best := b.Temp(tensor.U16, in[0].Dim(0)), b.Temp(tensor.Float, in[0].Dim(0))
			b.NearestCode(codes, tensor.Tensor{}, in[0], in[1])
			b.NearestCode(codes, best, in[0], in[1])
			return []tensor.Tensor{codes, best}
		}},
		{name: name("LookupCodes"), in: []value{m.floats(k, d), codes}, ulps: 1, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			y := b.Temp(tensor.Float, in[1].Dim(0), d)
			b.LookupCodes(y, in[0], in[1])
			return []tensor.Tensor{y}
		}},
		{name: name("SumByCode"), in: []value{m.floats(k, d), m.floats(k), z, codes}, ulps: 8 + float64(n), rowOut: []bool{false, false}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			b.SumByCode(in[0], in[1], in[2], in[3])
			return []tensor.Tensor{in[0], in[1]}
		}},
		{name: name("CodebookEMA"), in: []value{m.floats(k, d), m.floats(k), m.floats(k, d), m.ints(tensor.I32, 0, 3, k).asFloats()}, ulps: 64 + float64(d),
			rowOut: []bool{false, false}, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				unitRows(b, in[0])
				b.CodebookEMA(in[0], in[1], in[2], in[3], 0.9)
				return []tensor.Tensor{in[0], in[1]}
			}},
	}
}

func reduceCases(m maker, n int) []opCase {
	name := func(op string) string { return fmt.Sprintf("%s/%d", op, n) }
	p, g := m.floats(n), m.floats(n)
	return []opCase{
		{name: name("Sum"), in: []value{m.floats(n)}, ulps: 1024, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			out := b.Temp(tensor.Float, 1)
			b.Sum(out, in[0])
			return []tensor.Tensor{out}
		}},
		{name: name("SumSquares"), in: []value{m.uniform(1), m.floats(n)}, ulps: 32, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			b.SumSquares(in[0], in[1])
			factor := b.Temp(tensor.Float, 3)
			b.ClipFactor(factor.Rows(0, 1), in[0], 0.5)
			b.ClipFactor(factor.Rows(1, 2), in[0], 1e9)
			b.ClipFactor(factor.Rows(2, 3), in[0], 0)
			return []tensor.Tensor{in[0], factor}
		}},
		{name: name("AdamWStep"), in: []value{p, g}, ulps: 256, run: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			mo, v, f, none := b.Temp(tensor.Float, n), b.Temp(tensor.Float, n), b.Temp(tensor.Float, 1), b.Temp(tensor.Float, 1)
			b.Zero(mo)
			b.Zero(v)
			b.Zero(none)
			b.UploadF64(f, []float64{0.25})
			for step := 1; step <= 3; step++ {
				h := tensor.AdamW{LR: 0.01, Beta1: 0.9, Beta2: 0.98, Eps: 1e-6, WeightDecay: 0.05, Step: step}
				b.AdamWStep(in[0], mo, v, in[1], f, h)
				b.AdamWStep(in[0], mo, v, in[1], none, h) // changes nothing
			}
			return []tensor.Tensor{in[0], mo, v}
		}},
	}
}
