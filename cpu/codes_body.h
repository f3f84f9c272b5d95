//go:build cgo

#include "vec.h"
#include "panel.h"

// nearest_code keeps, for each row of a tile and each lane of a panel, the best product so far and its panel; the
// products themselves are never stored. Within a lane a later panel must be larger to win, and among lanes the lowest
// code of the largest product is taken: the first k, as the contract says.
static void N(nearest_code)(uint16_t *codes, float *best, const float *z, const float *packed, int64_t d, int64_t k, int64_t from, int64_t to,
                            float *scratch)
{
	float c[MR * NR] __attribute__((aligned(64)));
	float top[MR * NR] __attribute__((aligned(64))), at[MR * NR] __attribute__((aligned(64)));
	int64_t padded = round_up(k, NR), block = sum_block(d);
	for (int64_t i = from; i < to; i += MR) {
		int64_t rows = min64(MR, to - i);
		N(pack_rows)(scratch, z + i * d, d, 1, rows, d);
		for (int64_t l = 0; l < MR * NR; l += VW) V_ST(top + l, V_SET(-INFINITY)), V_ST(at + l, V_SET(0));
		for (int64_t p = 0; p * NR < k; p++) {
			// The sum's blocks come one behind the other, as in a linear layer.
			for (int64_t k0 = 0; k0 < d || k0 == 0; k0 += block) {
				int64_t kc = min64(block, d - k0);
				N(tile)(MR, 0, kc, scratch + k0 * PR, 1, PR, packed + k0 * padded + p * NR * kc, c, NR, k0 ? c : 0, NR, 0);
			}
			int64_t have = min64(NR, k - p * NR);
			for (int64_t r = 0; have < NR && r < MR; r++)
				for (int64_t l = have; l < NR; l++) c[r * NR + l] = -INFINITY;
			for (int64_t l = 0; l < MR * NR; l += VW) {
				vf x = V_LD(c + l), t = V_LD(top + l);
				vm more = V_GT(x, t);
				V_ST(top + l, V_SEL(more, x, t));
				V_ST(at + l, V_SEL(more, V_SET((float)p), V_LD(at + l))); // panels are fewer than 2^16: exact in a float
			}
		}
		for (int64_t r = 0; r < rows; r++) {
			int64_t code = 0;
			float m = -INFINITY;
			for (int64_t l = 0; l < NR; l++) {
				int64_t here = (int64_t)at[r * NR + l] * NR + l;
				if (top[r * NR + l] > m || (top[r * NR + l] == m && m > -INFINITY && here < code)) m = top[r * NR + l], code = here;
			}
			codes[i + r] = (uint16_t)code;
			if (best) best[i + r] = m;
		}
	}
}

// unit scales x to length 1; a length below 1e-12 counts as that.
INLINE void N(unit)(float *x, int64_t d)
{
	vf sum = {0};
	for (int64_t j = 0; j < d; j += VW) {
		vf v = V_LDN(x + j, d - j);
		sum = V_FMA(v, v, sum);
	}
	float norm = sqrtf(V_SUM(sum));
	norm = norm < 1e-12f ? 1e-12f : norm;
	for (int64_t j = 0; j < d; j += VW) V_STN(x + j, V_LDN(x + j, d - j) / norm, d - j);
}

static void N(codebook_ema)(float *book, float *usage, const float *sums, const float *counts, double decay, int64_t d, int64_t from,
                            int64_t to)
{
	float old = (float)decay, fresh = (float)(1 - decay);
	for (int64_t k = from; k < to; k++) {
		float *e = book + k * d;
		if (counts[k] > 0) { // the members' mean has the direction of their sum
			vf sum = {0};
			for (int64_t j = 0; j < d; j += VW) {
				vf m = V_LDN(sums + k * d + j, d - j) / counts[k];
				sum = V_FMA(m, m, sum);
			}
			float norm = sqrtf(V_SUM(sum));
			norm = norm < 1e-12f ? 1e-12f : norm;
			for (int64_t j = 0; j < d; j += VW) {
				vf m = V_LDN(sums + k * d + j, d - j) / counts[k] / norm;
				V_STN(e + j, V_LDN(e + j, d - j) * old + m * fresh, d - j);
			}
		} else
			for (int64_t j = 0; j < d; j += VW) V_STN(e + j, V_LDN(e + j, d - j) * old + V_LDN(e + j, d - j) * fresh, d - j);
		N(unit)(e, d);
		usage[k] = old * usage[k] + fresh * counts[k];
	}
}
