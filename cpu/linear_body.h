//go:build cgo

#include "vec.h"
#include "vec_math.h"
#include "panel.h"
#include "finish.h"

// pack_t: columns of the right-hand side are rows of w (y = x·wᵀ). Panel p of all blocks of KC.
static void N(pack_t)(float *dst, const float *w, int64_t ldw, int64_t cols, int64_t k, int64_t from, int64_t to)
{
	int64_t padded = round_up(cols, NR), block = sum_block(k);
	for (int64_t p = from; p < to; p++) {
		int64_t have = min64(NR, cols - p * NR);
		for (int64_t k0 = 0; k0 < k; k0 += block) {
			int64_t kc = min64(block, k - k0);
			float *d = dst + k0 * padded + p * NR * kc;
			const float *s = w + p * NR * ldw + k0;
			for (int64_t l = 0; l < NR; l += VW)
				N(transpose)(d + l, NR, s + l * ldw, ldw, have - l, kc);
		}
	}
}

// pack_n: the right-hand side is w itself (dx = dy·w), k running over its rows.
static void N(pack_n)(float *dst, const float *w, int64_t ldw, int64_t cols, int64_t k, int64_t from, int64_t to)
{
	int64_t padded = round_up(cols, NR), block = sum_block(k);
	for (int64_t p = from; p < to; p++)
		for (int64_t k0 = 0; k0 < k; k0 += block) {
			int64_t kc = min64(block, k - k0);
			N(pack_columns)(dst + k0 * padded + p * NR * kc, w + k0 * ldw + p * NR, ldw, min64(NR, cols - p * NR), kc);
		}
}

// tiles computes a tile's rows of panels [p0, p1), rows a, b the first panel; ahead: as for tile.
INLINE void N(tiles)(const struct imglish_product *j, int ahead, int64_t row, int64_t rows, int64_t p0, int64_t p1, int64_t kc, const float *a, int64_t rs,
                     int64_t cs, const float *b, int add, int last)
{
	float t[MR * NR] __attribute__((aligned(64)));
	for (int64_t p = p0; p < p1; p++) {
		for (int64_t r = 0; add && r < rows; r++) // what finish will read
			for (int64_t l = 0; l < NR; l += 16) __builtin_prefetch(j->y + (row + r) * j->ldy + p * NR + l);
		struct target to = N(aim)(j, t, row, p * NR, add, last);
		N(tile)(rows, ahead, kc, a, rs, cs, b + (p - p0) * NR * kc, to.c, to.ldc, to.from, j->ldy, to.bias);
		if (to.c == t) N(finish)(j, &to, t, NR, row, p * NR, rows, add, last);
	}
}

// product: rows [i0, i1), panels [p0, p1). scratch: PR·KC floats.
static void N(product)(const struct imglish_product *j, int64_t i0, int64_t i1, int64_t p0, int64_t p1, float *scratch)
{
	int64_t padded = round_up(j->cols, NR), block = sum_block(j->k);
	for (int64_t k0 = 0; k0 < j->k || k0 == 0; k0 += block) {
		int64_t kc = min64(block, j->k - k0);
		for (int64_t i = i0; i < i1; i += MR) {
			int64_t rows = min64(MR, i1 - i), rs = j->k, cs = 1;
			const float *a = j->x + i * rs + k0;
			if (rs * sizeof(float) % 4096 == 0 && MR > imglish_ways()) { // the rows of a tile lie in one set of the cache, too many for it
				N(pack_rows)(scratch, a, rs, cs, rows, kc);
				a = scratch, rs = 1, cs = PR;
			}
			N(tiles)(j, i == i0, i, rows, p0, p1, kc, a, rs, cs, j->packed + k0 * padded + p0 * NR * kc, j->add || k0 > 0,
			         k0 + block >= j->k);
		}
	}
}

// gram: dw += dyᵀ·x for rows [i0, i1) of dw and panels [p0, p1); the sum runs over the rows of the batch. Both sides are
// packed here, block by block, GRAM_TILES tiles of dy at once: rows of the batch are read in long pieces.
// scratch: (GRAM_TILES·PR + (p1 − p0)·NR)·KC floats.
static void N(gram)(const struct gram *g, int64_t i0, int64_t i1, int64_t p0, int64_t p1, float *scratch)
{
	struct imglish_product j = {.y = g->dw, .ldy = g->in, .cols = g->in};
	float *b = scratch + GRAM_TILES * PR * KC;
	int64_t block = sum_block(g->n);
	for (int64_t k0 = 0; k0 < g->n; k0 += block) {
		int64_t kc = min64(block, g->n - k0);
		for (int64_t p = p0; p < p1; p++)
			N(pack_columns)(b + (p - p0) * NR * kc, g->x + k0 * g->in + p * NR, g->in, min64(NR, g->in - p * NR), kc);
		for (int64_t i = i0; i < i1; i += GRAM_TILES * MR) {
			int64_t end = min64(i + GRAM_TILES * MR, i1);
			for (int64_t k = 0; k < kc; k++) {
				const float *ahead = g->dy + min64(k0 + k + 12, g->n - 1) * g->out;
				for (int64_t r = i; r < end; r += 16) __builtin_prefetch(ahead + r);
				for (int64_t r = i; r < end; r += MR)
					N(pack_rows)(scratch + ((r - i) / MR * kc + k) * PR, g->dy + (k0 + k) * g->out + r, 1, 0, min64(MR, end - r), 1);
			}
			for (int64_t r = i; r < end; r += MR)
				N(tiles)(&j, 0, r, min64(MR, end - r), p0, p1, kc, scratch + (r - i) / MR * kc * PR, 1, PR, b, 1, 1);
		}
	}
}

// slope: dy *= act'(pre).
static void N(slope)(float *dy, const float *pre, int32_t act, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i += VS * VW) {
		vf x[VS], g[VS];
		V_LD4N(x, pre + i, to - i);
		V_LD4N(g, dy + i, to - i);
		V_SLOPE(x, act);
		EACH g[u] = g[u] * x[u];
		V_ST4N(dy + i, g, to - i);
	}
}

static void N(sizes)(int64_t *mr, int64_t *nr, int64_t *pr) { *mr = MR, *nr = NR, *pr = PR; }
