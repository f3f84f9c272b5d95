//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import (
	"math"
	"unsafe"

	"github.com/imglish/imglish/tensor"
)

// elements is the unit in which loops over elements are shared: whole cache lines.
const elements = 1024

// flat shares a loop over n elements.
func (b *backend) flat(n, cost int, work func(from, to C.int64_t) C.int32_t) {
	b.split(blocks(n, elements), elements*cost, func(_ int, from, to C.int64_t) C.int32_t {
		return work(from*elements, min(to*elements, C.int64_t(n)))
	})
}

// rows shares a loop over n rows of d elements.
func (b *backend) rows(n, d, cost int, work func(from, to C.int64_t) C.int32_t) {
	b.split(n, d*cost, func(_ int, from, to C.int64_t) C.int32_t { return work(from, to) })
}

func (b *backend) Scale(y, x tensor.Tensor, a float64) {
	n := tensor.CheckScale(y, x)
	ys, xs := f32(y), f32(x)
	b.flat(n, 1, func(from, to C.int64_t) C.int32_t { return C.imglish_scale(b.isa, ys, xs, C.double(a), from, to) })
}

func (b *backend) Add(y, u, v tensor.Tensor) {
	n := tensor.CheckAdd(y, u, v)
	ys, us, vs := f32(y), f32(u), f32(v)
	b.flat(n, 1, func(from, to C.int64_t) C.int32_t { return C.imglish_add(b.isa, ys, us, vs, from, to) })
}

func (b *backend) AddRows(y, x, rowFactor tensor.Tensor) {
	n, d := tensor.CheckAddRows(y, x, rowFactor)
	if rowFactor.None() {
		b.Add(y, y, x)
		return
	}
	b.scaleRows(y, x, rowFactor, n, d, true)
}

func (b *backend) ScaleRows(y, x, rowFactor tensor.Tensor) {
	n, d := tensor.CheckAddRows(y, x, rowFactor)
	if rowFactor.None() {
		b.Copy(y, x)
		return
	}
	b.scaleRows(y, x, rowFactor, n, d, false)
}

func (b *backend) scaleRows(y, x, rowFactor tensor.Tensor, n, d int, add bool) {
	ys, xs, fs := f32(y), f32(x), f32(rowFactor)
	b.rows(n, d, 1, func(from, to C.int64_t) C.int32_t {
		return C.imglish_scale_rows(b.isa, ys, xs, fs, truth(add), C.int64_t(d), from, to)
	})
}

func (b *backend) AdamWStep(p, m, v, g, factor tensor.Tensor, h tensor.AdamW) {
	n := tensor.CheckAdamWStep(p, m, v, g, factor, h)
	ps, ms, vs, gs, fs := f32(p), f32(m), f32(v), f32(g), f32(factor)
	step := h.LR / (1 - math.Pow(h.Beta1, float64(h.Step)))
	root := math.Sqrt(1 - math.Pow(h.Beta2, float64(h.Step)))
	b.flat(n, 4, func(from, to C.int64_t) C.int32_t {
		return C.imglish_adamw(b.isa, ps, ms, vs, gs, fs, C.double(1-h.LR*h.WeightDecay), C.double(step), C.double(root), C.double(h.Beta1),
			C.double(h.Beta2), C.double(h.Eps), from, to)
	})
}

func (b *backend) Sum(out, x tensor.Tensor) {
	n := tensor.CheckSum(out, x)
	if sum := b.sum(f32(x), nil, n); b.err == nil {
		view[float32](b, out)[0] = float32(sum)
	}
}

func (b *backend) SumSquares(out, x tensor.Tensor) {
	n := tensor.CheckSum(out, x)
	if sum := b.sum(f32(x), f32(x), n); b.err == nil {
		view[float32](b, out)[0] += float32(sum)
	}
}

// sum of x, or of x·y where y is given: blocks of elements, each on its own, then the blocks' sums in order.
func (b *backend) sum(x, y *C.float, n int) (sum float64) {
	mark := b.Mark()
	defer b.Release(mark)
	count := blocks(n, C.IMGLISH_CHUNK)
	partial := unsafe.Pointer(f32(b.Temp(tensor.Float, 2*count)))
	b.split(count, C.IMGLISH_CHUNK, func(_ int, from, to C.int64_t) C.int32_t {
		return C.imglish_sum(b.isa, (*C.double)(partial), x, y, C.int64_t(n), from, to)
	})
	if b.err != nil {
		return 0
	}
	for _, v := range unsafe.Slice((*float64)(partial), count) {
		sum += v
	}
	return sum
}

func (b *backend) ScaleExp(y, x, s tensor.Tensor) {
	tensor.CheckScaleExp(y, x, s)
	if b.err == nil {
		b.Scale(y, x, b.exp(s))
	}
}

func (b *backend) ScaleExpBackward(dx, ds, dy, y, s tensor.Tensor) {
	n := tensor.CheckScaleExpBackward(dx, ds, dy, y, s)
	if sum := b.sum(f32(dy), f32(y), n); b.err == nil { // first: dx may be dy
		view[float32](b, ds)[0] += float32(sum)
		b.Scale(dx, dy, b.exp(s))
	}
}

func (b *backend) exp(s tensor.Tensor) float64 { return math.Exp(float64(view[float32](b, s)[0])) }

func (b *backend) ClipFactor(factor, sumSquares tensor.Tensor, maxNorm float64) {
	tensor.CheckClipFactor(factor, sumSquares)
	if b.err != nil {
		return
	}
	s, f := float64(view[float32](b, sumSquares)[0]), view[float32](b, factor)
	switch {
	case math.IsNaN(s) || math.IsInf(s, 0):
		f[0] = 0
	case maxNorm <= 0:
		f[0] = 1
	default:
		f[0] = float32(min(1, maxNorm/(math.Sqrt(s)+1e-6)))
	}
}
