//go:build cgo

// Products of tier fast: both sides as 16-bit integers.
//
// A sum goes by blocks of at most KC steps, as in panel.h. Within a block each row of x and each column of the right-hand
// side is scaled so that its Euclidean length is LENGTH, close below √2³¹. By Cauchy and Schwarz no sum of products of
// the two can then leave 32 bits, so the sums are exact, and operands get as many bits as they can have: in a block of
// 384 normal values the step is 1/2,300 of their deviation, where float16's is 1/2,048 to 1/1,024 of each value. Blocks
// are scaled back and added in float. All of it is fixed by the row and the column alone.

#include "isa.h"

#define LENGTH 46300.0f // rounding to integers adds at most √KC/2 = 10 to a length; √2³¹ is 46,340.9
#define LARGEST 32767.0f

// pair_block is sum_block for steps in pairs.
#define PAIR_BLOCK(k) round_up(sum_block(k), 2)

#define BODY "int16_body.h"
#define WITH_VNNI
#include "each_isa.h"

int64_t imglish_blocks16(int64_t k) { return (k + PAIR_BLOCK(k) - 1) / PAIR_BLOCK(k); }

int32_t imglish_quantise(int32_t isa, int16_t *q, float *back, const float *x, int64_t k, int64_t from, int64_t to)
{
	return CALL_VNNI(isa, quantise, q, back, x, k, from, to);
}

int32_t imglish_pack16(int32_t isa, int16_t *dst, float *scale, const int16_t *q, const float *back, int64_t cols, int64_t k, int64_t from,
                       int64_t to)
{
	return CALL_VNNI(isa, pack16, dst, scale, q, back, cols, k, from, to);
}

int32_t imglish_product16(int32_t isa, float *y, int64_t ldy, const int16_t *x, const float *back, const int16_t *packed, const float *scale,
                          const float *b, int64_t k, int64_t cols, int32_t act, int32_t add, int64_t i0, int64_t i1, int64_t p0, int64_t p1)
{
	struct imglish_product j = {.c = y, .ldc = ldy, .bias = b, .act = act, .add = add, .n = cols, .k = k};
	return CALL_VNNI(isa, product16, &j, x, back, packed, scale, i0, i1, p0, p1);
}
