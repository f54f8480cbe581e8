/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.h: the waist.  Everything above trades in page runs; see run.c.
 */
#ifndef MM_RUN_H
#define MM_RUN_H

#include "mmzone.h"

#define NODE_ANY 0xffffffffu

struct run {
	u64 pfn;
	u64 nr_pages;
};

struct run_request {
	u64 nr_pages;	     /* 1 or more */
	u64 align;	     /* pages, power of two; of the address */
	enum page_kind kind; /* EXTENT, DIRECT, ARRAY or RAW */
	enum placement placement;
	u32 node;		    /* this node only, or NODE_ANY */
	enum fixheap_policy policy; /* with NODE_ANY */
	u128 nodes;		    /* bits of heap->node, for the others */
	u32 near;	  /* from this node on: its number in the topology + 1;
			   * 0: from the CPU's */
	const u8 *weight; /* _INTERLEAVE: by node, in order; or NULL */
	u32 tag;	  /* tag.c */
	u32 target;	  /* rehome.c: BIND to this node */
	u8 zero;	  /* clear what is not known to be zero; of
			   * FIXHEAP_ZERO_PARALLEL: by several threads */
	bool fresh;	  /* the next touch decides the node */
	bool post;	  /* registered later; own.c */
	bool reclaimed;	  /* fixheap_reclaim has just been called for it */
};

/* Any node will do for the request. */
static inline bool run_is_anywhere(const struct run_request *req)
{
	return req->node == NODE_ANY &&
	       (req->policy == FIXHEAP_POLICY_DEFAULT ||
		req->policy == FIXHEAP_POLICY_LOCAL);
}

/*
 * run_alloc - take a run
 *
 * Takes the per-CPU caches back before it gives up; what lies above the waist
 * (thread caches, dirty slabs) is the caller's to reclaim, then to ask again.
 * Context: takes the region lock; may run inside a jemalloc hook.
 * Cost: O(log blocks) per zone tried.
 * Return: 0 or -ENOMEM.
 */
int run_alloc(struct fixheap *heap, const struct run_request *req,
	      struct run *run);

/*
 * run_resize - let the run with head wanted->pfn have wanted->nr_pages, in
 * place; new pages are cleared if the run is marked by run_set_zero
 *
 * The pages that a shrinking run with PAGE_MOVED_FLAG loses are claimed: the
 * caller takes them home and gives them back.
 * Return: 0; -ENOMEM: the pages behind it are taken, or of the wrong node, and
 * nothing changed;
 * -EINVAL: a caller's mistake, said in *what (which is NULL otherwise).
 * *old_pages: its length before, unless it was a mistake.
 */
int run_resize(struct fixheap *heap, const struct run *wanted,
	       enum page_kind kind, u64 *old_pages, const char **what);

/* Mark an array: pages that it gains later shall read as zero. */
void run_set_zero(struct fixheap *heap, const struct run *run);

/*
 * run_free - give back pages
 *
 * DIRECT and ARRAY: run->pfn is a head and nr_pages its length, or 0 for "all
 * of it", and is set to what was freed.  EXTENT and RAW: any range of pages
 * of that kind.
 * Return: NULL, or what is wrong, in words; then nothing was freed.
 */
const char *run_free(struct fixheap *heap, struct run *run,
		     enum page_kind kind);

/*
 * run_claim - take a whole run of kind DIRECT or ARRAY out of use
 *
 * It belongs to the caller until run_give; everybody else finds it free.
 * *run: its head, then its length, too; *page: its descriptor, as it was.
 * Return: as run_free.
 */
const char *run_claim(struct fixheap *heap, struct run *run,
		      enum page_kind kind, u64 *page);
/* Divide what was claimed into two such runs: first, and rest pages behind. */
void run_divide(struct fixheap *heap, const struct run *first, u64 rest);
/* Give back what was claimed; zero: it reads as zero. */
void run_give(struct fixheap *heap, const struct run *run, bool zero);

/* run_range.c: the part of run_free for any range of EXTENT or RAW pages. */
const char *run_free_range(struct fixheap *heap, const struct run *run,
			   enum page_kind kind);

/* What is wrong with freeing or resizing a run of this kind at pfn, in words.
 * run_mistake_locked: the region lock is held. */
const char *run_mistake(struct fixheap *heap, u64 pfn, enum page_kind kind);
const char *run_mistake_locked(struct region *region, u64 pfn,
			       enum page_kind kind);

/* Pages of the largest run that run_alloc would find now. */
u64 run_largest(struct fixheap *heap, const struct run_request *req);
/* Whether run_alloc would find this one, without what caches hold. */
bool run_fits(struct fixheap *heap, const struct run_request *req);

/* Head of the run that covers pfn; false when the page is free. */
bool run_find(struct fixheap *heap, u64 pfn, struct run *run, u64 *page);

/* Give the pages in per-CPU caches back to their zones; pages freed. */
u64 run_drain(struct fixheap *heap);

#endif
