package tensor

import "fmt"

// CheckGather is for Gather, GatherAdd and ScatterAdd: y (or dy) [n, D], table [R, D], ids [n] I32.
func CheckGather(op string, y, table, ids Tensor) (n, d, rows int) {
	n, d = shape2(op, "rows", y)
	matrix(op, "rows", y, Float, n, d)
	matrix(op, "table", table, Float, anySize, d)
	vector(op, "ids", ids, I32, n)
	return n, d, table.Dim(0)
}

// CheckScatter: y [R, D], x [n, D], ids [n] I32.
func CheckScatter(y, x, ids Tensor) (n, d, rows int) {
	n, d = shape2("Scatter", "x", x)
	matrix("Scatter", "x", x, Float, n, d)
	matrix("Scatter", "y", y, Float, anySize, d)
	vector("Scatter", "ids", ids, I32, n)
	return n, d, y.Dim(0)
}

// checkID panics where an id is beyond the table: a broken invariant, never to be read as memory.
func checkID(op string, i int, id int32, rows int) {
	if int(id) >= rows {
		panic(fmt.Sprintf("tensor: %s: ids[%d] = %d, table has %d rows", op, i, id, rows))
	}
}

func (r *Reference[F]) Gather(y, table, ids Tensor) {
	n, d, rows := CheckGather("Gather", y, table, ids)
	ys, ts, is := r.f(y), r.f(table), r.i32(ids)
	for i := range n {
		if is[i] < 0 {
			clear(row(ys, i, d))
			continue
		}
		checkID("Gather", i, is[i], rows)
		copy(row(ys, i, d), row(ts, int(is[i]), d))
	}
}

func (r *Reference[F]) GatherAdd(y, table, ids Tensor) {
	n, d, rows := CheckGather("GatherAdd", y, table, ids)
	ys, ts, is := r.f(y), r.f(table), r.i32(ids)
	for i := range n {
		if is[i] < 0 {
			continue
		}
		checkID("GatherAdd", i, is[i], rows)
		yi, ti := row(ys, i, d), row(ts, int(is[i]), d)
		for j := range yi {
			yi[j] += ti[j]
		}
	}
}

func (r *Reference[F]) ScatterAdd(dtable, dy, ids Tensor) {
	n, d, rows := CheckGather("ScatterAdd", dy, dtable, ids)
	ts, ys, is := r.f(dtable), r.f(dy), r.i32(ids)
	for i := range n {
		if is[i] < 0 {
			continue
		}
		checkID("ScatterAdd", i, is[i], rows)
		ti, yi := row(ts, int(is[i]), d), row(ys, i, d)
		for j := range ti {
			ti[j] += yi[j]
		}
	}
}

func (r *Reference[F]) Scatter(y, x, ids Tensor) {
	n, d, rows := CheckScatter(y, x, ids)
	ys, xs, is := r.f(y), r.f(x), r.i32(ids)
	for i := range n {
		if is[i] < 0 {
			continue
		}
		checkID("Scatter", i, is[i], rows)
		copy(row(ys, int(is[i]), d), row(xs, i, d))
	}
}
