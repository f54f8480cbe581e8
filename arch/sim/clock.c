/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clock.c: time on the simulated machine, which stands still until a test lets
 * it go on; and whether its memory is shared.
 *
 * A worker is no thread: who lets time go on does its work, at the moments at
 * which it is due and no others.
 *
 * Locking: the clock and the places of workers are atomic; time goes on by one
 * thread at a time, which starts and stops no worker meanwhile.
 */
#include <errno.h>
#include <stdlib.h>

#include "placement.h"
#include "sim.h"

#define WORKERS_MAX 16

struct host_worker {
	u64 period, due;
	void (*fn)(void *data);
	void *data;
};

static u64 now; /* (A) */
static bool is_shared, is_mixed;
static struct host_worker *workers[WORKERS_MAX]; /* (A) */

u64 host_clock(void)
{
	sim_enter(HOST_SIM_CLOCK);
	return __atomic_load_n(&now, __ATOMIC_RELAXED);
}

bool host_is_shared(const void *start, size_t bytes, bool *alike)
{
	(void)start;
	(void)bytes;
	*alike = !is_mixed;
	sim_enter(HOST_SIM_IS_SHARED);
	return is_shared;
}

void host_sim_set_shared(bool shared)
{
	is_shared = shared;
}

void host_sim_set_mixed(bool mixed)
{
	is_mixed = mixed;
}

/* In the place of an old one, or of none; false: there is no such place. */
static bool put_worker(struct host_worker *old, struct host_worker *worker)
{
	for (u32 i = 0; i < WORKERS_MAX; i++) {
		struct host_worker *there = old;

		if (__atomic_compare_exchange_n(&workers[i], &there, worker,
						false, __ATOMIC_ACQ_REL,
						__ATOMIC_RELAXED))
			return true;
	}
	return false;
}

int host_worker_start(struct host_worker **worker, u64 period,
		      void (*fn)(void *data), void *data)
{
	int err = sim_enter(HOST_SIM_WORKER_START);

	if (err)
		return err;
	*worker = malloc(sizeof(**worker));
	if (!*worker)
		sim_misuse("no memory for a worker");
	**worker = (struct host_worker){ period, now + period, fn, data };
	if (!put_worker(NULL, *worker))
		sim_misuse("too many workers");
	return 0;
}

void host_worker_stop(struct host_worker *worker)
{
	sim_enter(HOST_SIM_WORKER_STOP);
	if (!put_worker(worker, NULL))
		sim_misuse("a worker is stopped that does not run");
	free(worker);
}

/* The worker that is due first, no later than end; NULL: none. */
static struct host_worker *next_due(u64 end)
{
	struct host_worker *next = NULL;

	for (u32 i = 0; i < WORKERS_MAX; i++) {
		if (workers[i] && workers[i]->due <= end &&
		    (!next || workers[i]->due < next->due))
			next = workers[i];
	}
	return next;
}

void host_sim_advance(u64 ns)
{
	u64 end = now + ns;
	struct host_worker *worker;

	while ((worker = next_due(end)) != NULL) {
		__atomic_store_n(&now, worker->due, __ATOMIC_RELAXED);
		worker->due += worker->period;
		worker->fn(worker->data);
	}
	__atomic_store_n(&now, end, __ATOMIC_RELAXED);
}

u32 host_sim_workers(void)
{
	u32 nr = 0;

	for (u32 i = 0; i < WORKERS_MAX; i++)
		nr += workers[i] != NULL;
	return nr;
}

/* Workers are forgotten, like memory that is held. */
void clock_reset(void)
{
	now = 0;
	is_shared = false;
	is_mixed = false;
	for (u32 i = 0; i < WORKERS_MAX; i++) {
		free(workers[i]);
		workers[i] = NULL;
	}
}
