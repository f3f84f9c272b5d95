package tensor

import (
	"fmt"
	"math"
)

// CheckLinear returns rows n, inputs in, outputs out.
func CheckLinear(y, pre, x, w, b Tensor, act Act) (n, in, out int) {
	out, in = shape2("Linear", "w", w)
	n, _ = shape2("Linear", "x", x)
	matrix("Linear", "w", w, Float, out, in)
	matrix("Linear", "x", x, Float, n, in)
	matrix("Linear", "y", y, Float, n, out)
	optionalMatrix("Linear", "pre", pre, Float, n, out)
	optionalVector("Linear", "b", b, Float, out)
	checkAct(act)
	return n, in, out
}

// CheckLinearBackward returns rows n, inputs in, outputs out.
func CheckLinearBackward(dx, dw, db, dy, pre, x, w Tensor, act Act) (n, in, out int) {
	out, in = shape2("LinearBackward", "w", w)
	n, _ = shape2("LinearBackward", "dy", dy)
	matrix("LinearBackward", "w", w, Float, out, in)
	matrix("LinearBackward", "dy", dy, Float, n, out)
	matrix("LinearBackward", "x", x, Float, n, in)
	optionalMatrix("LinearBackward", "dx", dx, Float, n, in)
	optionalMatrix("LinearBackward", "dw", dw, Float, out, in)
	optionalVector("LinearBackward", "db", db, Float, out)
	if act != Identity {
		matrix("LinearBackward", "pre", pre, Float, n, out)
	}
	checkAct(act)
	return n, in, out
}

func checkAct(act Act) {
	if act > Tanh {
		panic(fmt.Sprintf("tensor: activation %d", act))
	}
}

// activate is the activation's value at v.
func activate(act Act, v float64) float64 {
	switch act {
	case GELU:
		return 0.5 * v * (1 + math.Erf(v/math.Sqrt2))
	case Tanh:
		return math.Tanh(v)
	}
	return v
}

// activateSlope is the activation's derivative at v.
func activateSlope(act Act, v float64) float64 {
	switch act {
	case GELU:
		return 0.5*(1+math.Erf(v/math.Sqrt2)) + v*math.Exp(-v*v/2)/math.Sqrt(2*math.Pi)
	case Tanh:
		t := math.Tanh(v)
		return 1 - t*t
	}
	return 1
}

func (r *Reference[F]) Linear(y, pre, x, w, b Tensor, act Act) {
	n, in, out := CheckLinear(y, pre, x, w, b, act)
	ys, ps, xs, ws, bs := r.f(y), r.f(pre), r.f(x), r.f(w), r.f(b)
	r.each(n, in*out, func(i int) {
		xi := row(xs, i, in)
		for o := range out {
			wo := row(ws, o, in)
			var sum F
			for j, v := range xi {
				sum += v * wo[j]
			}
			if bs != nil {
				sum += bs[o]
			}
			if ps != nil {
				ps[i*out+o] = sum
			}
			ys[i*out+o] = F(activate(act, float64(sum)))
		}
	})
}

func (r *Reference[F]) LinearBackward(dx, dw, db, dy, pre, x, w Tensor, act Act) {
	n, in, out := CheckLinearBackward(dx, dw, db, dy, pre, x, w, act)
	dys, xs, ws := r.f(dy), r.f(x), r.f(w)
	if act != Identity {
		ps := r.f(pre)
		r.each(n, out*8, func(i int) {
			for o := range out {
				dys[i*out+o] *= F(activateSlope(act, float64(ps[i*out+o])))
			}
		})
	}
	if dxs := r.f(dx); dxs != nil {
		r.each(n, in*out, func(i int) {
			dxi := row(dxs, i, in)
			clear(dxi)
			for o := range out {
				g, wo := dys[i*out+o], row(ws, o, in)
				for j := range dxi {
					dxi[j] += g * wo[j]
				}
			}
		})
	}
	if dws := r.f(dw); dws != nil {
		r.each(out, n*in, func(o int) {
			dwo := row(dws, o, in)
			for i := range n {
				g, xi := dys[i*out+o], row(xs, i, in)
				for j := range dwo {
					dwo[j] += g * xi[j]
				}
			}
		})
	}
	if dbs := r.f(db); dbs != nil {
		for i := range n {
			for o := range out {
				dbs[o] += dys[i*out+o]
			}
		}
	}
}
