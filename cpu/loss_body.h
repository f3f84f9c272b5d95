//go:build cgo

#include "vec.h"
#include "vec_math.h"

// largest of v floats; as V_MAX with what is no number.
INLINE float N(largest)(const float *x, int64_t v)
{
	vf most = V_SET(-INFINITY);
	int64_t j = 0;
	for (; j + VW <= v; j += VW) most = V_MAX(most, V_LD(x + j));
	float m = V_TOP(most);
	for (; j < v; j++) m = x[j] > m ? x[j] : m;
	return m;
}

// exponentials: dx (optional, may be x) = exp(x − top) for the largest x; returns their sum. below (optional) is Σ (x − top).
INLINE float N(exponentials)(float *dx, const float *x, int64_t v, float *top, float *below)
{
	vf sum = {0}, lower = {0};
	float m = *top = N(largest)(x, v);
	for (int64_t j = 0; j < v; j += VS * VW) {
		vf e[VS];
		V_LD4N(e, x + j, v - j);
		EACH e[u] = e[u] - m;
		V_FIRST4(e, v - j);
		if (below) EACH lower = lower + e[u];
		V_EXP(e);
		V_FIRST4(e, v - j);
		EACH sum = sum + e[u];
		if (dx) V_ST4N(dx + j, e, v - j);
	}
	if (below) *below = V_SUM(lower);
	return V_SUM(sum);
}

static void N(cross_entropy)(float *loss, float *dlogits, const float *logits, const int32_t *targets, const float *weights, double smooth,
                             int64_t v, int64_t from, int64_t to)
{
	float off = (float)(smooth / (double)(v > 1 ? v - 1 : 1)), extra = (float)(1 - smooth) - off;
	for (int64_t i = from; i < to; i++) {
		const float *x = logits + i * v;
		float *dx = dlogits ? dlogits + i * v : 0, weight = weights ? weights[i] : 1;
		if (targets[i] < 0) {
			loss[i] = 0;
			if (dx) memset(dx, 0, (size_t)v * sizeof *dx);
			continue;
		}
		float at = x[targets[i]], top, below = 0; // at: before dx overwrites it
		float all = off ? N(exponentials)(dx, x, v, &top, &below) : N(exponentials)(dx, x, v, &top, 0);
		loss[i] = weight * (logf(all) - extra * (at - top) - off * below);
		if (!dx) continue;
		float share = weight / all, each = weight * off;
		for (int64_t j = 0; j < v; j += VW) V_STN(dx + j, V_LDN(dx + j, v - j) * share - each, v - j);
		dx[targets[i]] -= weight * extra;
	}
}

static void N(soft_cross_entropy)(float *loss, float *dlogits, const float *logits, const float *targets, const float *weights, int64_t v,
                                  int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		const float *x = logits + i * v, *t = targets + i * v;
		float *dx = dlogits ? dlogits + i * v : 0, weight = weights ? weights[i] : 1, m = N(largest)(x, v);
		vf sum = {0}, total = {0}, dot = {0};
		for (int64_t j = 0; j < v; j += VS * VW) {
			vf e[VS], q[VS];
			V_LD4N(e, x + j, v - j);
			V_LD4N(q, t + j, v - j); // zero behind the row
			EACH e[u] = e[u] - m;
			EACH total = total + q[u];
			EACH dot = V_FMA(q[u], e[u], dot);
			V_EXP(e);
			V_FIRST4(e, v - j);
			EACH sum = sum + e[u];
			if (dx) V_ST4N(dx + j, e, v - j);
		}
		float all = V_SUM(sum), of = V_SUM(total);
		loss[i] = weight * (of * logf(all) - V_SUM(dot));
		if (!dx) continue;
		vf share = V_SET(weight * of / all), minus = V_SET(-weight);
		for (int64_t j = 0; j < v; j += VW) V_STN(dx + j, V_FMA(V_LDN(t + j, v - j), minus, V_LDN(dx + j, v - j) * share), v - j);
	}
}

// log1p: x becomes log(1 + x) for x in [0, 1]: with s = x/(2+x), twice the series of artanh s, which is at most 1/3.
INLINE void N(log1p)(vf x[VS])
{
	vf s[VS], q[VS], p[VS];
	EACH s[u] = x[u] / (x[u] + 2.0f);
	EACH q[u] = s[u] * s[u];
	EACH p[u] = V_FMA(q[u], V_SET(1 / 15.0f), V_SET(1 / 13.0f));
	EACH p[u] = V_FMA(p[u], q[u], V_SET(1 / 11.0f));
	EACH p[u] = V_FMA(p[u], q[u], V_SET(1 / 9.0f));
	EACH p[u] = V_FMA(p[u], q[u], V_SET(1 / 7.0f));
	EACH p[u] = V_FMA(p[u], q[u], V_SET(1 / 5.0f));
	EACH p[u] = V_FMA(p[u], q[u], V_SET(1 / 3.0f));
	EACH s[u] = s[u] + s[u];
	EACH x[u] = V_FMA(p[u] * q[u], s[u], s[u]);
}

static void N(bce)(float *loss, float *dlogits, const float *logits, const float *targets, const float *weights, int64_t v, int64_t from,
                   int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		float *dx = dlogits ? dlogits + i * v : 0, weight = weights ? weights[i] : 1;
		vf sum = {0};
		for (int64_t j = 0; j < v; j += VS * VW) {
			vf x[VS], t[VS], e[VS], l[VS], g[VS];
			V_LD4N(x, logits + i * v + j, v - j);
			V_LD4N(t, targets + i * v + j, v - j);
			EACH e[u] = -V_ABS(x[u]);
			V_EXP(e);
			EACH l[u] = e[u];
			N(log1p)(l);
			EACH l[u] = l[u] + (V_MAX(V_SET(0), x[u]) - t[u] * x[u]);
			V_FIRST4(l, v - j);
			EACH sum = sum + l[u];
			EACH g[u] = 1.0f / (e[u] + 1.0f); // σ(|x|)
			EACH g[u] = V_SEL(V_GT(V_SET(0), x[u]), e[u] * g[u], g[u]);
			EACH g[u] = (g[u] - t[u]) * weight;
			if (dx) V_ST4N(dx + j, g, v - j);
		}
		loss[i] = V_SUM(sum) * weight;
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
