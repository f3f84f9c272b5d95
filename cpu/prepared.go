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
	p := C.struct_imglish_product{y: f32(y), ldy: C.int64_t(w.Out), x: f32(x), bias: f32(bias), n: C.int64_t(n), k: C.int64_t(w.In),
		cols: C.int64_t(w.Out), act: C.int32_t(act), add: truth(add)}
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
	b.check(C.imglish_quantise(b.pool, b.isa, q, back, x, C.int64_t(n), C.int64_t(k)))
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
	b.check(C.imglish_pack16(b.pool, b.isa, i16(m.integers), f32(m.scale), q, back, C.int64_t(out), C.int64_t(in)))
}

func (b *backend) multiply16(p C.struct_imglish_product, m *prepared) {
	mark := b.Mark()
	defer b.Release(mark)
	if p.x16, p.back = b.quantise(p.x, int(p.n), int(p.k)); b.err != nil {
		return
	}
	p.packed16, p.scale = i16(m.integers), f32(m.scale)
	b.cut(&p, min(int(p.k), b.kc)/2)
	b.check(C.imglish_product16(b.pool, b.isa, &p))
}
