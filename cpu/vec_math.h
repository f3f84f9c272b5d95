//go:build cgo

// exp, tanh and GELU on vectors. The polynomials are minimax fits made for these ranges (relative error of each below
// 2e-8, so float rounding is what remains): exp within 1.5 ulp, GELU and tanh within 5e-7 relative.

#ifndef IMGLISH_VEC_MATH_H
#define IMGLISH_VEC_MATH_H
#define V_EXP N(v_exp)
#define V_TANH N(v_tanh)
#define V_NORMAL N(v_normal)
#define V_GELU N(v_gelu)
#define V_GELU_SLOPE N(v_gelu_slope)
#endif

// V_EXP holds x within [-87.3, 88.4], where the result is a normal number.
INLINE vf V_EXP(vf x)
{
	const vf magic = V_SET(0x1.8p23f); // adding it rounds to an integer, which then stands in the low bits
	x = V_SEL(V_GT(V_SET(-87.3f), x), V_SET(-87.3f), x);
	x = V_SEL(V_GT(x, V_SET(88.4f)), V_SET(88.4f), x);
	vf t = V_FMA(x, V_SET(1.44269504f), magic);
	vf n = t - magic;
	vf r = V_FMA(n, V_SET(-0.693145752f), x);
	r = V_FMA(n, V_SET(-1.42860677e-6f), r);
	vf p = V_SET(0.001381459878757596f);
	p = V_FMA(p, r, V_SET(0.008368716575205326f));
	p = V_FMA(p, r, V_SET(0.04166838899254799f));
	p = V_FMA(p, r, V_SET(0.1666652113199234f));
	p = V_FMA(p, r, V_SET(0.4999999403953552f));
	p = V_FMA(p * r, r, r) + 1.0f;
	vi scale = ((vi)t - (vi)magic + 127) << 23;
	return p * (vf)scale; // a product, so that NaN stays NaN
}

INLINE vf V_TANH(vf x)
{
	vf a = V_ABS(x), s = x * x;
	vf p = V_SET(0.002147539984434843f);
	p = V_FMA(p, s, V_SET(-0.008182677440345287f));
	p = V_FMA(p, s, V_SET(0.021702969446778297f));
	p = V_FMA(p, s, V_SET(-0.05394720286130905f));
	p = V_FMA(p, s, V_SET(0.13333210349082947f));
	p = V_FMA(p, s, V_SET(-0.3333333134651184f));
	vf near = V_FMA(p * s, x, x);
	vf far = 1.0f - 2.0f / (V_EXP(a + a) + 1.0f);
	far = (vf)(((vi)x & (int32_t)0x80000000) | (vi)far);
	return V_SEL(V_GT(a, V_SET(0.625f)), far, near);
}

// V_NORMAL returns the normal distribution's cumulative function at x; *e is exp(-x²/2). The lower tail is
// exp(-x²/2)·P(1/(1 + |x|/4)), which keeps its relative accuracy far out.
INLINE vf V_NORMAL(vf x, vf *e)
{
	vf a = V_ABS(x);
	a = V_SEL(V_GT(a, V_SET(13.2f)), V_SET(13.2f), a); // beyond it the tail is below the smallest normal number
	vf t = 1.0f / V_FMA(a, V_SET(0.25f), V_SET(1.0f));
	vf p = V_SET(0.06895454227924347f);
	p = V_FMA(p, t, V_SET(-0.3980855941772461f));
	p = V_FMA(p, t, V_SET(0.8034202456474304f));
	p = V_FMA(p, t, V_SET(-0.6847822070121765f));
	p = V_FMA(p, t, V_SET(0.623805820941925f));
	p = V_FMA(p, t, V_SET(-0.048747628927230835f));
	p = V_FMA(p, t, V_SET(0.2459108531475067f));
	p = V_FMA(p, t, V_SET(0.18903958797454834f));
	p = V_FMA(p, t, V_SET(0.200531467795372f));
	p = V_FMA(p, t, V_SET(-4.70644336019177e-05f));
	*e = V_EXP(a * a * -0.5f);
	vf tail = p * *e * 0.5f;
	return V_SEL(V_GT(x, V_SET(0)), 1.0f - tail, tail);
}

INLINE vf V_GELU(vf x)
{
	vf e;
	return x * V_NORMAL(x, &e);
}

INLINE vf V_GELU_SLOPE(vf x)
{
	vf e, c = V_NORMAL(x, &e);
	return V_FMA(x * 0.398942280f, e, c);
}
