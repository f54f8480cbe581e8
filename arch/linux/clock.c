/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.c: the time, and work that is done from time to time.
 *
 * A worker is a thread that waits for its time or its end on a condition
 * variable.  Signals that are sent are blocked on it, as on those of threads.c,
 * and so is everything else but its own mistakes.
 *
 * Locking: the worker's lock, never while its function runs.  Cost: in host.h.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "host.h"

#define SECOND 1000000000ull

struct host_worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t end;
	bool ends;
	u64 period;
	void (*fn)(void *data);
	void *data;
};

u64 host_clock(void)
{
	struct timespec now = { 0, 0 };
	int saved = errno;

	clock_gettime(CLOCK_MONOTONIC, &now);
	errno = saved;
	return (u64)now.tv_sec * SECOND + (u64)now.tv_nsec;
}

static void *work(void *data)
{
	struct host_worker *worker = data;

	pthread_mutex_lock(&worker->lock);
	while (!worker->ends) {
		u64 due = host_clock() + worker->period;
		const struct timespec at = { (time_t)(due / SECOND),
					     (long)(due % SECOND) };

		if (pthread_cond_timedwait(&worker->end, &worker->lock, &at) !=
		    ETIMEDOUT)
			continue;
		pthread_mutex_unlock(&worker->lock);
		worker->fn(worker->data);
		pthread_mutex_lock(&worker->lock);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

/* 0 or an error number. */
static int start(struct host_worker *worker)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	pthread_condattr_t attr;
	sigset_t block, before;
	int err;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&worker->end, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&worker->lock, NULL);
	sigfillset(&block);
	for (u32 i = 0; i < ARRAY_LEN(own); i++)
		sigdelset(&block, own[i]);
	pthread_sigmask(SIG_BLOCK, &block, &before);
	err = pthread_create(&worker->thread, NULL, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

int host_worker_start(struct host_worker **worker, u64 period,
		      void (*fn)(void *data), void *data)
{
	int saved = errno, ret = 0;
	struct host_worker *new = host_reserve(sizeof(*new));

	if (!new)
		ret = -EAGAIN;
	if (!ret) {
		new->period = period;
		new->fn = fn;
		new->data = data;
		ret = start(new) ? -EAGAIN : 0;
	}
	if (!ret)
		*worker = new;
	else if (new)
		host_release(new, sizeof(*new));
	errno = saved;
	return ret;
}

void host_worker_stop(struct host_worker *worker)
{
	pthread_mutex_lock(&worker->lock);
	worker->ends = true;
	pthread_cond_signal(&worker->end);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	host_release(worker, sizeof(*worker));
}
