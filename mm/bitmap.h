/* SPDX-License-Identifier: BSD-2-Clause */
/* bitmap.h: runs of ones in the 512 bits of a pageblock; see bitmap.c. */
#ifndef MM_BITMAP_H
#define MM_BITMAP_H

#include "types.h"

#define BITMAP_NONE BLOCK_PAGES

/* Lowest one (zero) at i or above; BLOCK_PAGES when there is none. */
u32 bitmap_next_one(const u64 *words, u32 i);
u32 bitmap_next_zero(const u64 *words, u32 i);
/* Highest one; BITMAP_NONE when there is none. */
u32 bitmap_last_one(const u64 *words);
/* Ones in a row that end right before i. */
u32 bitmap_ones_before(const u64 *words, u32 i);
/* Ones in a row from i. */
static inline u32 bitmap_ones_from(const u64 *words, u32 i)
{
	return bitmap_next_zero(words, i) - i;
}

/* nr is at least 1. */
void bitmap_set(u64 *words, u32 i, u32 nr);
void bitmap_clear(u64 *words, u32 i, u32 nr);
bool bitmap_is_full(const u64 *words);
/* Length of the longest row of ones, or `least` if that is more. */
u32 bitmap_longest(const u64 *words, u32 least);
u32 bitmap_count(const u64 *words);
/*
 * Start of nr ones at a multiple of align (a power of two, at most 512), in
 * the shortest row that holds them, the lowest among equals; BITMAP_NONE.
 */
u32 bitmap_find(const u64 *words, u32 nr, u32 align);

#endif
