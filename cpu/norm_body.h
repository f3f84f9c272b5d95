//go:build cgo

#include "vec.h"

static void N(layernorm)(float *y, float *stats, const float *x, const float *gamma, const float *beta, double eps, int64_t d, int64_t from,
                         int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		const float *xi = x + i * d;
		vf sum = {0}, squares = {0};
		for (int64_t j = 0; j < d; j += VW) sum = sum + V_LDN(xi + j, d - j);
		float mean = V_SUM(sum) / (float)d;
		for (int64_t j = 0; j < d; j += VW) {
			vf c = V_FIRST(V_LDN(xi + j, d - j) - mean, d - j);
			squares = V_FMA(c, c, squares);
		}
		float rstd = (float)(1 / sqrt((double)(V_SUM(squares) / (float)d) + eps));
		stats[2 * i] = mean, stats[2 * i + 1] = rstd;
		for (int64_t j = 0; j < d; j += VW) {
			vf h = (V_LDN(xi + j, d - j) - mean) * rstd;
			V_STN(y + i * d + j, V_FMA(h, V_LDN(gamma + j, d - j), V_LDN(beta + j, d - j)), d - j);
		}
	}
}

static void N(layernorm_backward)(float *dx, float *partial, const float *dy, const float *x, const float *stats, const float *gamma,
                                  int64_t n, int64_t d, int64_t from, int64_t to)
{
	for (int64_t b = from; b < to; b++) {
		float *dgamma = partial ? partial + b * 2 * d : 0, *dbeta = dgamma + d;
		if (partial) memset(dgamma, 0, 2 * (size_t)d * sizeof *dgamma);
		for (int64_t i = b * IMGLISH_BLOCK; i < min64(n, (b + 1) * IMGLISH_BLOCK); i++) {
			const float *xi = x + i * d, *gi = dy + i * d;
			float mean = stats[2 * i], rstd = stats[2 * i + 1];
			vf sum_g = {0}, sum_gh = {0};
			for (int64_t j = 0; j < d; j += VW) { // lanes beyond d have g = 0
				vf u = V_LDN(gi + j, d - j), h = (V_LDN(xi + j, d - j) - mean) * rstd, g = u * V_LDN(gamma + j, d - j);
				sum_g = sum_g + g;
				sum_gh = V_FMA(g, h, sum_gh);
				if (partial) {
					V_STN(dgamma + j, V_FMA(u, h, V_LDN(dgamma + j, d - j)), d - j);
					V_STN(dbeta + j, V_LDN(dbeta + j, d - j) + u, d - j);
				}
			}
			float mean_g = V_SUM(sum_g) / (float)d, mean_gh = V_SUM(sum_gh) / (float)d;
			for (int64_t j = 0; j < d; j += VW) {
				vf h = (V_LDN(xi + j, d - j) - mean) * rstd, g = V_LDN(gi + j, d - j) * V_LDN(gamma + j, d - j);
				V_STN(dx + i * d + j, (g - mean_g - h * mean_gh) * rstd, d - j);
			}
		}
	}
}

// dot of two rows of d floats.
INLINE float N(dot)(const float *a, const float *b, int64_t d)
{
	vf sum = {0};
	for (int64_t j = 0; j < d; j += VW) sum = V_FMA(V_LDN(a + j, d - j), V_LDN(b + j, d - j), sum);
	return V_SUM(sum);
}

static void N(l2normalize)(float *y, float *norm, const float *x, double eps, int64_t d, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		const float *xi = x + i * d;
		float length = sqrtf(N(dot)(xi, xi, d));
		norm[i] = length < (float)eps ? (float)eps : length;
		for (int64_t j = 0; j < d; j += VW) V_STN(y + i * d + j, V_LDN(xi + j, d - j) / norm[i], d - j);
	}
}

static void N(l2normalize_backward)(float *dx, const float *dy, const float *y, const float *norm, int64_t d, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		float dot = N(dot)(y + i * d, dy + i * d, d);
		for (int64_t j = 0; j < d; j += VW) {
			vf g = V_LDN(dy + i * d + j, d - j) - V_LDN(y + i * d + j, d - j) * dot;
			V_STN(dx + i * d + j, g / norm[i], d - j);
		}
	}
}

static void N(column_sums)(float *partial, const float *x, int64_t n, int64_t d, int64_t from, int64_t to)
{
	for (int64_t b = from; b < to; b++) {
		int64_t i0 = b * IMGLISH_BLOCK, i1 = min64(n, i0 + IMGLISH_BLOCK);
		for (int64_t j = 0; j < d; j += VW) {
			vf sum = {0};
			for (int64_t i = i0; i < i1; i++) sum = sum + V_LDN(x + i * d + j, d - j);
			V_STN(partial + b * d + j, sum, d - j);
		}
	}
}

static void N(add_partials)(float *y, const float *partial, int64_t blocks, int64_t stride, int64_t from, int64_t to)
{
	for (int64_t j = from; j < to; j += VW) {
		vf sum = V_LDN(y + j, to - j);
		for (int64_t b = 0; b < blocks; b++) sum = sum + V_LDN(partial + b * stride + j, to - j);
		V_STN(y + j, sum, to - j);
	}
}
