/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * clear.c: clear what a run has of others.
 *
 * Pages that are known to read as zero are left alone, so that what nobody has
 * touched takes no memory.  Whole pageblocks are asked of zeromap.c, stretch by
 * stretch; of the part of one at either end it is known since it was taken.
 *
 * In parallel the run is cut into pieces that lie on one node each.  Every
 * thread runs on the CPUs of one node and takes the next piece of it until none
 * is left; pieces of nodes without threads are the first one's.
 *
 * Locking: the region lock to ask, none while memory is cleared.  Cost: a store
 * to each byte that has to be, past the cache where it is much; O(log64 blocks)
 * for each stretch; a thread start for each thread.
 */
#include "clear.h"

#include "binding.h"
#include "vmstat.h"
#include "zeromap.h"

#define THREADS_MAX 256
#define PIECE_PAGES (4 * BLOCK_PAGES)
/* For less than this another thread is not worth its start. */
#define THREAD_PAGES (16 * BLOCK_PAGES)

struct clear {
	struct fixheap *heap;
	struct bounds run;
	struct zero_range known;
	u32 nr_nodes; /* that have threads */
	int node[NODES_MAX];
	u32 group[THREADS_MAX];	 /* of each thread: place in node[], */
	u32 number[THREADS_MAX]; /* its node as the kernel counts */
	u64 next[NODES_MAX];	 /* (A) pages looked at, by node[] */
};

/* Pages from pfn on that are alike: where they end; *zero: they are known. */
static u64 alike_end(const struct clear *clear, u64 pfn, bool *zero)
{
	struct region *region = &clear->heap->region;
	u64 block = round_down(pfn, BLOCK_PAGES);
	u32 end = (u32)(clear->run.end >> BLOCK_SHIFT), kind;

	*zero = false;
	if (pfn < clear->known.pfn)
		return min_u64(clear->known.pfn, clear->run.end);
	if (pfn >= clear->known.end)
		return clear->run.end;
	*zero = true;
	/* a part of a block */
	if (block < clear->run.pfn || block >> BLOCK_SHIFT == end)
		return min_u64(block + BLOCK_PAGES, clear->known.end);
	spin_lock(&region->lock);
	kind = zeromap_get(region, (u32)(pfn >> BLOCK_SHIFT), &end);
	spin_unlock(&region->lock);
	*zero = kind == BLOCK_ZERO;
	return (u64)end << BLOCK_SHIFT;
}

static void clear_pages(struct fixheap *heap, u64 pfn, u64 end)
{
	host_clear(pfn_to_addr(heap, pfn), (end - pfn) << PAGE_SHIFT);
	vmstat_add(&heap->region.cleared, (end - pfn) << PAGE_SHIFT);
}

/* Clear what has to be of pages [pfn, end); or, with dry, only count it. */
static u64 clear_part(const struct clear *clear, u64 pfn, u64 end, bool dry)
{
	u64 from = pfn, nr = 0; /* [from, pfn) has to be */
	bool zero;

	while (pfn < end) {
		u64 to = min_u64(alike_end(clear, pfn, &zero), end);

		if (zero || to == end) {
			u64 last = zero ? pfn : to;

			if (from < last && !dry)
				clear_pages(clear->heap, from, last);
			nr += last - from;
			from = to;
		}
		pfn = to;
	}
	return nr;
}

/* --- in parallel ---------------------------------------------------------- */

/* The piece that begins at page `at`: its end; *group: whose it is. */
static u64 piece_at(const struct clear *clear, u64 at, u32 *group)
{
	u64 end;
	int node = home_node(clear->heap, at, &end);

	for (*group = 0; *group < clear->nr_nodes; ++*group) {
		if (clear->node[*group] == node)
			break;
	}
	if (*group == clear->nr_nodes)
		*group = 0;
	end = min_u64(end, round_down(at, PIECE_PAGES) + PIECE_PAGES);
	return min_u64(end, clear->run.end);
}

static void clear_thread(void *data, u32 t)
{
	struct clear *clear = data;
	u64 *next = &clear->next[clear->group[t]];
	u64 at = clear->run.pfn, end;
	u32 group;

	/* Each piece of the node is taken by the first that comes to it. */
	for (; at < clear->run.end; at = end) {
		end = piece_at(clear, at, &group);
		if (group == clear->group[t] && claim_piece(next, at, end))
			clear_part(clear, at, end, false);
	}
}

/* CPUs of the machine's node; those of the heap that are on one of clear's. */
static u32 count_cpus(const struct clear *clear, int node)
{
	const struct topology *topo = &clear->heap->topo;
	u32 nr = 0;

	for (u32 cpu = 0; cpu < topo->nr_cpus; cpu++)
		nr += topo->cpu_node[cpu] == node;
	return nr;
}

/* The nodes of the run that have CPUs, and threads for each; how many. */
static u32 choose_threads(struct clear *clear, u32 most)
{
	u32 nr_cpus = 0, nr, t;
	u64 seen = 0, end;
	int node;

	for (u64 at = clear->run.pfn; at < clear->run.end; at = end) {
		node = home_node(clear->heap, at, &end);
		if (node < 0 || seen >> node & 1 || !count_cpus(clear, node))
			continue;
		seen |= 1ull << node;
		clear->node[clear->nr_nodes++] = node;
		nr_cpus += count_cpus(clear, node);
	}
	if (!clear->nr_nodes) {
		node = (int)heap_this_node(clear->heap);
		clear->node[clear->nr_nodes++] = node;
		nr_cpus = count_cpus(clear, node);
	}
	nr = (u32)min_u64(min_u64(nr_cpus, most), THREADS_MAX);
	nr = nr < clear->nr_nodes ? clear->nr_nodes : nr;
	for (t = 0; t < nr; t++) {
		clear->group[t] = t % clear->nr_nodes;
		node = clear->node[clear->group[t]];
		clear->number[t] = clear->heap->topo.number[node];
	}
	return nr;
}

static bool clear_parallel(struct clear *clear)
{
	u64 nr = clear_part(clear, clear->run.pfn, clear->run.end, true);
	u32 threads;

	if (nr < 2 * THREAD_PAGES)
		return false;
	threads = choose_threads(clear,
				 (u32)min_u64(nr / THREAD_PAGES, THREADS_MAX));
	return threads > 1 &&
	       !host_run_threads(threads, clear->number, clear_thread, clear);
}

void clear_run(struct fixheap *heap, const struct run *run,
	       struct zero_range known, unsigned flags)
{
	struct clear clear = { .heap = heap,
			       .run = { run->pfn, run->pfn + run->nr_pages },
			       .known = known };

	if (!(flags & FIXHEAP_ZERO_PARALLEL) || !clear_parallel(&clear))
		clear_part(&clear, clear.run.pfn, clear.run.end, false);
}
