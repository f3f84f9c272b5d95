/* The two passes of a resize in C, for speed: see resize.go for what they compute. Plain pointers; the caller owns all
 * buffers and has checked all bounds. */
#ifndef IMGLISH_PIXELS_RESIZE_H
#define IMGLISH_PIXELS_RESIZE_H
#include <stdint.h>

/* Taps of one axis: output i is the sum of weight[at[i] .. at[i+1]) times the inputs from first[i] on.
 * n outputs; first: [n], at: [n+1], weight: [at[n]]. */

/* generic: not 0 to take the portable variant even where a faster one would run. */

/* out: [rows, n, 3] uint8; in: [rows, width, 3] uint8. */
void imglish_resize_rows(uint8_t *out, const uint8_t *in, int64_t rows, int64_t width, int64_t n, const int32_t *first,
                         const int32_t *at, const int32_t *weight, int32_t generic);

/* out: [n, stride] uint8; in: [height, stride] uint8. */
void imglish_resize_columns(uint8_t *out, const uint8_t *in, int64_t stride, int64_t n, const int32_t *first,
                            const int32_t *at, const int32_t *weight, int32_t generic);
#endif
