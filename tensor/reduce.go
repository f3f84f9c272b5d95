package tensor

import "math"

// CheckSum is for Sum and SumSquares.
func CheckSum(out, x Tensor) (n int) {
	vector("Sum", "out", out, Float, 1)
	vector("Sum", "x", x, Float, anySize)
	return x.Len()
}

func CheckClipFactor(factor, sumSquares Tensor) {
	vector("ClipFactor", "factor", factor, Float, 1)
	vector("ClipFactor", "sumSquares", sumSquares, Float, 1)
}

func (r *Reference[F]) Sum(out, x Tensor) {
	CheckSum(out, x)
	var sum F
	for _, v := range r.f(x) {
		sum += v
	}
	r.f(out)[0] = sum
}

func (r *Reference[F]) SumSquares(out, x Tensor) {
	CheckSum(out, x)
	var sum float64 // a model's gradients are too many for float32's digits
	for _, v := range r.f(x) {
		sum += float64(v) * float64(v)
	}
	r.f(out)[0] += F(sum)
}

func (r *Reference[F]) ClipFactor(factor, sumSquares Tensor, maxNorm float64) {
	CheckClipFactor(factor, sumSquares)
	s := float64(r.f(sumSquares)[0])
	switch {
	case math.IsNaN(s) || math.IsInf(s, 0):
		r.f(factor)[0] = 0
	case maxNorm <= 0:
		r.f(factor)[0] = 1
	default:
		r.f(factor)[0] = F(min(1, maxNorm/(math.Sqrt(s)+1e-6)))
	}
}
