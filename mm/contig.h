/* SPDX-License-Identifier: BSD-2-Clause */
/* contig.h: page runs of any length in one zone; see contig.c. */
#ifndef MM_CONTIG_H
#define MM_CONTIG_H

#include "mmzone.h"

/* Pages [pfn, end) that are known to read as zero. */
struct zero_range {
	u64 pfn, end;
};

struct contig_request {
	u64 nr_pages;
	u64 align; /* pages, of the address */
	enum placement placement;
};

/* Where to put a run; false: no free run of the zone holds it. */
bool contig_find(const struct zone *zone, const struct contig_request *req,
		 u64 *pfn);
/* Take pages that are free. */
struct zero_range contig_take(struct zone *zone, u64 pfn, u64 nr_pages,
			      enum placement placement);
/* Give pages back; zero: they read as zero. */
void contig_give(struct zone *zone, u64 pfn, u64 nr_pages,
		 enum placement placement, bool zero);
/* Length of the free run that starts at pfn: 0 when pfn is in use. */
u64 contig_free_from(const struct zone *zone, u64 pfn);
/* Pages of the largest run that contig_find would find at the alignment. */
u64 contig_largest(const struct zone *zone, u64 align);

#endif
