package tensor

import "math"

func CheckLayerNorm(y, stats, x, gamma, beta Tensor) (n, d int) {
	n, d = shape2("LayerNorm", "x", x)
	matrix("LayerNorm", "x", x, Float, n, d)
	matrix("LayerNorm", "y", y, Float, n, d)
	matrix("LayerNorm", "stats", stats, Float, n, 2)
	vector("LayerNorm", "gamma", gamma, Float, d)
	vector("LayerNorm", "beta", beta, Float, d)
	return n, d
}

func CheckLayerNormBackward(dx, dgamma, dbeta, dy, x, stats, gamma Tensor) (n, d int) {
	n, d = shape2("LayerNormBackward", "x", x)
	matrix("LayerNormBackward", "x", x, Float, n, d)
	matrix("LayerNormBackward", "dy", dy, Float, n, d)
	matrix("LayerNormBackward", "stats", stats, Float, n, 2)
	vector("LayerNormBackward", "gamma", gamma, Float, d)
	matrix("LayerNormBackward", "dx", dx, Float, n, d)
	optionalVector("LayerNormBackward", "dgamma", dgamma, Float, d)
	optionalVector("LayerNormBackward", "dbeta", dbeta, Float, d)
	return n, d
}

func (r *Reference[F]) LayerNorm(y, stats, x, gamma, beta Tensor, eps float64) {
	n, d := CheckLayerNorm(y, stats, x, gamma, beta)
	ys, ss, xs, gs, bs := r.f(y), r.f(stats), r.f(x), r.f(gamma), r.f(beta)
	r.each(n, 4*d, func(i int) {
		xi, yi := row(xs, i, d), row(ys, i, d)
		var sum, squares F
		for _, v := range xi {
			sum += v
		}
		mean := sum / F(d)
		for _, v := range xi {
			squares += (v - mean) * (v - mean)
		}
		rstd := F(1 / math.Sqrt(float64(squares/F(d))+eps))
		ss[2*i], ss[2*i+1] = mean, rstd
		for j, v := range xi {
			yi[j] = (v-mean)*rstd*gs[j] + bs[j]
		}
	})
}

// LayerNormBackward: with h = (x − mean)·rstd and g = dy·gamma,
// dx = rstd·(g − mean(g) − h·mean(g·h)), dgamma += Σ dy·h, dbeta += Σ dy.
func (r *Reference[F]) LayerNormBackward(dx, dgamma, dbeta, dy, x, stats, gamma Tensor) {
	n, d := CheckLayerNormBackward(dx, dgamma, dbeta, dy, x, stats, gamma)
	dxs, dgs, dbs := r.f(dx), r.f(dgamma), r.f(dbeta)
	dys, xs, ss, gs := r.f(dy), r.f(x), r.f(stats), r.f(gamma)
	for i := range n {
		dyi, xi := row(dys, i, d), row(xs, i, d)
		mean, rstd := ss[2*i], ss[2*i+1]
		for j := range dyi {
			if dgs != nil {
				dgs[j] += dyi[j] * (xi[j] - mean) * rstd
			}
			if dbs != nil {
				dbs[j] += dyi[j]
			}
		}
	}
	r.each(n, 6*d, func(i int) {
		dxi, dyi, xi := row(dxs, i, d), row(dys, i, d), row(xs, i, d)
		mean, rstd := ss[2*i], ss[2*i+1]
		var sumG, sumGH F
		for j := range dyi {
			g := dyi[j] * gs[j]
			sumG += g
			sumGH += g * (xi[j] - mean) * rstd
		}
		for j := range dyi {
			h := (xi[j] - mean) * rstd
			dxi[j] = rstd * (dyi[j]*gs[j] - sumG/F(d) - h*sumGH/F(d))
		}
	})
}
