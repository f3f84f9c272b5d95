package tensor

import (
	"fmt"
	"math"
	"runtime"

	"github.com/sourcegraph/conc"
)

// Real is the working precision of the reference.
type Real interface{ float32 | float64 }

// Reference is the definition of every op in plain loops, to be checked by eye: tests compare the other backends with
// it, and it serves where no C compiler is at hand. Ops run when called; one goroutine at a time may use it.
type Reference[F Real] struct {
	threads int
	temps   []*goBuffer[F]
}

// goBuffer holds one allocation; exactly one slice is in use.
type goBuffer[F Real] struct {
	f   []F
	u8  []uint8
	u16 []uint16
	i32 []int32
}

// NewReference gives the plain Go backend on all processors.
func NewReference[F Real]() Backend { return NewReferenceThreads[F](runtime.GOMAXPROCS(0)) }

// NewReferenceThreads gives the plain Go backend on the given number of threads. No result depends on it.
func NewReferenceThreads[F Real](threads int) Backend { return &Reference[F]{threads: max(1, threads)} }

func (r *Reference[F]) Name() string {
	var f F
	return fmt.Sprintf("go %T", f)
}

func newGoBuffer[F Real](dt DType, n int) *goBuffer[F] {
	switch dt {
	case Float:
		return &goBuffer[F]{f: make([]F, n)}
	case U8:
		return &goBuffer[F]{u8: make([]uint8, n)}
	case U16, BF16, F16:
		return &goBuffer[F]{u16: make([]uint16, n)}
	case I32:
		return &goBuffer[F]{i32: make([]int32, n)}
	}
	panic(fmt.Sprintf("tensor: alloc of %v", dt))
}

func (r *Reference[F]) Alloc(dt DType, shape ...int) Tensor {
	t := Tensor{Shape: append([]int(nil), shape...), DType: dt}
	t.Buf = newGoBuffer[F](dt, t.Len())
	return t
}

// Free drops the memory; a later use of t panics.
func (r *Reference[F]) Free(t Tensor) { *t.Buf.(*goBuffer[F]) = goBuffer[F]{} }

func (r *Reference[F]) Mark() int { return len(r.temps) }

// Temp fills float memory with NaN, so that code that counts on zeroes is found here and not on a device.
func (r *Reference[F]) Temp(dt DType, shape ...int) Tensor {
	t := r.Alloc(dt, shape...)
	b := t.Buf.(*goBuffer[F])
	for i := range b.f {
		b.f[i] = F(math.NaN())
	}
	r.temps = append(r.temps, b)
	return t
}

func (r *Reference[F]) Release(mark int) {
	for i := mark; i < len(r.temps); i++ {
		*r.temps[i] = goBuffer[F]{} // a later use panics
		r.temps[i] = nil
	}
	r.temps = r.temps[:mark]
}

func (r *Reference[F]) Sync() error  { return nil }
func (r *Reference[F]) Close() error { return nil }

// f is the elements of t as a slice; none gives nil.
func (r *Reference[F]) f(t Tensor) []F {
	if t.None() {
		return nil
	}
	return t.Buf.(*goBuffer[F]).f[t.Off : t.Off+t.Len()]
}

func (r *Reference[F]) u8(t Tensor) []uint8 {
	return t.Buf.(*goBuffer[F]).u8[t.Off : t.Off+t.Len()]
}

func (r *Reference[F]) u16(t Tensor) []uint16 {
	return t.Buf.(*goBuffer[F]).u16[t.Off : t.Off+t.Len()]
}

func (r *Reference[F]) i32(t Tensor) []int32 {
	return t.Buf.(*goBuffer[F]).i32[t.Off : t.Off+t.Len()]
}

// row is row i of x, which has rows of d elements.
func row[F any](x []F, i, d int) []F { return x[i*d : (i+1)*d] }

// each calls f(i) for i in [0, n), on several threads if n·cost elementary steps are worth it. f writes only what
// belongs to i, so the number of threads cannot show in the result.
func (r *Reference[F]) each(n, cost int, f func(i int)) {
	if r.threads == 1 || n < 2 || n*cost < 1<<16 {
		for i := range n {
			f(i)
		}
		return
	}
	var wg conc.WaitGroup
	for t := range r.threads {
		from, to := n*t/r.threads, n*(t+1)/r.threads
		wg.Go(func() {
			for i := from; i < to; i++ {
				f(i)
			}
		})
	}
	wg.Wait()
}
