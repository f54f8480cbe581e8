/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * binding.c: the node that each page belongs to, and telling the kernel.
 *
 * A zone of one node is bound with one call.  A striped zone is bound stripe
 * by stripe, and each stripe is a mapping of its own to the kernel, of which a
 * process has 65,530 as a rule; so stripes double in size until there are no
 * more than MAX_STRIPES.  A mixed zone is left alone.
 *
 * Invariants
 *  1. A pinned heap, and one that is only a layout, is never bound.
 *  2. The part of a page of the mapping at either end of the heap is not bound.
 *
 * Locking: none; no lock may be held.  Cost: two calls into the kernel for
 * each zone or stripe.
 */
#include "binding.h"

#include "layout.h"
#include "ranges.h"
#include "ready.h"

#include <errno.h>

#define MAX_STRIPES 16384

int home_node(const struct fixheap *heap, u64 pfn, u64 *end)
{
	const struct zone *zone = zone_of(heap, pfn);
	const struct node *node = &heap->node[zone->node];
	u64 grain, start, stripe;

	*end = zone->end_pfn;
	if (node->kind == NODE_REAL)
		return (int)node->id;
	if (node->kind == NODE_MIXED)
		return FIXHEAP_NODE_MIXED;
	grain = max_u64(BLOCK_PAGES, heap->mapping_page >> PAGE_SHIFT);
	start = round_down(zone->start_pfn, grain);
	stripe = (pfn - start) / heap->stripe_pages;
	*end = min_u64(start + (stripe + 1) * heap->stripe_pages,
		       zone->end_pfn);
	return heap->stripe[stripe % heap->nr_stripe];
}

/* The pages as whole pages of the mapping; false: there are none. */
static bool whole_pages(const struct fixheap *heap, const struct bounds *pages,
			void **start, size_t *bytes)
{
	uintptr_t from = (uintptr_t)pfn_to_addr(heap, pages->pfn);
	uintptr_t to = (uintptr_t)pfn_to_end(heap, pages->end);

	from = round_up(from, heap->mapping_page);
	to = round_down(to, heap->mapping_page);
	*start = (void *)from;
	*bytes = to - from;
	return from < to;
}

int bind_pages(struct fixheap *heap, const struct bounds *pages, int node)
{
	struct nodemask mask;
	void *start;
	size_t bytes;

	if (!whole_pages(heap, pages, &start, &bytes))
		return 0;
	if (node < 0)
		return host_bind(start, bytes, HOST_POLICY_LOCAL, NULL);
	mask = nodemask_of(heap->topo.number[node]);
	return host_bind(start, bytes, heap->host_policy, &mask);
}

int discard_pages(struct fixheap *heap, const struct bounds *pages)
{
	void *start;
	size_t bytes;

	if (!whole_pages(heap, pages, &start, &bytes))
		return 0;
	ready_clear(heap, pages);
	return host_discard(start, bytes);
}

int bind_home(struct fixheap *heap, const struct bounds *pages)
{
	struct bounds part = { .end = pages->pfn };
	int ret = 0;

	while (part.end < pages->end && !ret) {
		int node;

		part.pfn = part.end;
		node = home_node(heap, part.pfn, &part.end);
		part.end = min_u64(part.end, pages->end);
		ret = bind_pages(heap, &part, node);
	}
	return ret;
}

void heap_unbind(struct fixheap *heap)
{
	const struct range *range = NULL;

	/* nobody else calls any more; what was mapped here is unmapped next */
	while (heap->bind && (range = range_next_locked(heap, range))) {
		const struct bounds pages = { range->start_pfn,
					      range->end_pfn };

		if (range->source != RANGE_HOST)
			bind_pages(heap, &pages, -1);
	}
}

u64 stripe_length(u64 nr_pages, u64 grain)
{
	while (nr_pages / grain > MAX_STRIPES)
		grain *= 2;
	return grain;
}

static u64 stripe_pages(const struct fixheap *heap, u64 grain)
{
	u64 stripe = grain;

	for (u32 z = 0; z < heap->nr_zones; z++) {
		const struct zone *zone = &heap->zone[z];

		if (heap->node[zone->node].kind == NODE_STRIPED)
			stripe = stripe_length(zone->end_pfn - zone->start_pfn,
					       stripe);
	}
	return stripe;
}

/* What each node has free beyond the heap's zones on it. */
static void count_spare(struct fixheap *heap, const struct layout *layout)
{
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		u32 id = heap->node[n].id;

		if (heap->node[n].kind == NODE_REAL)
			heap->spare[id] = (long)room_pages(layout, id);
	}
	for (u64 pfn = layout->pages.pfn, end; pfn < layout->pages.end;
	     pfn = end) {
		int node = home_node(heap, pfn, &end);

		end = min_u64(end, layout->pages.end);
		if (node >= 0)
			heap->spare[node] -= (long)(end - pfn);
	}
	for (u32 id = 0; id < NODES_MAX; id++) {
		if (heap->spare[id] < 0)
			heap->spare[id] = 0;
	}
}

/* The node with memory that is the nearest to this one. */
static u32 nearest_memory(const struct topology *topo, u32 from)
{
	u32 best = from;

	if (topo->node_bytes[from])
		return from;
	for (u32 id = 0; id < topo->nr_nodes; id++) {
		if (topo->node_bytes[id] &&
		    (best == from ||
		     topo->distance[from][id] < topo->distance[from][best]))
			best = id;
	}
	return best;
}

static void find_local_nodes(struct fixheap *heap)
{
	const struct topology *topo = &heap->topo;

	for (u32 cpu = 0; cpu < topo->nr_cpus; cpu++)
		heap->local_nodes |=
			1ull << nearest_memory(topo, topo->cpu_node[cpu]);
}

/* The kernel takes no wishes, and need not: the zones are only a layout. */
static int leave_unbound(struct fixheap *heap)
{
	for (u32 z = 0; z < heap->nr_zones; z++)
		heap->zone[z].bound = false;
	heap->bind = false;
	return 0;
}

int heap_bind(struct fixheap *heap, const struct layout *layout)
{
	int ret = 0;

	heap->stripe_pages = stripe_pages(heap, layout->grain);
	heap->mapping_page = layout->mapping_page;
	heap->host_policy = layout->strict ? HOST_POLICY_BIND
					   : HOST_POLICY_PREFERRED;
	if (!layout->bind)
		return 0;
	/* pairs with registry_untouched: what is above is there */
	__atomic_store_n(&heap->bind, true, __ATOMIC_RELEASE);
	find_local_nodes(heap);
	count_spare(heap, layout);
	for (u32 z = 0; z < heap->nr_zones && !ret; z++) {
		struct zone *zone = &heap->zone[z];
		const struct bounds pages = {
			max_u64(zone->start_pfn, layout->pages.pfn),
			min_u64(zone->end_pfn, layout->pages.end)
		};

		if (heap->node[zone->node].kind == NODE_MIXED)
			continue;
		zone->bound = true;
		if (pages.pfn >= pages.end)
			continue;
		ret = bind_home(heap, &pages);
		zone->bound = !ret;
	}
	if (!ret)
		return 0;
	heap_unbind(heap);
	if (ret == -ENOSYS && layout->numa.binding == FIXHEAP_BINDING_AUTO)
		return leave_unbound(heap);
	if (ret == -ENOMEM || ret == -ENOSYS)
		return ret;
	/* the nodes were there a moment ago: a cpuset takes them away */
	return -EACCES;
}
