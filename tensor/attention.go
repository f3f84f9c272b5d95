package tensor

import (
	"fmt"
	"math"
)

// CheckAttention returns rows n, width d and the number of segments.
func CheckAttention(out, lse, qkv, seg Tensor, a Attend) (n, d, segments int) {
	n, d = shape2("Attention", "out", out)
	if a.Heads < 1 || d%a.Heads != 0 {
		panic(fmt.Sprintf("tensor: Attention: width %d does not split into %d heads", d, a.Heads))
	}
	matrix("Attention", "out", out, Float, n, d)
	if !lse.None() {
		matrix("Attention", "lse", lse, Float, n, a.Heads)
	}
	matrix("Attention", "qkv", qkv, Float, n, 3*d)
	matrix("Attention", "seg", seg, I32, anySize, 4)
	return n, d, seg.Dim(0)
}

// CheckAttentionBackward returns rows n, width d and the number of segments.
func CheckAttentionBackward(dqkv, dout, out, lse, qkv, seg Tensor, a Attend) (n, d, segments int) {
	n, d, segments = CheckAttention(out, lse, qkv, seg, a)
	matrix("AttentionBackward", "lse", lse, Float, n, a.Heads)
	matrix("AttentionBackward", "dout", dout, Float, n, d)
	matrix("AttentionBackward", "dqkv", dqkv, Float, n, 3*d)
	return n, d, segments
}

// CheckSegments panics unless every segment's ranges lie within n rows.
func CheckSegments(seg []int32, n int) {
	for s := 0; s < len(seg); s += 4 {
		v, nv, t, nt := int(seg[s]), int(seg[s+1]), int(seg[s+2]), int(seg[s+3])
		if nv < 0 || nt < 0 || nv > 0 && (v < 0 || v+nv > n) || nt > 0 && (t < 0 || t+nt > n) {
			panic(fmt.Sprintf("tensor: Attention: segment %d is %v, rows are %d", s/4, seg[s:s+4], n))
		}
	}
}

// segmentRows lists the rows of a segment, vision first, and how many of them are vision.
func segmentRows(seg []int32) (rows []int, nv int) {
	for i := range int(seg[1]) {
		rows = append(rows, int(seg[0])+i)
	}
	for i := range int(seg[3]) {
		rows = append(rows, int(seg[2])+i)
	}
	return rows, int(seg[1])
}

// visible is how many of a segment's rows the i-th sees: always a leading part.
func visible(i, nv, n int, causal bool) int {
	switch {
	case !causal:
		return n
	case i < nv:
		return nv
	default:
		return i + 1
	}
}

func (r *Reference[F]) Attention(out, lse, qkv, seg Tensor, a Attend) {
	n, d, segments := CheckAttention(out, lse, qkv, seg, a)
	os, xs, segs := r.f(out), r.f(qkv), r.i32(seg)
	var ls []F
	if !lse.None() {
		ls = r.f(lse)
	}
	CheckSegments(segs, n)
	clear(os)
	clear(ls)
	dh := d / a.Heads
	r.each(segments*a.Heads, 1<<16, func(sh int) {
		s, h := sh/a.Heads, sh%a.Heads
		rows, nv := segmentRows(segs[4*s : 4*s+4])
		head := func(row, part int) []F { // part 0 is q, 1 is k, 2 is v
			from := row*3*d + part*d + h*dh
			return xs[from : from+dh]
		}
		p := make([]F, len(rows))
		for i, ri := range rows {
			m := visible(i, nv, len(rows), a.Causal)
			q, top := head(ri, 0), F(math.Inf(-1))
			for j := range m {
				var dot F
				for c, v := range head(rows[j], 1) {
					dot += q[c] * v
				}
				p[j] = dot * F(a.Scale)
				top = max(top, p[j])
			}
			var sum F
			for j := range m {
				p[j] = F(math.Exp(float64(p[j] - top)))
				sum += p[j]
			}
			o := os[ri*d+h*dh : ri*d+(h+1)*dh]
			for j := range m {
				for c, v := range head(rows[j], 2) {
					o[c] += p[j] / sum * v
				}
			}
			if ls != nil {
				ls[ri*a.Heads+h] = top + F(math.Log(float64(sum)))
			}
		}
	})
}

// AttentionBackward: with p[i][j] = exp(scale·q[i]·k[j] − lse[i]) and ds[i][j] = p[i][j]·(dout[i]·v[j] − dout[i]·out[i]),
// dq[i] = Σ_j scale·ds[i][j]·k[j], dk[j] = Σ_i scale·ds[i][j]·q[i], dv[j] = Σ_i p[i][j]·dout[i].
func (r *Reference[F]) AttentionBackward(dqkv, dout, out, lse, qkv, seg Tensor, a Attend) {
	n, d, segments := CheckAttentionBackward(dqkv, dout, out, lse, qkv, seg, a)
	dxs, dos, os, ls, xs, segs := r.f(dqkv), r.f(dout), r.f(out), r.f(lse), r.f(qkv), r.i32(seg)
	CheckSegments(segs, n)
	clear(dxs)
	dh := d / a.Heads
	r.each(segments*a.Heads, 1<<16, func(sh int) {
		s, h := sh/a.Heads, sh%a.Heads
		rows, nv := segmentRows(segs[4*s : 4*s+4])
		head := func(x []F, row, part int) []F {
			from := row*3*d + part*d + h*dh
			return x[from : from+dh]
		}
		for i, ri := range rows {
			q, dq := head(xs, ri, 0), head(dxs, ri, 0)
			o, do := os[ri*d+h*dh:ri*d+(h+1)*dh], dos[ri*d+h*dh:ri*d+(h+1)*dh]
			var own F
			for c := range o {
				own += do[c] * o[c]
			}
			for j := range visible(i, nv, len(rows), a.Causal) {
				k, v := head(xs, rows[j], 1), head(xs, rows[j], 2)
				dk, dv := head(dxs, rows[j], 1), head(dxs, rows[j], 2)
				var dot, dp F
				for c := range q {
					dot += q[c] * k[c]
					dp += do[c] * v[c]
				}
				p := F(math.Exp(float64(dot*F(a.Scale) - ls[ri*a.Heads+h])))
				ds := p * (dp - own) * F(a.Scale)
				for c := range q {
					dq[c] += ds * k[c]
					dk[c] += ds * q[c]
					dv[c] += p * do[c]
				}
			}
		}
	})
}
