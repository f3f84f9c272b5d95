//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import (
	"unsafe"

	"github.com/imglish/imglish/tensor"
)

// packLimit bounds the packed right-hand side, in floats: what a third-level cache holds beside the rest. Wider ones
// (a vocabulary) are done in several strips of columns.
const packLimit = 2 << 20

// stripCache is what a strip of panels may take of a thread's second-level cache, in floats.
const stripCache = 128 << 10

func (b *backend) Linear(y, pre, x, w, bias tensor.Tensor, act tensor.Act) {
	n, in, out := tensor.CheckLinear(y, pre, x, w, bias, act)
	b.product(f32(y), f32(pre), f32(x), f32(w), f32(bias), n, in, out, true, act)
}

func (b *backend) LinearBackward(dx, dw, db, dy, pre, x, w tensor.Tensor, act tensor.Act) {
	n, in, out := tensor.CheckLinearBackward(dx, dw, db, dy, pre, x, w, act)
	if act != tensor.Identity {
		g, p := f32(dy), f32(pre)
		b.split(blocks(n*out, elements), elements*4, func(_ int, from, to C.int64_t) C.int32_t {
			return C.imglish_slope(b.isa, g, p, C.int32_t(act), from*elements, min(to*elements, C.int64_t(n*out)))
		})
	}
	if !dx.None() {
		b.product(f32(dx), nil, f32(dy), f32(w), nil, n, out, in, false, tensor.Identity)
	}
	if !dw.None() {
		b.gram(f32(dw), f32(dy), f32(x), n, in, out)
	}
	if !db.None() {
		b.columnSums(f32(db), f32(dy), n, out)
	}
}

// product: y = act(x·wᵀ + bias) for w [cols, k] (transposed), or x·w for w [k, cols].
//
//	y: [n, cols]   x: [n, k]
func (b *backend) product(y, pre, x, w, bias *C.float, n, k, cols int, transposed bool, act tensor.Act) {
	if n == 0 || cols == 0 || b.err != nil {
		return
	}
	strip := max(1, packLimit/max(1, k)/b.nr) * b.nr
	mark := b.Mark()
	defer b.Release(mark)
	packed := f32(b.Temp(tensor.Float, b.packedLen(min(strip, cols), k)))
	if b.err != nil {
		return
	}
	for c := 0; c < cols; c += strip {
		wide, flag, ldw, from := min(strip, cols-c), C.int32_t(0), cols, c
		if transposed {
			flag, ldw, from = 1, k, c*k
		}
		b.pack(packed, step(w, from), ldw, wide, k, flag)
		b.multiply(C.struct_imglish_product{y: step(y, c), pre: step(pre, c), ldy: C.int64_t(cols), x: x, packed: packed, bias: step(bias, c),
			n: C.int64_t(n), k: C.int64_t(k), cols: C.int64_t(wide), act: C.int32_t(act)})
	}
}

// packedLen is the floats that k·cols take when packed.
func (b *backend) packedLen(cols, k int) int { return max(1, k*blocks(cols, b.nr)*b.nr) }

func (b *backend) pack(packed, w *C.float, ldw, cols, k int, transposed C.int32_t) {
	if b.err != nil {
		return
	}
	b.check(C.imglish_pack(b.pool, b.isa, packed, w, C.int64_t(ldw), C.int64_t(cols), C.int64_t(k), transposed))
}

// step is p moved by n floats; nil stays nil.
func step(p *C.float, n int) *C.float {
	if p == nil {
		return nil
	}
	return (*C.float)(unsafe.Add(unsafe.Pointer(p), n*4))
}

// multiply runs a product of floats; it chooses the parts.
func (b *backend) multiply(p C.struct_imglish_product) {
	if !b.reserve(b.pr * b.kc) {
		return
	}
	b.cut(&p, b.mr, b.nr, min(int(p.k), b.kc))
	b.check(C.imglish_product(b.pool, b.isa, &p))
}

// cut chooses the parts of a product: rows tall, panels broad. The panels of a part stay in a thread's cache, where a
// column takes floats. Parts are about equal, and enough that no thread waits long for another's last one.
// Tiles have mr rows, panels nr columns.
func (b *backend) cut(p *C.struct_imglish_product, mr, nr, floats int) {
	n, panels := int(p.n), blocks(int(p.cols), nr)
	tall, broad := even(n, 10*mr, mr), even(panels, max(1, stripCache/(max(1, floats)*nr)), 1)
	for b.threads > 1 && blocks(n, tall)*blocks(panels, broad) < partsEach*b.threads {
		if broad > 2 {
			broad = even(panels, (broad+1)/2, 1)
		} else if tall > 2*mr {
			tall = even(n, tall/2, mr)
		} else {
			break
		}
	}
	p.tall, p.broad = C.int64_t(tall), C.int64_t(broad)
}

// partsEach is how many parts a thread should have of an op.
const partsEach = 12

// even is a size of at most most, rounded up to whole tiles, that cuts n into about equal parts.
func even(n, most, tile int) int {
	return max(1, blocks(blocks(n, max(1, blocks(n, most))), tile)) * tile
}

// gram: dw += dyᵀ·x. Threads share dw's tiles, each of which sums over all rows in order.
//
//	dw: [out, in]   dy: [n, out]   x: [n, in]
func (b *backend) gram(dw, dy, x *C.float, n, in, out int) {
	panels := blocks(in, b.nr)
	broad := min(panels, max(1, stripCache/(b.kc*b.nr)))
	parts := blocks(panels, broad)
	rowParts := 1
	if b.threads > 1 {
		rowParts = min(blocks(out, b.mr), blocks(2*b.threads, parts))
	}
	tall := blocks(blocks(out, rowParts), b.mr) * b.mr
	if rowParts = blocks(out, tall); n == 0 || b.err != nil || !b.reserve((8*b.pr+broad*b.nr)*b.kc) {
		return
	}
	b.check(C.imglish_gram(b.pool, b.isa, dw, dy, x, C.int64_t(n), C.int64_t(in), C.int64_t(out), C.int64_t(tall), C.int64_t(broad)))
}

// columnSums: y += Σ_i x[i].   y: [d]   x: [n, d]
func (b *backend) columnSums(y, x *C.float, n, d int) {
	b.partials(n, d, []*C.float{y}, 1, func(partial *C.float, from, to C.int64_t) C.int32_t {
		return C.imglish_column_sums(b.isa, partial, x, C.int64_t(n), C.int64_t(d), from, to)
	})
}

// partials lets work write sums for each block of rows, [len(ys)·d] a block, and adds them in order to ys (nil ones are
// left out). cost is the steps for an element.
func (b *backend) partials(n, d int, ys []*C.float, cost int, work func(partial *C.float, from, to C.int64_t) C.int32_t) {
	mark := b.Mark()
	defer b.Release(mark)
	count, stride := blocks(n, C.IMGLISH_BLOCK), len(ys)*d
	partial := f32(b.Temp(tensor.Float, count, stride))
	b.split(count, C.IMGLISH_BLOCK*d*cost, func(_ int, from, to C.int64_t) C.int32_t { return work(partial, from, to) })
	for k, y := range ys {
		if y != nil {
			b.split(blocks(d, 64), 64*count, func(_ int, from, to C.int64_t) C.int32_t {
				return C.imglish_add_partials(b.isa, y, step(partial, k*d), C.int64_t(count), C.int64_t(stride), from*64, min(to*64, C.int64_t(d)))
			})
		}
	}
}
