//go:build cgo

// Plain loops without branches, so that the compiler makes vectors of them.

INLINE uint32_t N(to_bf16)(float x)
{
	uint32_t b = bits_of(x), near = (b + 0x7fff + (b >> 16 & 1)) >> 16;
	return (b & 0x7fffffff) > 0x7f800000 ? b >> 16 | 0x40 : near;
}

INLINE uint32_t N(to_f16)(float x)
{
	uint32_t b = bits_of(x), sign = b >> 16 & 0x8000, a = b & 0x7fffffff;
	uint32_t normal = (a + 0xfff + (a >> 13 & 1) - 0x38000000) >> 13;
	// Below 2^-14 the unit is 2^-24, the unit of floats from one half up: adding that rounds, and leaves the count in the low bits.
	uint32_t small = bits_of(float_of(a) + 0.5f) - 0x3f000000;
	uint32_t y = a < 0x38800000 ? small : normal;
	y = a >= 0x477ff000 ? 0x7c00 : y; // 65520 and up
	return sign | (a > 0x7f800000 ? 0x7e00 : y);
}

INLINE float N(from_f16)(uint16_t h)
{
	uint32_t sign = (uint32_t)(h & 0x8000) << 16, a = (uint32_t)(h & 0x7fff) << 13;
	uint32_t normal = a + 0x38000000, special = a + 0x70000000; // the exponent's offset, and the largest exponent's
	uint32_t small = bits_of(float_of(a + 0x38800000) - 0x1p-14f); // frac·2^-24 without a leading one
	uint32_t y = a < 0x00800000 ? small : a >= 0x0f800000 ? special : normal;
	return float_of(sign | y);
}

static void N(narrow)(uint16_t *y, const float *x, int32_t half, int64_t from, int64_t to)
{
	if (half)
		for (int64_t i = from; i < to; i++) y[i] = (uint16_t)N(to_f16)(x[i]);
	else
		for (int64_t i = from; i < to; i++) y[i] = (uint16_t)N(to_bf16)(x[i]);
}

static void N(widen)(float *y, const uint16_t *x, int32_t half, int64_t from, int64_t to)
{
	if (half)
		for (int64_t i = from; i < to; i++) y[i] = N(from_f16)(x[i]);
	else
		for (int64_t i = from; i < to; i++) y[i] = float_of((uint32_t)x[i] << 16);
}
