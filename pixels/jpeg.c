//go:build cgo

#include "jpeg.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jpeglib.h>
#include <jerror.h>

/* A progressive file of a few kilobytes can ask for thousands of passes over a large picture. Encoders write about ten,
 * tuned ones some dozens. */
#define MAX_SCANS 500

typedef struct {
	struct jpeg_error_mgr base;
	jmp_buf jump;
	char *message;
	int hit_marker; /* entropy-coded data ended early */
} errors_t;

static void on_error(j_common_ptr c)
{
	errors_t *e = (errors_t *)c->err;
	char text[JMSG_LENGTH_MAX];
	e->base.format_message(c, text);
	snprintf(e->message, IMGLISH_JPEG_MESSAGE, "%s", text);
	switch (e->base.msg_code) { /* sound files of the standard's rarer kinds: 12 bits a sample, lossless, … */
	case JERR_BAD_PRECISION:
	case JERR_SOF_UNSUPPORTED:
	case JERR_ARITH_NOTIMPL:
	case JERR_CCIR601_NOTIMPL:
	case JERR_CONVERSION_NOTIMPL:
	case JERR_FRACT_SAMPLE_NOTIMPL: longjmp(e->jump, IMGLISH_JPEG_UNSUPPORTED);
	}
	longjmp(e->jump, IMGLISH_JPEG_CORRUPT);
}

static void on_message(j_common_ptr c, int level)
{
	errors_t *e = (errors_t *)c->err;
	if (level < 0 && e->base.msg_code == JWRN_HIT_MARKER) e->hit_marker = 1;
}

static void errors_init(errors_t *e, char *message)
{
	jpeg_std_error(&e->base);
	e->base.error_exit = on_error;
	e->base.emit_message = on_message;
	e->message = message;
	e->hit_marker = 0;
	message[0] = 0;
}

/* A source over memory that remembers whether it was asked for more than there is. */
typedef struct {
	struct jpeg_source_mgr base;
	int ended;
} source_t;

static const JOCTET end_marker[2] = {0xFF, JPEG_EOI};

static boolean source_fill(j_decompress_ptr d)
{
	source_t *s = (source_t *)d->src;
	s->ended = 1;
	s->base.next_input_byte = end_marker;
	s->base.bytes_in_buffer = 2;
	return TRUE;
}

static void source_skip(j_decompress_ptr d, long n)
{
	struct jpeg_source_mgr *s = d->src;
	if (n <= 0) return;
	if ((size_t)n > s->bytes_in_buffer) {
		source_fill(d);
		return;
	}
	s->next_input_byte += n;
	s->bytes_in_buffer -= (size_t)n;
}

static void source_nothing(j_decompress_ptr d) { (void)d; }

static void on_progress(j_common_ptr c)
{
	if (c->is_decompressor && ((j_decompress_ptr)c)->input_scan_number > MAX_SCANS) {
		errors_t *e = (errors_t *)c->err;
		snprintf(e->message, IMGLISH_JPEG_MESSAGE, "more than %d scans", MAX_SCANS);
		longjmp(e->jump, IMGLISH_JPEG_SCANS);
	}
}

/* a*b/255, rounded */
static inline int mul255(int a, int b)
{
	int t = a * b + 128;
	return ((t >> 8) + t) >> 8;
}

/* One row of four components to RGB: the samples are inverted ink, c = 255 - sample, and so on. */
static void row_from_cmyk(const JSAMPLE *in, uint8_t *out, int32_t w)
{
	for (int32_t x = 0; x < w; x++, in += 4, out += 3) {
		int k = in[3]; /* 255 - ink */
		for (int i = 0; i < 3; i++) {
			int v = k - mul255(255 - in[i], k);
			out[i] = (uint8_t)(v < 0 ? 0 : v);
		}
	}
}

/* Grey in the first third of the row to RGB in place, from the end. */
static void row_from_grey(uint8_t *row, int32_t w)
{
	for (int32_t x = w - 1; x >= 0; x--) {
		uint8_t v = row[x];
		row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = v;
	}
}

int32_t imglish_jpeg_decode(const uint8_t *data, int64_t n, uint8_t *rgb, int32_t w, int32_t h, char *message)
{
	struct jpeg_decompress_struct d;
	errors_t errors;
	struct jpeg_progress_mgr progress;
	source_t source;
	JSAMPLE *volatile row = NULL;
	int32_t status;

	memset(&d, 0, sizeof d);
	memset(&source, 0, sizeof source);
	memset(&progress, 0, sizeof progress);
	d.err = &errors.base;
	errors_init(&errors, message);
	if ((status = setjmp(errors.jump)) != 0) {
		/* An error past the end of the data comes from the end, not from what is there. */
		if (status == IMGLISH_JPEG_CORRUPT && source.ended) status = IMGLISH_JPEG_TRUNCATED;
		goto done;
	}
	jpeg_create_decompress(&d);
	source.base.init_source = source_nothing;
	source.base.term_source = source_nothing;
	source.base.fill_input_buffer = source_fill;
	source.base.skip_input_data = source_skip;
	source.base.resync_to_restart = jpeg_resync_to_restart;
	source.base.next_input_byte = data;
	source.base.bytes_in_buffer = (size_t)n;
	d.src = &source.base;
	progress.progress_monitor = on_progress;
	d.progress = &progress;

	jpeg_read_header(&d, TRUE);
	if (d.image_width != (JDIMENSION)w || d.image_height != (JDIMENSION)h) {
		status = IMGLISH_JPEG_SIZE;
		goto done;
	}
	switch (d.num_components) {
	case 1: d.out_color_space = JCS_GRAYSCALE; break;
	case 3: d.out_color_space = JCS_RGB; break;
	case 4: d.out_color_space = JCS_CMYK; break;
	default:
		snprintf(message, IMGLISH_JPEG_MESSAGE, "neither 1, 3 nor 4 components");
		status = IMGLISH_JPEG_UNSUPPORTED;
		goto done;
	}
	d.dct_method = JDCT_ISLOW;
	d.do_fancy_upsampling = TRUE;
	jpeg_start_decompress(&d);
	if (d.output_components == 4) {
		row = malloc((size_t)w * 4);
		if (!row) {
			snprintf(message, IMGLISH_JPEG_MESSAGE, "out of memory");
			status = IMGLISH_JPEG_CORRUPT;
			goto done;
		}
	}
	while (d.output_scanline < d.output_height) {
		uint8_t *out = rgb + (size_t)d.output_scanline * w * 3;
		JSAMPROW target = d.output_components == 4 ? row : out;
		jpeg_read_scanlines(&d, &target, 1);
		if (d.output_components == 4) row_from_cmyk(row, out, w);
		else if (d.output_components == 1) row_from_grey(out, w);
	}
	/* A file of several scans that lacks its end may lack a scan. One of a single scan has all its rows, whether
	 * the end marker is there or not. */
	if (errors.hit_marker || (source.ended && jpeg_has_multiple_scans(&d))) status = IMGLISH_JPEG_TRUNCATED;
done:
	free(row);
	jpeg_destroy_decompress(&d);
	return status;
}

/* A destination of fixed size. */
static void dest_init(j_compress_ptr c) { (void)c; }

static boolean dest_full(j_compress_ptr c)
{
	errors_t *e = (errors_t *)c->err;
	longjmp(e->jump, IMGLISH_JPEG_SIZE);
	return FALSE;
}

static void dest_done(j_compress_ptr c) { (void)c; }

int32_t imglish_jpeg_encode(const uint8_t *rgb, int32_t w, int32_t h, int32_t quality, int32_t full_chroma,
                            uint8_t *out, int64_t cap, int64_t *len, char *message)
{
	struct jpeg_compress_struct c;
	errors_t errors;
	struct jpeg_destination_mgr dest;
	int32_t status;

	memset(&c, 0, sizeof c);
	c.err = &errors.base;
	errors_init(&errors, message);
	if ((status = setjmp(errors.jump)) != 0) goto done;
	jpeg_create_compress(&c);
	dest.init_destination = dest_init;
	dest.empty_output_buffer = dest_full;
	dest.term_destination = dest_done;
	dest.next_output_byte = out;
	dest.free_in_buffer = (size_t)cap;
	c.dest = &dest;
	c.image_width = (JDIMENSION)w;
	c.image_height = (JDIMENSION)h;
	c.input_components = 3;
	c.in_color_space = JCS_RGB;
	jpeg_set_defaults(&c);
	jpeg_set_quality(&c, quality, TRUE);
	c.dct_method = JDCT_ISLOW;
	if (full_chroma) c.comp_info[0].h_samp_factor = c.comp_info[0].v_samp_factor = 1;
	jpeg_start_compress(&c, TRUE);
	while (c.next_scanline < c.image_height) {
		JSAMPROW row = (JSAMPROW)(rgb + (size_t)c.next_scanline * w * 3);
		jpeg_write_scanlines(&c, &row, 1);
	}
	jpeg_finish_compress(&c);
	*len = cap - (int64_t)dest.free_in_buffer;
done:
	jpeg_destroy_compress(&c);
	return status;
}

#define TEXT_OF(x) #x
#define TEXT(x) TEXT_OF(x)

const char *imglish_jpeg_version(void)
{
#ifdef LIBJPEG_TURBO_VERSION
	return "libjpeg-turbo " TEXT(LIBJPEG_TURBO_VERSION);
#else
	return "libjpeg " TEXT(JPEG_LIB_VERSION) ", which is not libjpeg-turbo: pixels may differ";
#endif
}
