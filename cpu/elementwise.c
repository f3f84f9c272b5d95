//go:build cgo

// Element by element, and sums of all elements; elementwise_body.h has the loops.

#include "isa.h"

#define BODY "elementwise_body.h"
#include "each_isa.h"

int32_t imglish_scale(int32_t isa, float *y, const float *x, double a, int64_t from, int64_t to) { return CALL(isa, scale, y, x, a, from, to); }

int32_t imglish_add(int32_t isa, float *y, const float *a, const float *b, int64_t from, int64_t to) { return CALL(isa, add, y, a, b, from, to); }

int32_t imglish_scale_rows(int32_t isa, float *y, const float *x, const float *factor, int32_t add, int64_t d, int64_t from, int64_t to)
{
	return CALL(isa, scale_rows, y, x, factor, add, d, from, to);
}

int32_t imglish_adamw(int32_t isa, float *p, float *m, float *v, const float *g, const float *factor, double keep, double step, double root,
                      double beta1, double beta2, double eps, int64_t from, int64_t to)
{
	return CALL(isa, adamw, p, m, v, g, factor, keep, step, root, beta1, beta2, eps, from, to);
}

int32_t imglish_sum(int32_t isa, double *partial, const float *x, const float *y, int64_t n, int64_t from, int64_t to)
{
	return CALL(isa, sum, partial, x, y, n, from, to);
}
