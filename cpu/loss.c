//go:build cgo

// Losses with their gradients, a row each; loss_body.h has the loops.

#include "isa.h"

#define BODY "loss_body.h"
#include "each_isa.h"

int32_t imglish_cross_entropy(int32_t isa, float *loss, float *dlogits, const float *logits, const int32_t *targets, const float *weights,
                              double smooth, int64_t v, int64_t from, int64_t to)
{
	return CALL(isa, cross_entropy, loss, dlogits, logits, targets, weights, smooth, v, from, to);
}

int32_t imglish_soft_cross_entropy(int32_t isa, float *loss, float *dlogits, const float *logits, const float *targets, const float *weights,
                                   int64_t v, int64_t from, int64_t to)
{
	return CALL(isa, soft_cross_entropy, loss, dlogits, logits, targets, weights, v, from, to);
}

int32_t imglish_bce(int32_t isa, float *loss, float *dlogits, const float *logits, const float *targets, const float *weights, int64_t v,
                    int64_t from, int64_t to)
{
	return CALL(isa, bce, loss, dlogits, logits, targets, weights, v, from, to);
}

int32_t imglish_argmax(int32_t isa, int32_t *ids, const float *x, int64_t v, int64_t from, int64_t to)
{
	return CALL(isa, argmax, ids, x, v, from, to);
}

int32_t imglish_cosine_loss(int32_t isa, float *loss, float *dpred, const float *pred, const float *target, const float *weights, double eps,
                            int64_t d, int64_t from, int64_t to)
{
	return CALL(isa, cosine_loss, loss, dpred, pred, target, weights, eps, d, from, to);
}

int32_t imglish_squared_error(int32_t isa, float *loss, float *da, const float *a, const float *b, double factor, int64_t d, int64_t from,
                              int64_t to)
{
	return CALL(isa, squared_error, loss, da, a, b, factor, d, from, to);
}
