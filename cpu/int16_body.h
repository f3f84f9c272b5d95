//go:build cgo

#include "vec.h"
#include "vec_math.h"
#include "panel.h"
#include "finish.h"
#include "scale.h"

// to_int16 writes VW integers, rounded half to even.
#if VW == 16
INLINE void N(to_int16)(int16_t *q, vf x) { _mm256_storeu_si256((__m256i *)q, _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(x))); }
#elif VW == 8
INLINE void N(to_int16)(int16_t *q, vf x)
{
	__m256i i = _mm256_cvtps_epi32(x);
	_mm_storeu_si128((__m128i *)q, _mm_packs_epi32(_mm256_castsi256_si128(i), _mm256_extracti128_si256(i, 1)));
}
#else
INLINE void N(to_int16)(int16_t *q, vf x)
{
	for (int l = 0; l < VW; l++) q[l] = (int16_t)rintf(x[l]);
}
#endif

// quantise: rows [from, to) of x [n, k] to q [n, k rounded up to even], and back [n, blocks]: what an integer is worth.
// A row that is not finite is worth NaN.
static void N(quantise)(int16_t *q, float *back, const float *x, int64_t k, int64_t from, int64_t to)
{
	int64_t block = PAIR_BLOCK(k), blocks = (k + block - 1) / block;
	for (int64_t i = from; i < to; i++)
		for (int64_t b = 0; b < blocks; b++) {
			const float *s = x + i * k + b * block;
			int16_t *d = q + i * round_up(k, 2) + b * block;
			int64_t n = min64(block, k - b * block);
			float worth, factor = N(scale_of)(s, n, LENGTH, LARGEST, &worth);
			back[i * blocks + b] = worth;
			int64_t j = 0;
			if (factor == 0) memset(d, 0, (size_t)n * sizeof *d), j = n;
			for (; j + VW <= n; j += VW) N(to_int16)(d + j, V_LD(s + j) * factor);
			if (j < n) {
				int16_t tail[VW];
				N(to_int16)(tail, V_LDN(s + j, n - j) * factor);
				memcpy(d + j, tail, (size_t)(n - j) * sizeof *tail);
			}
			if (n % 2) d[n] = 0;
		}
}

// pack16: panels [from, to) of the right-hand side, whose columns are rows of q [cols, k]: block-major, then panels, then
// pairs of steps, lane by lane.  scale: [blocks, cols rounded up to whole panels] from back [cols, blocks]
static void N(pack16)(int16_t *dst, float *scale, const int16_t *q, const float *back, int64_t cols, int64_t k, int64_t from, int64_t to)
{
	int64_t padded = round_up(cols, NR), even = round_up(k, 2), block = PAIR_BLOCK(k), blocks = (k + block - 1) / block;
	for (int64_t p = from; p < to; p++)
		for (int64_t b = 0; b < blocks; b++) {
			int64_t k0 = b * block, kc = min64(block, even - k0);
			int16_t *d = dst + k0 * padded + p * NR * kc;
			for (int64_t l = 0; l < NR; l++) {
				int64_t col = p * NR + l;
				scale[b * padded + col] = col < cols ? back[col * blocks + b] : 0;
				for (int64_t i = 0; i < kc; i += 2)
					if (col < cols) memcpy(d + i * NR + 2 * l, q + col * even + k0 + i, 2 * sizeof *q);
					else memset(d + i * NR + 2 * l, 0, 2 * sizeof *q);
			}
		}
}

// tile16: c[r·ldc + l] = from[r·ldf + l] + back[r]·scale[l]·Σ_k a[r][k]·b[k][l] + bias[l] for rows r, at most MR and lda
// apart, and NR lanes l. from and bias are optional.
#if VW == 4
INLINE void N(tile16)(int ahead, int64_t k, const int16_t *a, int64_t lda, int64_t rows, const int16_t *b, const float *back, int64_t ldback,
                      const float *scale, float *c, int64_t ldc, const float *from, int64_t ldf, const float *bias)
{
	(void)ahead;
	for (int64_t r = 0; r < rows; r++) {
		int32_t s[NR] = {0};
		const int16_t *x = a + r * lda, *w = b;
		for (int64_t i = 0; i < k; i += 2, w += 2 * NR)
			for (int l = 0; l < NR; l++) s[l] += x[i] * w[2 * l] + x[i + 1] * w[2 * l + 1];
		for (int l = 0; l < NR; l++) {
			float v = (float)s[l] * scale[l] * back[r * ldback];
			if (from) v = from[r * ldf + l] + v;
			if (bias) v = v + bias[l];
			c[r * ldc + l] = v;
		}
	}
}
#else
// dot adds the products of pairs. As assembly for VNNI: from the intrinsic, GCC 12 copies every sum at every step.
#if VW == 16
#define PAIRS __m512i
#define PAIRS_LD(p) _mm512_loadu_si512(p)
#define PAIR_SET(p) _mm512_set1_epi32(N(pair)(p))
#define TO_FLOAT(x) _mm512_cvtepi32_ps((__m512i)(x))
#ifdef VNNI
#define DOT(s, x, y) __asm__("vpdpwssd %2, %1, %0" : "+v"(s) : "v"(x), "v"(y))
#else
#define DOT(s, x, y) s += (vi)_mm512_madd_epi16(x, y)
#endif
#else
#define PAIRS __m256i
#define PAIRS_LD(p) _mm256_loadu_si256((const __m256i *)(p))
#define PAIR_SET(p) _mm256_set1_epi32(N(pair)(p))
#define TO_FLOAT(x) _mm256_cvtepi32_ps((__m256i)(x))
#define DOT(s, x, y) s += (vi)_mm256_madd_epi16(x, y)
#endif
INLINE int32_t N(pair)(const int16_t *p)
{
	int32_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

// tile16_of is tile16 for a number of rows that the compiler knows; ahead: as for tile_of.
INLINE void N(tile16_of)(const int rows, const int ahead, int64_t k, const int16_t *a, int64_t lda, const int16_t *b, const float *back, int64_t ldback,
                         const float *scale, float *c, int64_t ldc, const float *from, int64_t ldf, const float *bias)
{
	vi s[MR][2];
	const int16_t *at[(MR + 2) / 3];
	const int64_t next = k * NR; // the panel behind this one
#pragma GCC unroll 16
	for (int r = 0; r < rows; r++) s[r][0] = s[r][1] = (vi){0};
#pragma GCC unroll 16
	for (int r = 0; r < rows; r += 3) at[r / 3] = a + r * lda;
	for (; k > 0; k -= 2, b += 2 * NR) {
		PAIRS b0 = PAIRS_LD(b), b1 = PAIRS_LD(b + 2 * VW);
		if (ahead) __builtin_prefetch(b + next, 0, 2);
		if (ahead && NR > 16) __builtin_prefetch(b + next + 32, 0, 2);
#pragma GCC unroll 16
		for (int r = 0; r < rows; r++) {
			PAIRS x = PAIR_SET(at[r / 3] + r % 3 * lda);
			DOT(s[r][0], x, b0);
			DOT(s[r][1], x, b1);
		}
#pragma GCC unroll 16
		for (int r = 0; r < rows; r += 3) at[r / 3] += 2;
	}
	vf c0 = V_LD(scale), c1 = V_LD(scale + VW), y[MR][2];
#pragma GCC unroll 16
	for (int r = 0; r < rows; r++) {
		vf worth = V_SET(back[r * ldback]);
		y[r][0] = TO_FLOAT(s[r][0]) * c0 * worth;
		y[r][1] = TO_FLOAT(s[r][1]) * c1 * worth;
	}
	N(put)(rows, 2, y, c, ldc, from, ldf, bias);
}

INLINE void N(tile16)(int ahead, int64_t k, const int16_t *a, int64_t lda, int64_t rows, const int16_t *b, const float *back, int64_t ldback,
                      const float *scale, float *c, int64_t ldc, const float *from, int64_t ldf, const float *bias)
{
#define ROWS(n) case n: N(tile16_of)(n, 0, k, a, lda, b, back, ldback, scale, c, ldc, from, ldf, bias); break;
	if (ahead && rows == MR) N(tile16_of)(MR, 1, k, a, lda, b, back, ldback, scale, c, ldc, from, ldf, bias);
	else ALL_ROWS(rows)
#undef ROWS
}
#undef PAIRS
#undef PAIRS_LD
#undef PAIR_SET
#undef TO_FLOAT
#undef DOT
#endif

// product16: rows [i0, i1) and panels [p0, p1).
static void N(product16)(const struct imglish_product *j, int64_t i0, int64_t i1, int64_t p0, int64_t p1)
{
	int64_t padded = round_up(j->cols, NR), even = round_up(j->k, 2), block = PAIR_BLOCK(j->k), blocks = (j->k + block - 1) / block;
	float t[MR * NR] __attribute__((aligned(64)));
	for (int64_t b = 0; b < blocks; b++) {
		int64_t k0 = b * block, kc = min64(block, even - k0);
		int add = j->add || b > 0, last = b + 1 == blocks;
		for (int64_t i = i0; i < i1; i += MR) {
			int64_t rows = min64(MR, i1 - i);
			for (int64_t p = p0; p < p1; p++) {
				for (int64_t r = 0; add && r < rows; r++) // what finish will read
					for (int64_t l = 0; l < NR; l += 16) __builtin_prefetch(j->y + (i + r) * j->ldy + p * NR + l);
				struct target to = N(aim)(j, t, i, p * NR, add, last);
				N(tile16)(i == i0, kc, j->x16 + i * even + k0, even, rows, j->packed16 + k0 * padded + p * NR * kc, j->back + i * blocks + b, blocks,
				          j->scale + b * padded + p * NR, to.c, to.ldc, to.from, j->ldy, to.bias);
				if (to.c == t) N(finish)(j, &to, t, NR, i, p * NR, rows, add, last);
			}
		}
	}
}

static void N(width16)(int64_t *nr) { *nr = NR; }
