//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import (
	"unsafe"

	"github.com/imglish/imglish/tensor"
)

func (b *backend) Gather(y, table, ids tensor.Tensor)    { b.gather("Gather", y, table, ids, false) }
func (b *backend) GatherAdd(y, table, ids tensor.Tensor) { b.gather("GatherAdd", y, table, ids, true) }

func (b *backend) gather(op string, y, table, ids tensor.Tensor, add bool) {
	n, d, rows := tensor.CheckGather(op, y, table, ids)
	b.checkIDs(op, ids, rows)
	ys, ts, is := f32(y), f32(table), i32(ids)
	b.rows(n, d, 1, func(from, to C.int64_t) C.int32_t {
		return C.imglish_gather(ys, ts, is, truth(add), C.int64_t(d), from, to)
	})
}

func (b *backend) ScatterAdd(dtable, dy, ids tensor.Tensor) {
	n, d, rows := tensor.CheckGather("ScatterAdd", dy, dtable, ids)
	b.checkIDs("ScatterAdd", ids, rows)
	ts, ys, is := f32(dtable), f32(dy), i32(ids)
	b.columns(n, d, func(from, to C.int64_t) C.int32_t {
		return C.imglish_scatter_add(ts, ys, is, C.int64_t(n), C.int64_t(d), from, to)
	})
}

func (b *backend) Scatter(y, x, ids tensor.Tensor) {
	n, d, rows := tensor.CheckScatter(y, x, ids)
	b.checkIDs("Scatter", ids, rows)
	ys, xs, is := f32(y), f32(x), i32(ids)
	b.rows(n, d, 1, func(from, to C.int64_t) C.int32_t { return C.imglish_scatter(ys, xs, is, C.int64_t(d), from, to) })
}

// columns shares a loop over n rows by columns: rows that meet in one place stay in order.
func (b *backend) columns(n, d int, work func(from, to C.int64_t) C.int32_t) {
	const strip = 32 // two cache lines
	b.split(blocks(d, strip), strip*n, func(_ int, from, to C.int64_t) C.int32_t {
		return work(from*strip, min(to*strip, C.int64_t(d)))
	})
}

func (b *backend) Patches(y, pixels tensor.Tensor, patch int, scale, shift [3]float64) {
	n, g, s := tensor.CheckPatches(y, pixels, patch)
	ys, ps := f32(y), u8(pixels)
	b.rows(n*g*g, 3*patch*patch, 2, func(from, to C.int64_t) C.int32_t {
		return C.imglish_patches(ys, ps, C.int64_t(s), C.int64_t(patch), (*C.double)(unsafe.Pointer(&scale)), (*C.double)(unsafe.Pointer(&shift)),
			from, to)
	})
}

func (b *backend) SelectRows(y, x, token, mask tensor.Tensor) {
	n, d := tensor.CheckSelectRows(y, x, token, mask)
	ys, xs, ts, ms := f32(y), f32(x), f32(token), u8(mask)
	b.rows(n, d, 1, func(from, to C.int64_t) C.int32_t {
		return C.imglish_select_rows(ys, xs, ts, ms, C.int64_t(d), from, to)
	})
}

func (b *backend) SelectRowsBackward(dx, dtoken, dy, mask tensor.Tensor) {
	n, d := tensor.CheckSelectRows(dx, dy, dtoken, mask)
	dxs, dys, ms := f32(dx), f32(dy), u8(mask)
	b.partials(n, d, []*C.float{f32(dtoken)}, 1, func(partial *C.float, from, to C.int64_t) C.int32_t {
		return C.imglish_select_rows_backward(dxs, partial, dys, ms, C.int64_t(n), C.int64_t(d), from, to)
	})
}
