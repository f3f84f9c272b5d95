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
	cost := 1 + pairs/segments*(d/a.Heads)/4
	b.check(C.imglish_attention_cached(b.pool, b.isa, f32(out), f32(qkv), f32(cache), i32(seg), C.int64_t(segments), C.int64_t(capacity),
		C.int64_t(d), C.int64_t(a.Heads), C.double(a.Scale), truth(a.Causal), C.int64_t(cost)))
}
