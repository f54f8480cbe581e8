/* SPDX-License-Identifier: BSD-2-Clause */
/* span.h: the block layer, free runs that reach over a pageblock's border;
 * see span.c. */
#ifndef MM_SPAN_H
#define MM_SPAN_H

#include "mmzone.h"

/* A span: its whole free blocks [first, end), none for a border; its pages. */
struct span {
	u32 first, end;
	u64 pfn, nr_pages;
};

static inline bool block_is_open(const struct pageblock *pb)
{
	return pb->nr_free != 0;
}

/* Make a row of the closed blocks [first, end), all of whose pages are free,
 * joined with those that touch it. */
void span_add(struct region *region, u32 first, u32 end);
/* Take blocks [first, end) out of the row that has them; some may be open by
 * now. */
void span_del(struct region *region, u32 first, u32 end);
/* The number of free pages at the start, at the end of block b has changed. */
void span_touch_head(struct region *region, u32 b);
void span_touch_tail(struct region *region, u32 b);

/* The span of the row [first, end), or of the border before first. */
void span_fill(const struct region *region, u32 first, u32 end,
	       struct span *span);
/* The span that covers block b; false: b is not a closed free block. */
bool span_find(const struct region *region, u32 b, struct span *span);

/*
 * span_find.c: searching a part of the region.  What is found is cut to it.
 *
 * span_next: the first span with at least nr_pages filed at block *from or
 * behind it, which is moved on; 0 begins.  span_last: the last one.
 * span_shortest: one in as short a row as it finds; false: none was found,
 * but span_next may know one.
 */
bool span_next(const struct region *region, const struct bounds *in, u32 *from,
	       u64 nr_pages, struct span *span);
bool span_last(const struct region *region, const struct bounds *in,
	       u64 nr_pages, struct span *span);
bool span_shortest(const struct region *region, const struct bounds *in,
		   u64 nr_pages, struct span *span);
/* The highest whole free block and the span that covers it. */
bool span_highest(const struct region *region, const struct bounds *in,
		  struct span *span);

#endif
