//go:build cgo

// Attention to keys and values of earlier calls; cache_body.h has the loops.

#include "isa.h"

struct cached {
	float *out, *cache;
	const float *qkv;
	const int32_t *seg;
	int64_t capacity, d, heads;
	double scale;
	int32_t causal;
};

#define BODY "cache_body.h"
#include "each_isa.h"

int64_t imglish_attention_cached_scratch(int64_t capacity) { return round_up(capacity, 64); } // VS vectors of any set

int32_t imglish_attention_cached(int32_t isa, float *out, const float *qkv, float *cache, const int32_t *seg, int64_t capacity, int64_t d,
                                 int64_t heads, double scale, int32_t causal, int64_t from, int64_t to, float *scratch)
{
	struct cached t = {.out = out, .cache = cache, .qkv = qkv, .seg = seg, .capacity = capacity, .d = d, .heads = heads, .scale = scale,
	                   .causal = causal};
	return CALL(isa, attend_cached, &t, from, to, scratch);
}
