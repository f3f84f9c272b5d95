package tensor

import (
	"fmt"
	"math"
)

// CheckAttentionCached returns rows n, width d, the number of segments, the cache's slots and the rows that each holds.
func CheckAttentionCached(out, qkv, cache, seg Tensor, a Attend) (n, d, segments, slots, capacity int) {
	const op = "AttentionCached"
	n, d = shape2(op, "out", out)
	if a.Heads < 1 || d%a.Heads != 0 {
		panic(fmt.Sprintf("tensor: %s: width %d does not split into %d heads", op, d, a.Heads))
	}
	matrix(op, "out", out, Float, n, d)
	matrix(op, "qkv", qkv, Float, n, 3*d)
	if cache.None() || cache.DType != Float || len(cache.Shape) != 3 || cache.Dim(2) != 2*d {
		panic(fmt.Sprintf("tensor: %s: cache is %v, want %v[slots capacity %d]", op, cache, Float, 2*d))
	}
	matrix(op, "seg", seg, I32, anySize, 4)
	return n, d, seg.Dim(0), cache.Dim(0), cache.Dim(1)
}

// CheckCached panics unless every segment's rows lie within n rows and its entries within its slot, and no slot is in
// two segments.
func CheckCached(seg []int32, n, slots, capacity int) {
	used := make(map[int]int, len(seg)/4)
	for s := 0; s < len(seg); s += 4 {
		row, rows, slot, have := int(seg[s]), int(seg[s+1]), int(seg[s+2]), int(seg[s+3])
		if rows == 0 {
			continue
		}
		if row < 0 || rows < 0 || row+rows > n || slot < 0 || slot >= slots || have < 0 || have+rows > capacity {
			panic(fmt.Sprintf("tensor: AttentionCached: segment %d is %v, rows are %d, the cache is %d slots of %d", s/4, seg[s:s+4], n, slots, capacity))
		}
		if other, twice := used[slot]; twice {
			panic(fmt.Sprintf("tensor: AttentionCached: segments %d and %d both have slot %d", other, s/4, slot))
		}
		used[slot] = s / 4
	}
}

func (r *Reference[F]) AttentionCached(out, qkv, cache, seg Tensor, a Attend) {
	n, d, segments, slots, capacity := CheckAttentionCached(out, qkv, cache, seg, a)
	os, xs, cs, segs := r.f(out), r.f(qkv), r.f(cache), r.i32(seg)
	CheckCached(segs, n, slots, capacity)
	clear(os)
	dh := d / a.Heads
	r.each(segments*a.Heads, 1<<16, func(sh int) {
		s, h := segs[sh/a.Heads*4:], sh%a.Heads
		first, rows, slot, have := int(s[0]), int(s[1]), int(s[2]), int(s[3])
		head := func(row, part int) []F { // part 0 is q, 1 is k, 2 is v
			from := row*3*d + part*d + h*dh
			return xs[from : from+dh]
		}
		cached := func(j, part int) []F { // part 0 is k, 1 is v
			from := (slot*capacity+j)*2*d + part*d + h*dh
			return cs[from : from+dh]
		}
		for i := range rows {
			copy(cached(have+i, 0), head(first+i, 1))
			copy(cached(have+i, 1), head(first+i, 2))
		}
		for i := range rows {
			sees := have + rows
			if a.Causal {
				sees = have + i + 1
			}
			p, top, sum := make([]F, sees), F(math.Inf(-1)), F(0)
			for j := range p {
				for c, q := range head(first+i, 0) {
					p[j] += q * cached(j, 0)[c]
				}
				p[j] *= F(a.Scale)
				top = max(top, p[j])
			}
			for j := range p {
				p[j] = F(math.Exp(float64(p[j] - top)))
				sum += p[j]
			}
			o := os[(first+i)*d+h*dh : (first+i)*d+(h+1)*dh]
			for j := range p {
				for c, v := range cached(j, 1) {
					o[c] += p[j] / sum * v
				}
			}
		}
	})
}
