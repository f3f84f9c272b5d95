//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import "github.com/imglish/imglish/tensor"

func (b *backend) MeanRows(y, x, seg tensor.Tensor) {
	n, d, segments := tensor.CheckMeanRows(y, x, seg)
	tensor.CheckRanges("MeanRows", view[int32](b, seg), n)
	ys, xs, ss := f32(y), f32(x), i32(seg)
	b.rows(segments, d, 1+n/max(1, segments), func(from, to C.int64_t) C.int32_t {
		return C.imglish_mean_rows(ys, xs, ss, C.int64_t(d), from, to)
	})
}

func (b *backend) MeanRowsBackward(dx, dy, seg tensor.Tensor) {
	n, d, segments := tensor.CheckMeanRows(dy, dx, seg)
	tensor.CheckRanges("MeanRows", view[int32](b, seg), n)
	b.Zero(dx)
	xs, ys, ss := f32(dx), f32(dy), i32(seg)
	b.rows(segments, d, 1+n/max(1, segments), func(from, to C.int64_t) C.int32_t {
		return C.imglish_mean_rows_backward(xs, ys, ss, C.int64_t(d), from, to)
	})
}
