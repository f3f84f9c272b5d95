//go:build cgo

// Rows moved by index, image patches, mask tokens. Plain C: the memory is the limit.

#include "isa.h"

int32_t imglish_check_ids(const int32_t *ids, int64_t n, int64_t rows, int64_t *at)
{
	for (int64_t i = 0; i < n; i++)
		if (ids[i] >= rows) return *at = i, IMGLISH_BAD_ID;
	return IMGLISH_OK;
}

int32_t imglish_check_codes(const uint16_t *codes, int64_t n, int64_t rows, int64_t *at)
{
	for (int64_t i = 0; i < n; i++)
		if (codes[i] >= rows) return *at = i, IMGLISH_BAD_ID;
	return IMGLISH_OK;
}

int32_t imglish_gather(float *y, const float *table, const int32_t *ids, int32_t add, int64_t d, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		float *yi = y + i * d;
		if (ids[i] < 0) {
			if (!add) memset(yi, 0, (size_t)d * sizeof *yi);
			continue;
		}
		const float *t = table + ids[i] * d;
		if (!add) memcpy(yi, t, (size_t)d * sizeof *yi);
		else
			for (int64_t j = 0; j < d; j++) yi[j] += t[j];
	}
	return IMGLISH_OK;
}

int32_t imglish_scatter(float *y, const float *x, const int32_t *ids, int64_t d, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++)
		if (ids[i] >= 0) memcpy(y + ids[i] * d, x + i * d, (size_t)d * sizeof *y);
	return IMGLISH_OK;
}

int32_t imglish_scatter_add(float *dtable, const float *dy, const int32_t *ids, int64_t n, int64_t d, int64_t from, int64_t to)
{
	for (int64_t i = 0; i < n; i++) {
		if (ids[i] < 0) continue;
		float *t = dtable + ids[i] * d;
		for (int64_t j = from; j < to; j++) t[j] += dy[i * d + j];
	}
	return IMGLISH_OK;
}

int32_t imglish_lookup(float *y, const float *book, const uint16_t *codes, int64_t d, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) memcpy(y + i * d, book + codes[i] * d, (size_t)d * sizeof *y);
	return IMGLISH_OK;
}

int32_t imglish_sum_by_code(float *sums, float *counts, const float *z, const uint16_t *codes, int64_t n, int64_t d, int64_t from,
                            int64_t to)
{
	for (int64_t i = 0; i < n; i++) {
		float *s = sums + codes[i] * d;
		if (from == 0) counts[codes[i]]++;
		for (int64_t j = from; j < to; j++) s[j] += z[i * d + j];
	}
	return IMGLISH_OK;
}

int32_t imglish_patches(float *y, const uint8_t *pixels, int64_t side, int64_t patch, const double *scale, const double *shift, int64_t from,
                        int64_t to)
{
	int64_t grid = side / patch;
	float table[3][256]; // value of each channel and byte
	for (int c = 0; c < 3; c++)
		for (int v = 0; v < 256; v++) {
			float scaled = (float)v * (float)scale[c];
			table[c][v] = scaled + (float)shift[c];
		}
	for (int64_t i = from; i < to; i++) {
		int64_t y0 = i / grid % grid * patch, x0 = i % grid * patch;
		const uint8_t *image = pixels + i / (grid * grid) * side * side * 3;
		float *yi = y + i * 3 * patch * patch;
		for (int c = 0; c < 3; c++)
			for (int64_t dy = 0; dy < patch; dy++) {
				const uint8_t *p = image + ((y0 + dy) * side + x0) * 3 + c;
				for (int64_t dx = 0; dx < patch; dx++) *yi++ = table[c][p[dx * 3]];
			}
	}
	return IMGLISH_OK;
}

int32_t imglish_select_rows(float *y, const float *x, const float *token, const uint8_t *mask, int64_t d, int64_t from, int64_t to)
{
	for (int64_t i = from; i < to; i++) {
		const float *row = mask[i] ? token : x + i * d;
		if (row != y + i * d) memcpy(y + i * d, row, (size_t)d * sizeof *y);
	}
	return IMGLISH_OK;
}

int32_t imglish_select_rows_backward(float *dx, float *partial, const float *dy, const uint8_t *mask, int64_t n, int64_t d, int64_t from,
                                     int64_t to)
{
	for (int64_t b = from; b < to; b++) {
		float *sum = partial + b * d;
		memset(sum, 0, (size_t)d * sizeof *sum);
		for (int64_t i = b * IMGLISH_BLOCK; i < min64(n, (b + 1) * IMGLISH_BLOCK); i++) {
			const float *g = dy + i * d;
			float *x = dx + i * d;
			if (!mask[i]) {
				if (x != g) memcpy(x, g, (size_t)d * sizeof *x);
				continue;
			}
			for (int64_t j = 0; j < d; j++) sum[j] += g[j];
			memset(x, 0, (size_t)d * sizeof *x);
		}
	}
	return IMGLISH_OK;
}
