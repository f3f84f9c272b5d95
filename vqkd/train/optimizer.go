package train

import (
	"math"
	"strings"

	"github.com/imglish/imglish/tensor"
)

// param is one tensor with its gradient and the optimizer's two moments.
type param struct {
	name       string
	w, g, m, v tensor.Tensor
	decay      float64
}

// optimizer moves a model's weights by AdamW. The codebook is not among them.
type optimizer struct {
	b      tensor.Backend
	params []param
	square tensor.Tensor // [1] of the gradient
	factor tensor.Tensor // [1] what clipping leaves of it
	c      Config
	grads  *weights
}

func newOptimizer(b tensor.Backend, m *model, c Config) *optimizer {
	o := &optimizer{b: b, c: c, grads: m.g, square: b.Alloc(tensor.Float, 1), factor: b.Alloc(tensor.Float, 1)}
	m.w.each(func(name string, t tensor.Tensor) {
		decay := c.WeightDecay
		if strings.HasSuffix(name, "cls_token") || strings.HasSuffix(name, "pos_embed") || len(t.Shape) < 2 {
			decay = 0 // as published: tokens, positions, biases and norms are left alone
		}
		o.params = append(o.params, param{name: name, w: t, decay: decay,
			m: b.Alloc(tensor.Float, t.Shape...), v: b.Alloc(tensor.Float, t.Shape...)})
	})
	i := 0
	m.g.each(func(_ string, t tensor.Tensor) {
		o.params[i].g = t
		i++
	})
	return o
}

// rate is the learning rate of a step, counted from 0: a line from 0 up, then half a cosine down.
func (c Config) rate(step int) float64 {
	warm := int(c.Warmup * float64(c.Steps))
	if step < warm {
		return c.LR * float64(step+1) / float64(warm)
	}
	at := float64(step-warm) / float64(max(1, c.Steps-warm))
	return c.MinLR + (c.LR-c.MinLR)/2*(1+math.Cos(math.Pi*at))
}

// step applies the gradients of a step, counted from 0, and clears them. A gradient that is not finite changes nothing.
func (o *optimizer) step(step int) {
	o.b.Zero(o.square)
	for _, p := range o.params {
		o.b.SumSquares(o.square, p.g)
	}
	o.b.ClipFactor(o.factor, o.square, o.c.Clip)
	for _, p := range o.params {
		o.b.AdamWStep(p.w, p.m, p.v, p.g, o.factor, tensor.AdamW{
			LR: o.c.rate(step), Beta1: o.c.Beta1, Beta2: o.c.Beta2, Eps: 1e-8, WeightDecay: p.decay, Step: step + 1,
		})
	}
	o.grads.zero(o.b)
}
