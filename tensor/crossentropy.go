package tensor

import (
	"fmt"
	"math"
)

func CheckCrossEntropy(loss, dlogits, logits, targets, weights Tensor) (n, v int) {
	n, v = shape2("CrossEntropy", "logits", logits)
	matrix("CrossEntropy", "logits", logits, Float, n, v)
	optionalMatrix("CrossEntropy", "dlogits", dlogits, Float, n, v)
	vector("CrossEntropy", "loss", loss, Float, n)
	vector("CrossEntropy", "targets", targets, I32, n)
	optionalVector("CrossEntropy", "weights", weights, Float, n)
	return n, v
}

func CheckArgMax(ids, x Tensor) (n, v int) {
	n, v = shape2("ArgMax", "x", x)
	matrix("ArgMax", "x", x, Float, n, v)
	vector("ArgMax", "ids", ids, I32, n)
	return n, v
}

func (r *Reference[F]) CrossEntropy(loss, dlogits, logits, targets, weights Tensor) {
	n, v := CheckCrossEntropy(loss, dlogits, logits, targets, weights)
	ls, ds, xs, ts, ws := r.f(loss), r.f(dlogits), r.f(logits), r.i32(targets), r.f(weights)
	r.each(n, 8*v, func(i int) {
		xi, target := row(xs, i, v), int(ts[i])
		if target >= v {
			panic(fmt.Sprintf("tensor: CrossEntropy: targets[%d] = %d of %d", i, target, v))
		}
		if target < 0 {
			ls[i] = 0
			if ds != nil {
				clear(row(ds, i, v))
			}
			return
		}
		weight := F(1)
		if ws != nil {
			weight = ws[i]
		}
		top := xi[0]
		for _, x := range xi {
			top = max(top, x)
		}
		var sum F
		for _, x := range xi {
			sum += F(math.Exp(float64(x - top)))
		}
		ls[i] = weight * (top + F(math.Log(float64(sum))) - xi[target])
		if ds == nil {
			return
		}
		di := row(ds, i, v)
		for j, x := range xi {
			di[j] = weight * F(math.Exp(float64(x-top))) / sum
		}
		di[target] -= weight
	})
}

func (r *Reference[F]) ArgMax(ids, x Tensor) {
	n, v := CheckArgMax(ids, x)
	is, xs := r.i32(ids), r.f(x)
	for i := range n {
		best := 0
		for j, value := range row(xs, i, v) {
			if value > xs[i*v+best] {
				best = j
			}
		}
		is[i] = int32(best)
	}
}
