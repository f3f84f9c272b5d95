//go:build cgo

// Attention over segments, forward and backward; attention_body.h has the loops.

#include "pool.h"

// Queries a block in the backward pass, in tiles: long sums for dk and dv, a block of scores that stays in the cache.
enum { QUERY_TILES = 8 };

struct segment { int64_t v, nv, t, rows; };

struct attention {
	float *dqkv, *out, *lse; // out and lse are only read in the backward pass
	const float *dout, *qkv;
	const int32_t *seg;
	int64_t d, heads;
	double scale;
	int32_t causal;
};

static inline struct segment segment_at(const int32_t *seg, int64_t i)
{
	seg += 4 * i;
	return (struct segment){.v = seg[0], .nv = seg[1], .t = seg[2], .rows = (int64_t)seg[1] + seg[3]};
}

// Row of the packed sequence that holds the segment's i-th row, vision first.
static inline int64_t segment_row(const struct segment *s, int64_t i) { return i < s->nv ? s->v + i : s->t + i - s->nv; }

// How many of the segment's rows the i-th sees: a leading part.
static inline int64_t segment_sees(const struct segment *s, int64_t i, int32_t causal)
{
	return !causal ? s->rows : i < s->nv ? s->nv : i + 1;
}

#define BODY "attention_body.h"
#include "each_isa.h"

int64_t imglish_attention_scratch(int32_t isa, int64_t longest, int64_t head, int32_t backward)
{
	int64_t floats = 0;
	CALL(isa, scratch_floats, &floats, longest, head, backward);
	return floats;
}

// Units are pairs (segment, head), segment-major.
struct attention_job { struct attention t; int32_t isa; };

static void attention_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct attention_job *j = job;
	CALL(j->isa, attend, &j->t, from, to, scratch);
}

static void backward_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct attention_job *j = job;
	CALL(j->isa, attend_backward, &j->t, from, to, scratch);
}

int32_t imglish_attention(imglish_pool *pool, int32_t isa, float *out, float *lse, const float *qkv, const int32_t *seg, int64_t segments,
                          int64_t d, int64_t heads, double scale, int32_t causal, int64_t cost)
{
	struct attention_job j = {{.out = out, .lse = lse, .qkv = qkv, .seg = seg, .d = d, .heads = heads, .scale = scale, .causal = causal}, isa};
	imglish_pool_run(pool, attention_part, &j, segments * heads, cost);
	return IMGLISH_OK;
}

int32_t imglish_attention_backward(imglish_pool *pool, int32_t isa, float *dqkv, const float *dout, const float *out, const float *lse,
                                   const float *qkv, const int32_t *seg, int64_t segments, int64_t d, int64_t heads, double scale,
                                   int32_t causal, int64_t cost)
{
	struct attention_job j = {{.dqkv = dqkv, .out = (float *)out, .lse = (float *)lse, .dout = dout, .qkv = qkv, .seg = seg,
	                           .d = d, .heads = heads, .scale = scale, .causal = causal}, isa};
	imglish_pool_run(pool, backward_part, &j, segments * heads, cost);
	return IMGLISH_OK;
}
