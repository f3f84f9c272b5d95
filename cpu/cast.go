//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import "github.com/imglish/imglish/tensor"

func (b *backend) Cast(y, x tensor.Tensor) {
	n := tensor.CheckCast(y, x)
	half := truth(x.DType == tensor.F16 || y.DType == tensor.F16)
	if x.DType == tensor.Float {
		ys, xs := u16(y), f32(x)
		b.flat(n, 1, func(from, to C.int64_t) C.int32_t { return C.imglish_narrow(b.isa, ys, xs, half, from, to) })
		return
	}
	ys, xs := f32(y), u16(x)
	b.flat(n, 1, func(from, to C.int64_t) C.int32_t { return C.imglish_widen(b.isa, ys, xs, half, from, to) })
}
