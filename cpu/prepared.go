//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import (
	"unsafe"

	"github.com/imglish/imglish/tensor"
)

// prepared is a matrix: packed once, in floats, or in 16-bit integers with what they are worth.
type prepared struct {
	floats   tensor.Tensor
	integers tensor.Tensor // U16
	scale    tensor.Tensor // [blocks, columns]
}

func (b *backend) Prepare(w tensor.Tensor, p tensor.Precision) tensor.Prepared {
	out, in := tensor.CheckPrepare(w, p)
	m := &prepared{}
	if p == tensor.Fast && in > 0 {
		b.prepare16(m, w, out, in)
	} else {
		m.floats = b.Alloc(tensor.Float, b.packedLen(out, in))
		b.pack(f32(m.floats), f32(w), in, out, in, 1)
	}
	return tensor.Prepared{Buf: m, Out: out, In: in, Precision: p}
}

func (b *backend) FreePrepared(w tensor.Prepared) {
	m := w.Buf.(*prepared)
	for _, t := range []tensor.Tensor{m.floats, m.integers, m.scale} {
		if !t.None() {
			b.Free(t)
		}
	}
}

func (b *backend) Product(y, x tensor.Tensor, w tensor.Prepared, bias tensor.Tensor, act tensor.Act, add bool) {
	n := tensor.CheckProduct(y, x, w, bias, act, add)
	if n == 0 || w.Out == 0 || b.err != nil {
		return
	}
	m := w.Buf.(*prepared)
	p := product{y: f32(y), x: f32(x), bias: f32(bias), n: n, k: w.In, cols: w.Out, ldy: w.Out, act: act, add: add}
	if !m.integers.None() {
		b.multiply16(p, m)
		return
	}
	p.packed = f32(m.floats)
	b.multiply(p)
}

func i16(t tensor.Tensor) *C.int16_t { return (*C.int16_t)(unsafe.Pointer(u16(t))) }

// quantise turns rows [n, k] into integers and their worth, in the arena.
func (b *backend) quantise(x *C.float, n, k int) (q *C.int16_t, back *C.float) {
	qs := b.Temp(tensor.U16, n, blocks(k, 2)*2)
	backs := b.Temp(tensor.Float, n, int(C.imglish_blocks16(C.int64_t(k))))
	if b.err != nil {
		return nil, nil
	}
	q, back = i16(qs), f32(backs)
	b.split(n, k, func(_ int, from, to C.int64_t) C.int32_t {
		return C.imglish_quantise(b.isa, q, back, x, C.int64_t(k), from, to)
	})
	return q, back
}

// prepare16: columns of the right-hand side are rows of w, scaled as rows are.
func (b *backend) prepare16(m *prepared, w tensor.Tensor, out, in int) {
	mark := b.Mark()
	defer b.Release(mark)
	wide, even, parts := blocks(out, b.nr)*b.nr, blocks(in, 2)*2, int(C.imglish_blocks16(C.int64_t(in)))
	m.integers, m.scale = b.Alloc(tensor.U16, max(1, wide*even)), b.Alloc(tensor.Float, max(1, wide*parts))
	q, back := b.quantise(f32(w), out, in)
	if b.err != nil {
		return
	}
	dst, scale := i16(m.integers), f32(m.scale)
	b.split(blocks(out, b.nr), b.nr*in, func(_ int, from, to C.int64_t) C.int32_t {
		return C.imglish_pack16(b.isa, dst, scale, q, back, C.int64_t(out), C.int64_t(in), from, to)
	})
}

func (b *backend) multiply16(p product, m *prepared) {
	mark := b.Mark()
	defer b.Release(mark)
	q, back := b.quantise(p.x, p.n, p.k)
	if b.err != nil {
		return
	}
	packed, scale := i16(m.integers), f32(m.scale)
	b.parts(p.n, p.cols, p.k, min(p.k, b.kc)/2, func(_ int, i0, i1, p0, p1 C.int64_t) C.int32_t {
		return C.imglish_product16(b.isa, p.y, C.int64_t(p.ldy), q, back, packed, scale, p.bias, C.int64_t(p.k), C.int64_t(p.cols), C.int32_t(p.act),
			truth(p.add), i0, i1, p0, p1)
	})
}
