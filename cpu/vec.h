//go:build cgo

// Vectors of VW floats for the instruction set that each_isa.h is at. + - * / come from the compiler's vector types;
// V_FMA is one rounding where the processor has it. Tails go through the same code with a count (V_LDN, V_STN): a
// scalar tail would round differently from the body, and a row's bits would hang on where it lies.

#ifndef IMGLISH_VEC_H
#define IMGLISH_VEC_H
#define vf N(vf_t)
#define vi N(vi_t)
#define vm N(vm_t) // result of a comparison
#define V_SET N(v_set)
#define V_LD N(v_ld)
#define V_ST N(v_st)
#define V_LDN N(v_ldn)
#define V_STN N(v_stn)
#define V_FMA N(v_fma)
#define V_MAX N(v_max) // of two; the second where one is NaN
#define V_MIN N(v_min) // as V_MAX
#define V_GT N(v_gt)
#define V_SEL N(v_sel) // m ? a : b
#define V_FIRST N(v_first) // the first n lanes, zeroes behind them
#define V_SQRT N(v_sqrt)
#define V_ABS N(v_abs)
#define V_SUM N(v_sum)
#define V_TOP N(v_top)
#define V_LD4N N(v_ld4n)
#define V_ST4N N(v_st4n)
#define V_FIRST4 N(v_first4)
#endif

typedef float vf __attribute__((vector_size(VW * 4)));
typedef int32_t vi __attribute__((vector_size(VW * 4)));

INLINE vf V_SET(float x) { return x - (vf){0}; }

#if VW == 16

typedef __mmask16 vm;
INLINE vf V_LD(const float *p) { return _mm512_loadu_ps(p); }
INLINE void V_ST(float *p, vf x) { _mm512_storeu_ps(p, x); }
INLINE vf V_LDN(const float *p, int64_t n) { return n >= 16 ? _mm512_loadu_ps(p) : _mm512_maskz_loadu_ps((1u << n) - 1, p); }
INLINE void V_STN(float *p, vf x, int64_t n) { n >= 16 ? _mm512_storeu_ps(p, x) : _mm512_mask_storeu_ps(p, (1u << n) - 1, x); }
INLINE vf V_FIRST(vf x, int64_t n) { return n >= 16 ? x : (vf)_mm512_maskz_mov_ps((1u << n) - 1, x); }
INLINE vf V_FMA(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
INLINE vf V_MAX(vf a, vf b) { return _mm512_max_ps(a, b); }
INLINE vf V_MIN(vf a, vf b) { return _mm512_min_ps(a, b); }
INLINE vm V_GT(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
INLINE vf V_SEL(vm m, vf a, vf b) { return _mm512_mask_blend_ps(m, b, a); }
INLINE vf V_SQRT(vf a) { return _mm512_sqrt_ps(a); }

#elif VW == 8

typedef __m256 vm;
INLINE vf V_LD(const float *p) { return _mm256_loadu_ps(p); }
INLINE void V_ST(float *p, vf x) { _mm256_storeu_ps(p, x); }
INLINE __m256i N(v_lanes)(int64_t n)
{
	return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)min64(n, 8)), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
INLINE vf V_LDN(const float *p, int64_t n) { return n >= 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, N(v_lanes)(n)); }
INLINE void V_STN(float *p, vf x, int64_t n) { n >= 8 ? _mm256_storeu_ps(p, x) : _mm256_maskstore_ps(p, N(v_lanes)(n), x); }
INLINE vf V_FIRST(vf x, int64_t n) { return n >= 8 ? x : (vf)_mm256_and_ps(x, _mm256_castsi256_ps(N(v_lanes)(n))); }
INLINE vf V_FMA(vf a, vf b, vf c) { return _mm256_fmadd_ps(a, b, c); }
INLINE vf V_MAX(vf a, vf b) { return _mm256_max_ps(a, b); }
INLINE vf V_MIN(vf a, vf b) { return _mm256_min_ps(a, b); }
INLINE vm V_GT(vf a, vf b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
INLINE vf V_SEL(vm m, vf a, vf b) { return _mm256_blendv_ps(b, a, m); }
INLINE vf V_SQRT(vf a) { return _mm256_sqrt_ps(a); }

#else

typedef vi vm;
INLINE vf V_LD(const float *p) { vf x; memcpy(&x, p, sizeof x); return x; }
INLINE void V_ST(float *p, vf x) { memcpy(p, &x, sizeof x); }
INLINE vf V_LDN(const float *p, int64_t n)
{
	vf x = {0};
	for (int64_t i = 0; i < VW && i < n; i++) x[i] = p[i];
	return x;
}
INLINE void V_STN(float *p, vf x, int64_t n) { for (int64_t i = 0; i < VW && i < n; i++) p[i] = x[i]; }
INLINE vf V_FIRST(vf x, int64_t n)
{
	for (int64_t i = n; i < VW; i++) x[i] = 0;
	return x;
}
INLINE vf V_FMA(vf a, vf b, vf c) { return a * b + c; }
INLINE vm V_GT(vf a, vf b) { return a > b; }
INLINE vf V_SEL(vm m, vf a, vf b) { return (vf)((m & (vi)a) | (~m & (vi)b)); }
INLINE vf V_MAX(vf a, vf b) { return V_SEL(a > b, a, b); }
INLINE vf V_MIN(vf a, vf b) { return V_SEL(a < b, a, b); }
INLINE vf V_SQRT(vf a) { for (int i = 0; i < VW; i++) a[i] = sqrtf(a[i]); return a; }

#endif

INLINE vf V_ABS(vf x) { return (vf)((vi)x & 0x7fffffff); }

// V_SUM adds the lanes as a tree: lane i to lane i + half, then halves again. V_TOP is the largest lane.
#if VW == 4
INLINE float V_SUM(vf x) { return (x[0] + x[2]) + (x[1] + x[3]); }
INLINE float V_TOP(vf x)
{
	float a = x[0] > x[2] ? x[0] : x[2], b = x[1] > x[3] ? x[1] : x[3];
	return a > b ? a : b;
}
#else
#if VW == 16
INLINE __m256 N(v_low)(vf x) { return _mm512_castps512_ps256(x); }
INLINE __m256 N(v_high)(vf x) { return _mm512_extractf32x8_ps(x, 1); }
INLINE __m128 N(v_sum4)(vf x)
{
	__m256 y = _mm256_add_ps(N(v_low)(x), N(v_high)(x));
	return _mm_add_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
}
INLINE __m128 N(v_top4)(vf x)
{
	__m256 y = _mm256_max_ps(N(v_low)(x), N(v_high)(x));
	return _mm_max_ps(_mm256_castps256_ps128(y), _mm256_extractf128_ps(y, 1));
}
#else
INLINE __m128 N(v_sum4)(vf x) { return _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)); }
INLINE __m128 N(v_top4)(vf x) { return _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)); }
#endif
INLINE float V_SUM(vf x)
{
	__m128 y = N(v_sum4)(x);
	y = _mm_add_ps(y, _mm_movehl_ps(y, y));
	return _mm_cvtss_f32(_mm_add_ss(y, _mm_movehdup_ps(y)));
}
INLINE float V_TOP(vf x)
{
	__m128 y = N(v_top4)(x);
	y = _mm_max_ps(y, _mm_movehl_ps(y, y));
	return _mm_cvtss_f32(_mm_max_ss(y, _mm_movehdup_ps(y)));
}
#endif

// VS vectors at once (vec_math.h): loads and stores of n floats from p on, and of all VS·VW.
INLINE void N(v_ld4n)(vf x[4], const float *p, int64_t n)
{
	if (n >= 4 * VW)
		for (int u = 0; u < 4; u++) x[u] = V_LD(p + u * VW);
	else
		for (int u = 0; u < 4; u++) x[u] = n > u * VW ? V_LDN(p + u * VW, n - u * VW) : V_SET(0);
}
INLINE void N(v_st4n)(float *p, const vf x[4], int64_t n)
{
	if (n >= 4 * VW)
		for (int u = 0; u < 4; u++) V_ST(p + u * VW, x[u]);
	else
		for (int u = 0; u < 4; u++)
			if (n > u * VW) V_STN(p + u * VW, x[u], n - u * VW);
}
// v_first4 keeps the first n lanes of 4·VW, zeroes behind them.
INLINE void N(v_first4)(vf x[4], int64_t n)
{
	if (n < 4 * VW)
		for (int u = 0; u < 4; u++) x[u] = n > u * VW ? V_FIRST(x[u], n - u * VW) : V_SET(0);
}
