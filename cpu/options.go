package cpu

import (
	"fmt"
	"runtime"

	"github.com/imglish/imglish/tensor"
)

// ISA is an instruction set that kernels exist for.
type ISA int32

const (
	Best    ISA = -1 // the best that the processor has
	Generic ISA = 0  // plain C
	AVX2    ISA = 1  // with FMA
	AVX512  ISA = 2  // F, BW, VL and DQ
	VNNI    ISA = 3  // AVX512 with dot products of integers
	AMX     ISA = 4  // VNNI with tiles of bytes, where the system lets this process use them
)

func (i ISA) String() string {
	switch i {
	case Best:
		return "best"
	case Generic:
		return "generic"
	case AVX2:
		return "avx2"
	case AVX512:
		return "avx512"
	case VNNI:
		return "avx512-vnni"
	case AMX:
		return "amx"
	}
	return fmt.Sprintf("ISA(%d)", int32(i))
}

// ParseISA reads a name as String prints it.
func ParseISA(name string) (ISA, error) {
	for _, i := range []ISA{Best, Generic, AVX2, AVX512, VNNI, AMX} {
		if i.String() == name {
			return i, nil
		}
	}
	return Best, fmt.Errorf("cpu: unknown instruction set %q, want best, generic, avx2, avx512, avx512-vnni or amx", name)
}

// Options of a backend.
type Options struct {
	Threads int // 0 means one for each processor that Go may use
	ISA     ISA
}

// Defaults uses the whole machine: no result depends on the number of threads.
func Defaults() Options { return Options{Threads: 0, ISA: Best} }

// Validate checks the ranges, not what this processor has.
func (o Options) Validate() error {
	if o.Threads < 0 {
		return fmt.Errorf("cpu: %d threads", o.Threads)
	}
	if o.ISA < Best || o.ISA > AMX {
		return fmt.Errorf("cpu: unknown instruction set %d", int32(o.ISA))
	}
	return nil
}

// New gives a backend with the processor's best instructions; threads 0 means one for each processor.
func New(threads int) (tensor.Backend, error) { return NewWith(Options{Threads: threads, ISA: Best}) }

func (o Options) threads() int {
	if o.Threads == 0 {
		return runtime.GOMAXPROCS(0)
	}
	return o.Threads
}
