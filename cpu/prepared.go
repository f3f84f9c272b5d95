//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import (
	"unsafe"

	"github.com/imglish/imglish/tensor"
)

// prepared is a matrix: packed once, in floats, or in 16-bit integers or digits of 8 bits with what they are worth.
type prepared struct {
	floats   tensor.Tensor
	integers tensor.Tensor // U16
	digits   tensor.Tensor // U8
	scale    tensor.Tensor // [blocks, columns]
}

func (b *backend) Prepare(w tensor.Tensor, p tensor.Precision) tensor.Prepared {
	out, in := tensor.CheckPrepare(w, p)
	m := &prepared{}
	switch {
	case b.tiles && in > 0 && out > 0:
		b.prepareDigits(m, w, out, in, digits(p))
	case p == tensor.Fast && in > 0:
		b.prepare16(m, w, out, in)
	default:
		m.floats = b.Alloc(tensor.Float, b.packedLen(out, in))
		b.pack(f32(m.floats), f32(w), in, out, in, 1)
	}
	return tensor.Prepared{Buf: m, Out: out, In: in, Precision: p}
}

func (b *backend) FreePrepared(w tensor.Prepared) {
	m := w.Buf.(*prepared)
	for _, t := range []tensor.Tensor{m.floats, m.integers, m.digits, m.scale} {
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
	switch {
	case !m.digits.None():
		b.multiplyDigits(p, m, digits(w.Precision))
	case !m.integers.None():
		b.multiply16(p, m)
	default:
		p.packed = f32(m.floats)
		b.multiply(p)
	}
}

func i8(t tensor.Tensor) *C.int8_t   { return (*C.int8_t)(unsafe.Pointer(u8(t))) }
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
	b.cut(&p, b.mr, b.nr, min(int(p.k), b.kc)/2)
	b.check(C.imglish_product16(b.pool, b.isa, &p))
}

// digits of 8 bits that a tier's numbers have.
func digits(p tensor.Precision) int {
	if p == tensor.Fast {
		return 2
	}
	return 3
}

// Sizes of tiles: rows, and columns of a panel.
const tileRows, tileColumns = 16, 32

// digitise turns rows [n, k] into numbers of so many digits and their worth, in the arena.
func (b *backend) digitise(x *C.float, n, k, digits int) (d *C.int8_t, back *C.float) {
	ds := b.Temp(tensor.U8, int(C.imglish_digits_bytes(C.int64_t(n), C.int64_t(k), C.int32_t(digits))))
	backs := b.Temp(tensor.Float, n, int(C.imglish_blocks16(C.int64_t(k))))
	if b.err != nil {
		return nil, nil
	}
	d, back = i8(ds), f32(backs)
	b.check(C.imglish_cut(b.pool, b.isa, d, back, x, C.int64_t(n), C.int64_t(k), C.int32_t(digits)))
	return d, back
}

// prepareDigits: as prepare16.
func (b *backend) prepareDigits(m *prepared, w tensor.Tensor, out, in, digits int) {
	mark := b.Mark()
	defer b.Release(mark)
	wide, parts := blocks(out, tileColumns)*tileColumns, int(C.imglish_blocks16(C.int64_t(in)))
	m.digits = b.Alloc(tensor.U8, int(C.imglish_digits_bytes(C.int64_t(out), C.int64_t(in), C.int32_t(digits))))
	m.scale = b.Alloc(tensor.Float, wide*parts)
	d, back := b.digitise(f32(w), out, in, digits)
	if b.err != nil {
		return
	}
	b.check(C.imglish_pack_digits(b.pool, b.isa, i8(m.digits), f32(m.scale), d, back, C.int64_t(out), C.int64_t(in), C.int32_t(digits)))
}

func (b *backend) multiplyDigits(p C.struct_imglish_product, m *prepared, digits int) {
	mark := b.Mark()
	defer b.Release(mark)
	if p.xd, p.back = b.digitise(p.x, int(p.n), int(p.k), digits); b.err != nil {
		return
	}
	p.packedd, p.scale, p.digits = i8(m.digits), f32(m.scale), C.int32_t(digits)
	b.cut(&p, tileRows, tileColumns, min(int(p.k), b.kc)*digits/4)
	b.check(C.imglish_product_digits(b.pool, b.isa, &p))
}
