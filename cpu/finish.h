//go:build cgo

// What follows a register tile of a product (panel.h): adding it to the result, bias, activation.

// finish adds a tile to c: to what c holds (add) or in its place, then bias, pre and the activation (last).
INLINE void N(finish)(const struct imglish_product *j, float *t, int64_t row, int64_t col, int64_t rows, int add, int last)
{
	int64_t cols = min64(NR, j->cols - col), at = row * j->ldy + col;
	const float *bias = last && j->bias ? j->bias + col : 0;
	float *pre = last && j->pre ? j->pre + at : 0, *c = j->y + at;
	int act = last && j->act;
	for (int64_t r = 0; r < rows; r++)
		for (int64_t l = 0; l < cols; l += VW) {
			int64_t to = r * j->ldy + l, left = cols - l;
			vf v = V_LD(t + r * NR + l);
			if (add) v = V_LDN(c + to, left) + v;
			if (bias) v = v + V_LDN(bias + l, left);
			if (pre) V_STN(pre + to, v, left);
			if (act) V_ST(t + r * NR + l, v);
			else V_STN(c + to, v, left);
		}
	if (!act) return;
	for (int64_t i = 0; i < rows * NR; i += VS * VW) { // MR·NR is a multiple of VS·VW; what lies behind cols goes nowhere
		vf x[VS];
		EACH x[u] = V_LD(t + i + u * VW);
		V_ACTIVATE(x, j->act);
		EACH V_ST(t + i + u * VW, x[u]);
	}
	for (int64_t r = 0; r < rows; r++)
		for (int64_t l = 0; l < cols; l += VW) V_STN(c + r * j->ldy + l, V_LD(t + r * NR + l), cols - l);
}
