package tensor

import "fmt"

// CheckTransfer holds the contract of the Upload and Download ops: t has dtype dt (or 16 bits where that is U16) and n
// elements.
func CheckTransfer(op string, t Tensor, dt DType, n int) {
	fits := t.DType == dt || dt == U16 && (t.DType == BF16 || t.DType == F16)
	if t.None() || !fits || t.Len() != n {
		panic(fmt.Sprintf("tensor: %s: tensor is %v, slice is %v[%d]", op, t, dt, n))
	}
}

func (r *Reference[F]) Upload(t Tensor, src []float32) {
	CheckTransfer("Upload", t, Float, len(src))
	for i, y := 0, r.f(t); i < len(y); i++ {
		y[i] = F(src[i])
	}
}

func (r *Reference[F]) UploadF64(t Tensor, src []float64) {
	CheckTransfer("UploadF64", t, Float, len(src))
	for i, y := 0, r.f(t); i < len(y); i++ {
		y[i] = F(src[i])
	}
}

func (r *Reference[F]) UploadU8(t Tensor, src []uint8) {
	CheckTransfer("UploadU8", t, U8, len(src))
	copy(r.u8(t), src)
}

func (r *Reference[F]) UploadU16(t Tensor, src []uint16) {
	CheckTransfer("UploadU16", t, U16, len(src))
	copy(r.u16(t), src)
}

func (r *Reference[F]) UploadI32(t Tensor, src []int32) {
	CheckTransfer("UploadI32", t, I32, len(src))
	copy(r.i32(t), src)
}

func (r *Reference[F]) Download(dst []float32, t Tensor) {
	CheckTransfer("Download", t, Float, len(dst))
	for i, x := range r.f(t) {
		dst[i] = float32(x)
	}
}

func (r *Reference[F]) DownloadF64(dst []float64, t Tensor) {
	CheckTransfer("DownloadF64", t, Float, len(dst))
	for i, x := range r.f(t) {
		dst[i] = float64(x)
	}
}

func (r *Reference[F]) DownloadI32(dst []int32, t Tensor) {
	CheckTransfer("DownloadI32", t, I32, len(dst))
	copy(dst, r.i32(t))
}

func (r *Reference[F]) DownloadU16(dst []uint16, t Tensor) {
	CheckTransfer("DownloadU16", t, U16, len(dst))
	copy(dst, r.u16(t))
}
