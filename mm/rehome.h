/* SPDX-License-Identifier: BSD-2-Clause */
/* rehome.h: arrays that are bound elsewhere than their zones; see rehome.c. */
#ifndef MM_REHOME_H
#define MM_REHOME_H

#include "run.h"

/*
 * rehome_alloc - take any run and bind its pages as the strict policy says
 *
 * Context: no lock; not within a hook.  Cost: some calls into the kernel for
 * each part or stripe.  Return: 0; -ENOMEM: no run, a node has not the memory,
 * or the heap may not be bound.  The pages read as zero.
 */
int rehome_alloc(struct fixheap *heap, const struct run_request *req,
		 struct run *run);
/* Pages of an array that rehome_alloc would make, while it would make none of a
 * page more; least: if there is no such above that, which run_alloc would
 * make. */
u64 rehome_largest(struct fixheap *heap, const struct run_request *req,
		   u64 least);
/* Whether pages may be bound anew for the request at all. */
bool rehome_may(const struct fixheap *heap, const struct run_request *req);
/* Whether an array can be had; fits: whether run_alloc would make it. */
bool rehome_fits(struct fixheap *heap, const struct run_request *req,
		 bool fits);
/* Drop the pages of a new array, so that the next touch decides their node.
 * 0 or -ENOMEM, also where nodes could not give them; likewise. */
int rehome_fresh(struct fixheap *heap, const struct run_request *req,
		 const struct run *run);
/*
 * Bind claimed pages (see run_claim) to their home and give them back.  array,
 * page: what they are of, as it was; part: all of it, or what it has lost.
 */
void rehome_free(struct fixheap *heap, const struct run *array, u64 page,
		 const struct run *part);

/* Try again to bind home what could not be; context and cost likewise, if there
 * is any. */
void rehome_again(struct fixheap *heap);
/* pages_of_mapping for an array whose node the next touch decides, on any
 * heap.  Context: no
 * lock.  Cost: on a heap that is not bound, that of host_mapping_page. */
u64 rehome_fresh_unit(const struct fixheap *heap);

#endif
