//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import "github.com/imglish/imglish/tensor"

func (b *backend) LayerNorm(y, stats, x, gamma, beta tensor.Tensor, eps float64) {
	n, d := tensor.CheckLayerNorm(y, stats, x, gamma, beta)
	if b.err == nil {
		b.check(C.imglish_layernorm(b.pool, b.isa, f32(y), f32(stats), f32(x), f32(gamma), f32(beta), C.double(eps), C.int64_t(n), C.int64_t(d)))
	}
}

func (b *backend) LayerNormBackward(dx, dgamma, dbeta, dy, x, stats, gamma tensor.Tensor) {
	n, d := tensor.CheckLayerNormBackward(dx, dgamma, dbeta, dy, x, stats, gamma)
	dxs, dys, xs, ss, gs := f32(dx), f32(dy), f32(x), f32(stats), f32(gamma)
	b.partials(n, d, []*C.float{f32(dgamma), f32(dbeta)}, 4, func(partial *C.float, from, to C.int64_t) C.int32_t {
		return C.imglish_layernorm_backward(b.isa, dxs, partial, dys, xs, ss, gs, C.int64_t(n), C.int64_t(d), from, to)
	})
}

func (b *backend) L2Normalize(y, norm, x tensor.Tensor, eps float64) {
	n, d := tensor.CheckL2Normalize(y, norm, x)
	ys, ns, xs := f32(y), f32(norm), f32(x)
	b.rows(n, d, 2, func(from, to C.int64_t) C.int32_t {
		return C.imglish_l2normalize(b.isa, ys, ns, xs, C.double(eps), C.int64_t(d), from, to)
	})
}

func (b *backend) L2NormalizeBackward(dx, dy, y, norm tensor.Tensor) {
	n, d := tensor.CheckL2NormalizeBackward(dx, dy, y, norm)
	dxs, dys, ys, ns := f32(dx), f32(dy), f32(y), f32(norm)
	b.rows(n, d, 2, func(from, to C.int64_t) C.int32_t {
		return C.imglish_l2normalize_backward(b.isa, dxs, dys, ys, ns, C.int64_t(d), from, to)
	})
}
