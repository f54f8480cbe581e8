/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_live.c: when a thread tells its heap how many bytes are live.
 *
 * Counting each small object in the heap would cost more than handing it out,
 * so a thread counts for itself and tells the sum once that exceeds its
 * *limit*.  The limit follows the heap: all threads together may hold back 1/64
 * of what is live, but each of them at least 512 bytes and at most 64 KiB.
 * Downward the limit is not below 16 KiB, more than any object of a cache has:
 * so a thread that takes and gives the same object tells nothing, however
 * small the heap is.
 *
 * Invariant: what the thread has to tell is live - live_told, and it does when
 * live leaves [0, live_span].  All-zero is a thread that tells at once.
 *
 * Locking: by the thread itself between enter and leave, or by whoever has
 * stopped it.  Cost: one comparison for each object; an atomic addition to the
 * heap for each limit.
 *
 * What it is not: exact.  A thread that counted last when more was live may
 * hold back more than its share of what is live now; the peak is not too low by
 * that, as it was seen before.  It may be too high by what other threads have
 * freed and not told.
 */
#include "thread_cache.h"

#define LIMIT_SHARE 64
#define LIMIT_MIN 512
#define LIMIT_MAX (64u << 10)
#define LIMIT_DOWN (16u << 10)
_Static_assert(LIMIT_DOWN >= SMALL_MAX, "a pair shall not be told");

static u64 limit_of(const struct fixheap *heap)
{
	long live = __atomic_load_n(&heap->live_bytes, __ATOMIC_RELAXED);
	u32 nr = __atomic_load_n(&heap->objects->nr_threads, __ATOMIC_RELAXED);
	u64 share = live > 0 ? (u64)live / LIMIT_SHARE / max_u64(nr, 1) : 0;

	return min_u64(max_u64(share, LIMIT_MIN), LIMIT_MAX);
}

void thread_report_stopped(struct thread *t)
{
	long live = (long)(t->live - t->live_told);
	u64 limit;

	if (live)
		heap_account(t->home, live);
	limit = limit_of(t->home);
	t->live_told = max_u64(limit, LIMIT_DOWN);
	t->live = t->live_told;
	t->live_span = t->live_told + limit;
}

void thread_report_live(struct thread *t)
{
	thread_enter(t);
	thread_report_stopped(t);
	thread_leave(t);
}
