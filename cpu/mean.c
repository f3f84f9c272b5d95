//go:build cgo

// Means of rows. Plain C: the memory is the limit.

#include "isa.h"

int32_t imglish_mean_rows(float *y, const float *x, const int32_t *seg, int64_t d, int64_t from, int64_t to)
{
	for (int64_t s = from; s < to; s++) {
		int64_t first = seg[2 * s], n = seg[2 * s + 1];
		float *mean = y + s * d;
		memset(mean, 0, (size_t)d * sizeof *mean);
		for (int64_t i = 0; i < n; i++)
			for (int64_t j = 0; j < d; j++) mean[j] += x[(first + i) * d + j];
		for (int64_t j = 0; n > 0 && j < d; j++) mean[j] /= (float)n;
	}
	return IMGLISH_OK;
}

int32_t imglish_mean_rows_backward(float *dx, const float *dy, const int32_t *seg, int64_t d, int64_t from, int64_t to)
{
	for (int64_t s = from; s < to; s++) {
		int64_t first = seg[2 * s], n = seg[2 * s + 1];
		if (n == 0) continue;
		float *g = dx + first * d;
		for (int64_t j = 0; j < d; j++) g[j] = dy[s * d + j] / (float)n;
		for (int64_t i = 1; i < n; i++) memcpy(g + i * d, g, (size_t)d * sizeof *g);
	}
	return IMGLISH_OK;
}
