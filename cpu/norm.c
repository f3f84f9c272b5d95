//go:build cgo

// Layer norm, unit length, and sums over rows; norm_body.h has the loops. A row's sums run in VW lanes, then as a tree.

#include "pool.h"

#define BODY "norm_body.h"
#include "each_isa.h"

struct layernorm { int32_t isa; float *y, *stats; const float *x, *gamma, *beta; double eps; int64_t d; };

static void layernorm_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct layernorm *j = job;
	(void)scratch;
	CALL(j->isa, layernorm, j->y, j->stats, j->x, j->gamma, j->beta, j->eps, j->d, from, to);
}

int32_t imglish_layernorm(imglish_pool *pool, int32_t isa, float *y, float *stats, const float *x, const float *gamma, const float *beta,
                          double eps, int64_t n, int64_t d)
{
	struct layernorm j = {isa, y, stats, x, gamma, beta, eps, d};
	imglish_pool_run(pool, layernorm_part, &j, n, 2 * d);
	return IMGLISH_OK;
}

int32_t imglish_layernorm_backward(int32_t isa, float *dx, float *partial, const float *dy, const float *x, const float *stats,
                                   const float *gamma, int64_t n, int64_t d, int64_t from, int64_t to)
{
	return CALL(isa, layernorm_backward, dx, partial, dy, x, stats, gamma, n, d, from, to);
}

int32_t imglish_l2normalize(int32_t isa, float *y, float *norm, const float *x, double eps, int64_t d, int64_t from, int64_t to)
{
	return CALL(isa, l2normalize, y, norm, x, eps, d, from, to);
}

int32_t imglish_l2normalize_backward(int32_t isa, float *dx, const float *dy, const float *y, const float *norm, int64_t d, int64_t from,
                                     int64_t to)
{
	return CALL(isa, l2normalize_backward, dx, dy, y, norm, d, from, to);
}

int32_t imglish_column_sums(int32_t isa, float *partial, const float *x, int64_t n, int64_t d, int64_t from, int64_t to)
{
	return CALL(isa, column_sums, partial, x, n, d, from, to);
}

int32_t imglish_add_partials(int32_t isa, float *y, const float *partial, int64_t blocks, int64_t stride, int64_t from, int64_t to)
{
	return CALL(isa, add_partials, y, partial, blocks, stride, from, to);
}
