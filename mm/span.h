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

/* Free the closed, used blocks [first, end); zero: they read as zero. */
void span_add(struct zone *zone, u32 first, u32 end, bool zero);
/* Take blocks [first, end) out of the span that covers them; the part of
 * them that reads as zero is left in *zero (blocks). */
void span_del(struct zone *zone, u32 first, u32 end, struct span *zero);
/* The free pages at the start or the end of open block b have changed, or
 * the block was opened or closed for good. */
void span_touch(struct zone *zone, u32 b);

/* The whole free blocks of the span that covers block b; false: b is not a
 * closed free block. */
bool span_find(const struct zone *zone, u32 b, struct span *span);
/* The first span filed at block from or later (the last one filed before
 * block before) with at least nr_pages; false when there is none. */
bool span_first(const struct zone *zone, u32 from, u64 nr_pages,
		struct span *span);
bool span_last(const struct zone *zone, u32 before, u64 nr_pages,
	       struct span *span);
/* A span with at least nr_pages in as short a row as it finds; false: none
 * was found, but span_first may know one. */
bool span_shortest(const struct zone *zone, u64 nr_pages, struct span *span);
/* The lowest or highest whole free block; false when there is none. */
bool span_lowest_block(const struct zone *zone, u32 *b);
bool span_highest_block(const struct zone *zone, u32 *b);

#endif
