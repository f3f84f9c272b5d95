//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import (
	"fmt"

	"github.com/imglish/imglish/tensor"
)

// NearestCode never holds all n·K products: a register tile of them at a time goes into the running best.
func (b *backend) NearestCode(codes, best, z, book tensor.Tensor) {
	n, d, k := tensor.CheckNearestCode(codes, best, z, book)
	if n == 0 || b.err != nil || !b.reserve(b.pr*max(1, d)) {
		return
	}
	mark := b.Mark()
	defer b.Release(mark)
	packed := f32(b.Temp(tensor.Float, b.packedLen(k, d)))
	if b.err != nil {
		return
	}
	b.pack(packed, f32(book), d, k, d, 1)
	b.check(C.imglish_nearest_code(b.pool, b.isa, u16(codes), f32(best), f32(z), packed, C.int64_t(n), C.int64_t(d), C.int64_t(k)))
}

func (b *backend) LookupCodes(y, book, codes tensor.Tensor) {
	n, d, k := tensor.CheckCodes("LookupCodes", y, book, codes)
	b.checkCodes("LookupCodes", codes, k)
	ys, es, cs := f32(y), f32(book), u16(codes)
	b.rows(n, d, 1, func(from, to C.int64_t) C.int32_t { return C.imglish_lookup(ys, es, cs, C.int64_t(d), from, to) })
}

func (b *backend) SumByCode(sums, counts, z, codes tensor.Tensor) {
	n, d, k := tensor.CheckCodes("SumByCode", z, sums, codes)
	if counts.None() || counts.DType != tensor.Float || counts.Len() != k {
		panic(fmt.Sprintf("tensor: SumByCode: counts is %v, want %v[%d]", counts, tensor.Float, k))
	}
	b.checkCodes("SumByCode", codes, k)
	ss, ns, zs, cs := f32(sums), f32(counts), f32(z), u16(codes)
	b.columns(n, d, func(from, to C.int64_t) C.int32_t {
		return C.imglish_sum_by_code(ss, ns, zs, cs, C.int64_t(n), C.int64_t(d), from, to)
	})
}

func (b *backend) CodebookEMA(book, usage, sums, counts tensor.Tensor, decay float64) {
	k, d := tensor.CheckCodebookEMA(book, usage, sums, counts)
	es, us, ss, ns := f32(book), f32(usage), f32(sums), f32(counts)
	b.rows(k, d, 4, func(from, to C.int64_t) C.int32_t {
		return C.imglish_codebook_ema(b.isa, es, us, ss, ns, C.double(decay), C.int64_t(d), from, to)
	})
}

// checkIDs panics where an id is beyond the table: a broken invariant, never to be read as memory.
func (b *backend) checkIDs(op string, ids tensor.Tensor, rows int) {
	var place C.int64_t
	if b.err == nil && C.imglish_check_ids(i32(ids), C.int64_t(ids.Len()), C.int64_t(rows), &place) != C.IMGLISH_OK {
		panic(fmt.Sprintf("tensor: %s: ids[%d] = %d, table has %d rows", op, place, view[int32](b, ids)[place], rows))
	}
}

func (b *backend) checkCodes(op string, codes tensor.Tensor, rows int) {
	var place C.int64_t
	if b.err == nil && C.imglish_check_codes(u16(codes), C.int64_t(codes.Len()), C.int64_t(rows), &place) != C.IMGLISH_OK {
		panic(fmt.Sprintf("tensor: %s: codes[%d] = %d, table has %d rows", op, place, view[uint16](b, codes)[place], rows))
	}
}
