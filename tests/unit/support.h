/* SPDX-License-Identifier: BSD-2-Clause */
/* support.h: heaps on the simulated host for the unit tests; see support.c. */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "contig.h"
#include "heap.h"
#include "sim/host_sim.h"
#include "zone.h"

#include "../steps.h"

#define BYTES(nr_pages) ((size_t)(nr_pages) << PAGE_SHIFT)
#define BLOCKS(nr) ((u64)(nr) << BLOCK_SHIFT)
#define PAGES(pfn, nr) ((struct bounds){ (pfn), (pfn) + (nr) })

struct heap_spec {
	const char *machine; /* for host_sim_describe; NULL: "1x1" */
	u64 nr_pages;	     /* whole pages of the heap */
	size_t skew;	     /* bytes that the base is off a pageblock */
	unsigned flags;	     /* FIXHEAP_ZEROED, ... */
	int reserved;	     /* address space without memory behind it */
	int unbound;	     /* zones are only a layout */
};

struct test_heap {
	struct fixheap *heap;
	struct region *region;
	struct zone *zone; /* the first one */
	char *base;	   /* of the first page */
	void *memory;	   /* the mapping that it lies in */
	size_t bytes;
	u64 held;		    /* bytes of the host before it was made */
	unsigned nr_faults;	    /* so often the handler was called */
	struct fixheap_fault fault; /* the last time, with copies of: */
	char api[40], what[80], state[40], message[800];
};

/* Skip this test, saying why, unless `there` is true. */
void need(bool there, const char *why);

/* Make a heap, of which errors go to t; the machine is reset before. */
void heap_make(struct test_heap *t, const struct heap_spec *spec);
/* Validate and destroy it; all that it held of the host is given back. */
void heap_end(struct test_heap *t);
/* The same for one whose books a test has left in disorder on purpose. */
void heap_drop(struct test_heap *t);
/* Let the library make what it keeps for threads that use objects. */
void heap_warm_objects(void);
/* The same for the calling thread and single pages; PAGE_POISON would write to
 * one, and then nothing is kept. */
static inline void heap_warm_pages(struct fixheap *heap)
{
	if (!IS_ENABLED(CONFIG_PAGE_POISON))
		fixheap_pages_free(heap, fixheap_pages_alloc(heap, 1, 0, NULL),
				   1);
}
/* fixheap_validate finds nothing. */
void heap_valid(struct test_heap *t);
/* One fault since the last time, of this api and what. */
void heap_faulted(struct test_heap *t, const char *api, const char *what);
/* No page is in use once the caches were taken back. */
void heap_is_empty(struct test_heap *t);

/* A request for pages on any node, as for an array. */
struct run_request run_request_of(enum page_kind kind, u64 nr_pages);
/* Pages that are in use for something, as a run. */
void heap_place(struct test_heap *t, enum page_kind kind, u64 pfn, u64 nr);
/* So many pages are what run_largest says, are to be had, and not one more. */
void heap_largest(struct test_heap *t, const struct run_request *like,
		  u64 nr_pages);

/* A heap of so many pageblocks of which everything is taken, as if
 * it were in use; its books are in disorder. */
void zone_make(struct test_heap *t, u32 nr_blocks);
/* Give pages [i, i + nr) of block b back. */
void zone_give(struct test_heap *t, u32 b, u32 i, u32 nr,
	       enum placement placement);
/*
 * Give pages back so that the zone looks like the picture, a letter for each
 * block: '.' all free, '#' none, '<' the first 100 pages, '>' the last 100,
 * 'x' both, 'o' pages 200 to 299.
 */
void zone_draw(struct test_heap *t, const char *picture);
/*
 * What is filed in the span trees, in order: rows of whole blocks as
 * "2-5:1536" (blocks, pages), borders as "4|200".
 */
const char *zone_spans(const struct region *region);

/* A plain picture of the free pages of a heap, to compare with. */
struct picture {
	u64 nr_pages;
	u64 origin;	     /* page number in memory of pfn 0 */
	unsigned char *free; /* by pfn */
};
void picture_make(struct picture *picture, const struct test_heap *t);
void picture_end(struct picture *picture);
void picture_mark(struct picture *picture, u64 pfn, u64 nr, int free);
/* The longest free run in the bounds that starts at a multiple of align. */
u64 picture_largest(const struct picture *picture, const struct bounds *in,
		    u64 align);
/* The same of those only that hold a border of two pageblocks, or a whole
 * pageblock. */
u64 picture_largest_span(const struct picture *picture, const struct bounds *in,
			 u64 align);
/* Free pages from pfn on. */
u64 picture_free_from(const struct picture *picture, u64 pfn);

/* Numbers from a seed, the same each time. */
u64 random_below(u64 *seed, u64 below);

#endif
