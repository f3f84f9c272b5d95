package tensor

import "fmt"

func CheckCast(y, x Tensor) (n int) {
	half := func(t Tensor) bool { return t.DType == BF16 || t.DType == F16 }
	if y.None() || x.None() || y.Len() != x.Len() || !(y.DType == Float && half(x) || half(y) && x.DType == Float) {
		panic(fmt.Sprintf("tensor: Cast: y is %v, x is %v, want float and bf16 or f16 of one length", y, x))
	}
	return x.Len()
}

// Cast goes by way of float32 in either precision.
func (r *Reference[F]) Cast(y, x Tensor) {
	CheckCast(y, x)
	switch {
	case x.DType == BF16:
		widen(r.f(y), r.u16(x), FromBF16)
	case x.DType == F16:
		widen(r.f(y), r.u16(x), FromF16)
	case y.DType == BF16:
		narrow(r.u16(y), r.f(x), ToBF16)
	case y.DType == F16:
		narrow(r.u16(y), r.f(x), ToF16)
	}
}

func widen[F Real](y []F, x []uint16, f func(uint16) float32) {
	for i, v := range x {
		y[i] = F(f(v))
	}
}

func narrow[F Real](y []uint16, x []F, f func(float32) uint16) {
	for i, v := range x {
		y[i] = f(float32(v))
	}
}
