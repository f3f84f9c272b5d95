//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import "github.com/imglish/imglish/tensor"

func (b *backend) Attention(out, lse, qkv, seg tensor.Tensor, a tensor.Attend) {
	n, d, segments := tensor.CheckAttention(out, lse, qkv, seg, a)
	cost, ok := b.prepare(seg, n, d, a, false, out, lse)
	if !ok {
		return
	}
	b.check(C.imglish_attention(b.pool, b.isa, f32(out), f32(lse), f32(qkv), i32(seg), C.int64_t(segments), C.int64_t(d), C.int64_t(a.Heads),
		C.double(a.Scale), truth(a.Causal), C.int64_t(cost)))
}

func (b *backend) AttentionBackward(dqkv, dout, out, lse, qkv, seg tensor.Tensor, a tensor.Attend) {
	n, d, segments := tensor.CheckAttentionBackward(dqkv, dout, out, lse, qkv, seg, a)
	cost, ok := b.prepare(seg, n, d, a, true, dqkv)
	if !ok {
		return
	}
	b.check(C.imglish_attention_backward(b.pool, b.isa, f32(dqkv), f32(dout), f32(out), f32(lse), f32(qkv), i32(seg), C.int64_t(segments),
		C.int64_t(d), C.int64_t(a.Heads), C.double(a.Scale), truth(a.Causal), C.int64_t(cost)))
}

// prepare checks the segments, reserves scratch for the longest, and clears what will be written if there are rows in no
// segment; cost is the steps of an average segment and head.
func (b *backend) prepare(seg tensor.Tensor, n, d int, a tensor.Attend, backward bool, written ...tensor.Tensor) (cost int, ok bool) {
	segs := view[int32](b, seg)
	if b.err != nil {
		return 0, false
	}
	tensor.CheckSegments(segs, n)
	longest, covered, pairs := 0, 0, 0
	for s := 0; s < len(segs); s += 4 {
		rows := int(segs[s+1]) + int(segs[s+3])
		longest = max(longest, rows)
		covered += rows
		pairs += rows * rows
	}
	for _, t := range written {
		if covered < n && !t.None() { // segments do not overlap
			b.Zero(t)
		}
	}
	floats := C.imglish_attention_scratch(b.isa, C.int64_t(longest), C.int64_t(d/a.Heads), truth(backward))
	return 1 + pairs/max(1, len(segs)/4)*(d/a.Heads)/4, b.reserve(int(floats))
}

func truth(v bool) C.int32_t {
	if v {
		return 1
	}
	return 0
}
