/* SPDX-License-Identifier: BSD-2-Clause */
/* page_alloc.h: the page layer, pageblocks in use page by page; see
 * page_alloc.c. */
#ifndef MM_PAGE_ALLOC_H
#define MM_PAGE_ALLOC_H

#include "span.h"

/* Turn the closed block b, of which all pages are free, into an open one; it is
 * filed only once pages change hands. */
void block_open_free(struct zone *zone, u32 b, enum placement place, bool zero);
/*
 * Take free pages [i, i + nr) of open block b; true: all read as zero.
 * Spans are the caller's business, here and below: block_edges tells whether
 * those that touch the block have changed.
 */
bool block_take(struct zone *zone, u32 b, u32 i, u32 nr);
/* Give used pages of block b back; a block that was full reopens in place.
 * true: all pages of it are free now, and it is closed. */
bool block_give(struct zone *zone, u32 b, u32 i, u32 nr, enum placement place);

/* The same of any nr pages: those of 64, the w-th in open block b; those of
 * which bits of BLOCK_WORDS words say that; and all that an open block has. */
void block_take_bits(struct zone *zone, u32 b, u32 w, u64 bits, u32 nr);
bool block_give_bits(struct zone *zone, u32 b, const u64 *bits, u32 nr,
		     enum placement place);
void block_take_all(struct zone *zone, u32 b);

static inline u32 block_edges(const struct pageblock *pb)
{
	return (u32)pb->head << 16 | pb->tail;
}

/*
 * Find nr pages (below BLOCK_PAGES) at an alignment (in pages, of the
 * address) among the open blocks of one placement.  block_find_fullest takes
 * the fullest block that serves and looks only at blocks that surely serve;
 * block_find_emptiest is for taking from another placement; block_find_any
 * looks at all.  false: none.
 */
struct block_request {
	u32 nr;
	u64 align;
	enum placement place;
};
bool block_find_fullest(const struct zone *zone,
			const struct block_request *req, u64 *pfn);
bool block_find_emptiest(const struct zone *zone,
			 const struct block_request *req, u64 *pfn);
bool block_find_any(const struct zone *zone, const struct block_request *req,
		    u64 *pfn);
/* Longest free run inside an open block of the zone, at the alignment. */
u32 block_largest(const struct zone *zone, u64 align);

#endif
