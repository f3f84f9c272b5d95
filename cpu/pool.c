//go:build cgo

#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include "pool.h"

// SPINS is how often an idle thread looks for work before it sleeps: some 50 µs, more than an op's start takes and less
// than a sleeping thread's wake-up costs its caller.
enum { SPINS = 1500 };

// The least work, in steps, that is worth another thread.
enum { SHARE = 1 << 15 };

struct imglish_pool {
	int32_t threads; // the caller's included
	int32_t started;
	pthread_t *thread;
	float **scratch;
	int64_t floats;

	// The job. open is its number while it takes threads, else 0; inside counts threads that may look at it.
	imglish_work *work;
	const void *job;
	int64_t units;
	atomic_llong next;
	atomic_llong open, number;
	atomic_int inside, places;

	pthread_mutex_t lock;
	pthread_cond_t wake, done;
	int sleeping, waiting, quit; // under lock
};

struct start { imglish_pool *pool; int32_t index; };

static void relax(void)
{
#if defined(__x86_64__)
	_mm_pause();
#endif
}

// parts takes units until none are left: a part of what is left, so that all threads end about together.
static void parts(imglish_pool *pool, int32_t index)
{
	long long from = atomic_load(&pool->next);
	while (from < pool->units) {
		long long n = (pool->units - from) / (2 * pool->threads);
		if (n < 1) n = 1;
		if (!atomic_compare_exchange_weak(&pool->next, &from, from + n)) continue;
		pool->work(pool->job, from, from + n, pool->scratch[index]);
		from = atomic_load(&pool->next);
	}
}

static void *serve(void *argument)
{
	struct start s = *(struct start *)argument;
	free(argument);
	imglish_pool *pool = s.pool;
	for (long long seen = 0;;) {
		for (int i = 0; i < SPINS && atomic_load(&pool->number) == seen; i++) relax();
		if (atomic_load(&pool->number) == seen) {
			pthread_mutex_lock(&pool->lock);
			pool->sleeping++;
			while (atomic_load(&pool->number) == seen && !pool->quit) pthread_cond_wait(&pool->wake, &pool->lock);
			pool->sleeping--;
			int quit = pool->quit;
			pthread_mutex_unlock(&pool->lock);
			if (quit) return NULL;
		}
		seen = atomic_load(&pool->number);
		// Inside first, then a look whether the job is still open: whoever closes it waits for those inside.
		atomic_fetch_add(&pool->inside, 1);
		if (atomic_load(&pool->open) == seen && atomic_fetch_sub(&pool->places, 1) > 0) parts(pool, s.index);
		if (atomic_fetch_sub(&pool->inside, 1) == 1) {
			pthread_mutex_lock(&pool->lock);
			if (pool->waiting) pthread_cond_signal(&pool->done);
			pthread_mutex_unlock(&pool->lock);
		}
	}
}

void imglish_pool_run(imglish_pool *pool, imglish_work *work, const void *job, int64_t units, int64_t cost)
{
	if (units <= 0) return;
	int64_t worth = units * (cost > 0 ? cost : 1) / SHARE + 1;
	if (pool->started == 0 || worth < 2 || units < 2) {
		work(job, 0, units, pool->scratch[0]);
		return;
	}
	pool->work = work, pool->job = job, pool->units = units;
	atomic_store(&pool->next, 0);
	atomic_store(&pool->places, (int)min64(worth - 1, pool->started));
	long long number = atomic_load(&pool->number) + 1;
	atomic_store(&pool->open, number);
	atomic_store(&pool->number, number);
	pthread_mutex_lock(&pool->lock);
	if (pool->sleeping) pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	parts(pool, 0);
	atomic_store(&pool->open, 0);
	for (int i = 0; i < SPINS && atomic_load(&pool->inside); i++) relax();
	if (!atomic_load(&pool->inside)) return;
	pthread_mutex_lock(&pool->lock);
	pool->waiting = 1;
	while (atomic_load(&pool->inside)) pthread_cond_wait(&pool->done, &pool->lock);
	pool->waiting = 0;
	pthread_mutex_unlock(&pool->lock);
}

imglish_pool *imglish_pool_new(int32_t threads)
{
	imglish_pool *pool = calloc(1, sizeof *pool);
	if (!pool) return NULL;
	pool->threads = threads;
	pool->thread = calloc((size_t)threads, sizeof *pool->thread);
	pool->scratch = calloc((size_t)threads, sizeof *pool->scratch);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pthread_cond_init(&pool->done, NULL);
	if (!pool->thread || !pool->scratch) {
		imglish_pool_free(pool);
		return NULL;
	}
	// Signals are for Go's own threads.
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	for (int32_t i = 1; i < threads; i++) {
		struct start *s = malloc(sizeof *s);
		if (!s) break;
		*s = (struct start){pool, i};
		if (pthread_create(&pool->thread[pool->started], NULL, serve, s) != 0) {
			free(s); // fewer threads do the same work
			break;
		}
		pool->started++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return pool;
}

int32_t imglish_pool_reserve(imglish_pool *pool, int64_t floats)
{
	if (floats <= pool->floats) return IMGLISH_OK;
	for (int32_t i = 0; i < pool->threads; i++) {
		imglish_free(pool->scratch[i]);
		pool->scratch[i] = imglish_alloc(floats * (int64_t)sizeof(float), 0);
		if (!pool->scratch[i]) {
			pool->floats = 0;
			return IMGLISH_NO_MEMORY;
		}
	}
	pool->floats = floats;
	return IMGLISH_OK;
}

void imglish_pool_free(imglish_pool *pool)
{
	if (!pool) return;
	pthread_mutex_lock(&pool->lock);
	pool->quit = 1;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->lock);
	for (int32_t i = 0; i < pool->started; i++) pthread_join(pool->thread[i], NULL);
	for (int32_t i = 0; pool->scratch && i < pool->threads; i++) imglish_free(pool->scratch[i]);
	pthread_cond_destroy(&pool->done);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->lock);
	free(pool->scratch);
	free(pool->thread);
	free(pool);
}
