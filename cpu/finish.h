//go:build cgo

// What a register tile of a product (panel.h) becomes: a part of the result, with bias and activation. Callers ask aim
// where the sums go, run the tile, and finish.

#ifndef IMGLISH_FINISH_H
#define IMGLISH_FINISH_H
// target: where a tile writes c = from + sums + bias, and what is left to do.
struct target {
	float *c;
	const float *from, *bias; // or null; rows of from lie ldy apart
	int64_t ldc;
	int whole; // bias and from are all that is wanted before act
	int act;
};
#endif

// aim: a tile with all its columns goes straight to the result; what awaits an activation, or is cut off, to t [MR, NR].
INLINE struct target N(aim)(const struct imglish_product *j, float *t, int64_t row, int64_t col, int add, int last)
{
	float *c = j->y + row * j->ldy + col;
	struct target to = {.c = t, .ldc = NR, .act = last ? j->act : 0, .whole = j->cols - col >= NR && !(last && j->pre)};
	if (!to.whole) return to;
	if (!to.act) to.c = c, to.ldc = j->ldy;
	if (add) to.from = c;
	if (last && j->bias) to.bias = j->bias + col;
	return to;
}

// finish does what is left, for t [rows, wide], if something is. Not inlined: the compiler would keep the activation's
// constants in registers that the tile needs.
static __attribute__((noinline)) void N(finish)(const struct imglish_product *j, const struct target *to, float *t, int64_t wide, int64_t row,
                                                int64_t col, int64_t rows, int add, int last)
{
	int64_t cols = min64(wide, j->cols - col), at = row * j->ldy + col;
	const float *bias = last && j->bias ? j->bias + col : 0;
	float *pre = last && j->pre ? j->pre + at : 0, *c = j->y + at;
	for (int64_t r = 0; r < rows && !to->whole; r++)
		for (int64_t l = 0; l < cols; l += VW) {
			int64_t from = r * j->ldy + l, left = cols - l;
			vf v = V_LD(t + r * wide + l);
			if (add) v = V_LDN(c + from, left) + v;
			if (bias) v = v + V_LDN(bias + l, left);
			if (pre) V_STN(pre + from, v, left);
			V_ST(t + r * wide + l, v);
		}
	for (int64_t i = 0; i < rows * wide && to->act; i += VS * VW) { // t holds whole VS vectors; what lies behind cols goes nowhere
		vf x[VS];
		EACH x[u] = V_LD(t + i + u * VW);
		V_ACTIVATE(x, to->act);
		EACH V_ST(t + i + u * VW, x[u]);
	}
	for (int64_t r = 0; r < rows; r++)
		for (int64_t l = 0; l < cols; l += VW) V_STN(c + r * j->ldy + l, V_LD(t + r * wide + l), cols - l);
}
