/* SPDX-License-Identifier: BSD-2-Clause */
/* range_place.h: page numbers for a new range; see range_place.c. */
#ifndef MM_RANGE_PLACE_H
#define MM_RANGE_PLACE_H

#include "ranges.h"

#define MAP_SHIFT (PAGE_SHIFT + BLOCK_SHIFT)

/* The place of a pageblock in memory. */
static inline u64 at_of(uintptr_t addr)
{
	return addr >> MAP_SHIFT;
}

/* A range that looks for page numbers: the memory of its pages, and by how
 * much a pageblock's number is above its place in memory. */
struct draft {
	uintptr_t start, end;
	u64 key;
	const struct zone *zone;
	u32 shift;
};

u64 draft_pfn(const struct draft *draft, uintptr_t addr);

/*
 * Choose its shift.  The region lock is held.
 * 0; -EINVAL: no page; -ERANGE: there is no place for it.
 */
int draft_settle(const struct fixheap *heap, struct draft *draft);

#endif
