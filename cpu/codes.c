//go:build cgo

// Codebook: nearest code and the moving average; codes_body.h has the loops.

#include "isa.h"

#define BODY "codes_body.h"
#include "each_isa.h"

int32_t imglish_nearest_code(int32_t isa, uint16_t *codes, float *best, const float *z, const float *packed, int64_t d, int64_t k,
                             int64_t from, int64_t to, float *scratch)
{
	return CALL(isa, nearest_code, codes, best, z, packed, d, k, from, to, scratch);
}

int32_t imglish_codebook_ema(int32_t isa, float *book, float *usage, const float *sums, const float *counts, double decay, int64_t d,
                             int64_t from, int64_t to)
{
	return CALL(isa, codebook_ema, book, usage, sums, counts, decay, d, from, to);
}
