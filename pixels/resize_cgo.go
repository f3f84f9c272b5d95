//go:build cgo

package pixels

// #include "resize.h"
import "C"

import "unsafe"

// variant is what resize.c takes as generic.
func variant() C.int32_t {
	if portable {
		return 1
	}
	return 0
}

func cBytes(b []uint8) *C.uint8_t { return (*C.uint8_t)(unsafe.Pointer(unsafe.SliceData(b))) }
func cInts(v []int32) *C.int32_t  { return (*C.int32_t)(unsafe.Pointer(unsafe.SliceData(v))) }

// resizeRows is the pass across, over the rows from top up to bottom.
func resizeRows(in *Image, top, bottom int, t taps) *Image {
	out := New(len(t.first), bottom-top)
	C.imglish_resize_rows(cBytes(out.Pix), cBytes(in.Pix[3*top*in.W:3*bottom*in.W]), C.int64_t(out.H), C.int64_t(in.W), C.int64_t(out.W),
		cInts(t.first), cInts(t.at), cInts(t.w), variant())
	return out
}

// resizeColumns is the pass down.
func resizeColumns(in *Image, t taps) *Image {
	out := New(in.W, len(t.first))
	C.imglish_resize_columns(cBytes(out.Pix), cBytes(in.Pix), C.int64_t(3*in.W), C.int64_t(out.H),
		cInts(t.first), cInts(t.at), cInts(t.w), variant())
	return out
}
