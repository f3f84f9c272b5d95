//go:build cgo

#include "vec.h"
#include "vec_math.h"
#include "panel.h"

// pack_t: columns of the right-hand side are rows of w (y = x·wᵀ). Panel p of all blocks of KC.
static void N(pack_t)(float *dst, const float *w, int64_t ldw, int64_t cols, int64_t k, int64_t from, int64_t to)
{
	int64_t padded = round_up(cols, NR);
	for (int64_t p = from; p < to; p++) {
		int64_t have = min64(NR, cols - p * NR);
		for (int64_t k0 = 0; k0 < k; k0 += KC) {
			int64_t kc = min64(KC, k - k0);
			float *d = dst + k0 * padded + p * NR * kc;
			const float *s = w + p * NR * ldw + k0;
			for (int64_t l = 0; l < NR; l += VW)
				N(transpose)(d + l, s + l * ldw, ldw, have - l, kc);
		}
	}
}

// pack_n: the right-hand side is w itself (dx = dy·w), k running over its rows.
static void N(pack_n)(float *dst, const float *w, int64_t ldw, int64_t cols, int64_t k, int64_t from, int64_t to)
{
	int64_t padded = round_up(cols, NR);
	for (int64_t p = from; p < to; p++)
		for (int64_t k0 = 0; k0 < k; k0 += KC) {
			int64_t kc = min64(KC, k - k0);
			N(pack_columns)(dst + k0 * padded + p * NR * kc, w + k0 * ldw + p * NR, ldw, min64(NR, cols - p * NR), kc);
		}
}

INLINE vf N(activate)(vf v, int32_t act)
{
	return act == IMGLISH_GELU ? V_GELU(v) : act == IMGLISH_TANH ? V_TANH(v) : v;
}

// finish adds a tile to c: with what c holds (add) or in its place, then bias, pre and the activation (last).
INLINE void N(finish)(const struct imglish_product *j, const float *t, int64_t row, int64_t col, int64_t rows, int add, int last)
{
	int64_t cols = min64(NR, j->n - col);
	for (int64_t r = 0; r < rows; r++)
		for (int64_t l = 0; l < cols; l += VW) {
			int64_t at = (row + r) * j->ldc + col + l, left = cols - l;
			vf v = V_LD(t + r * NR + l);
			if (add) v = V_LDN(j->c + at, left) + v;
			if (last) {
				if (j->bias) v = v + V_LDN(j->bias + col + l, left);
				if (j->pre) V_STN(j->pre + at, v, left);
				if (j->act) v = N(activate)(v, j->act);
			}
			V_STN(j->c + at, v, left);
		}
}

// block computes rows [i0, i1) of columns [p0, p1) panels for k rows [k0, k0 + kc) of the sum.
INLINE void N(block)(const struct imglish_product *j, int64_t i0, int64_t i1, int64_t p0, int64_t p1, int64_t k0, int64_t kc,
                     const float *b, float *scratch, int add, int last)
{
	float t[MR * NR] __attribute__((aligned(64)));
	for (int64_t i = i0; i < i1; i += MR) {
		int64_t rows = min64(MR, i1 - i), rs = j->rs, cs = j->cs;
		const float *a = j->a + i * rs + k0 * cs;
		// Packed: what reaches beyond the last row, and strides that put the rows of a tile into one set of the cache.
		if (rows < MR || rs * sizeof(float) % 2048 == 0 || (rs == 1 && p1 - p0 > 1)) {
			N(pack_rows)(scratch, a, rs, cs, rows, kc);
			a = scratch, rs = 1, cs = MR;
		}
		for (int64_t p = p0; p < p1; p++) {
			N(tile)(kc, a, rs, cs, b + (p - p0) * NR * kc, t, NR);
			N(finish)(j, t, i, p * NR, rows, add, last);
		}
	}
}

// product: rows [i0, i1), panels [p0, p1). scratch: MR·KC floats.
static void N(product)(const struct imglish_product *j, int64_t i0, int64_t i1, int64_t p0, int64_t p1, float *scratch)
{
	int64_t padded = round_up(j->n, NR);
	if (j->k == 0) {
		float zero[MR * NR] = {0};
		for (int64_t i = i0; i < i1; i += MR)
			for (int64_t p = p0; p < p1; p++) N(finish)(j, zero, i, p * NR, min64(MR, i1 - i), 0, 1);
	}
	for (int64_t k0 = 0; k0 < j->k; k0 += KC) {
		int64_t kc = min64(KC, j->k - k0);
		const float *b = j->b + k0 * padded + p0 * NR * kc;
		N(block)(j, i0, i1, p0, p1, k0, kc, b, scratch, k0 > 0, k0 + kc == j->k);
	}
}

// gram: c += aᵀ·x for rows [i0, i1) of c and panels [p0, p1); k runs over the rows of the batch. x is packed here, block
// by block. scratch: MR·KC + (p1 − p0)·NR·KC floats.
static void N(gram)(const struct imglish_product *j, int64_t i0, int64_t i1, int64_t p0, int64_t p1, float *scratch)
{
	float *b = scratch + MR * KC;
	for (int64_t k0 = 0; k0 < j->k; k0 += KC) {
		int64_t kc = min64(KC, j->k - k0);
		for (int64_t p = p0; p < p1; p++)
			N(pack_columns)(b + (p - p0) * NR * kc, j->b + k0 * j->ldb + p * NR, j->ldb, min64(NR, j->n - p * NR), kc);
		N(block)(j, i0, i1, p0, p1, k0, kc, b, scratch, 1, 1);
	}
}

// slope: dy *= act'(pre).
static void N(slope)(float *dy, const float *pre, int32_t act, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i += VW) {
		int64_t left = to - i;
		vf p = V_LDN(pre + i, left), d;
		if (act == IMGLISH_GELU) d = V_GELU_SLOPE(p);
		else {
			vf t = V_TANH(p);
			d = 1.0f - t * t;
		}
		V_STN(dy + i, V_LDN(dy + i, left) * d, left);
	}
}

static void N(sizes)(int64_t *mr, int64_t *nr) { *mr = MR, *nr = NR; }
