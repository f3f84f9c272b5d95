package tensor

import "fmt"

// CheckMeanRows is for MeanRows (y [S, D], x [n, D]) and its backward (dy as y, dx as x).
func CheckMeanRows(y, x, seg Tensor) (n, d, segments int) {
	n, d = shape2("MeanRows", "x", x)
	matrix("MeanRows", "seg", seg, I32, anySize, 2)
	segments = seg.Dim(0)
	matrix("MeanRows", "x", x, Float, n, d)
	matrix("MeanRows", "y", y, Float, segments, d)
	return n, d, segments
}

// CheckRanges panics unless every range of rows, each a first row and a count, lies within n rows.
func CheckRanges(op string, seg []int32, n int) {
	for s := 0; s < len(seg); s += 2 {
		if from, rows := int(seg[s]), int(seg[s+1]); rows < 0 || rows > 0 && (from < 0 || from+rows > n) {
			panic(fmt.Sprintf("tensor: %s: segment %d is %v, rows are %d", op, s/2, seg[s:s+2], n))
		}
	}
}

func (r *Reference[F]) MeanRows(y, x, seg Tensor) {
	n, d, segments := CheckMeanRows(y, x, seg)
	ys, xs, segs := r.f(y), r.f(x), r.i32(seg)
	CheckRanges("MeanRows", segs, n)
	clear(ys)
	for s := range segments {
		from, rows, ysum := int(segs[2*s]), int(segs[2*s+1]), row(ys, s, d)
		for i := range rows {
			for j, v := range row(xs, from+i, d) {
				ysum[j] += v
			}
		}
		for j := range ysum {
			ysum[j] /= F(max(1, rows))
		}
	}
}

func (r *Reference[F]) MeanRowsBackward(dx, dy, seg Tensor) {
	n, d, segments := CheckMeanRows(dy, dx, seg)
	dxs, dys, segs := r.f(dx), r.f(dy), r.i32(seg)
	CheckRanges("MeanRows", segs, n)
	clear(dxs)
	for s := range segments {
		from, rows := int(segs[2*s]), int(segs[2*s+1])
		for i := range rows {
			for j, g := range row(dys, s, d) {
				dxs[(from+i)*d+j] = g / F(rows)
			}
		}
	}
}
