/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zonelist.c: which zones a request may use, nearest first.
 *
 * For each node of the machine the heap's nodes are ordered: itself, those that
 * the caller has put in an order (numa->fallback), the others by their distance
 * from it; among equals the own index comes first in a round that starts at
 * the node, so that neighbours do not all fall back on node 0.  Nodes without
 * CPUs are slow memory as a rule: if nobody named them, they come last, and
 * behind them what is striped, then what is mixed.  The zones of one node stand
 * in two orders: arrays begin at its lowest zone, small things at the highest.
 *
 * An array without a wish would rather be near than far, but not where it
 * breaks what other arrays need in one piece: with two nodes, arrays that are
 * near and nothing else take 1.14 to 1.39 times the memory of one node (`bench
 * --nodes=2`).  So they are near as long as no more than half of the heap was
 * ever in use; from then on the heap counts as tight, and they go where they
 * fit best in all zones of nodes with CPUs together, as with one node.
 *
 * Invariants
 *  1. Every zone is in each order of its node exactly once.
 *  2. A request sees every zone that it may use, each once, in up to three
 *     passes: those that are named, fast ones, all; after the zones of a pass
 *     the groups of neighbouring zones of this and the ones before.  A BLOCKED
 *     one only sees where its parts lie in the zones of their nodes.  One that
 *     shall fit best sees groups of fast zones before all that.
 *
 * Locking: none, constant after creation.  Cost: a few loads for each zone.
 */
#include "policy.h"
#include "zone.h"

static bool has_cpus(const struct fixheap *heap, u32 id)
{
	for (u32 cpu = 0; cpu < heap->topo.nr_cpus; cpu++) {
		if (heap->topo.cpu_node[cpu] == id)
			return true;
	}
	return false;
}

/* Small is near: by zones, kind, what the caller said, CPUs, distance, and the
 * round.  The least distance is 10. */
static u32 rank(const struct fixheap *heap, u32 from, u32 n)
{
	const struct node *node = &heap->node[n];
	u32 round = (node->id + NODES_MAX - from) % NODES_MAX;

	/* only a name for stripes */
	if (!node->nr_zones)
		return 1024 * (NODE_MIXED + 1) * NODES_MAX;
	if (node->kind != NODE_REAL)
		return 1024 * node->kind * NODES_MAX;
	if (node->id == from)
		return 0;
	if (heap->fallback[node->id])
		return heap->fallback[node->id];
	if (node->slow)
		return (512 + heap->topo.distance[from][node->id]) * NODES_MAX +
		       round;
	return heap->topo.distance[from][node->id] * NODES_MAX + round;
}

/* The zones of one node into both orders, from place `at` on. */
static u32 list_zones(struct fixheap *heap, struct node *node, u32 at)
{
	node->first = at;
	for (u32 z = 0; z < heap->nr_zones; z++) {
		if (heap->zone[z].node == node->index)
			heap->order[ORDER_ARRAY][at++] = (u16)z;
	}
	node->nr_zones = at - node->first;
	for (u32 i = 0; i < node->nr_zones; i++)
		heap->order[ORDER_SMALL][node->first + i] =
			heap->order[ORDER_ARRAY][at - 1 - i];
	return at;
}

/* In which zone each slice of the heap begins. */
static void index_zones(struct fixheap *heap)
{
	u32 z = 0;

	heap->zone_shift = 0;
	while ((heap->end_pfn - 1) >> heap->zone_shift >= ZONE_SLICES)
		heap->zone_shift++;
	for (u64 i = 0; i <= ZONE_SLICES; i++) {
		while (z + 1 < heap->nr_zones &&
		       heap->zone[z + 1].start_pfn <= i << heap->zone_shift)
			z++;
		heap->zone_at[i] = (u8)z;
	}
}

void zonelist_init(struct fixheap *heap)
{
	u32 at = 0;

	index_zones(heap);
	heap->zoned_nodes = 0;
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		at = list_zones(heap, &heap->node[n], at);
		if (heap->node[n].nr_zones)
			heap->zoned_nodes |= (u128)1 << n;
		heap->node[n].slow = !heap->cpuless_as_others &&
				     !heap->fallback[heap->node[n].id] &&
				     !has_cpus(heap, heap->node[n].id);
		if (heap->node[n].kind == NODE_REAL && !heap->node[n].slow)
			heap->fast_nodes |= (u128)1 << n;
	}
	for (u32 from = 0; from < heap->topo.nr_nodes; from++) {
		u8 *list = heap->nodelist[from];

		for (u32 n = 0; n < heap->nr_nodes; n++) {
			u32 i = n;

			for (; i && rank(heap, from, list[i - 1]) >
					    rank(heap, from, n);
			     i--)
				list[i] = list[i - 1];
			list[i] = (u8)n;
		}
	}
}

/*
 * Without a policy that is strict: slow nodes, and what is not of one node,
 * come last, if the request is not at home there.
 */
static void lax_pass(const struct fixheap *heap, const struct run_request *req,
		     struct zone_iter *iter)
{
	u128 first = heap->fast_nodes | (u128)1 << iter->list[0], named = 0;
	u32 pass = iter->pass;

	if (req->policy == FIXHEAP_POLICY_PREFERRED)
		named = req->nodes;
	else
		pass++;
	iter->zones = iter->groups = 0;
	if (pass == 0) {
		iter->zones = iter->groups = named;
	} else if (pass == 1) {
		iter->zones = first & ~named;
		iter->groups = first | named;
	} else if (pass == 2) {
		iter->zones = ~(first | named);
		iter->groups = ~(u128)0;
	}
}

/* The nodes whose zones the request looks at one by one in its pass, and those
 * over whose borders it may reach then; no groups: there is no such pass. */
static void begin_pass(const struct fixheap *heap,
		       const struct run_request *req, struct zone_iter *iter)
{
	u128 nodes = 0;

	iter->node = iter->zone = iter->group = 0;
	if (req->node != NODE_ANY)
		nodes = (u128)1 << req->node;
	else if (req->policy == FIXHEAP_POLICY_BIND)
		nodes = policy_places(heap, req->nodes);
	else if (req->policy == FIXHEAP_POLICY_INTERLEAVE)
		nodes = policy_striped(heap, req) ? policy_striped_place(heap)
						  : 0;
	else if (req->policy != FIXHEAP_POLICY_BLOCKED) {
		lax_pass(heap, req, iter);
		return;
	}
	iter->zones = iter->groups = iter->pass ? 0 : nodes;
}

/* The next zone of these nodes. */
static bool next_zone(const struct fixheap *heap, const struct run_request *req,
		      struct zone_iter *iter, struct contig_request *find)
{
	const u16 *order = heap->order[req->placement == PLACE_ARRAY];

	while (iter->node < heap->nr_nodes) {
		const struct node *node = &heap->node[iter->list[iter->node]];

		if (iter->zones >> node->index & 1 &&
		    iter->zone < node->nr_zones) {
			u32 z = order[node->first + iter->zone++];

			contig_set_zone(find, &heap->zone[z]);
			return true;
		}
		iter->zone = 0;
		iter->node++;
	}
	return false;
}

/* Neighbouring zones of these nodes. */
static bool next_group(const struct fixheap *heap, u128 nodes,
		       struct zone_iter *iter, struct contig_request *find)
{
	while (iter->group < heap->nr_zones) {
		const struct zone *first = &heap->zone[iter->group], *zone;

		for (zone = first; iter->group < heap->nr_zones; zone++) {
			if (!(nodes >> zone->node & 1))
				break;
			find->in.end = zone->end_pfn;
			iter->group++;
		}
		if (zone - first > 1) {
			find->zone = NULL;
			find->in.pfn = first->start_pfn;
			return true;
		}
		if (zone == first)
			iter->group++;
	}
	return false;
}

/* More than half of the heap is in use with this request, or was. */
static bool is_tight(const struct fixheap *heap, u64 nr_pages)
{
	u64 used = __atomic_load_n(&heap->used, __ATOMIC_RELAXED) + nr_pages;
	u64 peak = __atomic_load_n(&heap->peak_used, __ATOMIC_RELAXED);

	u64 all = __atomic_load_n(&heap->nr_pages, __ATOMIC_RELAXED);

	return max_u64(used, peak) > all / 2;
}

/* To fit well matters more to this request than to be near. */
static bool shall_fit(const struct fixheap *heap, const struct run_request *req)
{
	return req->placement == PLACE_ARRAY && req->node == NODE_ANY &&
	       req->policy == FIXHEAP_POLICY_DEFAULT && !heap->reserves &&
	       is_tight(heap, req->nr_pages);
}

/* The lowest zone of the nearest node. */
static const struct zone *near_zone(const struct fixheap *heap,
				    const struct zone_iter *iter)
{
	const struct node *node = &heap->node[iter->list[0]];

	return &heap->zone[heap->order[ORDER_ARRAY][node->first]];
}

/* Zones, then groups of the pass, then those of the next one. */
static bool next_in_passes(const struct fixheap *heap,
			   const struct run_request *req,
			   struct zone_iter *iter, struct contig_request *find)
{
	for (;;) {
		if (iter->stage == STAGE_ZONES) {
			if (next_zone(heap, req, iter, find))
				return true;
			iter->stage = STAGE_GROUPS;
		}
		if (iter->zones & heap->zoned_nodes &&
		    next_group(heap, iter->groups, iter, find))
			return true;
		if (!iter->groups)
			return false;
		iter->pass++;
		begin_pass(heap, req, iter);
		iter->stage = STAGE_ZONES;
	}
}

/* Of a symmetric heap: arrays have a zone, and all else another. */
static bool own_zone(const struct fixheap *heap, const struct run_request *req,
		     struct zone_iter *iter, struct contig_request *find)
{
	for (; iter->zone < heap->nr_zones; iter->zone++) {
		const struct zone *zone = &heap->zone[iter->zone];

		if (zone->arrays_only != (req->kind == PAGE_ARRAY))
			continue;
		contig_set_zone(find, zone);
		iter->zone = ZONES_MAX;
		return true;
	}
	return false;
}

/* A heap of one zone. */
static bool only_zone(const struct fixheap *heap, const struct run_request *req,
		      struct zone_iter *iter, struct contig_request *find)
{
	contig_set_zone(find, &heap->zone[0]);
	if (iter->zone++)
		return false;
	if (run_is_anywhere(req) ||
	    (req->node == NODE_ANY && req->policy == FIXHEAP_POLICY_PREFERRED))
		return true;
	begin_pass(heap, req, iter);
	iter->zone = 1;
	return iter->zones >> heap->zone[0].node & 1;
}

bool zonelist_next(const struct fixheap *heap, const struct run_request *req,
		   struct zone_iter *iter, struct contig_request *find)
{
	if (heap_is_deterministic(heap))
		return own_zone(heap, req, iter, find);
	if (heap->nr_zones == 1)
		return only_zone(heap, req, iter, find);
	if (iter->stage == STAGE_BEGIN) {
		iter->list = zonelist_near(heap, req);
		begin_pass(heap, req, iter);
		iter->stage = shall_fit(heap, req) ? STAGE_FIT : STAGE_ZONES;
	}
	if (iter->stage == STAGE_FIT) {
		find->near = near_zone(heap, iter);
		if (next_group(heap, heap->fast_nodes, iter, find))
			return true;
		find->near = NULL;
		iter->stage = STAGE_ZONES;
		iter->group = 0;
	}
	if (req->node != NODE_ANY || req->policy != FIXHEAP_POLICY_BLOCKED)
		return next_in_passes(heap, req, iter, find);
	find->zone = NULL;
	return policy_blocked(heap, req, &iter->group, &find->in);
}

u64 zonelist_free(const struct fixheap *heap, const struct bounds *in)
{
	const struct zone *zone = zone_of(heap, in->pfn);
	u64 pages = 0;

	for (; zone->start_pfn < in->end; zone++) {
		pages += zone->nr_free;
		if (zone->index + 1 == heap->nr_zones)
			break;
	}
	return pages;
}

/* What the zones in the bounds keep back from the request. */
static u64 count_reserve(const struct fixheap *heap,
			 const struct run_request *req, const struct bounds *in)
{
	u32 home = zonelist_near(heap, req)[0];
	const struct zone *zone = zone_of(heap, in->pfn);
	u64 pages = 0;

	if (req->node != NODE_ANY)
		home = req->node;
	for (; zone->start_pfn < in->end; zone++) {
		if (req->placement == PLACE_ARRAY)
			pages += zone->small_reserve;
		if (zone->node != home && !(req->nodes >> zone->node & 1))
			pages += zone->local_reserve;
		if (zone->index + 1 == heap->nr_zones)
			break;
	}
	return pages;
}

u64 zonelist_reserve(const struct fixheap *heap, const struct run_request *req,
		     const struct bounds *in)
{
	if (likely(!heap->reserves))
		return 0;
	return count_reserve(heap, req, in);
}
