/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run_largest.c: the largest run that run_alloc would find now.
 *
 * In one zone that is its longest free run, less what the zone keeps back.  In
 * a group of zones, too, unless some keep pages back: then where the run would
 * lie decides, and lengths are tried until one page more is not to be had.  A
 * BLOCKED array over two nodes grows from the border of their zones to both
 * sides; over more, the parts between are as long as their zones, so that few
 * lengths can be.
 *
 * Locking: takes the region lock for each look.  Cost: as run_alloc for each
 * zone, with an alignment above a page O(free runs).
 */
#include "policy.h"
#include "run.h"
#include "zone.h"

/* Lengths that are tried from above, where not all below one that fits do. */
#define TRIES 32

/* Whether a run of so many pages would be found there. */
static bool would_fit(struct fixheap *heap, const struct run_request *req,
		      const struct contig_request *in, u64 nr_pages)
{
	struct region *region = &heap->region;
	struct contig_request find = *in;
	struct run run;
	bool fits;

	if (!nr_pages)
		return false;
	find.nr_pages = nr_pages;
	spin_lock(&region->lock);
	fits = region_find_locked(region, req, &find, &run);
	spin_unlock(&region->lock);
	return fits;
}

/* In a group of zones of which some keep pages back; at most so many. */
static u64 try_group(struct fixheap *heap, const struct run_request *req,
		     const struct contig_request *find, u64 most)
{
	u64 fits = 0, end = most + 1, step = end / TRIES + 1, nr;

	for (nr = most; nr > fits; nr -= min_u64(step, nr - fits)) {
		if (would_fit(heap, req, find, nr))
			fits = nr;
		else
			end = nr;
	}
	while (fits + 1 < end) {
		nr = (fits + end) / 2;
		if (would_fit(heap, req, find, nr))
			fits = nr;
		else
			end = nr;
	}
	return fits;
}

/* What of so many free pages of the zone the request may have. */
static u64 allowed(const struct fixheap *heap, const struct run_request *req,
		   const struct zone *zone, u64 nr)
{
	const struct bounds in = { zone->start_pfn, zone->end_pfn };
	u64 reserve = zonelist_reserve(heap, req, &in);

	return min_u64(nr, zone->nr_free - min_u64(zone->nr_free, reserve));
}

static u64 largest_in(struct fixheap *heap, const struct run_request *req,
		      const struct contig_request *find)
{
	struct region *region = &heap->region;
	u64 nr;

	spin_lock(&region->lock);
	nr = contig_largest(region, find);
	if (find->zone)
		nr = allowed(heap, req, find->zone, nr);
	spin_unlock(&region->lock);
	if (!heap->reserves || find->zone)
		return nr;
	return try_group(heap, req, find, nr);
}

/* More than `least` pages, if some group has one page more. */
static u64 try_more(struct fixheap *heap, const struct run_request *req,
		    u64 least)
{
	struct contig_request find = { .align = req->align,
				       .placement = req->placement };
	struct zone_iter iter = { 0 };
	u64 end = heap->end_pfn - heap->start_pfn + 1;

	while (zonelist_next(heap, req, &iter, &find)) {
		if (find.zone || !would_fit(heap, req, &find, least + 1))
			continue;
		least++;
		while (least + 1 < end) {
			u64 nr = (least + end) / 2;

			if (would_fit(heap, req, &find, nr))
				least = nr;
			else
				end = nr;
		}
		break;
	}
	return least;
}

/* --- BLOCKED -------------------------------------------------------------- */

/* Whether one of so many pages fits, the first in zone z. */
static bool fits_blocked(struct fixheap *heap, const struct run_request *req,
			 u32 z, u64 nr_pages)
{
	struct contig_request find = { .align = req->align,
				       .placement = req->placement };
	struct run_request wish = *req;

	wish.nr_pages = nr_pages;
	return nr_pages && policy_blocked_at(heap, &wish, z, &find.in) &&
	       would_fit(heap, &wish, &find, nr_pages);
}

/* Free pages that end at pfn, of this zone. */
static u64 free_below(const struct region *region, const struct zone *zone,
		      u64 pfn)
{
	u64 low = 0, high = pfn - zone->start_pfn + 1;

	while (low + 1 < high) {
		u64 nr = (low + high) / 2;

		if (contig_free_from(region, pfn - nr) >= nr)
			low = nr;
		else
			high = nr;
	}
	return low;
}

/* So short, below `end` pages, that it is all in the zone of the last part. */
static u64 largest_last(struct fixheap *heap, const struct run_request *req,
			u32 z, u64 end)
{
	u64 low = 0;

	while (low + 1 < end) {
		u64 nr = (low + end) / 2;

		if (fits_blocked(heap, req, z, nr))
			low = nr;
		else
			end = nr;
	}
	return low;
}

/*
 * Over two nodes, whose border is where zone z ends: the first part is as long
 * as it can be on both sides, and begins at a multiple of the alignment.
 */
static u64 largest_pair(struct fixheap *heap, const struct run_request *req,
			u32 z)
{
	u64 unit = pages_of_mapping(heap);
	const struct zone *zone = &heap->zone[z];
	u64 border = zone->end_pfn, below, above, part, nr;
	struct region *region = &heap->region;
	u64 align = max_u64(req->align, unit), odd;

	spin_lock(&region->lock);
	below = min_u64(free_below(region, zone, border),
			region_may_give(heap, req, zone));
	above = contig_free_from(region, border);
	above = min_u64(above, zone[1].end_pfn - border);
	above = min_u64(above, region_may_give(heap, req, zone + 1));
	spin_unlock(&region->lock);
	part = min_u64(below, above);
	/* pages that the first part has beyond a multiple of the alignment */
	odd = ((uintptr_t)pfn_to_addr(heap, border) >> PAGE_SHIFT) % align;
	part -= min_u64(part, (part - odd) & (align - 1));
	if (part % align != odd)
		part = 0;
	nr = min_u64(2 * part + 2 * unit - 1, part + above);
	while (part && nr > 2 * part && !fits_blocked(heap, req, z, nr))
		nr--;
	if (part && fits_blocked(heap, req, z, nr))
		return nr;
	return largest_last(heap, req, z, 2 * unit);
}

/* The largest one in zones from z on. */
static u64 largest_blocked(struct fixheap *heap, const struct run_request *req,
			   u32 z)
{
	u64 part = pages_of_mapping(heap);
	u64 k = policy_nr_nodes(req), low, nr;
	const struct zone *next = &heap->zone[z + 1];

	if (z + k > heap->nr_zones)
		return 0;
	if (k == 2)
		return largest_pair(heap, req, z);
	nr = k * (next->end_pfn - next->start_pfn + part);
	low = nr - min_u64(nr, 2 * k * part);
	while (nr > low && !fits_blocked(heap, req, z, nr))
		nr--;
	if (nr > low)
		return nr;
	/* or so short that parts are empty */
	nr = part == 1 ? k - 1 : 0;
	while (nr && !fits_blocked(heap, req, z, nr))
		nr--;
	return nr ? nr : largest_last(heap, req, z, part + 1);
}

bool run_fits(struct fixheap *heap, const struct run_request *req)
{
	struct contig_request find = { .align = req->align,
				       .placement = req->placement };
	struct zone_iter iter = { 0 };

	while (zonelist_next(heap, req, &iter, &find))
		if (would_fit(heap, req, &find, req->nr_pages))
			return true;
	return false;
}

u64 run_largest(struct fixheap *heap, const struct run_request *req)
{
	struct contig_request find = { .align = req->align,
				       .placement = req->placement };
	struct zone_iter iter = { 0 };
	u64 largest = 0, more;

	if (req->node == NODE_ANY && req->policy == FIXHEAP_POLICY_BLOCKED) {
		for (u32 z = 0; z < heap->nr_zones; z++)
			largest =
				max_u64(largest, largest_blocked(heap, req, z));
		return largest;
	}
	while (zonelist_next(heap, req, &iter, &find))
		largest = max_u64(largest, largest_in(heap, req, &find));
	if (!heap->reserves)
		return largest;
	for (more = try_more(heap, req, largest); more > largest;
	     more = try_more(heap, req, largest))
		largest = more;
	return largest;
}
