//go:build cgo

// Products of tier fast: both sides as 16-bit integers.
//
// A sum goes by blocks of at most KC steps, as in panel.h. Within a block each row of x and each column of the right-hand
// side is scaled so that its Euclidean length is LENGTH, close below √2³¹. By Cauchy and Schwarz no sum of products of
// the two can then leave 32 bits, so the sums are exact, and operands get as many bits as they can have: in a block of
// 384 normal values the step is 1/2,300 of their deviation, where float16's is 1/2,048 to 1/1,024 of each value. Blocks
// are scaled back and added in float. All of it is fixed by the row and the column alone.

#include "grid.h"

#define BODY "int16_body.h"
#define WITH_VNNI
#include "each_isa.h"

int64_t imglish_blocks16(int64_t k) { return (k + PAIR_BLOCK(k) - 1) / PAIR_BLOCK(k); }

struct quantise { int32_t isa; int16_t *q; float *back; const float *x; int64_t k; };

static void quantise_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct quantise *j = job;
	(void)scratch;
	CALL_VNNI(j->isa, quantise, j->q, j->back, j->x, j->k, from, to);
}

int32_t imglish_quantise(imglish_pool *pool, int32_t isa, int16_t *q, float *back, const float *x, int64_t n, int64_t k)
{
	struct quantise j = {isa, q, back, x, k};
	imglish_pool_run(pool, quantise_part, &j, n, k);
	return IMGLISH_OK;
}

static int64_t panel_width(int32_t isa)
{
	int64_t nr = 1;
	CALL_VNNI(isa, width16, &nr);
	return nr;
}

struct pack16 { int32_t isa; int16_t *dst; float *scale; const int16_t *q; const float *back; int64_t cols, k; };

static void pack16_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct pack16 *j = job;
	(void)scratch;
	CALL_VNNI(j->isa, pack16, j->dst, j->scale, j->q, j->back, j->cols, j->k, from, to);
}

int32_t imglish_pack16(imglish_pool *pool, int32_t isa, int16_t *dst, float *scale, const int16_t *q, const float *back, int64_t cols,
                       int64_t k)
{
	struct pack16 j = {isa, dst, scale, q, back, cols, k};
	int64_t nr = panel_width(isa);
	imglish_pool_run(pool, pack16_part, &j, (cols + nr - 1) / nr, nr * k);
	return IMGLISH_OK;
}

struct product16 { const struct imglish_product *p; struct grid grid; int32_t isa; };

static void product16_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct product16 *j = job;
	(void)scratch;
	for (int64_t u = from; u < to; u++) {
		struct part a = grid_part(&j->grid, u);
		CALL_VNNI(j->isa, product16, j->p, a.row, a.row_end, a.panel, a.panel_end);
	}
}

int32_t imglish_product16(imglish_pool *pool, int32_t isa, const struct imglish_product *p)
{
	int64_t nr = panel_width(isa);
	struct product16 j = {p, {p->n, (p->cols + nr - 1) / nr, p->tall, p->broad}, isa};
	imglish_pool_run(pool, product16_part, &j, grid_parts(&j.grid), p->tall * p->broad * nr * p->k / 32);
	return IMGLISH_OK;
}
