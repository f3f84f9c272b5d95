//go:build cgo

// The k smallest of n numbers, in four passes over their bytes instead of a sort. Plain C: the memory is the limit.

#include "isa.h"

// rank maps floats to integers of the same order, −0 to 0's; what is no number comes last.
static inline uint32_t rank(float x)
{
	uint32_t b;
	if (x != x) return UINT32_MAX;
	x += 0.0f; // −0 becomes 0
	memcpy(&b, &x, sizeof b);
	return b & 0x80000000 ? ~b : b | 0x80000000;
}

int32_t imglish_smallest(float *keep, const float *x, int64_t n, int64_t k)
{
	// The rank of the k-th, byte by byte from the top: of the numbers that agree so far, those with lower bytes all stay.
	uint32_t last = 0, mask = 0;
	int64_t open = k; // how many of the numbers that agree with last under mask stay
	for (int shift = 24; k > 0 && shift >= 0; shift -= 8) {
		int64_t count[256] = {0};
		for (int64_t i = 0; i < n; i++)
			if ((rank(x[i]) & mask) == last) count[rank(x[i]) >> shift & 255]++;
		uint32_t byte = 0;
		while (count[byte] < open) open -= count[byte++];
		last |= byte << shift, mask |= 255u << shift;
	}
	for (int64_t i = 0; i < n; i++) {
		uint32_t r = rank(x[i]);
		keep[i] = k > 0 && (r < last || (r == last && open-- > 0));
	}
	return IMGLISH_OK;
}
