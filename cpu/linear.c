//go:build cgo

// Products with packed panels: linear layers forward and backward. panel.h has the register tile and the rule on order.

#include "isa.h"

enum { GRAM_TILES = 8 };

#define BODY "linear_body.h"
#include "each_isa.h"

int32_t imglish_tile(int32_t isa, int64_t *mr, int64_t *nr, int64_t *pr, int64_t *kc)
{
	*kc = KC;
	return CALL(isa, sizes, mr, nr, pr);
}

int32_t imglish_pack(int32_t isa, float *dst, const float *w, int64_t ldw, int64_t cols, int64_t k, int32_t transposed, int64_t from,
                     int64_t to)
{
	if (transposed) return CALL(isa, pack_t, dst, w, ldw, cols, k, from, to);
	return CALL(isa, pack_n, dst, w, ldw, cols, k, from, to);
}

int32_t imglish_product(int32_t isa, float *y, float *pre, int64_t ldy, const float *x, const float *packed, const float *b, int64_t k,
                        int64_t cols, int32_t act, int32_t add, int64_t i0, int64_t i1, int64_t p0, int64_t p1, float *scratch)
{
	struct imglish_product j = {.a = x, .b = packed, .c = y, .pre = pre, .ldc = ldy, .bias = b, .act = act, .add = add, .n = cols, .k = k};
	return CALL(isa, product, &j, i0, i1, p0, p1, scratch);
}

int32_t imglish_gram(int32_t isa, float *dw, const float *dy, const float *x, int64_t n, int64_t in, int64_t out, int64_t i0, int64_t i1,
                     int64_t p0, int64_t p1, float *scratch)
{
	struct imglish_product j = {.a = dy, .lda = out, .b = x, .ldb = in, .c = dw, .ldc = in, .n = in, .k = n};
	return CALL(isa, gram, &j, i0, i1, p0, p1, scratch);
}

int32_t imglish_slope(int32_t isa, float *dy, const float *pre, int32_t act, int64_t from, int64_t to)
{
	return CALL(isa, slope, dy, pre, act, from, to);
}
