//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import "github.com/imglish/imglish/tensor"

func (b *backend) CrossEntropy(loss, dlogits, logits, targets, weights tensor.Tensor, smooth float64) {
	n, v := tensor.CheckCrossEntropy(loss, dlogits, logits, targets, weights, smooth)
	b.checkIDs("CrossEntropy", targets, v)
	ls, ds, xs, ts, ws := f32(loss), f32(dlogits), f32(logits), i32(targets), f32(weights)
	b.rows(n, v, 4, func(from, to C.int64_t) C.int32_t {
		return C.imglish_cross_entropy(b.isa, ls, ds, xs, ts, ws, C.double(smooth), C.int64_t(v), from, to)
	})
}

func (b *backend) SoftCrossEntropy(loss, dlogits, logits, targets, weights tensor.Tensor) {
	n, v := tensor.CheckSoftLoss("SoftCrossEntropy", loss, dlogits, logits, targets, weights)
	ls, ds, xs, ts, ws := f32(loss), f32(dlogits), f32(logits), f32(targets), f32(weights)
	b.rows(n, v, 4, func(from, to C.int64_t) C.int32_t {
		return C.imglish_soft_cross_entropy(b.isa, ls, ds, xs, ts, ws, C.int64_t(v), from, to)
	})
}

func (b *backend) BCE(loss, dlogits, logits, targets, weights tensor.Tensor) {
	n, v := tensor.CheckSoftLoss("BCE", loss, dlogits, logits, targets, weights)
	ls, ds, xs, ts, ws := f32(loss), f32(dlogits), f32(logits), f32(targets), f32(weights)
	b.rows(n, v, 8, func(from, to C.int64_t) C.int32_t {
		return C.imglish_bce(b.isa, ls, ds, xs, ts, ws, C.int64_t(v), from, to)
	})
}

func (b *backend) Smallest(keep, x tensor.Tensor, k int) {
	n := tensor.CheckSmallest(keep, x, k)
	ks, xs := f32(keep), f32(x)
	if b.err == nil {
		b.check(C.imglish_smallest(ks, xs, C.int64_t(n), C.int64_t(k)))
	}
}

func (b *backend) ArgMax(ids, x tensor.Tensor) {
	n, v := tensor.CheckArgMax(ids, x)
	is, xs := i32(ids), f32(x)
	b.rows(n, v, 1, func(from, to C.int64_t) C.int32_t { return C.imglish_argmax(b.isa, is, xs, C.int64_t(v), from, to) })
}

func (b *backend) CosineLoss(loss, dpred, pred, target, weights tensor.Tensor) {
	n, d := tensor.CheckCosineLoss(loss, dpred, pred, target, weights)
	ls, ds, ps, ts, ws := f32(loss), f32(dpred), f32(pred), f32(target), f32(weights)
	b.rows(n, d, 2, func(from, to C.int64_t) C.int32_t {
		return C.imglish_cosine_loss(b.isa, ls, ds, ps, ts, ws, tensor.CosineEps, C.int64_t(d), from, to)
	})
}

func (b *backend) SquaredError(loss, da, u, v tensor.Tensor, factor float64) {
	n, d := tensor.CheckSquaredError(loss, da, u, v)
	ls, ds, us, vs := f32(loss), f32(da), f32(u), f32(v)
	b.rows(n, d, 1, func(from, to C.int64_t) C.int32_t {
		return C.imglish_squared_error(b.isa, ls, ds, us, vs, C.double(factor), C.int64_t(d), from, to)
	})
}
