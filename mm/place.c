/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * place.c: where in a part of the region an array goes.
 *
 * Any free run that is long enough would do; which one is taken decides how
 * much memory is free in one piece later.  With H pages in the part and n asked
 * for, n being a pageblock or more:
 *
 *  1. n < H / 256: the highest span that holds it, at its high end.  Such
 *     small arrays stay out of the way of the large ones.
 *  2. Else the shortest span that holds it; where that is over several zones,
 *     a span of the caller's own zone if it is not longer by more than n / 8.
 *     Where in the span?
 *     a. Between two arrays: next to the younger one, as what was made at the
 *        same time tends to be freed at the same time.
 *     b. Behind an array, with no array behind the span, and larger than that
 *        array but no more than twice: this looks like the copy of a growing
 *        array.  It goes to the high end, so that what is left of the span
 *        joins the space of the old one when that is freed.  H / 256 pages
 *        above it are left for the pageblocks of small things.
 *     c. Else at the low end.
 *
 * Rule 2b alone takes an array that grows by 5 % with allocate, copy, free
 * from 1.41 of its peak of live bytes to 1.01; 2a takes several of them from
 * 1.22 to 1.18, and 1 takes random lifetimes from 1.64 to 1.57 (`make bench`
 * has these loads).  First fit, worst fit, tiers by size, and best fit
 * without the rest were worse.
 *
 * Age is the number of the array in the region's count of arrays, of which the
 * descriptor of its head keeps 10 bits: only how far it is behind the present
 * matters, and to be wrong after 1,024 arrays costs nothing but a less good
 * place.
 *
 * Locking: the region lock.  Cost: O(log rows), and up to 511 descriptors to
 * find the array below a span.
 */
#include "place.h"

#include "runmap.h"
#include "span.h"

#define SMALL_PART 256
#define NEAR_PART 8

/* An array that touches a span: its pages, and how many came after it. */
struct neighbour {
	u64 nr_pages; /* 0: none, or something else */
	u64 age;
};

static struct neighbour neighbour(const struct region *region,
				  const struct bounds *in, u64 pfn)
{
	struct neighbour array = { 0, 0 };
	struct run run;
	u64 page;

	if (pfn < in->pfn || pfn >= in->end ||
	    !runmap_find(region, pfn, &run, &page) ||
	    page_placement(page) != PLACE_ARRAY)
		return array;
	array.nr_pages = run.nr_pages;
	array.age = (region->nr_stamps - page_stamp(page)) & PAGE_STAMP_MASK;
	return array;
}

/* Where in the span that was chosen; the part has `pages` pages. */
static u64 place_in(const struct region *region,
		    const struct contig_request *req, const struct span *span,
		    u64 pages)
{
	const struct bounds all = { region->start_pfn, region->end_pfn };
	const struct bounds *in = heap_is_deterministic(region->heap) ? &req->in
								      : &all;
	u64 reserve = pages / SMALL_PART, nr = req->nr_pages;
	u64 end = span->pfn + span->nr_pages;
	struct neighbour below = neighbour(region, in, span->pfn - 1);
	struct neighbour above = neighbour(region, in, end);

	if (below.nr_pages && above.nr_pages)
		return above.age < below.age ? end - nr : span->pfn;
	if (below.nr_pages && below.nr_pages < nr && nr <= 2 * below.nr_pages &&
	    span->nr_pages - nr >= reserve)
		return end - nr - reserve;
	return span->pfn;
}

/* Instead of the shortest span, one of the near zone that is about as long. */
static void prefer_near(const struct region *region,
			const struct contig_request *req, struct span *span)
{
	u64 most = span->nr_pages + req->nr_pages / NEAR_PART;
	struct span near, whole;
	struct bounds in;

	if (!req->near)
		return;
	in.pfn = req->near->start_pfn;
	in.end = req->near->end_pfn;
	if (!span_shortest(region, &in, req->nr_pages, &near) ||
	    near.nr_pages > most || near.first == near.end)
		return;
	/* what the border of the zone has cut is a part of a longer one */
	if (span_find(region, near.first, &whole) &&
	    whole.nr_pages == near.nr_pages)
		*span = near;
}

/* Pages that there are in the part. */
static u64 pages_in(const struct fixheap *heap,
		    const struct contig_request *req)
{
	if (likely(!heap_can_grow(heap)))
		return req->in.end - req->in.pfn;
	return __atomic_load_n(req->zone ? &req->zone->nr_pages
					 : &heap->nr_pages,
			       __ATOMIC_RELAXED);
}

bool place_find(const struct region *region, const struct contig_request *req,
		u64 *pfn)
{
	u64 nr = req->nr_pages, pages = pages_in(region->heap, req);
	struct span span;

	if (nr < BLOCK_PAGES || req->align > 1)
		return contig_find(region, req, pfn);
	if (nr < pages / SMALL_PART) {
		if (!span_last(region, &req->in, nr, &span))
			return false;
		*pfn = span.pfn + span.nr_pages - nr;
		return true;
	}
	if (!span_shortest(region, &req->in, nr, &span))
		return contig_find(region, req, pfn);
	prefer_near(region, req, &span);
	*pfn = place_in(region, req, &span, pages);
	return true;
}
