/* SPDX-License-Identifier: BSD-2-Clause */
/* sizetree.h: rows of free blocks by length; see sizetree.c. */
#ifndef MM_SIZETREE_H
#define MM_SIZETREE_H

#include "mmzone.h"

/* Add, remove the row that starts at block b; its span_end is set. */
void sizetree_add(struct region *region, u32 b);
void sizetree_del(struct region *region, u32 b);
/* First block of the shortest row of nr_blocks or more, of those of that
 * length the first that starts at block b or later; false: none. */
bool sizetree_find(const struct region *region, u32 nr_blocks, u32 b,
		   u32 *first);

#endif
