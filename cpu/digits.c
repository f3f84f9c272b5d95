//go:build cgo

// Products on AMX's tiles: both sides as numbers of two or three digits of 8 bits.
//
// A tile multiplies bytes, 16,384 products in 16 cycles, with sums of 32 bits. A number of two digits, 256·a + b, is tier
// fast's 16-bit integer (int16.c); its four products of digits give the very same sums, modulo 2³² and so exactly, and codes
// are those of processors without tiles. One of three digits has 23 bits where its block's largest value has them; the six
// products that matter are computed, and what the others would add is below 2⁻²⁰ of a typical product where values are
// normal (more where single ones stand out). That is tier exact. It takes as long as bfloat16 in two parts, three products
// at half the rate, would, and keeps 23 bits instead of 16.
//
// Digits are balanced, -128 to 127: a block's sum of products of digits stays below 2²⁵. Only AMX has instructions for
// tiles; in the other versions they are plain C, to be tested by.

#include "grid.h"

enum { TILE = 16, PANEL = 2 * TILE, STEP = 64 }; // rows and columns of a tile; columns of a panel; bytes of a tile's row

#define LARGEST3 8355700.0f // 127·(2¹⁶ + 2⁸ + 1) = 8,355,711, and room to round

#define BODY "digits_body.h"
#define WITH_AMX
#include "each_isa.h"

#if defined(__x86_64__)
#define CALL_AMX(isa, f, ...) ((isa) == IMGLISH_AMX ? (f##_amx(__VA_ARGS__), IMGLISH_OK) : CALL(isa, f, __VA_ARGS__))
#else
#define CALL_AMX CALL
#endif

// steps_of is the length of a row of one digit: every block is filled up to whole tiles.
static int64_t steps_of(int64_t k) { return (k + PAIR_BLOCK(k) - 1) / PAIR_BLOCK(k) * round_up(PAIR_BLOCK(k), STEP); }

int64_t imglish_digits_bytes(int64_t n, int64_t k, int32_t digits) { return round_up(n, PANEL) * steps_of(k) * digits; }

struct cut { int32_t isa, digits; int8_t *d; float *back; const float *x; int64_t n, k; };

static void cut_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct cut *j = job;
	(void)scratch;
	CALL(j->isa, cut, j->d, j->back, j->x, j->n, j->k, j->digits, from, to);
}

int32_t imglish_cut(imglish_pool *pool, int32_t isa, int8_t *d, float *back, const float *x, int64_t n, int64_t k, int32_t digits)
{
	struct cut j = {isa, digits, d, back, x, n, k};
	imglish_pool_run(pool, cut_part, &j, n, k);
	return IMGLISH_OK;
}

struct pack_digits { int32_t isa, digits; int8_t *dst; float *scale; const int8_t *d; const float *back; int64_t cols, k; };

static void pack_digits_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct pack_digits *j = job;
	(void)scratch;
	CALL(j->isa, pack_digits, j->dst, j->scale, j->d, j->back, j->cols, j->k, j->digits, from, to);
}

int32_t imglish_pack_digits(imglish_pool *pool, int32_t isa, int8_t *dst, float *scale, const int8_t *d, const float *back, int64_t cols,
                            int64_t k, int32_t digits)
{
	struct pack_digits j = {isa, digits, dst, scale, d, back, cols, k};
	imglish_pool_run(pool, pack_digits_part, &j, (cols + PANEL - 1) / PANEL, PANEL * k);
	return IMGLISH_OK;
}

struct product_digits { const struct imglish_product *p; struct grid grid; int32_t isa; };

static void product_digits_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct product_digits *j = job;
	(void)scratch;
	for (int64_t u = from; u < to; u++) {
		struct part a = grid_part(&j->grid, u);
		CALL_AMX(j->isa, product_digits, j->p, a.row, a.row_end, a.panel, a.panel_end);
	}
}

int32_t imglish_product_digits(imglish_pool *pool, int32_t isa, const struct imglish_product *p)
{
	struct product_digits j = {p, {p->n, (p->cols + PANEL - 1) / PANEL, p->tall, p->broad}, isa};
	imglish_pool_run(pool, product_digits_part, &j, grid_parts(&j.grid), p->tall * p->broad * PANEL * p->k / 64);
	return IMGLISH_OK;
}
