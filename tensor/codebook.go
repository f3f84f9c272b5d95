package tensor

import (
	"fmt"
	"math"
)

func CheckNearestCode(codes, best, z, book Tensor) (n, d, k int) {
	n, d = shape2("NearestCode", "z", z)
	k, _ = shape2("NearestCode", "book", book)
	matrix("NearestCode", "z", z, Float, n, d)
	matrix("NearestCode", "book", book, Float, k, d)
	vector("NearestCode", "codes", codes, U16, n)
	optionalVector("NearestCode", "best", best, Float, n)
	if k < 1 || k > 1<<16 {
		panic(fmt.Sprintf("tensor: NearestCode: %d codes do not fit in uint16", k))
	}
	return n, d, k
}

// CheckCodes is for LookupCodes (rows y) and SumByCode (rows z): rows [n, D], table [K, D], codes [n] U16.
func CheckCodes(op string, rows, table, codes Tensor) (n, d, k int) {
	n, d = shape2(op, "rows", rows)
	k, _ = shape2(op, "table", table)
	matrix(op, "rows", rows, Float, n, d)
	matrix(op, "table", table, Float, k, d)
	vector(op, "codes", codes, U16, n)
	return n, d, k
}

func CheckCodebookEMA(book, usage, sums, counts Tensor) (k, d int) {
	k, d = shape2("CodebookEMA", "book", book)
	matrix("CodebookEMA", "book", book, Float, k, d)
	matrix("CodebookEMA", "sums", sums, Float, k, d)
	vector("CodebookEMA", "usage", usage, Float, k)
	vector("CodebookEMA", "counts", counts, Float, k)
	return k, d
}

func (r *Reference[F]) NearestCode(codes, best, z, book Tensor) {
	n, d, k := CheckNearestCode(codes, best, z, book)
	cs, bs, zs, es := r.u16(codes), r.f(best), r.f(z), r.f(book)
	r.each(n, k*d, func(i int) {
		zi, code, top := row(zs, i, d), 0, F(math.Inf(-1))
		for c := range k {
			var dot F
			for j, v := range row(es, c, d) {
				dot += zi[j] * v
			}
			if dot > top {
				code, top = c, dot
			}
		}
		cs[i] = uint16(code)
		if bs != nil {
			bs[i] = top
		}
	})
}

func (r *Reference[F]) LookupCodes(y, book, codes Tensor) {
	n, d, k := CheckCodes("LookupCodes", y, book, codes)
	ys, es, cs := r.f(y), r.f(book), r.u16(codes)
	for i := range n {
		checkID("LookupCodes", i, int32(cs[i]), k)
		copy(row(ys, i, d), row(es, int(cs[i]), d))
	}
}

func (r *Reference[F]) SumByCode(sums, counts, z, codes Tensor) {
	n, d, k := CheckCodes("SumByCode", z, sums, codes)
	vector("SumByCode", "counts", counts, Float, k)
	ss, ns, zs, cs := r.f(sums), r.f(counts), r.f(z), r.u16(codes)
	for i := range n {
		checkID("SumByCode", i, int32(cs[i]), k)
		ns[cs[i]]++
		si := row(ss, int(cs[i]), d)
		for j, v := range row(zs, i, d) {
			si[j] += v
		}
	}
}

func (r *Reference[F]) CodebookEMA(book, usage, sums, counts Tensor, decay float64) {
	k, d := CheckCodebookEMA(book, usage, sums, counts)
	es, us, ss, ns := r.f(book), r.f(usage), r.f(sums), r.f(counts)
	old, fresh := F(decay), F(1-decay)
	m := make([]F, d)
	for c := range k {
		e := row(es, c, d)
		copy(m, e)
		if ns[c] > 0 {
			for j, v := range row(ss, c, d) {
				m[j] = v / ns[c]
			}
			unit(m)
		}
		for j := range e {
			e[j] = old*e[j] + fresh*m[j]
		}
		unit(e)
		us[c] = old*us[c] + fresh*ns[c]
	}
}

// unit scales x to length 1; a length below 1e-12 counts as that.
func unit[F Real](x []F) {
	var sum F
	for _, v := range x {
		sum += v * v
	}
	norm := max(F(math.Sqrt(float64(sum))), 1e-12)
	for j := range x {
		x[j] /= norm
	}
}
