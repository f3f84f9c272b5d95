//go:build cgo

#include "vec.h"
#include "vec_math.h"
#include "panel.h"

// One segment and head at a time. Queries go by tiles of MR rows: scores of a tile against all keys that it may see,
// softmax in place, then the product with the values. A row sees a leading part of the segment's rows; what lies behind
// it in the tile becomes zero. Everything here is fixed by the segment's lengths alone.

// LEAD is the leading dimension of a buffer of scores: whole panels, whole tiles and VS vectors fit behind any key, and
// the stride is off those that share a cache set.
#define LEAD N(lead)
INLINE int64_t LEAD(int64_t keys) { return round_up(keys + MR, VS * VW) + 16; }

static void N(scratch_floats)(int64_t *floats, int64_t keys, int64_t head, int32_t backward)
{
	int64_t wide = round_up(head, NR), panels = round_up(keys, NR) * head, rows = round_up(keys, MR) * wide;
	if (!backward) *floats = panels + keys * wide + PR * head + MR * LEAD(keys);
	else *floats = 2 * panels + keys * wide + 2 * QUERY_TILES * MR * wide + 2 * PR * head + 2 * QUERY_TILES * MR * LEAD(keys) + 2 * rows;
}

// pack_segment: dst[k·ldd + l] = element k of row i + l of the segment, for VW lanes l; zero for lanes from lanes on and
// behind the segment's end.
INLINE void N(pack_segment)(float *dst, int64_t ldd, const float *x, int64_t ld, const struct segment *s, int64_t i, int64_t lanes, int64_t head)
{
	int64_t have = min64(lanes, s->rows - i);
	if (have <= 0 || i >= s->nv || i + have <= s->nv) { // rows that lie one behind the other
		N(transpose)(dst, ldd, have > 0 ? x + segment_row(s, i) * ld : x, ld, have, head);
		return;
	}
	for (int64_t l = 0; l < VW; l++) { // vision and text
		const float *from = l < have ? x + segment_row(s, i + l) * ld : 0;
		for (int64_t k = 0; k < head; k++) dst[k * ldd + l] = from ? from[k] : 0;
	}
}

// pack_keys: panels of NR keys, k-major: the transpose of the segment's rows from x (ld floats apart).
INLINE void N(pack_keys)(float *dst, const float *x, int64_t ld, const struct segment *s, int64_t head)
{
	for (int64_t p = 0; p * NR < s->rows; p++)
		for (int64_t l = 0; l < NR; l += VW) N(pack_segment)(dst + p * head * NR + l, NR, x, ld, s, p * NR + l, VW, head);
}

// fetch asks for floats that will be needed soon: rows of one head lie too far apart for the processor to guess.
INLINE void N(fetch)(const float *x, int64_t floats)
{
	for (int64_t i = 0; i < floats; i += 16) __builtin_prefetch(x + i);
}

// fetch_next asks for rows [i, i + count) of queries, keys and values of the unit behind this one: rows of a head lie so far
// apart that each would be waited for.
INLINE void N(fetch_next)(const struct attention *t, int64_t unit, int64_t i, int64_t count)
{
	struct segment s = segment_at(t->seg, unit / t->heads);
	int64_t head = t->d / t->heads;
	for (int64_t r = i; r < i + count && r < s.rows; r++) {
		const float *q = t->qkv + segment_row(&s, r) * 3 * t->d + unit % t->heads * head;
		for (int64_t part = 0; part < 3; part++)
			for (int64_t l = 0; l < head; l += 16) __builtin_prefetch(q + part * t->d + l, 0, 2);
	}
}

// pack_values: panels of NR columns, one row a key: rows [i0, i1) of the segment from x.
INLINE void N(pack_values)(float *dst, const float *x, int64_t ld, const struct segment *s, int64_t i0, int64_t i1, int64_t head)
{
	for (int64_t p = 0; p * NR < head; p++)
		for (int64_t i = i0; i < i1; i++) {
			N(fetch)(x + segment_row(s, min64(i + 12, i1 - 1)) * ld + p * NR, NR);
			N(pack_columns)(dst + (p * (i1 - i0) + i - i0) * NR, x + segment_row(s, i) * ld + p * NR, ld, min64(NR, head - p * NR), 1);
		}
}

// pack_queries: MR rows from row i on, k-major, times factor; missing rows are zero.
INLINE void N(pack_queries)(float *dst, const float *x, int64_t ld, const struct segment *s, int64_t i, int64_t head, float factor)
{
	for (int64_t r = 0; r < MR; r += VW) N(pack_segment)(dst + r, PR, x, ld, s, i + r, min64(VW, MR - r), head);
	for (int64_t k = 0; factor != 1 && k < head * PR; k += VW) V_ST(dst + k, V_LD(dst + k) * factor);
}

// scores: c[r][j] for the packed rows a and keys [0, keys), whole vectors.
INLINE void N(scores)(float *c, int64_t ld, int64_t rows, const float *a, const float *panels, int64_t keys, int64_t head)
{
	for (int64_t j = 0; j < keys; j += NR)
		if (keys - j > VW) N(tile)(rows, 0, head, a, 1, PR, panels + j * head, c + j, ld, 0, 0, 0);
		else N(half_tile)(rows, head, a, 1, PR, panels + j * head, c + j, ld);
}

// softmax turns s[0, seen) into exponentials below the row's top, s[seen, upto) into zeros; returns top, *sum is theirs.
INLINE float N(softmax)(float *s, int64_t seen, int64_t upto, float *sum)
{
	vf top = V_SET(-INFINITY), all = {0};
	int64_t j = 0;
	for (; j + VW <= seen; j += VW) top = V_MAX(top, V_LD(s + j));
	float m = V_TOP(top);
	for (; j < seen; j++) m = s[j] > m ? s[j] : m;
	for (j = 0; j < seen; j += VS * VW) { // a row of scores reaches VS vectors beyond its end (LEAD)
		vf e[VS];
		EACH e[u] = V_LD(s + j + u * VW) - m;
		V_EXP(e);
		V_FIRST4(e, seen - j);
		EACH all = all + e[u];
		EACH V_ST(s + j + u * VW, e[u]);
	}
	for (; j < upto; j++) s[j] = 0;
	*sum = V_SUM(all);
	return m;
}

static void N(attend)(const struct attention *t, int64_t from, int64_t to, float *scratch)
{
	int64_t head = t->d / t->heads, wide = round_up(head, NR), ld = 3 * t->d;
	for (int64_t u = from; u < to; u++) {
		struct segment s = segment_at(t->seg, u / t->heads);
		const float *q = t->qkv + u % t->heads * head, *k = q + t->d, *v = k + t->d;
		int64_t lead = LEAD(s.rows);
		float *kp = scratch, *vp = kp + round_up(s.rows, NR) * head, *qp = vp + s.rows * wide, *p = qp + PR * head;
		N(pack_keys)(kp, k, ld, &s, head);
		N(pack_values)(vp, v, ld, &s, 0, s.rows, head);
		for (int64_t i = 0; i < s.rows; i += MR) {
			int64_t rows = min64(MR, s.rows - i), keys = segment_sees(&s, i + rows - 1, t->causal);
			float inverse[MR];
			if (u + 1 < to) N(fetch_next)(t, u + 1, i, MR);
			N(pack_queries)(qp, q, ld, &s, i, head, (float)t->scale);
			N(scores)(p, lead, rows, qp, kp, keys, head);
			for (int64_t r = 0; r < rows; r++) {
				float sum, top = N(softmax)(p + r * lead, segment_sees(&s, i + r, t->causal), keys, &sum);
				inverse[r] = 1 / sum;
				if (t->lse) t->lse[segment_row(&s, i + r) * t->heads + u % t->heads] = top + logf(sum);
			}
			float c[MR * NR] __attribute__((aligned(64)));
			for (int64_t col = 0; col < head; col += NR) {
				N(tile)(rows, 0, keys, p, lead, 1, vp + col * s.rows, c, NR, 0, 0, 0);
				for (int64_t r = 0; r < rows; r++) {
					float *o = t->out + segment_row(&s, i + r) * t->d + u % t->heads * head + col;
					for (int64_t l = 0; l < NR && l < head - col; l += VW) V_STN(o + l, V_LD(c + r * NR + l) * inverse[r], head - col - l);
				}
			}
		}
	}
}

// gradients turns rows of scores p and of dout·v dp into probabilities and their gradients (times scale); zero from
// seen on, up to upto.
INLINE void N(gradients)(float *p, float *dp, float lse, float own, float scale, int64_t seen, int64_t upto)
{
	int64_t j = 0;
	for (; j < seen; j += VS * VW) {
		vf e[VS];
		EACH e[u] = V_LD(p + j + u * VW) - lse;
		V_EXP(e);
		EACH V_ST(p + j + u * VW, e[u]);
		EACH V_ST(dp + j + u * VW, e[u] * ((V_LD(dp + j + u * VW) - own) * scale));
	}
	for (j = seen; j < upto; j++) p[j] = dp[j] = 0;
}

// gather_tiles: rows [0, keys) of acc += aᵀ·b, where a [queries, lead] and b is packed by columns.
INLINE void N(gather_tiles)(float *acc, const float *a, int64_t lead, const float *b, int64_t queries, int64_t keys, int64_t wide)
{
	for (int64_t j = 0; j < keys; j += MR)
		for (int64_t col = 0; col < wide; col += NR) {
			float *c = acc + j * wide + col;
			N(tile)(MR, 0, queries, a + j, 1, lead, b + col * queries, c, wide, c, wide, 0);
		}
}

static void N(attend_backward)(const struct attention *t, int64_t from, int64_t to, float *scratch)
{
	int64_t head = t->d / t->heads, wide = round_up(head, NR), ld = 3 * t->d, step = QUERY_TILES * MR;
	for (int64_t u = from; u < to; u++) {
		struct segment s = segment_at(t->seg, u / t->heads);
		int64_t h = u % t->heads * head, lead = LEAD(s.rows), panels = round_up(s.rows, NR) * head, sums = round_up(s.rows, MR) * wide;
		const float *q = t->qkv + h, *k = q + t->d, *v = k + t->d, *g = t->dout + h;
		float *kt = scratch, *vt = kt + panels, *kp = vt + panels, *qp = kp + s.rows * wide, *gp = qp + step * wide;
		float *qt = gp + step * wide, *gt = qt + PR * head, *p = gt + PR * head, *dp = p + step * lead;
		float *dk = dp + step * lead, *dv = dk + sums;
		N(pack_keys)(kt, k, ld, &s, head);
		N(pack_keys)(vt, v, ld, &s, head);
		N(pack_values)(kp, k, ld, &s, 0, s.rows, head);
		memset(dk, 0, 2 * (size_t)sums * sizeof *dk);
		for (int64_t b = 0; b < s.rows; b += step) {
			int64_t end = min64(b + step, s.rows), most = segment_sees(&s, end - 1, t->causal);
			int64_t upto = round_up(most, MR) > round_up(most, NR) ? round_up(most, MR) : round_up(most, NR);
			N(pack_values)(qp, q, ld, &s, b, end, head);
			N(pack_values)(gp, g, t->d, &s, b, end, head);
			for (int64_t i = b; i < end; i += MR) {
				int64_t rows = min64(MR, end - i);
				float *pi = p + (i - b) * lead, *di = dp + (i - b) * lead, c[MR * NR] __attribute__((aligned(64)));
				N(pack_queries)(qt, q, ld, &s, i, head, (float)t->scale);
				N(pack_queries)(gt, g, t->d, &s, i, head, 1);
				float own[MR];
				for (int64_t r = 0; r < rows; r++) {
					int64_t row = segment_row(&s, i + r), next = segment_row(&s, min64(i + r + MR, s.rows - 1));
					vf sum = {0};
					for (int64_t l = 0; l < head; l += VW)
						sum = V_FMA(V_LDN(g + row * t->d + l, head - l), V_LDN(t->out + row * t->d + h + l, head - l), sum);
					own[r] = V_SUM(sum);
					N(fetch)(q + next * ld, head), N(fetch)(g + next * t->d, head), N(fetch)(t->out + next * t->d + h, head);
				}
				N(scores)(pi, lead, MR, qt, kt, most, head);
				N(scores)(di, lead, MR, gt, vt, most, head);
				for (int64_t r = 0; r < MR; r++) {
					if (r >= rows) { // no query: it adds nothing
						memset(pi + r * lead, 0, (size_t)upto * sizeof *pi);
						memset(di + r * lead, 0, (size_t)upto * sizeof *di);
						continue;
					}
					N(gradients)(pi + r * lead, di + r * lead, t->lse[segment_row(&s, i + r) * t->heads + u % t->heads], own[r], (float)t->scale,
					             segment_sees(&s, i + r, t->causal), upto);
				}
				for (int64_t col = 0; col < head; col += NR) {
					N(tile)(MR, 0, most, di, lead, 1, kp + col * s.rows, c, NR, 0, 0, 0);
					for (int64_t r = 0; r < rows; r++) {
						float *dq = t->dqkv + segment_row(&s, i + r) * ld + h + col;
						for (int64_t l = 0; l < NR && l < head - col; l += VW) V_STN(dq + l, V_LD(c + r * NR + l), head - col - l);
					}
				}
			}
			N(gather_tiles)(dk, dp, lead, qp, end - b, most, wide);
			N(gather_tiles)(dv, p, lead, gp, end - b, most, wide);
		}
		for (int64_t j = 0; j < s.rows; j++) {
			float *to = t->dqkv + segment_row(&s, j) * ld + t->d + h;
			memcpy(to, dk + j * wide, (size_t)head * sizeof *to);
			memcpy(to + t->d, dv + j * wide, (size_t)head * sizeof *to);
		}
	}
}
