//go:build cgo

/* All variants give the same bytes: sums of 32-bit integers, which may be added in any order. */
#include "resize.h"

#include <string.h>

#define BITS 22 /* of fraction in a weight; weightBits in filter.go */
#define HALF (1 << (BITS - 1))

static inline uint8_t clip8(int32_t v)
{
	v >>= BITS;
	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void pixel_generic(uint8_t *out, const uint8_t *p, const int32_t *w, int32_t taps)
{
	int32_t r = HALF, g = HALF, b = HALF;
	for (int32_t i = 0; i < taps; i++, p += 3) {
		r += p[0] * w[i];
		g += p[1] * w[i];
		b += p[2] * w[i];
	}
	out[0] = clip8(r);
	out[1] = clip8(g);
	out[2] = clip8(b);
}

static void rows_generic(uint8_t *out, const uint8_t *in, int64_t rows, int64_t width, int64_t n, const int32_t *first,
                         const int32_t *at, const int32_t *weight)
{
	for (int64_t y = 0; y < rows; y++, in += 3 * width, out += 3 * n)
		for (int64_t x = 0; x < n; x++)
			pixel_generic(out + 3 * x, in + 3 * (int64_t)first[x], weight + at[x], at[x + 1] - at[x]);
}

static void column_generic(uint8_t *out, const uint8_t *in, int64_t from, int64_t stride, const int32_t *w, int32_t taps)
{
	for (int64_t x = from; x < stride; x++) {
		int32_t s = HALF;
		for (int32_t i = 0; i < taps; i++) s += in[i * stride + x] * w[i];
		out[x] = clip8(s);
	}
}

#if defined(__x86_64__)
#include <immintrin.h>

/* Two pixels a step: six bytes widen to eight 32-bit lanes r g b _ r g b _, times w0 w0 w0 w0 w1 w1 w1 w1. */
__attribute__((target("avx2"))) static void rows_avx2(uint8_t *out, const uint8_t *in, int64_t rows, int64_t width,
                                                      int64_t n, const int32_t *first, const int32_t *at,
                                                      const int32_t *weight)
{
	const __m128i spread = _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, -1, -1, -1, -1, -1, -1, -1, -1);
	const __m256i twice = _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1);
	const __m256i half = _mm256_setr_epi32(HALF, HALF, HALF, 0, 0, 0, 0, 0);
	for (int64_t y = 0; y < rows; y++, in += 3 * width, out += 3 * n) {
		/* Eight bytes are read for six: the last two pixels of the last row must not be read so. */
		const uint8_t *safe = y + 1 < rows ? in + 3 * width : in + 3 * width - 2;
		for (int64_t x = 0; x < n; x++) {
			const uint8_t *p = in + 3 * (int64_t)first[x];
			const int32_t *w = weight + at[x];
			int32_t taps = at[x + 1] - at[x], i = 0;
			__m256i sum = half;
			for (; i + 2 <= taps && p + 6 <= safe; i += 2, p += 6) {
				__m128i v = _mm_shuffle_epi8(_mm_loadl_epi64((const __m128i *)p), spread);
				__m256i k = _mm256_permutevar8x32_epi32(
					_mm256_castsi128_si256(_mm_loadl_epi64((const __m128i *)(w + i))), twice);
				sum = _mm256_add_epi32(sum, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(v), k));
			}
			__m128i s = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
			for (; i < taps; i++, p += 3)
				s = _mm_add_epi32(s, _mm_mullo_epi32(_mm_setr_epi32(p[0], p[1], p[2], 0), _mm_set1_epi32(w[i])));
			s = _mm_srai_epi32(s, BITS);
			s = _mm_packus_epi16(_mm_packs_epi32(s, s), s);
			uint32_t rgb = (uint32_t)_mm_cvtsi128_si32(s);
			out[3 * x] = (uint8_t)rgb;
			out[3 * x + 1] = (uint8_t)(rgb >> 8);
			out[3 * x + 2] = (uint8_t)(rgb >> 16);
		}
	}
}

/* Sixteen columns a step, all taps of them in registers. */
__attribute__((target("avx2"))) static void columns_avx2(uint8_t *out, const uint8_t *in, int64_t stride, int64_t n,
                                                         const int32_t *first, const int32_t *at, const int32_t *weight)
{
	const __m256i half = _mm256_set1_epi32(HALF);
	for (int64_t y = 0; y < n; y++, out += stride) {
		const uint8_t *from = in + stride * first[y];
		const int32_t *w = weight + at[y];
		int32_t taps = at[y + 1] - at[y];
		int64_t x = 0;
		for (; x + 16 <= stride; x += 16) {
			__m256i a = half, b = half;
			const uint8_t *p = from + x;
			for (int32_t i = 0; i < taps; i++, p += stride) {
				__m128i v = _mm_loadu_si128((const __m128i *)p);
				__m256i k = _mm256_set1_epi32(w[i]);
				a = _mm256_add_epi32(a, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(v), k));
				b = _mm256_add_epi32(b, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(_mm_srli_si128(v, 8)), k));
			}
			/* packs works on each half by itself: put the quarters back in order */
			__m256i s = _mm256_packs_epi32(_mm256_srai_epi32(a, BITS), _mm256_srai_epi32(b, BITS));
			s = _mm256_permute4x64_epi64(s, _MM_SHUFFLE(3, 1, 2, 0));
			_mm_storeu_si128((__m128i *)(out + x),
			                 _mm_packus_epi16(_mm256_castsi256_si128(s), _mm256_extracti128_si256(s, 1)));
		}
		column_generic(out, from, x, stride, w, taps);
	}
}
#endif

void imglish_resize_rows(uint8_t *out, const uint8_t *in, int64_t rows, int64_t width, int64_t n, const int32_t *first,
                         const int32_t *at, const int32_t *weight, int32_t generic)
{
#if defined(__x86_64__)
	if (!generic && __builtin_cpu_supports("avx2")) {
		rows_avx2(out, in, rows, width, n, first, at, weight);
		return;
	}
#endif
	(void)generic;
	rows_generic(out, in, rows, width, n, first, at, weight);
}

void imglish_resize_columns(uint8_t *out, const uint8_t *in, int64_t stride, int64_t n, const int32_t *first,
                            const int32_t *at, const int32_t *weight, int32_t generic)
{
#if defined(__x86_64__)
	if (!generic && __builtin_cpu_supports("avx2")) {
		columns_avx2(out, in, stride, n, first, at, weight);
		return;
	}
#endif
	(void)generic;
	for (int64_t y = 0; y < n; y++)
		column_generic(out + y * stride, in + stride * first[y], 0, stride, weight + at[y], at[y + 1] - at[y]);
}
