//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import (
	"sync/atomic"

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

// reserve gives every thread of the pool floats of scratch memory; false if there is no memory.
func (b *backend) reserve(floats int) bool {
	if b.err == nil {
		b.check(C.imglish_pool_reserve(b.pool, C.int64_t(floats)))
	}
	return b.err == nil
}

// blocks is the number of blocks of size that n rows or elements make.
func blocks(n, size int) int { return (n + size - 1) / size }
