/* SPDX-License-Identifier: BSD-2-Clause */
/* promise.h: what nodes have promised to a heap; see promise.c. */
#ifndef MM_PROMISE_H
#define MM_PROMISE_H

#include "run.h"

/* Pages that an array needs of nodes beyond what their zones have. */
struct need {
	long nr_pages[NODES_MAX];
};

/* What nodes have free now, as far as it was looked up: other programs may have
 * taken what was there when the heap was made.  All zero begins. */
struct room {
	u64 known; /* bits of nodes */
	long nr_pages[NODES_MAX];
	bool counted;	      /* then: */
	u64 taken[NODES_MAX]; /* what heaps have been promised */
};

/* The node that page at of the array shall be on, FIXHEAP_NODE_MIXED: anybody
 * decides; *end: so far the same. */
typedef int (*node_at_fn)(const struct fixheap *heap, const void *array, u64 at,
			  u64 *end);

/* The run needs pages of those nodes where it is not at home. */
void promise_add(const struct fixheap *heap, const struct run *run,
		 node_at_fn node_at, const void *array, struct need *need);
/* Promise it, if all nodes have it. */
bool promise_make(struct fixheap *heap, const struct need *need,
		  struct room *room);
/* It is no longer needed. */
void promise_end(struct fixheap *heap, const struct need *need);

#endif
