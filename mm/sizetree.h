/* SPDX-License-Identifier: BSD-2-Clause */
/* sizetree.h: rows of free blocks by length; see sizetree.c. */
#ifndef MM_SIZETREE_H
#define MM_SIZETREE_H

#include "mmzone.h"

/* A row of fewer blocks is a short one. */
#define LONG_ROW 64

/* Numbers that the set of short rows needs, in a region of so many blocks. */
static inline u64 sizetree_limit(u64 nr_blocks)
{
	return LONG_ROW * nr_blocks;
}

/* That of the row of nr_blocks < LONG_ROW that starts at block b. */
static inline u64 sizetree_short(const struct region *region, u32 nr_blocks,
				 u32 b)
{
	u64 stride = region->end_block - region->first_block;

	return nr_blocks * stride + (b - region->first_block);
}

/* Add, remove the row that starts at block b; its span_end is set. */
void sizetree_add(struct region *region, u32 b);
void sizetree_del(struct region *region, u32 b);
/* First block of the shortest row of nr_blocks or more, of those of that
 * length the first that starts at block b or later; false: none. */
bool sizetree_find(const struct region *region, u32 nr_blocks, u32 b,
		   u32 *first);

#endif
