/* SPDX-License-Identifier: BSD-2-Clause */
/* maxtree.h: a summary of maxima over an array of numbers; see maxtree.c. */
#ifndef MM_MAXTREE_H
#define MM_MAXTREE_H

#include "types.h"

#define MAXTREE_LEVELS 8
#define MAXTREE_NONE (~0ull)

struct maxtree {
	u32 *level[MAXTREE_LEVELS]; /* [0] are the values */
	u64 nr[MAXTREE_LEVELS];	    /* entries of each level */
	u32 nr_levels;
};

/* Bytes of zeroed memory that a tree over nr values needs; 64-byte aligned. */
size_t maxtree_bytes(u64 nr);
/* memory: maxtree_bytes(nr), all zero.  All values are 0.  O(1). */
void maxtree_init(struct maxtree *tree, void *memory, u64 nr);
void maxtree_set(struct maxtree *tree, u64 i, u32 value);
/* First i >= from, or last i < before, whose value is at least min (which is
 * 1 or more); MAXTREE_NONE when there is none. */
u64 maxtree_first(const struct maxtree *tree, u64 from, u32 min);
u64 maxtree_last(const struct maxtree *tree, u64 before, u32 min);

static inline u32 maxtree_get(const struct maxtree *tree, u64 i)
{
	return tree->level[0][i];
}

/* The largest value of all. */
static inline u32 maxtree_max(const struct maxtree *tree)
{
	return tree->level[tree->nr_levels - 1][0];
}

#endif
