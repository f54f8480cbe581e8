/* SPDX-License-Identifier: BSD-2-Clause */
/* bittree.h: a set of numbers below a limit; see bittree.c. */
#ifndef MM_BITTREE_H
#define MM_BITTREE_H

#include "types.h"

#define BITTREE_LEVELS 5
#define BITTREE_NONE (~0ull)

struct bittree {
	u64 *level[BITTREE_LEVELS]; /* [0] are the members */
	u64 nr;			    /* they are below */
	u32 nr_levels;
};

/* Bytes of zeroed memory that a set of numbers below nr needs; a multiple of
 * 64. */
size_t bittree_bytes(u64 nr);
/* memory: bittree_bytes(nr), all zero.  The set is empty.  O(1). */
void bittree_init(struct bittree *tree, void *memory, u64 nr);
void bittree_set(struct bittree *tree, u64 i);
void bittree_clear(struct bittree *tree, u64 i);
/* First member >= from, or last one < before; BITTREE_NONE: there is none. */
u64 bittree_first(const struct bittree *tree, u64 from);
u64 bittree_last(const struct bittree *tree, u64 before);

static inline bool bittree_has(const struct bittree *tree, u64 i)
{
	return tree->level[0][i / 64] >> i % 64 & 1;
}

#endif
