package tensor

import "math"

// CheckSoftLoss is for SoftCrossEntropy and BCE, whose targets are [n, V].
func CheckSoftLoss(op string, loss, dlogits, logits, targets, weights Tensor) (n, v int) {
	n, v = checkLoss(op, loss, dlogits, logits, weights)
	matrix(op, "targets", targets, Float, n, v)
	return n, v
}

// SoftCrossEntropy: with t the sum of a row's targets (1 for probabilities), loss = t·log Σ exp(x) − Σ targets·x, measured
// from the largest logit; dlogits = t·softmax − targets.
func (r *Reference[F]) SoftCrossEntropy(loss, dlogits, logits, targets, weights Tensor) {
	n, v := CheckSoftLoss("SoftCrossEntropy", loss, dlogits, logits, targets, weights)
	ls, ds, xs, ts, ws := r.f(loss), r.f(dlogits), r.f(logits), r.f(targets), r.f(weights)
	r.each(n, 8*v, func(i int) {
		xi, ti, weight := row(xs, i, v), row(ts, i, v), weightOf(ws, i)
		top, sum := softmaxSum(xi)
		var total, dot F
		for j, x := range xi {
			total += ti[j]
			dot += ti[j] * (x - top)
		}
		ls[i] = weight * (total*F(math.Log(float64(sum))) - dot)
		if ds == nil {
			return
		}
		di := row(ds, i, v)
		for j, x := range xi {
			di[j] = weight * (total*F(math.Exp(float64(x-top)))/sum - ti[j])
		}
	})
}

// BCE: a term is max(x, 0) − target·x + log(1 + exp(−|x|)), which overflows nowhere; dlogits = σ(x) − target.
func (r *Reference[F]) BCE(loss, dlogits, logits, targets, weights Tensor) {
	n, v := CheckSoftLoss("BCE", loss, dlogits, logits, targets, weights)
	ls, ds, xs, ts, ws := r.f(loss), r.f(dlogits), r.f(logits), r.f(targets), r.f(weights)
	r.each(n, 8*v, func(i int) {
		xi, ti, weight := row(xs, i, v), row(ts, i, v), weightOf(ws, i)
		var sum F
		for j, x := range xi {
			sum += max(x, 0) - ti[j]*x + F(math.Log1p(math.Exp(-math.Abs(float64(x)))))
		}
		ls[i] = weight * sum
		if ds == nil {
			return
		}
		di := row(ds, i, v)
		for j, x := range xi {
			di[j] = weight * (F(1/(1+math.Exp(-float64(x)))) - ti[j])
		}
	})
}
