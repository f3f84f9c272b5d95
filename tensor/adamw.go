package tensor

import (
	"fmt"
	"math"
)

func CheckAdamWStep(p, m, v, g, factor Tensor, h AdamW) (n int) {
	vector("AdamWStep", "p", p, Float, anySize)
	for name, t := range map[string]Tensor{"m": m, "v": v, "g": g} {
		vector("AdamWStep", name, t, Float, p.Len())
	}
	vector("AdamWStep", "factor", factor, Float, 1)
	if h.Step < 1 {
		panic(fmt.Sprintf("tensor: AdamWStep: step %d, counted from 1", h.Step))
	}
	return p.Len()
}

// AdamWStep, with g scaled by factor:
//
//	m = β1·m + (1−β1)·g            v = β2·v + (1−β2)·g²
//	p = p·(1 − lr·decay) − lr/(1−β1^step)·m/(√v/√(1−β2^step) + eps)
func (r *Reference[F]) AdamWStep(p, m, v, g, factor Tensor, h AdamW) {
	CheckAdamWStep(p, m, v, g, factor, h)
	ps, ms, vs, gs, scale := r.f(p), r.f(m), r.f(v), r.f(g), r.f(factor)[0]
	if scale == 0 {
		return
	}
	b1, b2 := F(h.Beta1), F(h.Beta2)
	fresh1, fresh2 := F(1-h.Beta1), F(1-h.Beta2)
	step := F(h.LR / (1 - math.Pow(h.Beta1, float64(h.Step))))
	root := F(math.Sqrt(1 - math.Pow(h.Beta2, float64(h.Step))))
	keep := F(1 - h.LR*h.WeightDecay)
	for i := range ps {
		grad := gs[i] * scale
		ms[i] = b1*ms[i] + fresh1*grad
		vs[i] = b2*vs[i] + fresh2*grad*grad
		denom := F(math.Sqrt(float64(vs[i])))/root + F(h.Eps)
		ps[i] = ps[i]*keep - step*ms[i]/denom
	}
}
