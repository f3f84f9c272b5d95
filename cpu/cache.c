//go:build cgo

// Attention to keys and values of earlier calls; cache_body.h has the loops.

#include "pool.h"

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

// Units are pairs (segment, head), segment-major.
struct cached_job { struct cached t; int32_t isa; };

static void cached_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct cached_job *j = job;
	CALL(j->isa, attend_cached, &j->t, from, to, scratch);
}

int32_t imglish_attention_cached(imglish_pool *pool, int32_t isa, float *out, const float *qkv, float *cache, const int32_t *seg,
                                 int64_t segments, int64_t capacity, int64_t d, int64_t heads, double scale, int32_t causal, int64_t cost)
{
	struct cached_job j = {{.out = out, .cache = cache, .qkv = qkv, .seg = seg, .capacity = capacity, .d = d, .heads = heads,
	                        .scale = scale, .causal = causal}, isa};
	imglish_pool_run(pool, cached_part, &j, segments * heads, cost);
	return IMGLISH_OK;
}
