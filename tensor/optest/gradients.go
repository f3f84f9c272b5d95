package optest

import (
	"fmt"
	"math"
	"testing"

	"github.com/imglish/imglish/tensor"
)

// gradient is one differentiable op: forward gives outputs, backward the gradients of the inputs in wrt for given
// gradients of the outputs.
type gradient struct {
	name     string
	in       []value
	wrt      []int
	forward  func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor
	backward func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor
}

// Gradients holds the backward ops of a float64 backend to central differences of its forward ops.
func Gradients(t *testing.T, b tensor.Backend) {
	for _, g := range gradients() {
		t.Run(g.name, func(t *testing.T) { g.check(t, b) })
	}
}

func (g *gradient) check(t *testing.T, b tensor.Backend) {
	mark := b.Mark()
	defer b.Release(mark)
	m := newMaker(11)
	var weights []value // of each output element in the scalar that is differentiated
	scalar := func(in []value) float64 {
		mark := b.Mark()
		defer b.Release(mark)
		var ts []tensor.Tensor
		for _, v := range in {
			ts = append(ts, upload(b, v))
		}
		var sum float64
		for i, y := range g.forward(b, ts) {
			if i == len(weights) {
				weights = append(weights, m.floats(y.Shape...))
			}
			for j, v := range download(b, y) {
				sum += v * weights[i].x[j]
			}
		}
		return sum
	}
	scalar(g.in)

	var ts, dout []tensor.Tensor
	for _, v := range g.in {
		ts = append(ts, upload(b, v))
	}
	out := g.forward(b, ts)
	for _, w := range weights {
		dout = append(dout, upload(b, w))
	}
	for k, got := range g.backward(b, ts, out, dout) {
		in := g.in[g.wrt[k]]
		analytic, numeric := download(b, got), make([]float64, len(in.x))
		const h = 1e-5
		for j := range in.x {
			old := in.x[j]
			in.x[j] = old + h
			up := scalar(g.in)
			in.x[j] = old - h
			down := scalar(g.in)
			in.x[j] = old
			numeric[j] = (up - down) / (2 * h)
		}
		if err := near(analytic, numeric, 1e-6); err != nil {
			t.Errorf("gradient of input %d: %v", g.wrt[k], err)
		}
	}
}

func gradients() []gradient {
	m := newMaker(5)
	none := tensor.Tensor{}
	like := func(b tensor.Backend, t tensor.Tensor) tensor.Tensor {
		y := b.Temp(tensor.Float, t.Shape...)
		b.Zero(y)
		return y
	}
	var gs []gradient
	for act, name := range []string{"Identity", "GELU", "Tanh"} {
		act := tensor.Act(act)
		gs = append(gs, gradient{
			name: "Linear/" + name, in: []value{m.floats(3, 4), m.floats(5, 4), m.floats(5)}, wrt: []int{0, 1, 2},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				y := b.Temp(tensor.Float, 3, 5)
				b.Linear(y, none, in[0], in[1], in[2], act)
				return []tensor.Tensor{y}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				pre := like(b, out[0])
				b.Linear(out[0], pre, in[0], in[1], in[2], act)
				dx, dw, db := like(b, in[0]), like(b, in[1]), like(b, in[2])
				b.LinearBackward(dx, dw, db, dout[0], pre, in[0], in[1], act)
				return []tensor.Tensor{dx, dw, db}
			},
		})
	}
	for _, causal := range []bool{false, true} {
		a := tensor.Attend{Heads: 2, Scale: 0.7, Causal: causal}
		gs = append(gs, gradient{
			name: fmt.Sprintf("Attention/causal=%v", causal), wrt: []int{0},
			in: []value{m.floats(10, 12), {dt: tensor.I32, shape: []int{3, 4}, x: []float64{0, 3, 4, 2, 3, 0, 6, 3, 9, 1, 0, 0}}},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				out, lse := b.Temp(tensor.Float, 10, 4), b.Temp(tensor.Float, 10, 2)
				b.Attention(out, lse, in[0], in[1], a)
				return []tensor.Tensor{out}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				lse, dqkv := b.Temp(tensor.Float, 10, 2), b.Temp(tensor.Float, 10, 12)
				b.Attention(out[0], lse, in[0], in[1], a)
				b.AttentionBackward(dqkv, dout[0], out[0], lse, in[0], in[1], a)
				return []tensor.Tensor{dqkv}
			},
		})
	}
	ids := value{dt: tensor.I32, shape: []int{5}, x: []float64{2, 0, -1, 2, 1}}
	mask := value{dt: tensor.U8, shape: []int{4}, x: []float64{0, 1, 1, 0}}
	targets := value{dt: tensor.I32, shape: []int{4}, x: []float64{0, 2, -100, 4}}
	return append(gs,
		gradient{
			name: "LayerNorm", in: []value{m.floats(3, 6), m.floats(6), m.floats(6)}, wrt: []int{0, 1, 2},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				y, stats := b.Temp(tensor.Float, 3, 6), b.Temp(tensor.Float, 3, 2)
				b.LayerNorm(y, stats, in[0], in[1], in[2], 1e-5)
				return []tensor.Tensor{y}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				stats := b.Temp(tensor.Float, 3, 2)
				b.LayerNorm(out[0], stats, in[0], in[1], in[2], 1e-5)
				dx, dg, db := like(b, in[0]), like(b, in[1]), like(b, in[2])
				b.LayerNormBackward(dx, dg, db, dout[0], in[0], stats, in[1])
				return []tensor.Tensor{dx, dg, db}
			},
		},
		gradient{
			name: "L2Normalize", in: []value{m.floats(3, 5)}, wrt: []int{0},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				y, norm := b.Temp(tensor.Float, 3, 5), b.Temp(tensor.Float, 3)
				b.L2Normalize(y, norm, in[0], 1e-12)
				return []tensor.Tensor{y}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				norm, dx := b.Temp(tensor.Float, 3), like(b, in[0])
				b.L2Normalize(out[0], norm, in[0], 1e-12)
				b.L2NormalizeBackward(dx, dout[0], out[0], norm)
				return []tensor.Tensor{dx}
			},
		},
		gradient{
			name: "MeanRows", in: []value{m.floats(7, 3), {dt: tensor.I32, shape: []int{3, 2}, x: []float64{4, 3, 0, 2, 1, 0}}}, wrt: []int{0},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				y := b.Temp(tensor.Float, 3, 3)
				b.MeanRows(y, in[0], in[1])
				return []tensor.Tensor{y}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				dx := like(b, in[0])
				b.MeanRowsBackward(dx, dout[0], in[1])
				return []tensor.Tensor{dx}
			},
		},
		gradient{
			name: "ScaleExp", in: []value{m.floats(3, 4), m.floats(1)}, wrt: []int{0, 1},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				y := b.Temp(tensor.Float, 3, 4)
				b.ScaleExp(y, in[0], in[1])
				return []tensor.Tensor{y}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				dx, ds := like(b, in[0]), like(b, in[1])
				b.ScaleExpBackward(dx, ds, dout[0], out[0], in[1])
				return []tensor.Tensor{dx, ds}
			},
		},
		gradient{
			name: "Contrastive", in: []value{m.floats(5, 3), m.floats(5, 3), m.floats(1)}, wrt: []int{0, 1, 2},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				loss, sum := b.Temp(tensor.Float, 5), b.Temp(tensor.Float, 1)
				tensor.Contrastive(b, loss, like(b, in[0]), like(b, in[1]), like(b, in[2]), in[0], in[1], in[2], 0.2)
				b.Sum(sum, loss)
				return []tensor.Tensor{sum}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				loss, dv, du, ds := b.Temp(tensor.Float, 5), like(b, in[0]), like(b, in[1]), like(b, in[2])
				tensor.Contrastive(b, loss, dv, du, ds, in[0], in[1], in[2], 0.2)
				factor := make([]float64, 1) // Gradients' factor on the one output
				b.DownloadF64(factor, dout[0])
				for _, g := range []tensor.Tensor{dv, du, ds} {
					b.Scale(g, g, factor[0])
				}
				return []tensor.Tensor{dv, du, ds}
			},
		},
		gradient{
			name: "Gather", in: []value{m.floats(3, 2), ids}, wrt: []int{0},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				y := b.Temp(tensor.Float, 5, 2)
				b.Gather(y, in[0], in[1])
				return []tensor.Tensor{y}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				dt := like(b, in[0])
				b.ScatterAdd(dt, dout[0], in[1])
				return []tensor.Tensor{dt}
			},
		},
		gradient{ // the first rows of samples: a class token, or what a pooler takes
			name: "Gather/rows", in: []value{m.floats(6, 2), {dt: tensor.I32, shape: []int{3}, x: []float64{4, 0, 2}}}, wrt: []int{0},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				y := b.Temp(tensor.Float, 3, 2)
				b.Gather(y, in[0], in[1])
				return []tensor.Tensor{y}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				dx := like(b, in[0])
				b.Scatter(dx, dout[0], in[1])
				return []tensor.Tensor{dx}
			},
		},
		gradient{
			name: "AddRows", in: []value{m.floats(3, 2), m.floats(3, 2), m.floats(3)}, wrt: []int{0, 1},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				y := like(b, in[0])
				b.Copy(y, in[0])
				b.AddRows(y, in[1], in[2])
				return []tensor.Tensor{y}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				dx := like(b, in[1])
				b.ScaleRows(dx, dout[0], in[2])
				return []tensor.Tensor{dout[0], dx}
			},
		},
		gradient{
			name: "SelectRows", in: []value{m.floats(4, 3), m.floats(3), mask}, wrt: []int{0, 1},
			forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
				y := b.Temp(tensor.Float, 4, 3)
				b.SelectRows(y, in[0], in[1], in[2])
				return []tensor.Tensor{y}
			},
			backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
				dx, dtoken := like(b, in[0]), like(b, in[1])
				b.SelectRowsBackward(dx, dtoken, dout[0], in[2])
				return []tensor.Tensor{dx, dtoken}
			},
		},
		lossGradient("CrossEntropy", []value{m.floats(4, 5), targets, m.floats(4)}, func(b tensor.Backend, loss, dx tensor.Tensor, in []tensor.Tensor) {
			b.CrossEntropy(loss, dx, in[0], in[1], in[2], 0)
		}),
		lossGradient("CrossEntropy/smooth", []value{m.floats(4, 5), targets, m.floats(4)}, func(b tensor.Backend, loss, dx tensor.Tensor, in []tensor.Tensor) {
			b.CrossEntropy(loss, dx, in[0], in[1], in[2], 0.3)
		}),
		lossGradient("SoftCrossEntropy", []value{m.floats(4, 5), m.floats(4, 5), m.floats(4)}, func(b tensor.Backend, loss, dx tensor.Tensor, in []tensor.Tensor) {
			b.SoftCrossEntropy(loss, dx, in[0], in[1], in[2])
		}),
		lossGradient("BCE", []value{m.floats(4, 5), m.uniform(4, 5), m.floats(4)}, func(b tensor.Backend, loss, dx tensor.Tensor, in []tensor.Tensor) {
			b.BCE(loss, dx, in[0], in[1], in[2])
		}),
		lossGradient("CosineLoss", []value{m.floats(4, 5), m.floats(4, 5), m.floats(4)}, func(b tensor.Backend, loss, dx tensor.Tensor, in []tensor.Tensor) {
			b.CosineLoss(loss, dx, in[0], in[1], in[2])
		}),
		lossGradient("SquaredError", []value{m.floats(4, 5), m.floats(4, 5)}, func(b tensor.Backend, loss, dx tensor.Tensor, in []tensor.Tensor) {
			b.SquaredError(loss, dx, in[0], in[1], math.Pi)
		}),
	)
}

// lossGradient is an op that gives one loss a row and its gradient at once, which Gradients scales by the row's weight.
func lossGradient(name string, in []value, op func(b tensor.Backend, loss, dx tensor.Tensor, in []tensor.Tensor)) gradient {
	return gradient{
		name: name, in: in, wrt: []int{0},
		forward: func(b tensor.Backend, in []tensor.Tensor) []tensor.Tensor {
			loss := b.Temp(tensor.Float, in[0].Dim(0))
			op(b, loss, tensor.Tensor{}, in)
			return []tensor.Tensor{loss}
		},
		backward: func(b tensor.Backend, in, out, dout []tensor.Tensor) []tensor.Tensor {
			dx := b.Temp(tensor.Float, in[0].Shape...)
			op(b, out[0], dx, in)
			b.ScaleRows(dx, dx, dout[0])
			return []tensor.Tensor{dx}
		},
	}
}
