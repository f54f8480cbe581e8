/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bittree.c: which is the first (or last) of many that is marked?
 *
 * Bits with summaries: bit i of a level says whether word i of the level below
 * has a bit.  What is to be known of a member beside that it is one, its
 * pageblock has.
 *
 * Invariants
 *  1. Bit i of level l + 1 is set exactly where word i of level l is not 0; the
 *     last level has one word.
 *  2. Words that were never written are 0, untouched memory included, so a set
 *     costs nothing to make.
 *
 * Locking: the caller's.  Cost: log64(nr) words, at most 4 for the 2^23
 * pageblocks of 16 TiB; a change stops at the first word that has other bits.
 */
#include "bittree.h"

#define FAN_SHIFT 6
#define FAN (1u << FAN_SHIFT)

static u64 level_words(u64 nr)
{
	return round_up(nr, FAN) >> FAN_SHIFT;
}

/* Bytes of a level: lines of their own. */
static size_t level_bytes(u64 nr)
{
	return round_up(level_words(nr) * sizeof(u64), 64);
}

size_t bittree_bytes(u64 nr)
{
	size_t bytes = level_bytes(nr);

	while (nr > FAN) {
		nr = level_words(nr);
		bytes += level_bytes(nr);
	}
	return bytes;
}

void bittree_init(struct bittree *tree, void *memory, u64 nr)
{
	char *next = memory;
	u32 l = 0;

	tree->nr = nr;
	for (;;) {
		tree->level[l++] = (u64 *)next;
		if (nr <= FAN)
			break;
		next += level_bytes(nr);
		nr = level_words(nr);
	}
	tree->nr_levels = l;
}

void bittree_set(struct bittree *tree, u64 i)
{
	for (u32 l = 0; l < tree->nr_levels; l++, i >>= FAN_SHIFT) {
		u64 *word = &tree->level[l][i >> FAN_SHIFT], old = *word;

		*word = old | 1ull << i % FAN;
		if (old)
			break;
	}
}

void bittree_clear(struct bittree *tree, u64 i)
{
	for (u32 l = 0; l < tree->nr_levels; l++, i >>= FAN_SHIFT) {
		u64 *word = &tree->level[l][i >> FAN_SHIFT];

		/* what was never touched stays so */
		if (!(*word >> i % FAN & 1))
			break;
		*word &= ~(1ull << i % FAN);
		if (*word)
			break;
	}
}

u64 bittree_first(const struct bittree *tree, u64 from)
{
	u64 i = from, word;
	u32 l = 0;

	if (from >= tree->nr)
		return BITTREE_NONE;
	word = tree->level[0][i >> FAN_SHIFT] & ~0ull << i % FAN;
	while (!word) {
		if (++l == tree->nr_levels)
			return BITTREE_NONE;
		i >>= FAN_SHIFT;
		/* those behind i only */
		word = tree->level[l][i >> FAN_SHIFT] & ~1ull << i % FAN;
	}
	for (;;) {
		i = (i & ~(u64)(FAN - 1)) + (u64)__builtin_ctzll(word);
		if (!l--)
			return i;
		word = tree->level[l][i];
		i <<= FAN_SHIFT;
	}
}

u64 bittree_last(const struct bittree *tree, u64 before)
{
	u64 i = before, word = 0;
	u32 l = 0;

	/* at each level, those below i */
	for (;; l++) {
		if (!i || l == tree->nr_levels)
			return BITTREE_NONE;
		i--;
		word = tree->level[l][i >> FAN_SHIFT] &
		       ~0ull >> (FAN - 1 - i % FAN);
		if (word)
			break;
		i >>= FAN_SHIFT;
	}
	for (;;) {
		i = (i & ~(u64)(FAN - 1)) + FAN - 1 -
		    (u64)__builtin_clzll(word);
		if (!l--)
			return i;
		word = tree->level[l][i];
		i <<= FAN_SHIFT;
	}
}
