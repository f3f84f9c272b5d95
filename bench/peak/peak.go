// Package peak measures what a processor can do at most: multiply-accumulates a second of one instruction that works on
// registers alone, without a single load. No matrix product can be faster with that instruction, so its share of this says
// how much is left to gain.
package peak

import (
	"sync/atomic"
	"time"

	"github.com/sourcegraph/conc"
)

// Kind is an instruction for products of one precision.
type Kind int

// What is measured, where the processor has it.
const (
	FloatAVX2   Kind = iota // vfmadd231ps, 8 products
	FloatAVX512             // vfmadd231ps, 16 products
	BF16AVX512              // vdpbf16ps, 32 products of bfloat16, sums in float32
	Int16AVX2               // vpmaddwd and vpaddd, 16 products
	Int16AVX512             // vpdpwssd, 32 products
	Int8AVX512              // vpdpbusd, 64 products
	BF16AMX                 // tdpbf16ps, 8,192 products
	Int8AMX                 // tdpbssd, 16,384 products
	kinds
)

func (k Kind) String() string {
	return [...]string{"float32 AVX2", "float32 AVX-512", "bfloat16 AVX-512", "int16 AVX2", "int16 AVX-512 VNNI", "int8 AVX-512 VNNI",
		"bfloat16 AMX", "int8 AMX"}[k]
}

// All lists what this processor has and this build can measure.
func All() []Kind {
	var out []Kind
	for k := range kinds {
		if has(k) {
			out = append(out, k)
		}
	}
	return out
}

// Rate is the multiply-accumulates a second of so many threads together. It takes about as long as it is told to.
func Rate(k Kind, threads int, took time.Duration) float64 {
	burst := int64(1 << 20) // 1 to 3 ms
	if k == BF16AMX || k == Int8AMX {
		burst = 1 << 15
	}
	var done atomic.Int64
	start := time.Now()
	var group conc.WaitGroup
	for range threads {
		group.Go(func() {
			for time.Since(start) < took {
				done.Add(multiply(k, burst))
			}
		})
	}
	group.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}
