/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * shortage.c: telling the program that memory is short.
 *
 * A program that keeps what it could do without, as a cache does, says how to
 * get it back.  It is asked before an allocation fails, when all that the
 * allocator itself can take back was taken back, and when a node has less free
 * than its watermark.
 *
 * Invariants
 *  1. No function is called with a lock held, nor from within one of them, so
 *     that they may free and allocate on any heap.
 *  2. Those of a failing allocation are called ROUNDS times at most, and again
 *     only if the last round has freed something.
 *
 * Locking: shortage.lock for the list.  To take a function off waits until no
 * call is under way.  Cost: none until memory is short; then blockers.c.
 */
#include "shortage.h"

#include "blockers.h"
#include "contig.h"

#include <errno.h>

#define ROUNDS 16

/* This thread is inside one of the functions. */
static __thread bool inside __attribute__((tls_model("initial-exec")));

void shortage_init(struct fixheap *heap)
{
	heap->shortage->lock = (spinlock_t)PTHREAD_MUTEX_INITIALIZER;
}

/* Call all; the bytes that they say they have freed. */
static size_t call_all(struct fixheap *heap,
		       const struct fixheap_shortage *what)
{
	struct shortage *shortage = heap->shortage;
	size_t bytes = 0;

	if (inside)
		return 0;
	inside = true;
	__atomic_add_fetch(&shortage->nr_running, 1, __ATOMIC_SEQ_CST);
	for (u32 i = 0; i < shortage->nr_reclaimers; i++) {
		struct reclaimer reclaimer;

		spin_lock(&shortage->lock);
		reclaimer = shortage->reclaimer[i];
		spin_unlock(&shortage->lock);
		if (reclaimer.fn)
			bytes += reclaimer.fn(reclaimer.data, what);
	}
	__atomic_sub_fetch(&shortage->nr_running, 1, __ATOMIC_SEQ_CST);
	inside = false;
	return bytes;
}

bool shortage_tell(struct fixheap *heap, const struct run_request *req,
		   u32 round)
{
	struct fixheap_shortage what = { .size = sizeof(what) };
	int saved = errno;
	bool freed;

	if (inside || round >= ROUNDS)
		return false;
	what.bytes = req->nr_pages << PAGE_SHIFT;
	what.node = FIXHEAP_NODE_MIXED;
	what.round = round;
	if (IS_ENABLED(CONFIG_EXPLAIN) &&
	    req->policy != FIXHEAP_POLICY_BLOCKED) {
		struct window window = window_find(heap, req);

		if (window.nr_live != ~0ull)
			what.window = pfn_to_addr(heap, window.pfn);
	}
	freed = call_all(heap, &what) != 0;
	errno = saved;
	return freed;
}

static u64 free_of_node(const struct fixheap *heap, u32 n)
{
	u64 nr = 0;

	for (u32 z = 0; z < heap->nr_zones; z++) {
		if (heap->zone[z].node == n)
			nr += __atomic_load_n(&heap->zone[z].nr_free,
					      __ATOMIC_RELAXED);
	}
	return nr;
}

void shortage_look(struct fixheap *heap)
{
	struct fixheap_shortage what = { .size = sizeof(what) };
	struct shortage *shortage = heap->shortage;

	for (u32 n = 0; n < heap->nr_nodes; n++) {
		u64 low = __atomic_load_n(&shortage->low[n], __ATOMIC_RELAXED);
		u64 nr = free_of_node(heap, n);

		if (nr >= low)
			__atomic_store_n(&shortage->is_told[n], 0,
					 __ATOMIC_RELAXED);
		else if (!__atomic_exchange_n(&shortage->is_told[n], 1,
					      __ATOMIC_RELAXED)) {
			what.node =
				heap->node[n].kind == NODE_REAL
					? heap->topo.number[heap->node[n].id]
					: FIXHEAP_NODE_MIXED;
			what.below_bytes = (low - nr) << PAGE_SHIFT;
			call_all(heap, &what);
		}
	}
}

/* --- public --------------------------------------------------------------- */

int fixheap_add_reclaim(struct fixheap *heap, fixheap_reclaim_fn fn, void *data)
{
	struct shortage *shortage = heap->shortage;
	int ret = -ENOSPC;

	if (!fn)
		return -EINVAL;
	spin_lock(&shortage->lock);
	for (u32 i = 0; i < RECLAIMERS_MAX && ret; i++) {
		if (shortage->reclaimer[i].fn)
			continue;
		shortage->reclaimer[i] = (struct reclaimer){ fn, data };
		if (shortage->nr_reclaimers <= i)
			__atomic_store_n(&shortage->nr_reclaimers, i + 1,
					 __ATOMIC_RELAXED);
		ret = 0;
	}
	spin_unlock(&shortage->lock);
	return ret;
}

int fixheap_del_reclaim(struct fixheap *heap, fixheap_reclaim_fn fn, void *data)
{
	struct shortage *shortage = heap->shortage;
	int ret = -ENOENT;

	if (!fn)
		return -EINVAL;
	if (inside)
		return -EBUSY;
	spin_lock(&shortage->lock);
	for (u32 i = 0; i < shortage->nr_reclaimers && ret; i++) {
		struct reclaimer *reclaimer = &shortage->reclaimer[i];

		if (reclaimer->fn != fn || reclaimer->data != data)
			continue;
		reclaimer->fn = NULL;
		ret = 0;
	}
	spin_unlock(&shortage->lock);
	while (!ret && __atomic_load_n(&shortage->nr_running, __ATOMIC_SEQ_CST))
		host_yield();
	return ret;
}

int fixheap_set_watermark(struct fixheap *heap, int node, size_t bytes)
{
	struct shortage *shortage = heap->shortage;
	u64 low = (bytes >> PAGE_SHIFT) + !!(bytes & (PAGE_BYTES - 1));
	u32 nr = 0, n = heap_find_node(heap, node);

	if (n == PLACES_MAX)
		return -EINVAL;
	spin_lock(&shortage->lock);
	__atomic_store_n(&shortage->low[n], low, __ATOMIC_RELAXED);
	__atomic_store_n(&shortage->is_told[n], 0, __ATOMIC_RELAXED);
	for (n = 0; n < heap->nr_nodes; n++)
		nr += shortage->low[n] != 0;
	__atomic_store_n(&shortage->nr_watermarks, nr, __ATOMIC_RELAXED);
	spin_unlock(&shortage->lock);
	return 0;
}
