//go:build cgo

// Between float32 and 16-bit floats; cast_body.h has the loops. Go's tensor/half.go says the same with branches.

#include "isa.h"

static inline __attribute__((always_inline, unused)) uint32_t bits_of(float x)
{
	uint32_t b;
	memcpy(&b, &x, sizeof b);
	return b;
}

static inline __attribute__((always_inline, unused)) float float_of(uint32_t b)
{
	float x;
	memcpy(&x, &b, sizeof x);
	return x;
}

#define BODY "cast_body.h"
#include "each_isa.h"

int32_t imglish_narrow(int32_t isa, uint16_t *y, const float *x, int32_t half, int64_t from, int64_t to)
{
	return CALL(isa, narrow, y, x, half, from, to);
}

int32_t imglish_widen(int32_t isa, float *y, const uint16_t *x, int32_t half, int64_t from, int64_t to)
{
	return CALL(isa, widen, y, x, half, from, to);
}
