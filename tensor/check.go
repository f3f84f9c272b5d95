package tensor

import "fmt"

// The Check functions hold each op's contract on shapes and dtypes. Every backend calls them first, so a mistake panics
// with the same text everywhere. They return the sizes that the op's comment names.

// anySize stands for a size that the check does not fix.
const anySize = -1

func (d DType) String() string {
	switch d {
	case Float:
		return "float"
	case U8:
		return "uint8"
	case U16:
		return "uint16"
	case I32:
		return "int32"
	case BF16:
		return "bf16"
	case F16:
		return "f16"
	}
	return fmt.Sprintf("DType(%d)", uint8(d))
}

func (t Tensor) String() string {
	if t.None() {
		return "none"
	}
	return fmt.Sprintf("%v%v", t.DType, t.Shape)
}

// matrix checks that t has dtype dt, rows rows (its first axis) and cols elements in each.
func matrix(op, name string, t Tensor, dt DType, rows, cols int) {
	if t.None() || t.DType != dt || len(t.Shape) == 0 || (rows != anySize && t.Dim(0) != rows) || (cols != anySize && t.Cols() != cols) {
		panic(fmt.Sprintf("tensor: %s: %s is %v, want %v[%d %d]", op, name, t, dt, rows, cols))
	}
}

// vector checks that t has dtype dt and n elements.
func vector(op, name string, t Tensor, dt DType, n int) {
	if t.None() || t.DType != dt || (n != anySize && t.Len() != n) {
		panic(fmt.Sprintf("tensor: %s: %s is %v, want %v[%d]", op, name, t, dt, n))
	}
}

func optionalMatrix(op, name string, t Tensor, dt DType, rows, cols int) {
	if !t.None() {
		matrix(op, name, t, dt, rows, cols)
	}
}

func optionalVector(op, name string, t Tensor, dt DType, n int) {
	if !t.None() {
		vector(op, name, t, dt, n)
	}
}

func shape2(op, name string, t Tensor) (rows, cols int) {
	if t.None() || len(t.Shape) == 0 {
		panic(fmt.Sprintf("tensor: %s: %s is %v, want rows", op, name, t))
	}
	return t.Dim(0), t.Cols()
}
