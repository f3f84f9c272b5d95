package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/imglish/imglish/tensor"
)

// DType is the type of a stored element, named as safetensors names it.
type DType string

const (
	F64  DType = "F64"
	F32  DType = "F32"
	F16  DType = "F16"
	BF16 DType = "BF16"
	I64  DType = "I64"
	I32  DType = "I32"
	I16  DType = "I16"
	I8   DType = "I8"
	U8   DType = "U8"
	Bool DType = "BOOL"
)

// Size is the number of bytes of one element, 0 for a type that this package does not know.
func (d DType) Size() int {
	switch d {
	case F64, I64:
		return 8
	case F32, I32:
		return 4
	case F16, BF16, I16:
		return 2
	case I8, U8, Bool:
		return 1
	}
	return 0
}

// decodeFloats converts little-endian elements to float32, rounding to nearest where float32 is the narrower type.
func decodeFloats(dst []float32, src []byte, d DType) error {
	le := binary.LittleEndian
	switch d {
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(src[4*i:]))
		}
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(src[8*i:])))
		}
	case F16:
		for i := range dst {
			dst[i] = tensor.FromF16(le.Uint16(src[2*i:]))
		}
	case BF16:
		for i := range dst {
			dst[i] = tensor.FromBF16(le.Uint16(src[2*i:]))
		}
	default:
		for i := range dst {
			v, ok := intAt(src, i, d)
			if !ok {
				return fmt.Errorf("elements of type %s cannot be read as numbers", d)
			}
			dst[i] = float32(v)
		}
	}
	return nil
}

// decodeInts converts little-endian integers and booleans to int64.
func decodeInts(dst []int64, src []byte, d DType) error {
	for i := range dst {
		v, ok := intAt(src, i, d)
		if !ok {
			return fmt.Errorf("elements of type %s are not integers", d)
		}
		dst[i] = v
	}
	return nil
}

func intAt(src []byte, i int, d DType) (int64, bool) {
	le := binary.LittleEndian
	switch d {
	case I64:
		return int64(le.Uint64(src[8*i:])), true
	case I32:
		return int64(int32(le.Uint32(src[4*i:]))), true
	case I16:
		return int64(int16(le.Uint16(src[2*i:]))), true
	case I8:
		return int64(int8(src[i])), true
	case U8:
		return int64(src[i]), true
	case Bool:
		if src[i] != 0 {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}
