//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/imglish/imglish/tensor"
)

// buffer is one allocation in C memory. p is nil where there was no memory (the backend's error says so).
type buffer struct {
	p    unsafe.Pointer
	n    int // elements
	gone bool
}

func width(dt tensor.DType) int {
	switch dt {
	case tensor.Float, tensor.I32:
		return 4
	case tensor.U16, tensor.BF16, tensor.F16:
		return 2
	case tensor.U8:
		return 1
	}
	panic(fmt.Sprintf("cpu: dtype %v", dt))
}

// handle makes the tensor for a buffer of the given shape.
func handle(dt tensor.DType, shape []int) (tensor.Tensor, *buffer) {
	t := tensor.Tensor{Shape: append([]int(nil), shape...), DType: dt}
	buf := &buffer{n: t.Len()}
	t.Buf = buf
	return t, buf
}

func (b *backend) Alloc(dt tensor.DType, shape ...int) tensor.Tensor {
	t, buf := handle(dt, shape)
	buf.p = b.alloc(buf.n*width(dt), true)
	b.live[buf] = struct{}{}
	return t
}

// alloc returns C memory, or nil and keeps the error.
func (b *backend) alloc(bytes int, zeroed bool) unsafe.Pointer {
	if b.err != nil {
		return nil
	}
	p := C.imglish_alloc(C.int64_t(bytes), truth(zeroed))
	if p == nil {
		b.fail(fmt.Errorf("cpu: out of memory: %d bytes asked for", bytes))
	}
	return p
}

func (b *backend) Free(t tensor.Tensor) {
	buf := t.Buf.(*buffer)
	if buf.gone {
		panic(fmt.Sprintf("cpu: %v freed twice", t))
	}
	b.free(buf)
}

func (b *backend) free(buf *buffer) {
	C.imglish_free(buf.p)
	buf.p, buf.gone = nil, true
	delete(b.live, buf)
}

// at is the address of t's first element; none gives nil.
func at(t tensor.Tensor) unsafe.Pointer {
	if t.None() {
		return nil
	}
	buf := t.Buf.(*buffer)
	if buf.gone || t.Off < 0 || t.Off+t.Len() > buf.n {
		panic(fmt.Sprintf("cpu: tensor %v at %d is outside its memory of %d elements (freed: %v)", t, t.Off, buf.n, buf.gone))
	}
	return unsafe.Add(buf.p, t.Off*width(t.DType))
}

func f32(t tensor.Tensor) *C.float   { return (*C.float)(at(t)) }
func i32(t tensor.Tensor) *C.int32_t { return (*C.int32_t)(at(t)) }
func u8(t tensor.Tensor) *C.uint8_t  { return (*C.uint8_t)(at(t)) }
func u16(t tensor.Tensor) *C.uint16_t {
	return (*C.uint16_t)(at(t))
}

// view is t's memory as a Go slice, valid until it is freed; nil after an error.
func view[T float32 | uint8 | uint16 | int32](b *backend, t tensor.Tensor) []T {
	p := at(t)
	if b.err != nil || p == nil {
		return nil
	}
	return unsafe.Slice((*T)(p), t.Len())
}

// arenaChunk is the least that the arena asks for at once: the temporaries of a small model fit in one.
const arenaChunk = 32 << 20

// arena hands out memory from chunks, in the manner of a stack. Chunks stay until Close: a training loop asks the
// system for memory in its first step only.
type arena struct {
	chunks []chunk
	temps  []temp // those alive, oldest first
	chunk  int    // chunk in use
	used   int    // bytes of it
}

type chunk struct {
	p    unsafe.Pointer
	size int
}

// temp remembers where the arena stood before it.
type temp struct {
	buf         *buffer
	chunk, used int
}

func (b *backend) Mark() int { return len(b.arena.temps) }

func (b *backend) Temp(dt tensor.DType, shape ...int) tensor.Tensor {
	t, buf := handle(dt, shape)
	a := &b.arena
	before := temp{buf, a.chunk, a.used}
	bytes := (buf.n*width(dt) + 127) &^ 63 // whole lines, and one between neighbours
	for a.chunk < len(a.chunks) && a.used+bytes > a.chunks[a.chunk].size {
		a.chunk, a.used = a.chunk+1, 0
	}
	if a.chunk == len(a.chunks) {
		size := max(bytes, arenaChunk)
		p := b.alloc(size, false)
		if p == nil {
			a.chunk, a.used = before.chunk, before.used
			a.temps = append(a.temps, before)
			return t
		}
		a.chunks = append(a.chunks, chunk{p, size})
		a.used = 0
	}
	buf.p = unsafe.Add(a.chunks[a.chunk].p, a.used)
	a.used += bytes
	a.temps = append(a.temps, before)
	return t
}

func (b *backend) Release(mark int) {
	a := &b.arena
	if mark < 0 || mark > len(a.temps) {
		panic(fmt.Sprintf("cpu: Release(%d) with %d temporaries", mark, len(a.temps)))
	}
	if mark == len(a.temps) {
		return
	}
	a.chunk, a.used = a.temps[mark].chunk, a.temps[mark].used
	for i := mark; i < len(a.temps); i++ {
		a.temps[i].buf.p, a.temps[i].buf.gone = nil, true
		a.temps[i].buf = nil
	}
	a.temps = a.temps[:mark]
}

func (a *arena) close() {
	for _, c := range a.chunks {
		C.imglish_free(c.p)
	}
	for _, t := range a.temps {
		t.buf.p, t.buf.gone = nil, true
	}
	*a = arena{}
}
