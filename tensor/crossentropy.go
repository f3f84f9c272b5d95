package tensor

import (
	"fmt"
	"math"
)

func CheckCrossEntropy(loss, dlogits, logits, targets, weights Tensor, smooth float64) (n, v int) {
	n, v = checkLoss("CrossEntropy", loss, dlogits, logits, weights)
	vector("CrossEntropy", "targets", targets, I32, n)
	if smooth < 0 || smooth > 1 || smooth > 0 && v < 2 {
		panic(fmt.Sprintf("tensor: CrossEntropy: smooth is %v with %d classes, want 0 to 1, and 2 classes if not 0", smooth, v))
	}
	return n, v
}

// checkLoss checks what the losses on logits have in common.
func checkLoss(op string, loss, dlogits, logits, weights Tensor) (n, v int) {
	n, v = shape2(op, "logits", logits)
	matrix(op, "logits", logits, Float, n, v)
	optionalMatrix(op, "dlogits", dlogits, Float, n, v)
	vector(op, "loss", loss, Float, n)
	optionalVector(op, "weights", weights, Float, n)
	return n, v
}

func CheckArgMax(ids, x Tensor) (n, v int) {
	n, v = shape2("ArgMax", "x", x)
	matrix("ArgMax", "x", x, Float, n, v)
	vector("ArgMax", "ids", ids, I32, n)
	return n, v
}

// CrossEntropy: with off = smooth/(V−1) for every class and on − off more for the target, all measured from the largest
// logit: loss = log Σ exp(x) − (on−off)·x[target] − off·Σ x; dlogits = softmax − off, at the target less (on−off).
func (r *Reference[F]) CrossEntropy(loss, dlogits, logits, targets, weights Tensor, smooth float64) {
	n, v := CheckCrossEntropy(loss, dlogits, logits, targets, weights, smooth)
	ls, ds, xs, ts, ws := r.f(loss), r.f(dlogits), r.f(logits), r.i32(targets), r.f(weights)
	off := F(smooth / float64(max(1, v-1)))
	extra := F(1-smooth) - off
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
		weight := weightOf(ws, i)
		top, sum := softmaxSum(xi)
		var below F // Σ x, from the largest
		for _, x := range xi {
			below += x - top
		}
		ls[i] = weight * (F(math.Log(float64(sum))) - extra*(xi[target]-top) - off*below)
		if ds == nil {
			return
		}
		di := row(ds, i, v)
		for j, x := range xi {
			di[j] = weight*F(math.Exp(float64(x-top)))/sum - weight*off
		}
		di[target] -= weight * extra
	})
}

// weightOf is the i-th weight, 1 where there are none.
func weightOf[F Real](weights []F, i int) F {
	if weights == nil {
		return 1
	}
	return weights[i]
}

// softmaxSum is the largest x and the sum of exp(x − top).
func softmaxSum[F Real](x []F) (top, sum F) {
	top = x[0]
	for _, v := range x {
		top = max(top, v)
	}
	for _, v := range x {
		sum += F(math.Exp(float64(v - top)))
	}
	return top, sum
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
