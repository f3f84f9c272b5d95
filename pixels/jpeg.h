/* The border between Go and libjpeg-turbo: flat functions, plain pointers. The caller owns every buffer. Nothing here
 * exits the process, prints, or keeps state between calls. */
#ifndef IMGLISH_PIXELS_JPEG_H
#define IMGLISH_PIXELS_JPEG_H
#include <stdint.h>

enum {
	IMGLISH_JPEG_OK = 0,
	IMGLISH_JPEG_CORRUPT = 1,     /* libjpeg-turbo gave up; message says why */
	IMGLISH_JPEG_TRUNCATED = 2,   /* the data ends before the picture does */
	IMGLISH_JPEG_UNSUPPORTED = 3, /* sound, but of a kind that is not decoded; message says which */
	IMGLISH_JPEG_SIZE = 4,        /* the size is not w x h, or the output buffer is too small */
	IMGLISH_JPEG_SCANS = 5        /* more scans than any encoder writes: a way to burn time */
};

#define IMGLISH_JPEG_MESSAGE 200

/* Decodes data[0..n) of a picture of w x h pixels to rgb, [h, w, 3] uint8. message: IMGLISH_JPEG_MESSAGE bytes. */
int32_t imglish_jpeg_decode(const uint8_t *data, int64_t n, uint8_t *rgb, int32_t w, int32_t h, char *message);

/* Encodes rgb, [h, w, 3] uint8, as a baseline JFIF file into out[0..cap); *len gets its length.
 * full_chroma: 1 for 4:4:4, 0 for 4:2:0. */
int32_t imglish_jpeg_encode(const uint8_t *rgb, int32_t w, int32_t h, int32_t quality, int32_t full_chroma,
                            uint8_t *out, int64_t cap, int64_t *len, char *message);

/* The library's name and version, static. */
const char *imglish_jpeg_version(void);
#endif
