//go:build cgo

// Threads of a backend, in C: a thread of Go's that computes for long loses its place in Go's scheduler, which then wakes
// others to look for work that is not there (measured: a tenth of two processors).

#ifndef IMGLISH_POOL_H
#define IMGLISH_POOL_H

#include "isa.h"

// Work does units [from, to) of a job. scratch is the thread's own (imglish_pool_reserve).
typedef void imglish_work(const void *job, int64_t from, int64_t to, float *scratch);

// imglish_pool_run shares units among the pool's threads, as many as cost steps of some 0.1 to 1 ns a unit are worth, and
// returns when all are done. Parts are cut as threads come for them, large ones first: no result depends on the cut.
void imglish_pool_run(imglish_pool *pool, imglish_work *work, const void *job, int64_t units, int64_t cost);

#endif
