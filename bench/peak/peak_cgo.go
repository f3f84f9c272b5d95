//go:build cgo && amd64

package peak

// #include "peak.h"
import "C"

import (
	"golang.org/x/sys/cpu"

	kernels "github.com/imglish/imglish/cpu"
)

func has(k Kind) bool {
	switch x := cpu.X86; k {
	case FloatAVX2, Int16AVX2:
		return x.HasAVX2 && x.HasFMA
	case FloatAVX512:
		return x.HasAVX512F
	case BF16AVX512:
		return x.HasAVX512BF16
	case Int16AVX512, Int8AVX512:
		return x.HasAVX512VNNI
	case BF16AMX:
		return x.HasAMXBF16 && kernels.Has(kernels.AMX)
	case Int8AMX:
		return kernels.Has(kernels.AMX) // the system was asked for tiles
	}
	return false
}

// multiply runs the instruction's loop and says how many multiply-accumulates that was.
func multiply(k Kind, times int64) int64 {
	return int64(C.imglish_peak(C.int32_t(k), C.int64_t(times)))
}
