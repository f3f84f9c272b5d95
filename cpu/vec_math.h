//go:build cgo

// exp, tanh and GELU on VS vectors at once: each is a long chain of dependent steps, and several chains side by side keep
// the processor's units busy. The polynomials are minimax fits made for these ranges (relative error of each below 2e-8,
// so float rounding is what remains): exp within 1.5 ulp, GELU and tanh within 5e-7 relative (GELU by table: see V_GELU).

#ifndef IMGLISH_VEC_MATH_H
#define IMGLISH_VEC_MATH_H
#include "gelu_table.h"
enum { VS = 4 };
#define EACH for (int u = 0; u < VS; u++)
#define V_EXP N(v_exp)
#define V_TANH N(v_tanh)
#define V_NORMAL N(v_normal)
#define V_GELU N(v_gelu)
#define V_ACTIVATE N(v_activate)
#define V_SLOPE N(v_slope)
#endif

// V_EXP: x becomes exp(x). Below -87.3 it stays at the smallest normal number; x must be below 88.4.
INLINE void V_EXP(vf x[VS])
{
	const vf magic = V_SET(0x1.8p23f); // adding it rounds to an integer, which then stands in the low bits
	vf t[VS], n[VS], r[VS], p[VS];
	EACH x[u] = V_MAX(V_SET(-87.3f), x[u]);
	EACH t[u] = V_FMA(x[u], V_SET(1.44269504f), magic);
	EACH n[u] = t[u] - magic;
	EACH r[u] = V_FMA(n[u], V_SET(-0.693145752f), x[u]);
	EACH r[u] = V_FMA(n[u], V_SET(-1.42860677e-6f), r[u]);
	EACH p[u] = V_FMA(r[u], V_SET(0.001381459878757596f), V_SET(0.008368716575205326f));
	EACH p[u] = V_FMA(p[u], r[u], V_SET(0.04166838899254799f));
	EACH p[u] = V_FMA(p[u], r[u], V_SET(0.1666652113199234f));
	EACH p[u] = V_FMA(p[u], r[u], V_SET(0.4999999403953552f));
	EACH p[u] = p[u] * r[u];
	EACH p[u] = V_FMA(p[u], r[u], r[u]);
	EACH p[u] = p[u] + 1.0f;
#if VW == 16
	EACH x[u] = _mm512_scalef_ps(p[u], n[u]);
#else
	EACH x[u] = p[u] * (vf)(((vi)t[u] - (vi)magic + 127) << 23); // a product, so that NaN stays NaN
#endif
}

INLINE void V_TANH(vf x[VS])
{
	vf a[VS], s[VS], p[VS], e[VS];
	EACH a[u] = V_ABS(x[u]);
	EACH e[u] = V_MIN(V_SET(20), a[u]); // tanh is 1 in float from 9.02 on
	EACH e[u] = e[u] + e[u];
	V_EXP(e);
	EACH s[u] = x[u] * x[u];
	EACH p[u] = V_FMA(s[u], V_SET(0.002147539984434843f), V_SET(-0.008182677440345287f));
	EACH p[u] = V_FMA(p[u], s[u], V_SET(0.021702969446778297f));
	EACH p[u] = V_FMA(p[u], s[u], V_SET(-0.05394720286130905f));
	EACH p[u] = V_FMA(p[u], s[u], V_SET(0.13333210349082947f));
	EACH p[u] = V_FMA(p[u], s[u], V_SET(-0.3333333134651184f));
	EACH p[u] = V_FMA(p[u] * s[u], x[u], x[u]);
	EACH e[u] = 1.0f - 2.0f / (e[u] + 1.0f);
	EACH e[u] = (vf)(((vi)x[u] & (int32_t)0x80000000) | (vi)e[u]);
	EACH x[u] = V_SEL(V_GT(a[u], V_SET(0.625f)), e[u], p[u]);
}

// V_NORMAL: c is the normal distribution's cumulative function at x, e is exp(-x²/2). The lower tail is
// exp(-x²/2)·P(1/(1 + |x|/4)), which keeps its relative accuracy far out.
INLINE void V_NORMAL(const vf x[VS], vf c[VS], vf e[VS])
{
	vf a[VS], t[VS], p[VS];
	EACH a[u] = V_MIN(V_SET(13.2f), V_ABS(x[u])); // beyond it the tail is below the smallest normal number
	EACH t[u] = 1.0f / V_FMA(a[u], V_SET(0.25f), V_SET(1.0f));
	EACH e[u] = a[u] * a[u] * -0.5f;
	V_EXP(e);
	EACH p[u] = V_FMA(t[u], V_SET(0.06895454227924347f), V_SET(-0.3980855941772461f));
	EACH p[u] = V_FMA(p[u], t[u], V_SET(0.8034202456474304f));
	EACH p[u] = V_FMA(p[u], t[u], V_SET(-0.6847822070121765f));
	EACH p[u] = V_FMA(p[u], t[u], V_SET(0.623805820941925f));
	EACH p[u] = V_FMA(p[u], t[u], V_SET(-0.048747628927230835f));
	EACH p[u] = V_FMA(p[u], t[u], V_SET(0.2459108531475067f));
	EACH p[u] = V_FMA(p[u], t[u], V_SET(0.18903958797454834f));
	EACH p[u] = V_FMA(p[u], t[u], V_SET(0.200531467795372f));
	EACH p[u] = V_FMA(p[u], t[u], V_SET(-4.70644336019177e-05f));
	EACH p[u] = p[u] * e[u] * 0.5f;
	EACH c[u] = V_SEL(V_GT(x[u], V_SET(0)), 1.0f - p[u], p[u]);
}

// V_GELU: x becomes x·c for V_NORMAL's c.
#if VW == 16
// By looking up a polynomial for each lane: no division, no exp, a third of the steps. GELU(x) = max(x, 0) − |x|·Q(|x|), with
// the upper tail Q from gelu_table.h. Its relative accuracy is V_NORMAL's down to x = -5; farther out, below 1e-11 in all, not.
INLINE void V_GELU(vf x[VS])
{
	const vf magic = V_SET(0x1p23f); // adding it rounds to an integer, which then stands in the low bits
	vf a[VS], t[VS], r[VS], q[VS];
#define LOOK_UP(k) (vf)_mm512_permutex2var_ps(_mm512_load_ps(gelu_table[k]), (__m512i)t[u], _mm512_load_ps(gelu_table[k] + 16))
	EACH a[u] = V_MIN(V_SET(7.75f), V_ABS(x[u])); // the middle of the last piece, where Q is 0
	EACH t[u] = V_FMA(a[u], V_SET(4), magic);
	EACH r[u] = V_FMA(t[u] - magic, V_SET(-0.25f), a[u]);
	EACH q[u] = V_FMA(LOOK_UP(5), r[u], LOOK_UP(4));
	EACH q[u] = V_FMA(q[u], r[u], LOOK_UP(3));
	EACH q[u] = V_FMA(q[u], r[u], LOOK_UP(2));
	EACH q[u] = V_FMA(q[u], r[u], LOOK_UP(1));
	EACH q[u] = V_FMA(q[u], r[u], LOOK_UP(0));
	EACH x[u] = V_FMA(-a[u], q[u], V_MAX(V_SET(0), x[u]));
#undef LOOK_UP
}
#else
INLINE void V_GELU(vf x[VS])
{
	vf c[VS], e[VS];
	V_NORMAL(x, c, e);
	EACH x[u] = x[u] * c[u];
}
#endif

// V_ACTIVATE: x becomes act(x).
INLINE void V_ACTIVATE(vf x[VS], int32_t act)
{
	if (act == IMGLISH_GELU) V_GELU(x);
	else V_TANH(x);
}

// V_SLOPE: x becomes act'(x).
INLINE void V_SLOPE(vf x[VS], int32_t act)
{
	vf c[VS], e[VS];
	if (act == IMGLISH_GELU) {
		V_NORMAL(x, c, e);
		EACH x[u] = V_FMA(x[u] * 0.398942280f, e[u], c[u]);
	} else {
		V_TANH(x);
		EACH x[u] = 1.0f - x[u] * x[u];
	}
}
