//go:build cgo

// How a block of a row becomes integers: int16_body.h and digits_body.h.

#ifndef IMGLISH_SCALE_H
#define IMGLISH_SCALE_H
// Of tier fast's integers, which both must make alike.
#define LENGTH 46300.0f  // rounding to integers adds at most √KC/2 = 10 to a length; √2³¹ is 46,340.9
#define LARGEST 32639.0f // 127·(2⁸ + 1): two balanced digits hold it
#endif

// scale_of: the factor that makes n floats integers, and what such an integer is worth. The block's Euclidean length comes
// to at most length (INFINITY: no matter), its largest value to at most largest. A block that is not finite gets factor 0
// and is worth no number; one that is zero, or below float's range then, gets factor 0.
INLINE float N(scale_of)(const float *s, int64_t n, float length, float largest, float *worth)
{
	vf sum = {0}, top = {0}, bad = {0};
	for (int64_t j = 0; j < n; j += VW) {
		vf v = V_LDN(s + j, n - j);
		sum = V_FMA(v, v, sum);
		top = V_MAX(top, V_ABS(v));
		bad = V_FMA(v, V_SET(0), bad); // no number times 0 is none
	}
	float is = sqrtf(V_SUM(sum)), most = V_TOP(top), factor = largest / most;
	if (length / is < factor) factor = length / is;
	*worth = 1 / factor;
	if (V_SUM(bad) != 0) *worth = NAN, factor = 0;
	else if (most == 0) *worth = 0, factor = 0;
	else if (!(is < INFINITY) && length < INFINITY) *worth = NAN, factor = 0;
	else if (!(factor < INFINITY)) factor = 0;
	return factor;
}
