//go:build cgo

// The matrix product's core, shared by linear, attention and nearest code: one register tile of MR rows and NR columns.
//
// Every element of a product is one chain of fused multiply-adds over k, from zero, in rising order, in equal
// blocks of at most KC (the blocks' sums are then added in order). So its bits do not depend on which tile computes it, on the rows beside
// it, or on how the work is split: tiles and threads may be chosen for speed alone.
//
// Packed form of the right-hand side: panels of NR columns, k-major: panel p, row k, lane l is element (k, p·NR + l);
// lanes beyond the last column are zero. With several blocks of KC the blocks lie one behind the other. Rows of the
// left-hand side are read where they are, or packed k-major, PR floats a step.

#ifndef IMGLISH_PANEL_H
#define IMGLISH_PANEL_H
// Longest block of a sum: a panel's block (KC·NR floats) streams from the second cache, a tile's rows stay in the first.
enum { KC = 384 };

// sum_block cuts a sum of k terms into equal blocks; k alone decides.
static inline __attribute__((unused)) int64_t sum_block(int64_t k)
{
	int64_t count = (k + KC - 1) / KC;
	return k > 0 ? (k + count - 1) / count : 1;
}

// PAIR_BLOCK is sum_block for steps in pairs.
#define PAIR_BLOCK(k) round_up(sum_block(k), 2)
#define MR N(mr)
#define NR N(nr)
#define PR N(pr)
#endif
#if VW == 16
enum { MR = 12, NR = 32, PR = 16 }; // 24 sums, 2 of b, 1 of a: 27 of 32 registers
#elif VW == 8
enum { MR = 6, NR = 16, PR = 8 }; // 12 sums, 2 of b, 1 of a: 15 of 16 registers
#else
enum { MR = 6, NR = 8, PR = 8 };
#endif

// ALL_ROWS picks the code for so many rows.
#undef ALL_ROWS
#if VW == 16
#define ALL_ROWS(n) switch (n) { ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) ROWS(7) ROWS(8) ROWS(9) ROWS(10) ROWS(11) ROWS(12) }
#else
#define ALL_ROWS(n) switch (n) { ROWS(1) ROWS(2) ROWS(3) ROWS(4) ROWS(5) ROWS(6) }
#endif

// put writes a tile's sums: c = from + s + bias, where from and bias are optional.
INLINE void N(put)(const int rows, const int vecs, vf s[MR][2], float *c, int64_t ldc, const float *from, int64_t ldf, const float *bias)
{
	if (from) {
#pragma GCC unroll 16
		for (int r = 0; r < rows; r++) {
			s[r][0] = V_LD(from + r * ldf) + s[r][0];
			if (vecs > 1) s[r][1] = V_LD(from + r * ldf + VW) + s[r][1];
		}
	}
	if (bias) {
		vf b0 = V_LD(bias), b1 = V_LD(bias + VW);
#pragma GCC unroll 16
		for (int r = 0; r < rows; r++) {
			s[r][0] = s[r][0] + b0;
			if (vecs > 1) s[r][1] = s[r][1] + b1;
		}
	}
#pragma GCC unroll 16
	for (int r = 0; r < rows; r++) {
		V_ST(c + r * ldc, s[r][0]);
		if (vecs > 1) V_ST(c + r * ldc + VW, s[r][1]);
	}
}

// tile_of is tile for a number of rows that the compiler knows, and for vecs vectors of lanes. With ahead it asks for the
// panel behind b, which is still in memory when the first rows of a part are computed.
INLINE void N(tile_of)(const int rows, const int vecs, const int ahead, int64_t k, const float *a, int64_t rs, int64_t cs, const float *b, float *c, int64_t ldc,
                       const float *from, int64_t ldf, const float *bias)
{
	vf s[MR][2]; // in registers: every loop over rows is unrolled
	const float *at[(MR + 2) / 3]; // addresses of every third row; the two behind it are rs and 2·rs away
	const int64_t next = k * NR;   // the panel behind this one
#pragma GCC unroll 16
	for (int r = 0; r < rows; r++) s[r][0] = s[r][1] = (vf){0};
#pragma GCC unroll 16
	for (int r = 0; r < rows; r += 3) at[r / 3] = a + r * rs;
	for (; k > 0; k--, b += NR) {
		vf b0 = V_LD(b), b1 = vecs > 1 ? V_LD(b + VW) : b0;
		if (ahead) __builtin_prefetch(b + next, 0, 2);
		if (ahead && NR > 16) __builtin_prefetch(b + next + 16, 0, 2);
#pragma GCC unroll 16
		for (int r = 0; r < rows; r++) {
			vf x = V_SET(at[r / 3][r % 3 * rs]);
			s[r][0] = V_FMA(x, b0, s[r][0]);
			if (vecs > 1) s[r][1] = V_FMA(x, b1, s[r][1]);
		}
#pragma GCC unroll 16
		for (int r = 0; r < rows; r += 3) at[r / 3] += cs;
	}
	N(put)(rows, vecs, s, c, ldc, from, ldf, bias);
}

// tile: c[r·ldc + l] = from[r·ldf + l] + Σ_k a[r·rs + k·cs]·b[k·NR + l] + bias[l] for rows r, at most MR, and NR lanes l.
// from and bias are optional. ahead: as for tile_of.
INLINE void N(tile)(int64_t rows, int ahead, int64_t k, const float *a, int64_t rs, int64_t cs, const float *b, float *c, int64_t ldc, const float *from,
                    int64_t ldf, const float *bias)
{
#define ROWS(n) case n: N(tile_of)(n, 2, 0, k, a, rs, cs, b, c, ldc, from, ldf, bias); break;
	if (ahead && rows == MR) N(tile_of)(MR, 2, 1, k, a, rs, cs, b, c, ldc, from, ldf, bias);
	else ALL_ROWS(rows)
#undef ROWS
}

// half_tile: c[r·ldc + l] = Σ_k a[r·rs + k·cs]·b[k·NR + l] for the first VW lanes l alone.
INLINE void N(half_tile)(int64_t rows, int64_t k, const float *a, int64_t rs, int64_t cs, const float *b, float *c, int64_t ldc)
{
#define ROWS(n) case n: N(tile_of)(n, 1, 0, k, a, rs, cs, b, c, ldc, 0, 0, 0); break;
	ALL_ROWS(rows)
#undef ROWS
}

// square: a transpose of VW by VW through registers; rows of s from have on count as zero.
#if VW == 16
INLINE void N(square)(float *dst, int64_t ldd, const float *s, int64_t lds, int64_t have)
{
	vf r[16], q[16];
	for (int l = 0; l < 16; l++) r[l] = l < have ? V_LD(s + l * lds) : V_SET(0);
	for (int l = 0; l < 16; l += 4) {
		vf x0 = _mm512_unpacklo_ps(r[l], r[l + 1]), x1 = _mm512_unpackhi_ps(r[l], r[l + 1]);
		vf x2 = _mm512_unpacklo_ps(r[l + 2], r[l + 3]), x3 = _mm512_unpackhi_ps(r[l + 2], r[l + 3]);
		q[l] = _mm512_shuffle_ps(x0, x2, 0x44), q[l + 1] = _mm512_shuffle_ps(x0, x2, 0xee);
		q[l + 2] = _mm512_shuffle_ps(x1, x3, 0x44), q[l + 3] = _mm512_shuffle_ps(x1, x3, 0xee);
	}
	// q[4g + c] holds, in its 128-bit part p, column 4p + c of rows 4g to 4g + 3.
	for (int c = 0; c < 4; c++) {
		vf x0 = _mm512_shuffle_f32x4(q[c], q[c + 4], 0x44), x1 = _mm512_shuffle_f32x4(q[c], q[c + 4], 0xee);
		vf x2 = _mm512_shuffle_f32x4(q[c + 8], q[c + 12], 0x44), x3 = _mm512_shuffle_f32x4(q[c + 8], q[c + 12], 0xee);
		V_ST(dst + c * ldd, _mm512_shuffle_f32x4(x0, x2, 0x88));
		V_ST(dst + (c + 4) * ldd, _mm512_shuffle_f32x4(x0, x2, 0xdd));
		V_ST(dst + (c + 8) * ldd, _mm512_shuffle_f32x4(x1, x3, 0x88));
		V_ST(dst + (c + 12) * ldd, _mm512_shuffle_f32x4(x1, x3, 0xdd));
	}
}
#elif VW == 8
INLINE void N(square)(float *dst, int64_t ldd, const float *s, int64_t lds, int64_t have)
{
	vf r[8], q[8];
	for (int l = 0; l < 8; l++) r[l] = l < have ? V_LD(s + l * lds) : V_SET(0);
	for (int l = 0; l < 8; l += 4) {
		vf x0 = _mm256_unpacklo_ps(r[l], r[l + 1]), x1 = _mm256_unpackhi_ps(r[l], r[l + 1]);
		vf x2 = _mm256_unpacklo_ps(r[l + 2], r[l + 3]), x3 = _mm256_unpackhi_ps(r[l + 2], r[l + 3]);
		q[l] = _mm256_shuffle_ps(x0, x2, 0x44), q[l + 1] = _mm256_shuffle_ps(x0, x2, 0xee);
		q[l + 2] = _mm256_shuffle_ps(x1, x3, 0x44), q[l + 3] = _mm256_shuffle_ps(x1, x3, 0xee);
	}
	for (int c = 0; c < 4; c++) {
		V_ST(dst + c * ldd, _mm256_permute2f128_ps(q[c], q[c + 4], 0x20));
		V_ST(dst + (c + 4) * ldd, _mm256_permute2f128_ps(q[c], q[c + 4], 0x31));
	}
}
#endif

// transpose: dst[i·ldd + l] = s[l·lds + i] for VW lanes l and i < k; lanes from have on are zero.
INLINE void N(transpose)(float *dst, int64_t ldd, const float *s, int64_t lds, int64_t have, int64_t k)
{
	int64_t i = 0;
#if VW > 4
	if (have >= VW)
		for (; i + VW <= k; i += VW) N(square)(dst + i * ldd, ldd, s + i, lds, VW);
	else if (have == MR) // as below, with a number of rows that the compiler knows
		for (; i + VW <= k; i += VW) N(square)(dst + i * ldd, ldd, s + i, lds, MR);
	else if (have > 0)
		for (; i + VW <= k; i += VW) N(square)(dst + i * ldd, ldd, s + i, lds, have);
#endif
	for (; i < k; i++)
		for (int64_t l = 0; l < VW; l++) dst[i * ldd + l] = l < have ? s[l * lds + i] : 0;
}

// pack_columns: dst[i·NR + l] = s[i·lds + l] for NR lanes l and i < k; lanes from have on are zero.
INLINE void N(pack_columns)(float *dst, const float *s, int64_t lds, int64_t have, int64_t k)
{
	for (int64_t i = 0; i < k; i++) {
		const float *ahead = s + min64(i + 12, k - 1) * lds;
		__builtin_prefetch(ahead), __builtin_prefetch(ahead + 16); // long strides are beyond the processor's own prefetcher
		V_ST(dst + i * NR, V_LDN(s + i * lds, have));
		V_ST(dst + i * NR + VW, have > VW ? V_LDN(s + i * lds + VW, have - VW) : (vf){0});
	}
}

// pack_rows: a tile's left-hand side, dst[i·PR + r] = a[r·rs + i·cs] for rows r and i < k; the rest of the MR rows are
// zero. One of rs and cs is 1.
INLINE void N(pack_rows)(float *dst, const float *a, int64_t rs, int64_t cs, int64_t rows, int64_t k)
{
	for (int64_t r = 0; r < MR; r += VW)
		if (cs == 1) N(transpose)(dst + r, PR, a + r * rs, rs, rows - r, k);
		else
			for (int64_t i = 0; i < k; i++) V_ST(dst + i * PR + r, rows > r ? V_LDN(a + i * cs + r, rows - r) : (vf){0});
}
