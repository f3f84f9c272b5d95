//go:build cgo

// Codebook: nearest code and the moving average; codes_body.h has the loops.

#include "pool.h"

#define BODY "codes_body.h"
#include "each_isa.h"

struct nearest { int32_t isa; uint16_t *codes; float *best; const float *z, *packed; int64_t n, d, k, tile; };

static void nearest_part(const void *job, int64_t from, int64_t to, float *scratch)
{
	const struct nearest *j = job;
	CALL(j->isa, nearest_code, j->codes, j->best, j->z, j->packed, j->d, j->k, from * j->tile, min64(to * j->tile, j->n), scratch);
}

int32_t imglish_nearest_code(imglish_pool *pool, int32_t isa, uint16_t *codes, float *best, const float *z, const float *packed, int64_t n,
                             int64_t d, int64_t k)
{
	int64_t mr = 1, nr, pr, kc;
	int32_t status = imglish_tile(isa, &mr, &nr, &pr, &kc);
	if (status != IMGLISH_OK) return status;
	struct nearest j = {isa, codes, best, z, packed, n, d, k, mr};
	imglish_pool_run(pool, nearest_part, &j, (n + mr - 1) / mr, mr * k * (d + 16) / 16);
	return IMGLISH_OK;
}

int32_t imglish_codebook_ema(int32_t isa, float *book, float *usage, const float *sums, const float *counts, double decay, int64_t d,
                             int64_t from, int64_t to)
{
	return CALL(isa, codebook_ema, book, usage, sums, counts, decay, d, from, to);
}
