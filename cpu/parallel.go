//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import (
	"sync/atomic"
	"unsafe"

	"github.com/sourcegraph/conc"
)

// shareCost is the least work, in elementary steps of some 0.1 ns to 1 ns, that is worth a thread's wake-up (about 5 µs).
const shareCost = 1 << 15

// split calls work for parts that together are [0, units), on as many threads as cost steps a unit are worth. The parts
// carry no meaning: kernels give the same bits however the units are cut. worker numbers the thread that runs a part.
func (b *backend) split(units, cost int, work func(worker int, from, to C.int64_t) C.int32_t) {
	if b.err != nil || units == 0 {
		return
	}
	grain := max(1, shareCost/max(1, cost))
	threads := min(b.threads, (units+grain-1)/grain)
	if threads == 1 {
		b.check(work(0, 0, C.int64_t(units)))
		return
	}
	grain = max(grain, units/(threads*8)) // several parts a thread: the last ones end about together
	var next atomic.Int64
	var bad atomic.Int32
	loop := func(worker int) {
		for {
			from := int(next.Add(int64(grain))) - grain
			if from >= units {
				return
			}
			if s := work(worker, C.int64_t(from), C.int64_t(min(from+grain, units))); s != C.IMGLISH_OK {
				bad.Store(int32(s))
			}
		}
	}
	var wg conc.WaitGroup
	for w := 1; w < threads; w++ {
		wg.Go(func() { loop(w) })
	}
	loop(0)
	wg.Wait()
	b.check(C.int32_t(bad.Load()))
}

func (b *backend) check(s C.int32_t) {
	if err := status(s); err != nil {
		b.fail(err)
	}
}

// reserve gives every thread floats of scratch memory, kept for later calls; false if there is no memory.
func (b *backend) reserve(floats int) bool {
	for i := range b.scratch {
		s := &b.scratch[i]
		if s.floats >= floats {
			continue
		}
		C.imglish_free(s.p)
		*s = scratch{p: b.alloc(floats*4, false), floats: floats}
		if s.p == nil {
			s.floats = 0
		}
	}
	return b.err == nil
}

func (b *backend) scratchOf(worker int) *C.float {
	return (*C.float)(unsafe.Pointer(b.scratch[worker].p))
}

// blocks is the number of blocks of size that n rows or elements make.
func blocks(n, size int) int { return (n + size - 1) / size }
