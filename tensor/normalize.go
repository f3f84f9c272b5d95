package tensor

import "math"

func CheckL2Normalize(y, norm, x Tensor) (n, d int) {
	n, d = shape2("L2Normalize", "x", x)
	matrix("L2Normalize", "x", x, Float, n, d)
	matrix("L2Normalize", "y", y, Float, n, d)
	vector("L2Normalize", "norm", norm, Float, n)
	return n, d
}

func CheckL2NormalizeBackward(dx, dy, y, norm Tensor) (n, d int) {
	n, d = shape2("L2NormalizeBackward", "y", y)
	matrix("L2NormalizeBackward", "y", y, Float, n, d)
	matrix("L2NormalizeBackward", "dx", dx, Float, n, d)
	matrix("L2NormalizeBackward", "dy", dy, Float, n, d)
	vector("L2NormalizeBackward", "norm", norm, Float, n)
	return n, d
}

func (r *Reference[F]) L2Normalize(y, norm, x Tensor, eps float64) {
	n, d := CheckL2Normalize(y, norm, x)
	ys, ns, xs := r.f(y), r.f(norm), r.f(x)
	for i := range n {
		xi, yi := row(xs, i, d), row(ys, i, d)
		var sum F
		for _, v := range xi {
			sum += v * v
		}
		ns[i] = max(F(math.Sqrt(float64(sum))), F(eps))
		for j, v := range xi {
			yi[j] = v / ns[i]
		}
	}
}

// L2NormalizeBackward: dx = (dy − y·(y·dy))/norm. Where |x| < eps the true gradient is dy/eps; y·(y·dy) is then far
// below dy and the same formula serves.
func (r *Reference[F]) L2NormalizeBackward(dx, dy, y, norm Tensor) {
	n, d := CheckL2NormalizeBackward(dx, dy, y, norm)
	dxs, dys, ys, ns := r.f(dx), r.f(dy), r.f(y), r.f(norm)
	for i := range n {
		dxi, dyi, yi := row(dxs, i, d), row(dys, i, d), row(ys, i, d)
		var dot F
		for j := range yi {
			dot += yi[j] * dyi[j]
		}
		for j := range yi {
			dxi[j] = (dyi[j] - yi[j]*dot) / ns[i]
		}
	}
}
