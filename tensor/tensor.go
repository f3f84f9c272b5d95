package tensor

import "fmt"

// DType is the type of a tensor's elements.
type DType uint8

const (
	Float DType = iota // the backend's working precision: float32, or float64 in the checking backend
	U8
	U16
	I32
	BF16 // storage only: Cast widens it to Float
	F16  // IEEE 754 binary16, storage only
)

// Tensor is a handle to memory that a Backend owns. Copying it copies the handle. The zero Tensor means "none" where
// an op says that an argument is optional. Elements are contiguous and row-major.
type Tensor struct {
	Buf   Buffer // the backend's memory
	Off   int    // first element within Buf
	Shape []int
	DType DType
}

// Buffer is a backend's own memory; only that backend looks inside.
type Buffer any

// None reports whether t is the zero Tensor.
func (t Tensor) None() bool { return t.Buf == nil }

// Len is the number of elements.
func (t Tensor) Len() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Dim is the length of axis i.
func (t Tensor) Dim(i int) int { return t.Shape[i] }

// Cols is the product of all axes but the first: the length of a row.
func (t Tensor) Cols() int {
	n := 1
	for _, d := range t.Shape[1:] {
		n *= d
	}
	return n
}

// Rows is the view of rows [from, to) of the first axis.
func (t Tensor) Rows(from, to int) Tensor {
	if from < 0 || to < from || to > t.Shape[0] {
		panic(fmt.Sprintf("tensor: rows [%d,%d) of shape %v", from, to, t.Shape))
	}
	v := t
	v.Off += from * t.Cols()
	v.Shape = append([]int{to - from}, t.Shape[1:]...)
	return v
}

// Reshape is a view of the same elements in another shape.
func (t Tensor) Reshape(shape ...int) Tensor {
	v := t
	v.Shape = append([]int(nil), shape...)
	if v.Len() != t.Len() {
		panic(fmt.Sprintf("tensor: reshape %v to %v", t.Shape, shape))
	}
	return v
}
