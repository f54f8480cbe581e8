/* SPDX-License-Identifier: BSD-2-Clause */
/* blockers.h: what stands in the way of a run; see blockers.c. */
#ifndef MM_BLOCKERS_H
#define MM_BLOCKERS_H

#include "run.h"

/* Pages in use that belong together: a run, or a slab. */
struct used {
	u64 pfn, end;
	u64 page;    /* descriptor of the head, or of a page of the slab */
	u64 nr_live; /* allocations */
};

/* A place for a run, and what is to be freed for it. */
struct window {
	u64 pfn;
	u64 nr_live;  /* ~0: there is none */
	u64 nr_pages; /* of the blockers */
};

/* Pages in a row that a run could cover: of regions that are one and in use,
 * from pfn on or behind it.  false: there are none. */
bool area_next(struct fixheap *heap, u64 pfn, struct bounds *area);
/* What is in use at pfn, or first behind it, below end, in an area; false: all
 * of it is free. */
bool used_next(struct fixheap *heap, u64 pfn, u64 end, struct used *used);
/* The cheapest place for the run, if pages in use do not matter. */
struct window window_find(struct fixheap *heap, const struct run_request *req);

#endif
