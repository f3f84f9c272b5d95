//go:build cgo

package cpu

import "github.com/imglish/imglish/tensor"

func (b *backend) Upload(t tensor.Tensor, src []float32) {
	tensor.CheckTransfer("Upload", t, tensor.Float, len(src))
	copy(view[float32](b, t), src)
}

func (b *backend) UploadF64(t tensor.Tensor, src []float64) {
	tensor.CheckTransfer("UploadF64", t, tensor.Float, len(src))
	for i, y := 0, view[float32](b, t); i < len(y); i++ {
		y[i] = float32(src[i])
	}
}

func (b *backend) UploadU8(t tensor.Tensor, src []uint8) {
	tensor.CheckTransfer("UploadU8", t, tensor.U8, len(src))
	copy(view[uint8](b, t), src)
}

func (b *backend) UploadU16(t tensor.Tensor, src []uint16) {
	tensor.CheckTransfer("UploadU16", t, tensor.U16, len(src))
	copy(view[uint16](b, t), src)
}

func (b *backend) UploadI32(t tensor.Tensor, src []int32) {
	tensor.CheckTransfer("UploadI32", t, tensor.I32, len(src))
	copy(view[int32](b, t), src)
}

func (b *backend) Download(dst []float32, t tensor.Tensor) {
	tensor.CheckTransfer("Download", t, tensor.Float, len(dst))
	copy(dst, view[float32](b, t))
}

func (b *backend) DownloadF64(dst []float64, t tensor.Tensor) {
	tensor.CheckTransfer("DownloadF64", t, tensor.Float, len(dst))
	for i, v := range view[float32](b, t) {
		dst[i] = float64(v)
	}
}

func (b *backend) DownloadI32(dst []int32, t tensor.Tensor) {
	tensor.CheckTransfer("DownloadI32", t, tensor.I32, len(dst))
	copy(dst, view[int32](b, t))
}

func (b *backend) DownloadU16(dst []uint16, t tensor.Tensor) {
	tensor.CheckTransfer("DownloadU16", t, tensor.U16, len(dst))
	copy(dst, view[uint16](b, t))
}

func (b *backend) Zero(t tensor.Tensor) {
	switch t.DType {
	case tensor.Float:
		clear(view[float32](b, t))
	case tensor.U8:
		clear(view[uint8](b, t))
	case tensor.U16, tensor.BF16, tensor.F16:
		clear(view[uint16](b, t))
	case tensor.I32:
		clear(view[int32](b, t))
	}
}

func (b *backend) Copy(y, x tensor.Tensor) {
	tensor.CheckCopy(y, x)
	switch x.DType {
	case tensor.Float:
		copy(view[float32](b, y), view[float32](b, x))
	case tensor.U8:
		copy(view[uint8](b, y), view[uint8](b, x))
	case tensor.U16, tensor.BF16, tensor.F16:
		copy(view[uint16](b, y), view[uint16](b, x))
	case tensor.I32:
		copy(view[int32](b, y), view[int32](b, x))
	}
}
