/* SPDX-License-Identifier: BSD-2-Clause */
/* walk.h: what the pages of a heap are in use for; see walk.c. */
#ifndef MM_WALK_H
#define MM_WALK_H

#include "heap.h"

/* Pages [pfn, end) that are of one use. */
struct piece {
	u64 pfn, end;
	u64 page;     /* descriptor of the run, or of the first page; 0: none */
	u64 run_pfn;  /* where the run begins */
	bool is_free; /* to be had; else with no page it is out of use */
};

/* The piece at pfn, or the next one; false: there is none.  Without a lock
 * held. */
bool piece_next(struct fixheap *heap, u64 pfn, struct piece *piece);

/* What a page with this descriptor is in use for. */
enum fixheap_use page_use(u64 page);

#endif
