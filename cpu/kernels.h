//go:build cgo

// The border between Go and C: plain pointers and sizes in elements, row-major, float32. The caller owns every buffer.
// A function returns a status; imglish_status_text says what it means. No function ends the process; only pools allocate,
// keep a pointer or start a thread. What takes a pool runs on its threads; the rest works on the part [from, to) of its
// units (rows, unless said otherwise), and callers split the work. No result depends on how work is split.
//
// isa chooses the instructions. Optional pointers may be null.

#ifndef IMGLISH_KERNELS_H
#define IMGLISH_KERNELS_H

#include <stdint.h>

enum { IMGLISH_OK = 0, IMGLISH_NO_ISA = 1, IMGLISH_BAD_ID = 2, IMGLISH_NO_MEMORY = 3 };
enum { IMGLISH_GENERIC = 0, IMGLISH_AVX2 = 1, IMGLISH_AVX512 = 2, IMGLISH_VNNI = 3, IMGLISH_AMX = 4 };
enum { IMGLISH_IDENTITY = 0, IMGLISH_GELU = 1, IMGLISH_TANH = 2 };

const char *imglish_status_text(int32_t status);
int32_t imglish_has_isa(int32_t isa); // 1 if this processor has it
int32_t imglish_best_isa(void);
void *imglish_alloc(int64_t bytes, int32_t zeroed); // for whole cache lines; null if there is no memory
void imglish_free(void *p);

// Threads (pool.c). One call at a time may use a pool.
typedef struct imglish_pool imglish_pool;
imglish_pool *imglish_pool_new(int32_t threads); // the caller's thread is one of them; null if there is no memory
void imglish_pool_free(imglish_pool *pool);
int32_t imglish_pool_reserve(imglish_pool *pool, int64_t floats); // scratch of each thread, kept for later calls

// Products (linear.c). Sizes of the register tile: rows mr (pr when packed), columns nr (a panel), block of k kc.
int32_t imglish_tile(int32_t isa, int64_t *mr, int64_t *nr, int64_t *pr, int64_t *kc);
// Pack w, whose rows lie ldw apart, into panels. transposed: w is [cols, k] and the product x·wᵀ; else w is [k, cols] and
// the product x·w. dst: k·cols, cols rounded up to whole panels.
int32_t imglish_pack(imglish_pool *pool, int32_t isa, float *dst, const float *w, int64_t ldw, int64_t cols, int64_t k, int32_t transposed);
// y = act(x·packed + b), or y += x·packed + b with add.
struct imglish_product {
	float *y, *pre; // rows of cols, ldy apart; pre: before act, or null
	int64_t ldy;
	const float *x;      // [n, k]
	const float *packed; // imglish_pack
	const float *bias;   // [cols] or null
	int64_t n, k, cols;
	int32_t act, add;
	int64_t tall, broad; // rows and panels of a part
	// imglish_product16 instead of x and packed:
	const int16_t *x16, *packed16; // imglish_quantise, imglish_pack16
	const float *back, *scale;
	// imglish_product_digits too:
	const int8_t *xd, *packedd; // imglish_cut, imglish_pack_digits
	int32_t digits;
};
// scratch: pr·kc
int32_t imglish_product(imglish_pool *pool, int32_t isa, const struct imglish_product *p);
// dw += dyᵀ·x.  dw: [out, in]  dy: [n, out]  x: [n, in]
// scratch: (8·pr + broad·nr)·kc
int32_t imglish_gram(imglish_pool *pool, int32_t isa, float *dw, const float *dy, const float *x, int64_t n, int64_t in, int64_t out,
                     int64_t tall, int64_t broad);
// Products of integers (int16.c), of tier fast. imglish_quantise turns rows of x [n, k] into integers and their worth by
// blocks of k; imglish_pack16 takes the right-hand side so, and packs its panels.
// q: [n, k rounded up to even]  back: [n, imglish_blocks16(k)]  dst: as q, cols rounded up to whole panels
// scale: [imglish_blocks16(k), those cols]
int64_t imglish_blocks16(int64_t k);
int32_t imglish_quantise(imglish_pool *pool, int32_t isa, int16_t *q, float *back, const float *x, int64_t n, int64_t k);
int32_t imglish_pack16(imglish_pool *pool, int32_t isa, int16_t *dst, float *scale, const int16_t *q, const float *back, int64_t cols,
                       int64_t k);
int32_t imglish_product16(imglish_pool *pool, int32_t isa, const struct imglish_product *p);
// Products of digits of 8 bits (digits.c), for AMX: two digits are tier fast, three tier exact. imglish_cut is to
// imglish_quantise, and imglish_pack_digits to imglish_pack16, what bytes are to integers; blocks, back and scale are alike.
// Panels have 32 columns, tiles 16 rows.  d, dst: imglish_digits_bytes of the rows or columns
int64_t imglish_digits_bytes(int64_t n, int64_t k, int32_t digits);
int32_t imglish_cut(imglish_pool *pool, int32_t isa, int8_t *d, float *back, const float *x, int64_t n, int64_t k, int32_t digits);
int32_t imglish_pack_digits(imglish_pool *pool, int32_t isa, int8_t *dst, float *scale, const int8_t *d, const float *back, int64_t cols,
                            int64_t k, int32_t digits);
int32_t imglish_product_digits(imglish_pool *pool, int32_t isa, const struct imglish_product *p);
// dy *= act'(pre), elements [from, to).
int32_t imglish_slope(int32_t isa, float *dy, const float *pre, int32_t act, int64_t from, int64_t to);

// Sums over rows (norm.c) go by blocks of IMGLISH_BLOCK rows: unit b writes partial[b], and the partials are added in
// order. partial: [blocks, d]
enum { IMGLISH_BLOCK = 64 };
int32_t imglish_column_sums(int32_t isa, float *partial, const float *x, int64_t n, int64_t d, int64_t from, int64_t to);
// y[j] += Σ_b partial[b·stride + j] for j in [from, to).
int32_t imglish_add_partials(int32_t isa, float *y, const float *partial, int64_t blocks, int64_t stride, int64_t from, int64_t to);

// Norms (norm.c).
int32_t imglish_layernorm(imglish_pool *pool, int32_t isa, float *y, float *stats, const float *x, const float *gamma, const float *beta,
                          double eps, int64_t n, int64_t d);
// Units are blocks of rows. partial: [blocks, 2·d] gets the block's sums for dgamma and dbeta, or is null.
int32_t imglish_layernorm_backward(int32_t isa, float *dx, float *partial, const float *dy, const float *x, const float *stats,
                                   const float *gamma, int64_t n, int64_t d, int64_t from, int64_t to);
int32_t imglish_l2normalize(int32_t isa, float *y, float *norm, const float *x, double eps, int64_t d, int64_t from, int64_t to);
int32_t imglish_l2normalize_backward(int32_t isa, float *dx, const float *dy, const float *y, const float *norm, int64_t d, int64_t from,
                                     int64_t to);

// Attention (attention.c) over segments. lse may be null in the forward pass. out, lse and dqkv are zero where no segment
// reaches. cost: steps of an average segment and head. scratch: the floats that imglish_attention_scratch names for the
// longest segment.
int64_t imglish_attention_scratch(int32_t isa, int64_t longest, int64_t head, int32_t backward);
int32_t imglish_attention(imglish_pool *pool, int32_t isa, float *out, float *lse, const float *qkv, const int32_t *seg, int64_t segments,
                          int64_t d, int64_t heads, double scale, int32_t causal, int64_t cost);
int32_t imglish_attention_backward(imglish_pool *pool, int32_t isa, float *dqkv, const float *dout, const float *out, const float *lse,
                                   const float *qkv, const int32_t *seg, int64_t segments, int64_t d, int64_t heads, double scale,
                                   int32_t causal, int64_t cost);

// Decoding (cache.c). out is zero where no segment reaches. cost: steps of a segment's head.
// scratch: the floats that imglish_attention_cached_scratch names for slots of capacity rows.
int64_t imglish_attention_cached_scratch(int64_t capacity);
int32_t imglish_attention_cached(imglish_pool *pool, int32_t isa, float *out, const float *qkv, float *cache, const int32_t *seg,
                                 int64_t segments, int64_t capacity, int64_t d, int64_t heads, double scale, int32_t causal, int64_t cost);

// Losses (loss.c).
int32_t imglish_cross_entropy(int32_t isa, float *loss, float *dlogits, const float *logits, const int32_t *targets, const float *weights,
                              double smooth, int64_t v, int64_t from, int64_t to);
int32_t imglish_soft_cross_entropy(int32_t isa, float *loss, float *dlogits, const float *logits, const float *targets, const float *weights,
                                   int64_t v, int64_t from, int64_t to);
int32_t imglish_bce(int32_t isa, float *loss, float *dlogits, const float *logits, const float *targets, const float *weights, int64_t v,
                    int64_t from, int64_t to);
int32_t imglish_argmax(int32_t isa, int32_t *ids, const float *x, int64_t v, int64_t from, int64_t to);
int32_t imglish_cosine_loss(int32_t isa, float *loss, float *dpred, const float *pred, const float *target, const float *weights, double eps,
                            int64_t d, int64_t from, int64_t to);
int32_t imglish_squared_error(int32_t isa, float *loss, float *da, const float *a, const float *b, double factor, int64_t d, int64_t from,
                              int64_t to);

// Codes (codes.c). packed: book as imglish_pack lays it out, transposed. scratch: pr·d
int32_t imglish_nearest_code(imglish_pool *pool, int32_t isa, uint16_t *codes, float *best, const float *z, const float *packed, int64_t n,
                             int64_t d, int64_t k);
int32_t imglish_codebook_ema(int32_t isa, float *book, float *usage, const float *sums, const float *counts, double decay, int64_t d,
                             int64_t from, int64_t to);

// Elements [from, to) (elementwise.c).
int32_t imglish_scale(int32_t isa, float *y, const float *x, double a, int64_t from, int64_t to);
int32_t imglish_add(int32_t isa, float *y, const float *a, const float *b, int64_t from, int64_t to);
// y[i] += factor[i]·x[i] (add) or y[i] = factor[i]·x[i], rows [from, to).
int32_t imglish_scale_rows(int32_t isa, float *y, const float *x, const float *factor, int32_t add, int64_t d, int64_t from, int64_t to);
int32_t imglish_adamw(int32_t isa, float *p, float *m, float *v, const float *g, const float *factor, double keep, double step, double root,
                      double beta1, double beta2, double eps, int64_t from, int64_t to);
// Units are blocks of IMGLISH_CHUNK elements; partial[b] is the block's sum of x, or of x·y where y is given.
enum { IMGLISH_CHUNK = 4096 };
int32_t imglish_sum(int32_t isa, double *partial, const float *x, const float *y, int64_t n, int64_t from, int64_t to);
// Casts (cast.c). half is IEEE 754 binary16, else bfloat16.
int32_t imglish_narrow(int32_t isa, uint16_t *y, const float *x, int32_t half, int64_t from, int64_t to);
int32_t imglish_widen(int32_t isa, float *y, const uint16_t *x, int32_t half, int64_t from, int64_t to);
// keep[i] = 1 for the k smallest of n, else 0 (smallest.c).
int32_t imglish_smallest(float *keep, const float *x, int64_t n, int64_t k);

// Rows moved by index (rows.c). imglish_check_ids: BAD_ID if an id is not below rows; *at is its place.
int32_t imglish_check_ids(const int32_t *ids, int64_t n, int64_t rows, int64_t *at);
int32_t imglish_check_codes(const uint16_t *codes, int64_t n, int64_t rows, int64_t *at);
int32_t imglish_gather(float *y, const float *table, const int32_t *ids, int32_t add, int64_t d, int64_t from, int64_t to);
int32_t imglish_scatter(float *y, const float *x, const int32_t *ids, int64_t d, int64_t from, int64_t to);
// Columns [from, to) of dtable[ids[i]] += dy[i], in order of i.
int32_t imglish_scatter_add(float *dtable, const float *dy, const int32_t *ids, int64_t n, int64_t d, int64_t from, int64_t to);
int32_t imglish_lookup(float *y, const float *book, const uint16_t *codes, int64_t d, int64_t from, int64_t to);
// Columns [from, to) of sums; the first column's caller counts too.
int32_t imglish_sum_by_code(float *sums, float *counts, const float *z, const uint16_t *codes, int64_t n, int64_t d, int64_t from,
                            int64_t to);
int32_t imglish_patches(float *y, const uint8_t *pixels, int64_t side, int64_t patch, const double *scale, const double *shift, int64_t from,
                        int64_t to);
int32_t imglish_select_rows(float *y, const float *x, const float *token, const uint8_t *mask, int64_t d, int64_t from, int64_t to);
// Segments [from, to) of seg: first row, count. The backward pass writes the rows of its segments only.
int32_t imglish_mean_rows(float *y, const float *x, const int32_t *seg, int64_t d, int64_t from, int64_t to);
int32_t imglish_mean_rows_backward(float *dx, const float *dy, const int32_t *seg, int64_t d, int64_t from, int64_t to);
// Units are blocks of rows. partial: [blocks, d] sums of the masked rows of dy.
int32_t imglish_select_rows_backward(float *dx, float *partial, const float *dy, const uint8_t *mask, int64_t n, int64_t d, int64_t from,
                                     int64_t to);

#endif
