//go:build cgo

#include "vec.h"

static void N(scale)(float *y, const float *x, double a, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i += VW) V_STN(y + i, V_LDN(x + i, to - i) * (float)a, to - i);
}

static void N(add)(float *y, const float *a, const float *b, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i += VW) V_STN(y + i, V_LDN(a + i, to - i) + V_LDN(b + i, to - i), to - i);
}

static void N(scale_rows)(float *y, const float *x, const float *factor, int32_t add, int64_t d, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		vf f = V_SET(factor[i]);
		float *yi = y + i * d;
		const float *xi = x + i * d;
		for (int64_t j = 0; j < d; j += VW) {
			vf v = V_LDN(xi + j, d - j);
			V_STN(yi + j, add ? V_FMA(f, v, V_LDN(yi + j, d - j)) : f * v, d - j);
		}
	}
}

static void N(adamw)(float *p, float *m, float *v, const float *g, const float *factor, double keep, double step, double root, double beta1,
                     double beta2, double eps, int64_t from, int64_t to)
{
	if (factor[0] == 0) return;
	const vf f = V_SET(factor[0]), b1 = V_SET((float)beta1), b2 = V_SET((float)beta2);
	const vf n1 = V_SET((float)(1 - beta1)), n2 = V_SET((float)(1 - beta2));
	for (int64_t i = from; i < to; i += VW) {
		int64_t left = to - i;
		vf gi = V_LDN(g + i, left) * f;
		vf mi = V_FMA(n1, gi, V_LDN(m + i, left) * b1);
		vf vi_ = V_FMA(n2 * gi, gi, V_LDN(v + i, left) * b2);
		vf denom = V_SQRT(vi_) * (float)(1 / root) + (float)eps;
		vf pi = V_LDN(p + i, left) * (float)keep - mi * (float)step / denom;
		V_STN(m + i, mi, left), V_STN(v + i, vi_, left), V_STN(p + i, pi, left);
	}
}

// In float64: a model's gradients are too many for float32's digits. Eight sums in lanes, then a tree.
static void N(sum)(double *partial, const float *x, const float *y, int64_t n, int64_t from, int64_t to)
{
	for (int64_t b = from; b < to; b++) {
		double s[8] = {0};
		int64_t i = b * IMGLISH_CHUNK, end = min64(n, i + IMGLISH_CHUNK);
		for (; i + 8 <= end; i += 8)
			for (int l = 0; l < 8; l++) s[l] += y ? (double)x[i + l] * y[i + l] : x[i + l];
		for (int l = 0; i + l < end; l++) s[l] += y ? (double)x[i + l] * y[i + l] : x[i + l];
		partial[b] = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
	}
}
