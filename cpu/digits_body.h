//go:build cgo

#include "vec.h"
#include "vec_math.h"
#include "panel.h"
#include "finish.h"
#include "scale.h"

#ifndef AMX // products and packed forms differ in nothing but the tiles' instructions

// round: to the nearest integer, half to even.
#if VW == 16
INLINE vi N(round)(vf x) { return (vi)_mm512_cvtps_epi32(x); }
INLINE void N(low_bytes)(int8_t *to, vi q) { _mm_storeu_si128((__m128i *)to, _mm512_cvtepi32_epi8((__m512i)q)); }
#else
INLINE vi N(round)(vf x)
{
#if VW == 8
	return (vi)_mm256_cvtps_epi32(x);
#else
	vi q;
	for (int l = 0; l < VW; l++) q[l] = (int32_t)rintf(x[l]);
	return q;
#endif
}
INLINE void N(low_bytes)(int8_t *to, vi q)
{
	for (int l = 0; l < VW; l++) to[l] = (int8_t)q[l];
}
#endif

// cut: rows [from, to) of x [n, k] into digits, d [digits, n rounded up to panels, steps_of(k)], the highest first, and back
// [n, blocks]: what a number is worth.
static void N(cut)(int8_t *d, float *back, const float *x, int64_t n, int64_t k, int32_t digits, int64_t from, int64_t to)
{
	int64_t block = PAIR_BLOCK(k), blocks = (k + block - 1) / block, wide = round_up(block, STEP), plane = round_up(n, PANEL) * blocks * wide;
	for (int64_t i = from; i < to; i++)
		for (int64_t b = 0; b < blocks; b++) {
			const float *s = x + i * k + b * block;
			int8_t *row = d + (i * blocks + b) * wide;
			int64_t have = min64(block, k - b * block);
			float worth, factor = digits == 2 ? N(scale_of)(s, have, LENGTH, LARGEST, &worth) : N(scale_of)(s, have, INFINITY, LARGEST3, &worth);
			back[i * blocks + b] = worth;
			for (int64_t j = 0; j < wide; j += VW) {
				vi q = N(round)(factor != 0 && j < have ? V_LDN(s + j, have - j) * factor : V_SET(0));
				for (int p = digits - 1; p >= 0; p--) {
					N(low_bytes)(row + p * plane + j, q);
					q = (q - (q << 24 >> 24)) >> 8;
				}
			}
		}
}

// pack_digits: panels [from, to) of the right-hand side, whose columns are rows of d (cut, [digits, cols, k]): block-major,
// then panels, steps, digits, and for a digit 16 rows of four steps, column by column: two tiles side by side.
//
//	scale: [blocks, cols rounded up to whole panels] from back [cols, blocks]
static void N(pack_digits)(int8_t *dst, float *scale, const int8_t *d, const float *back, int64_t cols, int64_t k, int32_t digits, int64_t from,
                           int64_t to)
{
	int64_t block = PAIR_BLOCK(k), blocks = (k + block - 1) / block, wide = round_up(block, STEP), padded = round_up(cols, PANEL);
	int64_t plane = padded * blocks * wide;
	for (int64_t b = 0; b < blocks; b++)
		for (int64_t p = from; p < to; p++) {
			int8_t *at = dst + (b * padded + p * PANEL) * wide * digits;
			for (int64_t l = 0; l < PANEL; l++) {
				int64_t col = p * PANEL + l;
				scale[b * padded + col] = col < cols ? back[col * blocks + b] : 0;
				for (int64_t j = 0; j < wide; j += 4)
					for (int64_t q = 0; q < digits; q++) {
						int8_t *to4 = at + (j / STEP * digits + q) * STEP * PANEL + j % STEP * PANEL + 4 * l;
						if (col < cols) memcpy(to4, d + q * plane + (col * blocks + b) * wide + j, 4);
						else memset(to4, 0, 4);
					}
			}
		}
}
#endif

#ifdef AMX

// Memory operands are addresses, so the compiler is told that memory matters.
#define TILE_LOAD(t, p, stride) __asm__ volatile("tileloadd (%0,%1,1), %%tmm" #t ::"r"(p), "r"((int64_t)(stride)) : "memory")
#define TILE_STORE(p, t) __asm__ volatile("tilestored %%tmm" #t ", (%0,%1,1)" ::"r"(p), "r"((int64_t)(4 * TILE)) : "memory")
#define TILE_DOT(c, a, b) __asm__ volatile("tdpbssd %tmm" #b ", %tmm" #a ", %tmm" #c)
#define TILE_ZERO(t) __asm__ volatile("tilezero %tmm" #t)

// begin gives all eight tiles 16 rows of 64 bytes. They belong to the thread, so each part of the work asks for them and
// gives them back: a thread that has none saves none when it is switched away.
INLINE void N(begin)(void)
{
	struct { uint8_t palette, start, reserved[14]; uint16_t bytes[16]; uint8_t rows[16]; } config = {.palette = 1};
	for (int t = 0; t < 8; t++) config.bytes[t] = STEP, config.rows[t] = TILE;
	__asm__ volatile("ldtilecfg %0" ::"m"(config));
}
INLINE void N(end)(void) { __asm__ volatile("tilerelease"); }
#define TILES

#else

#define TILE_LOAD(t, p, stride) for (int r = 0; r < TILE; r++) memcpy(tiles[t][r], (const int8_t *)(p) + r * (stride), STEP)
#define TILE_STORE(p, t) memcpy(p, tiles[t], sizeof tiles[t])
#define TILE_DOT(c, a, b) N(dot)(tiles[c], tiles[a], tiles[b])
#define TILE_ZERO(t) memset(tiles[t], 0, sizeof tiles[t])
#define TILES int32_t tiles[8][TILE][TILE]

// dot: c[r][l] += Σ a[r][i]·b[i / 4][4·l + i % 4] over 64 bytes i.
static void N(dot)(int32_t c[TILE][TILE], int32_t a[TILE][TILE], int32_t b[TILE][TILE])
{
	const int8_t(*x)[STEP] = (const int8_t(*)[STEP])a, (*y)[STEP] = (const int8_t(*)[STEP])b;
	for (int i = 0; i < STEP; i++) {
		int32_t column[TILE];
		for (int l = 0; l < TILE; l++) column[l] = y[i / 4][4 * l + i % 4];
		for (int r = 0; r < TILE; r++)
			for (int l = 0; l < TILE; l++) c[r][l] += x[r][i] * column[l]; // far below 2³¹ for as long as a block is
	}
}
INLINE void N(begin)(void) {}
INLINE void N(end)(void) {}

#endif

// Tile 6 is of x, tile 7 of the weights; the others are sums of products of digits, by what they are worth, for one of the
// panel's two halves: 0, 1, 2 and 3, 4, 5. Each sum waits for its last product, so products of one sum lie apart.
#define X(digit) TILE_LOAD(6, x + (digit) * plane, stride)
#define W(digit) TILE_LOAD(7, w + (digit) * STEP * PANEL, 4 * PANEL)

// half2: four products of two digits, for steps of STEP.
#define HALF2(high, middle, low)                                                      \
	do {                                                                              \
		W(0); X(0); TILE_DOT(high, 6, 7); X(1); TILE_DOT(middle, 6, 7);               \
		W(1); TILE_DOT(low, 6, 7); X(0); TILE_DOT(middle, 6, 7);                      \
	} while (0)

// half3: the six products of three digits that are worth 2³², 2²⁴ and 2¹⁶.
#define HALF3(high, middle, low)                                                      \
	do {                                                                              \
		W(0); X(2); TILE_DOT(low, 6, 7); X(0); TILE_DOT(high, 6, 7);                  \
		X(1); TILE_DOT(middle, 6, 7); W(1); TILE_DOT(low, 6, 7);                      \
		X(0); TILE_DOT(middle, 6, 7); W(2); TILE_DOT(low, 6, 7);                      \
	} while (0)

// tile_digits: sums[half][worth] of a tile of x, whose digits lie plane apart and rows stride, and a block of a panel.
INLINE void N(tile_digits)(int32_t sums[2][3][TILE][TILE], int32_t digits, const int8_t *x, int64_t plane, int64_t stride, const int8_t *panel,
                           int64_t steps)
{
	TILES;
	TILE_ZERO(0);
	TILE_ZERO(1);
	TILE_ZERO(2);
	TILE_ZERO(3);
	TILE_ZERO(4);
	TILE_ZERO(5);
	for (int64_t s = 0; s < steps; s++, x += STEP, panel += digits * STEP * PANEL) {
		const int8_t *w = panel;
		if (digits == 2) HALF2(0, 1, 2);
		else HALF3(0, 1, 2);
		w += 4 * TILE;
		if (digits == 2) HALF2(3, 4, 5);
		else HALF3(3, 4, 5);
	}
	TILE_STORE(sums[0][0], 0);
	TILE_STORE(sums[0][1], 1);
	TILE_STORE(sums[0][2], 2);
	TILE_STORE(sums[1][0], 3);
	TILE_STORE(sums[1][1], 4);
	TILE_STORE(sums[1][2], 5);
}
#undef X
#undef W
#undef HALF2
#undef HALF3
#undef TILE_LOAD
#undef TILE_STORE
#undef TILE_DOT
#undef TILE_ZERO
#undef TILES


// product_digits: rows [i0, i1) and panels [p0, p1). i0 is a multiple of TILE.
static void N(product_digits)(const struct imglish_product *j, int64_t i0, int64_t i1, int64_t p0, int64_t p1)
{
	int64_t block = PAIR_BLOCK(j->k), blocks = (j->k + block - 1) / block, wide = round_up(block, STEP), padded = round_up(j->cols, PANEL);
	int64_t stride = blocks * wide, plane = round_up(j->n, PANEL) * stride;
	float t[TILE * PANEL] __attribute__((aligned(64)));
	int32_t sums[2][3][TILE][TILE] __attribute__((aligned(64)));
	N(begin)();
	for (int64_t b = 0; b < blocks; b++) {
		int add = j->add || b > 0, last = b + 1 == blocks;
		int64_t steps = round_up(min64(block, j->k - b * block), STEP) / STEP;
		for (int64_t i = i0; i < i1; i += TILE) {
			int64_t rows = min64(TILE, i1 - i);
			for (int64_t p = p0; p < p1; p++) {
				N(tile_digits)(sums, j->digits, j->xd + i * stride + b * wide, plane, stride,
				               j->packedd + (b * padded + p * PANEL) * wide * j->digits, steps);
				for (int64_t r = 0; r < rows; r++)
					for (int64_t l = 0; l < PANEL; l += VW) {
						int32_t(*s)[TILE][TILE] = sums[l / TILE];
						vi high = *(vi *)&s[0][r][l % TILE], middle = *(vi *)&s[1][r][l % TILE], low = *(vi *)&s[2][r][l % TILE];
						vf v;
						if (j->digits == 2) v = __builtin_convertvector((high << 16) + (middle << 8) + low, vf);
						else
							v = V_FMA(__builtin_convertvector(high, vf), V_SET(0x1p16f),
							          V_FMA(__builtin_convertvector(middle, vf), V_SET(0x1p8f), __builtin_convertvector(low, vf))) * 0x1p16f;
						V_ST(t + r * PANEL + l, v * V_LD(j->scale + b * padded + p * PANEL + l) * j->back[(i + r) * blocks + b]);
					}
				struct target to = {.c = t, .act = last ? j->act : 0};
				N(finish)(j, &to, t, PANEL, i, p * PANEL, rows, add, last);
			}
		}
	}
	N(end)();
}
