/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * prefault_plan.c: what a prefault has to do, and who does it.
 *
 * The pages of all ranges are counted by node, then written down; so a heap of
 * stripes takes a word pair for each stripe.  Threads are dealt out to the
 * nodes that have pages and CPUs, in turn.
 *
 * Locking: that of range_pages.  Cost: O(ranges * ranges + zones + stripes).
 */
#include "prefault.h"

#include "binding.h"
#include "ranges.h"

#include <string.h>

typedef void (*extent_fn)(struct prefault *job, u32 g,
			  const struct bounds *pages);

/* What is of one node, part by part. */
static void each_extent(struct prefault *job, extent_fn fn)
{
	struct fixheap *heap = job->heap;
	struct bounds pages;
	u64 pfn = 0, end;

	for (; range_pages(heap, pfn, &pages); pfn = pages.end) {
		int node = home_node(heap, pages.pfn, &end);

		pages.end = min_u64(pages.end, end);
		fn(job, node < 0 ? NODES_MAX : (u32)node, &pages);
	}
}

static void count_extent(struct prefault *job, u32 g,
			 const struct bounds *pages)
{
	(void)pages;
	job->group[g].room++;
}

/* Ranges that came in between are not for this call. */
static void add_extent(struct prefault *job, u32 g, const struct bounds *pages)
{
	struct group *group = &job->group[g];

	if (group->high == group->first + group->room)
		return;
	job->extent[group->high++] = *pages;
	job->total += pages->end - pages->pfn;
}

static bool has_cpu(const struct fixheap *heap, u32 id)
{
	for (u32 cpu = 0; cpu < heap->topo.nr_cpus; cpu++) {
		if (heap->topo.cpu_node[cpu] == id)
			return true;
	}
	return false;
}

/* Nodes that have something and CPUs, in turn over the threads. */
static void choose_threads(struct prefault *job)
{
	struct fixheap *heap = job->heap;
	u32 nr = job->how.nr_threads ? job->how.nr_threads : heap->topo.nr_cpus;
	u32 node[NODES_MAX], nr_nodes = 0;

	nr = (u32)min_u64(nr, TOUCHERS_MAX);
	nr = (u32)min_u64(nr, job->total / job->unit + 1);
	for (u32 id = 0; id < heap->topo.nr_nodes; id++) {
		if (job->group[id].room && has_cpu(heap, id))
			node[nr_nodes++] = id;
	}
	if (!nr_nodes)
		node[nr_nodes++] = heap_this_node(heap);
	for (u32 t = 0; t < nr; t++) {
		u32 id = node[t % nr_nodes];

		job->group_of[t] = id;
		job->group[id].has_thread = true;
		job->number[t] = heap->topo.number[id];
	}
	job->nr_threads = nr;
}

struct prefault *prefault_make(struct fixheap *heap,
			       const struct fixheap_prefault *how)
{
	struct prefault count = { .heap = heap }, *job;
	u32 nr = 0;

	each_extent(&count, count_extent);
	for (u32 g = 0; g < NR_GROUPS; g++)
		nr += count.group[g].room;
	count.bytes = sizeof(*job) + nr * sizeof(struct bounds);
	job = host_reserve(count.bytes);
	if (!job)
		return NULL;
	memcpy(job, &count, sizeof(*job));
	job->how = *how;
	job->unit = max_u64(BLOCK_PAGES, pages_of_mapping(heap));
	nr = 0;
	for (u32 g = 0; g < NR_GROUPS; g++) {
		struct group *group = &job->group[g];

		group->first = group->low = group->high = nr;
		nr += group->room;
	}
	each_extent(job, add_extent);
	choose_threads(job);
	return job;
}
