/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * settle.c: how pages get their nodes, on the simulated machine.
 *
 * The memory is real and lies anywhere; the simulation keeps books.  Touching
 * a page is no call that it could see, so it looks for pages in memory when
 * somebody asks for nodes, and before a policy changes: a page that it finds
 * and does not know is put on a node then ("settled"), by the policy that
 * its range has had since before the page was touched.
 *
 * 1. A page that is settled stays on its node until it is discarded, unmapped,
 *    moved by a test, or loses its node to a smaller cpuset.
 * 2. Every page in memory of a range is settled before its policy changes.
 * 3. room[n] is what a test said was free on node n, less the pages settled
 *    there since, plus those that have gone since.
 *
 * How a page gets its node, among those that are in the cpuset, have memory
 * and have room:
 *	BIND	    the first of the mask; if all are full, the first of the
 *		    mask nevertheless, and it counts as killed
 *	INTERLEAVE  number of the page modulo nodes of the mask
 *	PREFERRED   the first of the mask
 *	LOCAL	    the node of the simulated CPU of the thread that settles
 * and where that one is full or may not be used, the nearest to it.  A mask
 * of which no node may be used counts as all nodes.
 *
 * As in the kernel, a mask of one node that is bound keeps its stored value
 * when the cpuset changes, as do preferred ones; others are rewritten, the
 * n-th of the old nodes becoming the n-th of the new ones.
 *
 * Locking: one mutex for all, never held when the hook is called.  Cost: a
 * system call and O(1) a page in memory; next to nothing for address space.
 * What it is not: transparent huge pages settle as the pages they consist of,
 * and a page that was only read counts like one that was written.
 */
#include "settle.h"

#include <string.h>

#include "resident.h"
#include "sim.h"

struct place place = { .lock = PTHREAD_MUTEX_INITIALIZER,
		       .room = { [0 ... NODES_MAX - 1] = LIMITLESS } };

u64 page_of(const void *addr)
{
	return (uintptr_t)addr / resident_page();
}

u64 page_end(const void *start, size_t bytes)
{
	return page_of((const char *)start + bytes + resident_page() - 1);
}

size_t mapping_page(void)
{
	return place.mapping_page ? place.mapping_page : resident_page();
}

struct nodemask usable_nodes(void)
{
	const struct topology *topo = sim_topology();
	struct nodemask nodes = NODEMASK_NONE;
	u32 node;

	for (node = 0; node < topo->nr_nodes; node++)
		if (topo->node_bytes[node])
			nodemask_set(&nodes, node);
	return place.confined ? nodemask_and(&nodes, &place.allowed) : nodes;
}

/* --- a page gets its node ---------------------------------------------- */

/* Pages of one policy are being settled. */
struct settling {
	struct nodemask usable;
	struct nodemask nodes; /* of the policy, as far as they are usable */
	enum host_policy policy;
	u32 local; /* node of the calling thread */
	u64 at;	   /* pages below this one are done */
};

static bool has_room(u32 node)
{
	return place.room[node] >= (int64_t)resident_page();
}

/* The usable node with room that is nearest to this one, or NODE_IDS. */
static u32 nearest(const struct settling *settling, u32 from)
{
	const struct topology *topo = sim_topology();
	u32 best = NODE_IDS, node;

	if (nodemask_test(&settling->usable, from) && has_room(from))
		return from;
	nodemask_for_each(node, &settling->usable)
	{
		if (!has_room(node))
			continue;
		if (best == NODE_IDS ||
		    topo->distance[from][node] < topo->distance[from][best])
			best = node;
	}
	return best;
}

u32 nth_node(const struct nodemask *nodes, u64 n)
{
	u32 node = nodemask_first(nodes);

	for (n %= nodemask_weight(nodes); n; n--)
		node = nodemask_next(nodes, node + 1);
	return node;
}

/* The node that a page goes to; room is taken by the caller. */
static u32 choose(const struct settling *settling, u64 page)
{
	u32 first = nodemask_first(&settling->nodes), node = NODE_IDS;

	switch (settling->policy) {
	case HOST_POLICY_BIND:
	case HOST_POLICY_PREFERRED:
		nodemask_for_each(node, &settling->nodes)
		{
			if (has_room(node))
				return node;
		}
		if (settling->policy == HOST_POLICY_PREFERRED)
			node = nearest(settling, first);
		break;
	case HOST_POLICY_INTERLEAVE:
		page /= mapping_page() / resident_page();
		node = nearest(settling, nth_node(&settling->nodes, page));
		break;
	case HOST_POLICY_LOCAL:
		node = nearest(settling, settling->local);
		break;
	}
	if (node < NODE_IDS)
		return node;
	place.killed += resident_page();
	return first;
}

u32 forget_page(void *data, u64 page, u32 node)
{
	(void)data;
	(void)page;
	place.room[node] += (int64_t)resident_page();
	return PLACED_NOWHERE;
}

static void settle_run(void *data, u64 first, u64 end)
{
	struct settling *settling = data;
	u32 node;

	/* What is no longer in memory went behind the host's back. */
	placed_walk(settling->at, first, forget_page, NULL);
	for (; first < end; first++) {
		if (placed_get(first) != PLACED_NOWHERE)
			continue;
		node = choose(settling, first);
		placed_set(first, node);
		place.room[node] -= (int64_t)resident_page();
	}
	settling->at = end;
}

void settle(u64 first, u64 end)
{
	struct settling settling = { .usable = usable_nodes() };

	settling.local = sim_topology()->cpu_node[sim_cpu()];
	for (settling.at = first; first < end; first = settling.at) {
		struct policy_range range = policies_at(first);
		u64 stop = min_u64(end, range.end);

		settling.policy = range.policy;
		settling.nodes = nodemask_and(&range.nodes, &settling.usable);
		if (nodemask_empty(&settling.nodes))
			settling.nodes = settling.usable;
		resident_runs(first, stop, settle_run, &settling);
		settle_run(&settling, stop, stop);
	}
}

void each_policy(policy_fn fn, void *data)
{
	struct policy_range range;
	u64 page;

	for (page = 0; page < UINT64_MAX; page = range.end) {
		range = policies_at(page);
		if (range.policy != HOST_POLICY_LOCAL)
			fn(data, &range);
	}
}

static void settle_policy(void *data, const struct policy_range *range)
{
	(void)data;
	settle(range->first, range->end);
}

void settle_all(void)
{
	each_policy(settle_policy, NULL);
}
