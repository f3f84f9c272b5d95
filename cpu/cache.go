//go:build cgo

package cpu

// #include "kernels.h"
import "C"

import "github.com/imglish/imglish/tensor"

func (b *backend) AttentionCached(out, qkv, cache, seg tensor.Tensor, a tensor.Attend) {
	n, d, segments, slots, capacity := tensor.CheckAttentionCached(out, qkv, cache, seg, a)
	segs := view[int32](b, seg)
	tensor.CheckCached(segs, n, slots, capacity)
	b.Zero(out)
	pairs := 0
	for s := 0; s < len(segs); s += 4 {
		pairs += int(segs[s+1]) * int(segs[s+1]+segs[s+3])
	}
	if segments == 0 || b.err != nil || !b.reserve(int(C.imglish_attention_cached_scratch(C.int64_t(capacity)))) {
		return
	}
	o, x, c, s := f32(out), f32(qkv), f32(cache), i32(seg)
	b.split(segments*a.Heads, 1+pairs/segments*(d/a.Heads)/4, func(worker int, from, to C.int64_t) C.int32_t {
		return C.imglish_attention_cached(b.isa, o, x, c, s, C.int64_t(capacity), C.int64_t(d), C.int64_t(a.Heads), C.double(a.Scale),
			truth(a.Causal), from, to, b.scratchOf(worker))
	})
}
