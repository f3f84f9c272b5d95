package tensor

import "fmt"

func CheckCopy(y, x Tensor) {
	if y.None() || x.None() || y.DType != x.DType || y.Len() != x.Len() {
		panic(fmt.Sprintf("tensor: Copy: y is %v, x is %v", y, x))
	}
}

func CheckScale(y, x Tensor) (n int) {
	vector("Scale", "x", x, Float, anySize)
	vector("Scale", "y", y, Float, x.Len())
	return x.Len()
}

func CheckAdd(y, a, b Tensor) (n int) {
	vector("Add", "a", a, Float, anySize)
	vector("Add", "b", b, Float, a.Len())
	vector("Add", "y", y, Float, a.Len())
	return a.Len()
}

// CheckAddRows is for AddRows and ScaleRows.
func CheckAddRows(y, x, rowFactor Tensor) (n, d int) {
	n, d = shape2("AddRows", "x", x)
	matrix("AddRows", "x", x, Float, n, d)
	matrix("AddRows", "y", y, Float, n, d)
	optionalVector("AddRows", "rowFactor", rowFactor, Float, n)
	return n, d
}

func (r *Reference[F]) Zero(t Tensor) {
	switch t.DType {
	case Float:
		clear(r.f(t))
	case U8:
		clear(r.u8(t))
	case U16, BF16, F16:
		clear(r.u16(t))
	case I32:
		clear(r.i32(t))
	}
}

func (r *Reference[F]) Copy(y, x Tensor) {
	CheckCopy(y, x)
	switch x.DType {
	case Float:
		copy(r.f(y), r.f(x))
	case U8:
		copy(r.u8(y), r.u8(x))
	case U16, BF16, F16:
		copy(r.u16(y), r.u16(x))
	case I32:
		copy(r.i32(y), r.i32(x))
	}
}

func (r *Reference[F]) Scale(y, x Tensor, a float64) {
	CheckScale(y, x)
	ys := r.f(y)
	for i, v := range r.f(x) {
		ys[i] = F(a) * v
	}
}

func (r *Reference[F]) Add(y, a, b Tensor) {
	CheckAdd(y, a, b)
	ys, as, bs := r.f(y), r.f(a), r.f(b)
	for i := range ys {
		ys[i] = as[i] + bs[i]
	}
}

func (r *Reference[F]) AddRows(y, x, rowFactor Tensor) {
	n, d := CheckAddRows(y, x, rowFactor)
	ys, xs, fs := r.f(y), r.f(x), r.f(rowFactor)
	for i := range n {
		yi, xi := row(ys, i, d), row(xs, i, d)
		for j := range yi {
			if fs == nil {
				yi[j] += xi[j]
			} else {
				yi[j] += fs[i] * xi[j]
			}
		}
	}
}

func (r *Reference[F]) ScaleRows(y, x, rowFactor Tensor) {
	n, d := CheckAddRows(y, x, rowFactor)
	ys, xs, fs := r.f(y), r.f(x), r.f(rowFactor)
	for i := range n {
		yi, xi := row(ys, i, d), row(xs, i, d)
		for j := range yi {
			if fs == nil {
				yi[j] = xi[j]
			} else {
				yi[j] = fs[i] * xi[j]
			}
		}
	}
}
