package tensor

import "math"

// CosineEps is the least length that CosineLoss divides by.
const CosineEps = 1e-12

func CheckCosineLoss(loss, dpred, pred, target, weights Tensor) (n, d int) {
	n, d = shape2("CosineLoss", "pred", pred)
	matrix("CosineLoss", "pred", pred, Float, n, d)
	matrix("CosineLoss", "target", target, Float, n, d)
	vector("CosineLoss", "loss", loss, Float, n)
	optionalMatrix("CosineLoss", "dpred", dpred, Float, n, d)
	optionalVector("CosineLoss", "weights", weights, Float, n)
	return n, d
}

func CheckSquaredError(loss, da, a, b Tensor) (n, d int) {
	n, d = shape2("SquaredError", "a", a)
	matrix("SquaredError", "a", a, Float, n, d)
	matrix("SquaredError", "b", b, Float, n, d)
	vector("SquaredError", "loss", loss, Float, n)
	optionalMatrix("SquaredError", "da", da, Float, n, d)
	return n, d
}

// CosineLoss: with p and t the unit vectors of pred and target, dpred = −weight·(t − p·cos)/|pred|.
func (r *Reference[F]) CosineLoss(loss, dpred, pred, target, weights Tensor) {
	n, d := CheckCosineLoss(loss, dpred, pred, target, weights)
	ls, ds, ps, ts, ws := r.f(loss), r.f(dpred), r.f(pred), r.f(target), r.f(weights)
	for i := range n {
		p, t, weight := row(ps, i, d), row(ts, i, d), F(1)
		if ws != nil {
			weight = ws[i]
		}
		var pp, tt, pt F
		for j := range p {
			pp += p[j] * p[j]
			tt += t[j] * t[j]
			pt += p[j] * t[j]
		}
		np := max(F(math.Sqrt(float64(pp))), F(CosineEps))
		nt := max(F(math.Sqrt(float64(tt))), F(CosineEps))
		cos := pt / np / nt
		ls[i] = weight * (1 - cos)
		if ds != nil {
			for j := range p {
				ds[i*d+j] = -weight * (t[j]/nt - p[j]/np*cos) / np
			}
		}
	}
}

func (r *Reference[F]) SquaredError(loss, da, a, b Tensor, factor float64) {
	n, d := CheckSquaredError(loss, da, a, b)
	ls, ds, as, bs := r.f(loss), r.f(da), r.f(a), r.f(b)
	for i := range n {
		var sum F
		for j := i * d; j < (i+1)*d; j++ {
			diff := as[j] - bs[j]
			sum += diff * diff
			if ds != nil {
				ds[j] = 2 * F(factor) * diff
			}
		}
		ls[i] = sum * F(factor)
	}
}
