//go:build cgo

#include "vec.h"
#include "vec_math.h"

// scores turns p[0, n) into exp(scale·q·k[j] − top) for keys that lie ld floats apart; returns their sum. p reaches whole
// VS vectors.
INLINE float N(cached_scores)(float *p, const float *q, const float *k, int64_t ld, int64_t n, int64_t head, float scale)
{
	float top = -INFINITY;
	for (int64_t j = 0; j < n; j++) {
		vf dot = {0};
		for (int64_t c = 0; c < head; c += VW) dot = V_FMA(V_LDN(q + c, head - c), V_LDN(k + j * ld + c, head - c), dot);
		p[j] = V_SUM(dot) * scale;
		top = p[j] > top ? p[j] : top;
	}
	vf sum = {0};
	for (int64_t j = 0; j < n; j += VS * VW) {
		vf e[VS];
		V_LD4N(e, p + j, n - j);
		EACH e[u] = e[u] - top;
		V_EXP(e);
		V_FIRST4(e, n - j);
		EACH sum = sum + e[u];
		EACH V_ST(p + j + u * VW, e[u]);
	}
	return V_SUM(sum);
}

// One segment and head at a time, one new row after the other: with few rows there is nothing to pack for, and the cache
// streams once for its keys and once for its values. What a row sees alone decides its bits.
static void N(attend_cached)(const struct cached *t, int64_t from, int64_t to, float *p)
{
	int64_t head = t->d / t->heads, ld = 2 * t->d;
	for (int64_t u = from; u < to; u++) {
		const int32_t *seg = t->seg + u / t->heads * 4;
		int64_t row = seg[0], n = seg[1], have = seg[3], h = u % t->heads * head;
		if (n == 0) continue;
		float *k = t->cache + seg[2] * t->capacity * ld + h, *v = k + t->d;
		const float *q = t->qkv + row * 3 * t->d + h;
		for (int64_t i = 0; i < n; i++) {
			memcpy(k + (have + i) * ld, q + i * 3 * t->d + t->d, (size_t)head * sizeof *k);
			memcpy(v + (have + i) * ld, q + i * 3 * t->d + 2 * t->d, (size_t)head * sizeof *v);
		}
		for (int64_t i = 0; i < n; i++) {
			int64_t sees = t->causal ? have + i + 1 : have + n;
			float inverse = 1 / N(cached_scores)(p, q + i * 3 * t->d, k, ld, sees, head, (float)t->scale);
			for (int64_t c = 0; c < head; c += VS * VW) {
				vf o[VS] = {{0}};
				for (int64_t j = 0; j < sees; j++) {
					vf x[VS];
					V_LD4N(x, v + j * ld + c, head - c);
					EACH o[u] = V_FMA(V_SET(p[j]), x[u], o[u]);
				}
				EACH o[u] = o[u] * inverse;
				V_ST4N(t->out + (row + i) * t->d + h + c, o, head - c);
			}
		}
	}
}
