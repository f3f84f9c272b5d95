package tensor

import "math"

func CheckScaleExp(y, x, s Tensor) (n int) {
	vector("ScaleExp", "x", x, Float, anySize)
	vector("ScaleExp", "y", y, Float, x.Len())
	vector("ScaleExp", "s", s, Float, 1)
	return x.Len()
}

func CheckScaleExpBackward(dx, ds, dy, y, s Tensor) (n int) {
	vector("ScaleExpBackward", "y", y, Float, anySize)
	vector("ScaleExpBackward", "dx", dx, Float, y.Len())
	vector("ScaleExpBackward", "dy", dy, Float, y.Len())
	vector("ScaleExpBackward", "ds", ds, Float, 1)
	vector("ScaleExpBackward", "s", s, Float, 1)
	return y.Len()
}

func (r *Reference[F]) ScaleExp(y, x, s Tensor) {
	CheckScaleExp(y, x, s)
	ys, factor := r.f(y), F(math.Exp(float64(r.f(s)[0])))
	for i, v := range r.f(x) {
		ys[i] = factor * v
	}
}

func (r *Reference[F]) ScaleExpBackward(dx, ds, dy, y, s Tensor) {
	CheckScaleExpBackward(dx, ds, dy, y, s)
	dxs, dys, factor := r.f(dx), r.f(dy), F(math.Exp(float64(r.f(s)[0])))
	var sum float64 // a matrix of products is too many for float32's digits
	for i, v := range r.f(y) {
		sum += float64(dys[i]) * float64(v)
		dxs[i] = factor * dys[i]
	}
	r.f(ds)[0] += F(sum)
}
