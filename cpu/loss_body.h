//go:build cgo

#include "vec.h"
#include "vec_math.h"

static void N(cross_entropy)(float *loss, float *dlogits, const float *logits, const int32_t *targets, const float *weights, int64_t v,
                             int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		const float *x = logits + i * v;
		float *dx = dlogits ? dlogits + i * v : 0, weight = weights ? weights[i] : 1;
		if (targets[i] < 0) {
			loss[i] = 0;
			if (dx) memset(dx, 0, (size_t)v * sizeof *dx);
			continue;
		}
		float at = x[targets[i]], m = -INFINITY; // at: before dx overwrites it
		vf top = V_SET(-INFINITY), sum = {0};
		int64_t j = 0;
		for (; j + VW <= v; j += VW) top = V_MAX(top, V_LD(x + j));
		m = V_TOP(top);
		for (; j < v; j++) m = x[j] > m ? x[j] : m;
		for (j = 0; j < v; j += VS * VW) {
			vf e[VS];
			V_LD4N(e, x + j, v - j);
			EACH e[u] = e[u] - m;
			V_EXP(e);
			V_FIRST4(e, v - j);
			EACH sum = sum + e[u];
			if (dx) V_ST4N(dx + j, e, v - j);
		}
		float all = V_SUM(sum);
		loss[i] = weight * (m + logf(all) - at);
		if (!dx) continue;
		float share = weight / all;
		for (j = 0; j < v; j += VW) V_STN(dx + j, V_LDN(dx + j, v - j) * share, v - j);
		dx[targets[i]] -= weight;
	}
}

static void N(cosine_loss)(float *loss, float *dpred, const float *pred, const float *target, const float *weights, double eps, int64_t d,
                           int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		const float *p = pred + i * d, *t = target + i * d;
		float weight = weights ? weights[i] : 1;
		vf pp = {0}, tt = {0}, pt = {0};
		for (int64_t j = 0; j < d; j += VW) {
			vf a = V_LDN(p + j, d - j), b = V_LDN(t + j, d - j);
			pp = V_FMA(a, a, pp), tt = V_FMA(b, b, tt), pt = V_FMA(a, b, pt);
		}
		float np = sqrtf(V_SUM(pp)), nt = sqrtf(V_SUM(tt));
		np = np < (float)eps ? (float)eps : np, nt = nt < (float)eps ? (float)eps : nt;
		float cos = V_SUM(pt) / np / nt;
		loss[i] = weight * (1 - cos);
		if (!dpred) continue;
		for (int64_t j = 0; j < d; j += VW) {
			vf g = V_LDN(t + j, d - j) / nt - V_LDN(p + j, d - j) / np * cos;
			V_STN(dpred + i * d + j, g * -weight / np, d - j);
		}
	}
}

static void N(squared_error)(float *loss, float *da, const float *a, const float *b, double factor, int64_t d, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		vf sum = {0};
		for (int64_t j = 0; j < d; j += VW) {
			vf diff = V_LDN(a + i * d + j, d - j) - V_LDN(b + i * d + j, d - j);
			sum = V_FMA(diff, diff, sum);
			if (da) V_STN(da + i * d + j, diff * (float)(2 * factor), d - j);
		}
		loss[i] = V_SUM(sum) * (float)factor;
	}
}

static void N(argmax)(int32_t *ids, const float *x, int64_t v, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		const float *xi = x + i * v;
		vf top = V_SET(-INFINITY);
		int64_t j = 0, best = 0;
		for (; j + VW <= v; j += VW) top = V_MAX(V_LD(xi + j), top); // NaN on the left is passed over
		float m = V_TOP(top);
		for (; j < v; j++) m = xi[j] > m ? xi[j] : m;
		while (best < v && !(xi[best] == m)) best++;
		ids[i] = (int32_t)(best < v ? best : 0);
	}
}
