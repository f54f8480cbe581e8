/* SPDX-License-Identifier: BSD-2-Clause */
/* page_alloc.h: the page layer, pageblocks in use page by page; see
 * page_alloc.c. */
#ifndef MM_PAGE_ALLOC_H
#define MM_PAGE_ALLOC_H

#include "span.h"

/* Turn the closed block b into an open one of which all pages are free (as
 * taken out of its row) or none is; filed only once pages change hands. */
void block_open_free(struct zone *zone, u32 b, enum placement place, bool zero);
/* Take free pages [i, i + nr) of open block b; true: all read as zero. */
bool block_take(struct zone *zone, u32 b, u32 i, u32 nr);
/* Give used pages of block b back; a block that was full reopens in place. */
void block_give(struct zone *zone, u32 b, u32 i, u32 nr, enum placement place);

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
