/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * touch.c: touch or clear an array from the nodes that its parts are on.
 *
 * The array is cut into pieces that lie on one node each; every thread runs on
 * the CPUs of one node and takes the next piece of that node until none is
 * left.  A node without CPUs is served by any.  Where the node of a page is not
 * known, any thread will do.
 *
 * Locking: none while pages are touched.  Cost: a thread start for each
 * thread, and a page fault for each page.
 */
#include "heap.h"

#include "binding.h"
#include "policy.h"

#include <errno.h>
#include <string.h>

#define THREADS_MAX 1024
#define PIECE_PAGES (4 * BLOCK_PAGES)

struct work {
	struct fixheap *heap;
	struct run run;
	u64 page; /* descriptor of the array */
	unsigned flags;
	u32 nr_nodes;		 /* that have threads */
	u32 node[THREADS_MAX];	 /* of each thread, */
	u32 number[THREADS_MAX]; /* as the kernel counts */
	u64 next[NODES_MAX + 1]; /* (A) pages looked at, by node */
};

/* The piece that begins at page `at`: its end; *node: where it is. */
static u64 piece_at(const struct work *work, u64 at, int *node)
{
	u64 end;

	*node = policy_node(work->heap, &work->run, work->page, at, &end);
	return min_u64(end, round_down(at, PIECE_PAGES) + PIECE_PAGES);
}

static void do_piece(const struct work *work, u64 pfn, u64 end)
{
	char *start = pfn_to_addr(work->heap, pfn);

	if (work->flags & FIXHEAP_TOUCH_ZERO)
		host_clear(start, (end - pfn) << PAGE_SHIFT);
	else
		touch_pages(start, pfn_to_end(work->heap, end));
}

/* Whether the threads of node t do pieces of this node. */
static bool serves(const struct work *work, u32 t, int node)
{
	for (u32 i = 0; i < work->nr_nodes; i++) {
		if ((int)work->node[i] == node)
			return work->node[t] == (u32)node;
	}
	/* nobody lives there */
	return work->node[t] == work->node[0];
}

static void run_thread(void *data, u32 t)
{
	struct work *work = data;
	u64 *next = &work->next[work->node[t]];
	u64 last = work->run.pfn + work->run.nr_pages;
	u64 at = work->run.pfn, end;
	int node;

	/* Each piece of the node is taken by the first that comes to it. */
	for (; at < last; at = end) {
		end = piece_at(work, at, &node);
		if (serves(work, t, node) && claim_piece(next, at, end))
			do_piece(work, at, end);
	}
}

static bool has_cpu(const struct fixheap *heap, u32 id)
{
	for (u32 cpu = 0; cpu < heap->topo.nr_cpus; cpu++) {
		if (heap->topo.cpu_node[cpu] == id)
			return true;
	}
	return false;
}

/* The nodes of the array that have CPUs, in turn over the threads. */
static void choose_nodes(struct work *work, u32 nr_threads)
{
	u64 end, last = work->run.pfn + work->run.nr_pages;
	u64 seen = 0;
	int node;

	for (u64 at = work->run.pfn; at < last; at = end) {
		node = policy_node(work->heap, &work->run, work->page, at,
				   &end);
		if (node < 0 || seen >> node & 1 ||
		    work->nr_nodes == nr_threads ||
		    !has_cpu(work->heap, (u32)node))
			continue;
		seen |= 1ull << node;
		work->node[work->nr_nodes++] = (u32)node;
	}
	if (!work->nr_nodes)
		work->node[work->nr_nodes++] = heap_this_node(work->heap);
	for (u32 t = work->nr_nodes; t < nr_threads; t++)
		work->node[t] = work->node[t % work->nr_nodes];
	for (u32 t = 0; t < nr_threads; t++)
		work->number[t] = work->heap->topo.number[work->node[t]];
}

int fixheap_array_touch(struct fixheap *heap, void *array, unsigned nr_threads,
			unsigned flags)
{
	struct work work = { .heap = heap, .flags = flags };

	if (flags & ~FIXHEAP_TOUCH_ZERO)
		return -EINVAL;
	if (!heap_check(heap, "fixheap_array_touch", array, 0, &work.run.pfn))
		return -EINVAL;
	if (!run_find(heap, work.run.pfn, &work.run, &work.page) ||
	    page_kind(work.page) != PAGE_ARRAY ||
	    pfn_to_addr(heap, work.run.pfn) != array) {
		heap_fault(heap, "fixheap_array_touch",
			   run_mistake(heap, addr_to_pfn(heap, array),
				       PAGE_ARRAY),
			   array, 0);
		return -EINVAL;
	}
	if (!nr_threads)
		nr_threads = heap->topo.nr_cpus;
	nr_threads = (u32)min_u64(nr_threads, THREADS_MAX);
	choose_nodes(&work, nr_threads);
	return host_run_threads(nr_threads, work.number, run_thread, &work);
}
