/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * explain.c: why an array would not fit.
 *
 * The reason is the first condition without which it would fit: each is left
 * out in turn, from what the heap may have at all to where runs are cut.
 *
 * Locking: as blockers.c.  Cost: likewise, and a walk over all runs.
 */
#include "blockers.h"
#include "contig.h"
#include "grow.h"
#include "heap.h"
#include "policy.h"
#include "ranges.h"
#include "rehome.h"
#include "tag.h"
#include "zone.h"

#include <errno.h>
#include <string.h>

/* What the reason is found from; pages. */
struct facts {
	u64 nr_free, nr_tickets, nr_isolated;
	u64 longest;  /* free run anywhere */
	u64 region;   /* the largest region, or regions that are one */
	u64 allowed;  /* free where the policy says, */
	u64 on_nodes; /*     the longest run of it, */
	u64 aligned;  /*     and one aligned as asked */
};

static size_t bytes_of(u64 nr_pages)
{
	return nr_pages << PAGE_SHIFT;
}

static u32 order_of(u64 nr_pages)
{
	return 63 - (u32)__builtin_clzll(nr_pages);
}

/* Free runs, and how long regions are. */
static void look_at_runs(struct fixheap *heap,
			 struct fixheap_explanation *answer,
			 struct facts *facts)
{
	struct bounds area = { 0, 0 };
	struct used used;

	while (area_next(heap, area.end, &area)) {
		facts->region = max_u64(facts->region, area.end - area.pfn);
		for (u64 pfn = area.pfn; pfn < area.end; pfn = used.end) {
			u64 nr;

			if (!used_next(heap, pfn, area.end, &used))
				used.pfn = used.end = area.end;
			nr = used.pfn - min_u64(pfn, used.pfn);
			facts->longest = max_u64(facts->longest, nr);
			if (nr)
				answer->nr_free_runs[order_of(nr)]++;
		}
	}
}

static u64 longest_in(struct fixheap *heap, const struct run_request *req,
		      u64 align)
{
	struct contig_request find = { .align = align,
				       .placement = req->placement };
	struct zone_iter iter = { 0 };
	u64 longest = 0;

	while (zonelist_next(heap, req, &iter, &find)) {
		spin_lock(&heap->region.lock);
		longest =
			max_u64(longest, contig_largest(&heap->region, &find));
		spin_unlock(&heap->region.lock);
	}
	return longest;
}

/* Zones, in the answer and for the request. */
static void look_at_zones(struct fixheap *heap, const struct run_request *req,
			  struct fixheap_explanation *answer,
			  struct facts *facts)
{
	struct run_request any = *req;

	if (rehome_may(heap, req))
		any.policy = FIXHEAP_POLICY_LOCAL;
	for (u32 z = 0; z < heap->nr_zones; z++) {
		const struct zone *zone = &heap->zone[z];
		const struct bounds in = { zone->start_pfn, zone->end_pfn };
		const struct node *node = &heap->node[zone->node];
		struct contig_request find = { .align = 1,
					       .placement = PLACE_ARRAY };
		u64 free = __atomic_load_n(&zone->nr_free, __ATOMIC_RELAXED);
		u64 kept = min_u64(zonelist_reserve(heap, req, &in), free);
		struct fixheap_zone_room room = {
			.start = pfn_to_addr(heap, zone->start_pfn),
			.bytes = bytes_of(zone->nr_pages),
			.free_bytes = bytes_of(free),
			.kept_bytes = bytes_of(kept),
			.node = node->kind == NODE_REAL
					? heap->topo.number[node->id]
				: node->kind == NODE_STRIPED
					? FIXHEAP_NODE_STRIPED
					: FIXHEAP_NODE_MIXED,
		};

		facts->nr_free += free;
		if (run_is_anywhere(&any) || any.nodes >> zone->node & 1)
			facts->allowed += free;
		answer->kept_bytes += room.kept_bytes;
		if (z >= answer->max_zones)
			continue;
		contig_set_zone(&find, zone);
		spin_lock(&heap->region.lock);
		room.largest_bytes =
			bytes_of(contig_largest(&heap->region, &find));
		spin_unlock(&heap->region.lock);
		answer->zone[z] = room;
	}
	facts->on_nodes = longest_in(heap, &any, 1);
	facts->aligned = longest_in(heap, &any, req->align);
}

static u64 count_isolated(struct fixheap *heap)
{
	const struct range *range = NULL;
	u64 nr = 0;

	spin_lock(&heap->region.lock);
	while ((range = range_next_locked(heap, range)))
		nr += range->nr_isolated;
	spin_unlock(&heap->region.lock);
	return nr;
}

/* The heap could not get so many pages more. */
static bool at_limit(struct fixheap *heap, u64 nr_pages)
{
	return heap->mode != FIXHEAP_FIXED && !ranges_have_room(heap, nr_pages);
}

static enum fixheap_reason reason_of(struct fixheap *heap,
				     const struct run_request *req,
				     const struct facts *facts)
{
	u64 nr = req->nr_pages;

	if (nr > heap->max_pages || at_limit(heap, nr))
		return FIXHEAP_REASON_LIMIT;
	if (facts->nr_free < nr && facts->nr_free + facts->nr_tickets >= nr)
		return FIXHEAP_REASON_RESERVED;
	if (facts->nr_free < nr)
		return facts->nr_free + facts->nr_isolated >= nr
			       ? FIXHEAP_REASON_REGION
			       : FIXHEAP_REASON_TOTAL;
	if (facts->aligned >= nr)
		return rehome_may(heap, req) && !heap->reserves
			       ? FIXHEAP_REASON_NODE
			       : FIXHEAP_REASON_RESERVED;
	if (facts->on_nodes >= nr)
		return FIXHEAP_REASON_ALIGNMENT;
	if (facts->longest >= nr || facts->allowed < nr)
		return FIXHEAP_REASON_NODE;
	return facts->region < nr ? FIXHEAP_REASON_REGION
				  : FIXHEAP_REASON_FRAGMENTED;
}

static int use_of(u64 page)
{
	switch (page_kind(page)) {
	case PAGE_EXTENT:
		return FIXHEAP_USE_SMALL;
	case PAGE_DIRECT:
		return FIXHEAP_USE_LARGE;
	case PAGE_ARRAY:
		return FIXHEAP_USE_ARRAY;
	case PAGE_TICKET:
		return FIXHEAP_USE_RESERVED;
	case PAGE_RAW:
		return FIXHEAP_USE_PAGES;
	default:
		return FIXHEAP_USE_CACHED;
	}
}

static void name_blockers(struct fixheap *heap, const struct run_request *req,
			  struct fixheap_explanation *answer)
{
	struct run_request any = *req;
	struct window window;
	struct used used;
	u64 pfn;

	if (rehome_may(heap, req)) {
		any.policy = FIXHEAP_POLICY_LOCAL;
		any.nodes = 0;
	}
	window = window_find(heap, &any);
	if (window.nr_live == ~0ull)
		return;
	answer->window = pfn_to_addr(heap, window.pfn);
	for (pfn = window.pfn;
	     used_next(heap, pfn, window.pfn + req->nr_pages, &used);
	     pfn = used.end) {
		size_t i = answer->nr_blockers++;

		answer->nr_live += used.nr_live;
		answer->blocker_bytes += bytes_of(used.end - used.pfn);
		if (i < answer->max_blockers)
			answer->blocker[i] = (struct fixheap_blocker){
				pfn_to_addr(heap, used.pfn),
				bytes_of(used.end - used.pfn),
				use_of(used.page), tag_of(heap, used.pfn),
				used.nr_live
			};
	}
}

/* What the caller has set, and nothing else. */
static bool begin(struct fixheap_explanation *answer)
{
	struct fixheap_explanation blank = FIXHEAP_EXPLANATION_INIT;

	if (!answer || answer->size != sizeof(*answer))
		return false;
	blank.zone = answer->zone;
	blank.max_zones = answer->zone ? answer->max_zones : 0;
	blank.blocker = answer->blocker;
	blank.max_blockers = answer->blocker ? answer->max_blockers : 0;
	*answer = blank;
	return true;
}

int fixheap_explain(struct fixheap *heap, const struct fixheap_array_attr *attr,
		    size_t bytes, struct fixheap_explanation *explanation)
{
	struct run_request req = { .kind = PAGE_ARRAY,
				   .nr_pages = bytes_to_pages(bytes),
				   .placement = PLACE_ARRAY };
	struct facts facts = { 0 };
	int ret = heap_attr(heap, attr, &req);

	if (!begin(explanation))
		return -EINVAL;
	if (ret)
		return ret;
	explanation->largest_bytes = fixheap_largest_free(heap, attr);
	look_at_runs(heap, explanation, &facts);
	look_at_zones(heap, &req, explanation, &facts);
	facts.nr_tickets = __atomic_load_n(&heap->reserved, __ATOMIC_RELAXED);
	facts.nr_isolated = count_isolated(heap);
	explanation->requested_bytes = bytes_of(req.nr_pages);
	explanation->free_bytes = bytes_of(facts.nr_free);
	explanation->largest_run_bytes = bytes_of(facts.longest);
	explanation->reserved_bytes = bytes_of(facts.nr_tickets);
	explanation->nr_zones = heap->nr_zones;
	if (fixheap_will_fit(heap, bytes, attr))
		return 0;
	explanation->reason = reason_of(heap, &req, &facts);
	if (explanation->reason != FIXHEAP_REASON_LIMIT)
		name_blockers(heap, &req, explanation);
	return 0;
}
