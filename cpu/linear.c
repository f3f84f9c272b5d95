//go:build cgo

// Products with packed panels: linear layers forward and backward. panel.h has the register tile and the rule on order.

#include "grid.h"

enum { GRAM_TILES = 8 };

struct gram {
	float *dw;
	const float *dy, *x;
	int64_t n, in, out;
};

#define BODY "linear_body.h"
#include "each_isa.h"

int32_t imglish_tile(int32_t isa, int64_t *mr, int64_t *nr, int64_t *pr, int64_t *kc)
{
	*kc = KC;
	return CALL(isa, sizes, mr, nr, pr);
}

static int64_t panel_width(int32_t isa)
{
	int64_t mr, nr = 1, pr;
	CALL(isa, sizes, &mr, &nr, &pr);
	return nr;
}

struct pack { int32_t isa, transposed; float *dst; const float *w; int64_t ldw, cols, k; };

static void pack_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct pack *p = job;
	(void)scratch;
	if (p->transposed) CALL(p->isa, pack_t, p->dst, p->w, p->ldw, p->cols, p->k, from, to);
	else CALL(p->isa, pack_n, p->dst, p->w, p->ldw, p->cols, p->k, from, to);
}

int32_t imglish_pack(imglish_pool *pool, int32_t isa, float *dst, const float *w, int64_t ldw, int64_t cols, int64_t k, int32_t transposed)
{
	struct pack p = {isa, transposed, dst, w, ldw, cols, k};
	int64_t nr = panel_width(isa);
	imglish_pool_run(pool, pack_part, &p, (cols + nr - 1) / nr, nr * k);
	return IMGLISH_OK;
}

struct product_job { const struct imglish_product *p; struct grid grid; int32_t isa; };

static void product_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct product_job *j = job;
	for (int64_t u = from; u < to; u++) {
		struct part a = grid_part(&j->grid, u);
		CALL(j->isa, product, j->p, a.row, a.row_end, a.panel, a.panel_end, scratch);
	}
}

int32_t imglish_product(imglish_pool *pool, int32_t isa, const struct imglish_product *p)
{
	int64_t nr = panel_width(isa);
	struct product_job j = {p, {p->n, (p->cols + nr - 1) / nr, p->tall, p->broad}, isa};
	imglish_pool_run(pool, product_part, &j, grid_parts(&j.grid), p->tall * p->broad * nr * p->k / 16);
	return IMGLISH_OK;
}

struct gram_job { struct gram g; struct grid grid; int32_t isa; };

static void gram_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct gram_job *j = job;
	for (int64_t u = from; u < to; u++) {
		struct part a = grid_part(&j->grid, u);
		CALL(j->isa, gram, &j->g, a.row, a.row_end, a.panel, a.panel_end, scratch);
	}
}

int32_t imglish_gram(imglish_pool *pool, int32_t isa, float *dw, const float *dy, const float *x, int64_t n, int64_t in, int64_t out,
                     int64_t tall, int64_t broad)
{
	int64_t nr = panel_width(isa);
	struct gram_job j = {{dw, dy, x, n, in, out}, {out, (in + nr - 1) / nr, tall, broad}, isa};
	imglish_pool_run(pool, gram_part, &j, grid_parts(&j.grid), tall * broad * nr * n / 16);
	return IMGLISH_OK;
}

int32_t imglish_slope(int32_t isa, float *dy, const float *pre, int32_t act, int64_t from, int64_t to)
{
	return CALL(isa, slope, dy, pre, act, from, to);
}
