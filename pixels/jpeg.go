//go:build cgo

package pixels

// #cgo CFLAGS: -O2
// #cgo pkg-config: libjpeg
// #include "jpeg.h"
import "C"

import (
	"bytes"
	"fmt"
	"sync"
	"unsafe"
)

// decodeJPEG decodes a file whose header says w×h.
func decodeJPEG(data []byte, w, h int) (*Image, error) {
	im := New(w, h)
	var message [C.IMGLISH_JPEG_MESSAGE]C.char
	status := C.imglish_jpeg_decode(
		(*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(data))), C.int64_t(len(data)),
		(*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(im.Pix))), C.int32_t(w), C.int32_t(h), &message[0])
	if status != C.IMGLISH_JPEG_OK {
		return nil, jpegError(status, C.GoString(&message[0]))
	}
	return im, nil
}

func jpegError(status C.int32_t, message string) error {
	switch status {
	case C.IMGLISH_JPEG_TRUNCATED:
		return ErrTruncated
	case C.IMGLISH_JPEG_UNSUPPORTED:
		return fmt.Errorf("%w: %s", ErrUnsupported, message)
	case C.IMGLISH_JPEG_SIZE:
		return fmt.Errorf("%w: two sizes in one file", ErrCorrupt)
	}
	return fmt.Errorf("%w: %s", ErrCorrupt, message)
}

// encodeBuffers holds output buffers, since the bound on a file's size is many times its usual size.
var encodeBuffers = sync.Pool{New: func() any { return new([]byte) }}

// EncodeJPEG encodes a picture as a baseline JFIF file without metadata. The same pixels give the same bytes for the
// same libjpeg-turbo.
//
//	quality: 1..100, the scale of the Independent JPEG Group
//	sub444:  full chroma resolution (4:4:4); otherwise chroma is halved both ways (4:2:0)
func EncodeJPEG(im *Image, quality int, sub444 bool) ([]byte, error) {
	if quality < 1 || quality > 100 {
		return nil, fmt.Errorf("encode jpeg: quality %d is not in 1..100", quality)
	}
	if im.W < 1 || im.H < 1 || im.W > 65500 || im.H > 65500 || len(im.Pix) != 3*im.W*im.H {
		return nil, fmt.Errorf("encode jpeg: picture of %d×%d with %d bytes", im.W, im.H, len(im.Pix))
	}
	// No block of 64 samples takes more than 2 bytes a sample, apart from headers.
	capBytes := 6*((im.W+15)&^15)*((im.H+15)&^15) + 4096
	buf := encodeBuffers.Get().(*[]byte)
	defer encodeBuffers.Put(buf)
	if len(*buf) < capBytes {
		*buf = make([]byte, capBytes)
	}
	var full C.int32_t
	if sub444 {
		full = 1
	}
	var n C.int64_t
	var message [C.IMGLISH_JPEG_MESSAGE]C.char
	status := C.imglish_jpeg_encode(
		(*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(im.Pix))), C.int32_t(im.W), C.int32_t(im.H), C.int32_t(quality), full,
		(*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(*buf))), C.int64_t(len(*buf)), &n, &message[0])
	if status != C.IMGLISH_JPEG_OK {
		return nil, fmt.Errorf("encode jpeg: status %d: %s", status, C.GoString(&message[0]))
	}
	return bytes.Clone((*buf)[:n]), nil
}

// JPEGVersion names the JPEG library that this program was built with.
func JPEGVersion() string { return C.GoString(C.imglish_jpeg_version()) }
