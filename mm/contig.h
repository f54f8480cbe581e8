/* SPDX-License-Identifier: BSD-2-Clause */
/* contig.h: page runs of any length in a region; see contig.c. */
#ifndef MM_CONTIG_H
#define MM_CONTIG_H

#include "span.h"

/* Pages [pfn, end) that are known to read as zero, but for the whole pageblocks
 * in it of which zeromap.h says otherwise. */
struct zero_range {
	u64 pfn, end;
};

struct contig_request {
	u64 nr_pages;
	u64 align; /* pages, of the address */
	enum placement placement;
	struct bounds in;	 /* where it may lie */
	const struct zone *zone; /* which that is; NULL: over several */
	const struct zone *near; /* over several: rather here, or NULL */
};

static inline void contig_set_zone(struct contig_request *req,
				   const struct zone *zone)
{
	req->zone = zone;
	req->in.pfn = zone->start_pfn;
	req->in.end = zone->end_pfn;
}

/*
 * Where to put a run; false: no free run in the bounds holds it.  Over several
 * zones only runs that touch the border of a pageblock are looked at: those
 * that do not lie in one zone.
 */
bool contig_find(const struct region *region, const struct contig_request *req,
		 u64 *pfn);
/* Take pages that are free. */
struct zero_range contig_take(struct region *region, const struct bounds *pages,
			      enum placement placement);
/* Give pages back; zero: they read as zero. */
void contig_give(struct region *region, const struct bounds *pages,
		 enum placement placement, bool zero);
/* The first page from pfn on whose address is a multiple of align pages. */
u64 contig_align(const struct region *region, u64 pfn, u64 align);
/* The same of nr single pages: of the 64 from pfn on, in a block that is open,
 * and of all of block b; and of all that the open block has free. */
void contig_take_bits(struct region *region, u64 pfn, u64 bits, u32 nr);
void contig_give_bits(struct region *region, u32 b, const u64 *bits, u32 nr,
		      enum placement placement);
void contig_take_all(struct region *region, u32 b);
/* Length of the free run that starts at pfn: 0 when pfn is in use. */
u64 contig_free_from(const struct region *region, u64 pfn);
/* Pages of the largest run that contig_find would find for such a request;
 * its nr_pages does not matter. */
u64 contig_largest(const struct region *region,
		   const struct contig_request *req);

#endif
