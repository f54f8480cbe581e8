/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * maxtree.c: which is the first (or last) of many numbers that is at least n?
 *
 * An implicit tree of fan-out 16 over an array of 32-bit numbers: entry i of a
 * level is the maximum of entries 16i to 16i+15 of the level below, one cache
 * line.  It answers address-ordered first fit in both directions without
 * pointers, balancing or memory of its own beside the summaries.
 *
 * Invariants
 *  1. level[l + 1][i] = max(level[l][16i .. 16i + 15]); the last level has
 *     one entry.
 *  2. Entries that were never set are 0, untouched memory included, so a
 *     tree over 2^23 values costs nothing to make.
 *
 * Locking: the caller's.  Cost: log16(nr) cache lines for each call, at most
 * 6 for the 2^23 pageblocks of 16 TiB; a change that does not move a maximum
 * stops at its line.  It does not tell equal values apart and keeps no order
 * by value: best fit is not its business.
 */
#include "maxtree.h"

#define FAN_SHIFT 4
#define FAN (1u << FAN_SHIFT)

static u64 level_bytes(u64 nr)
{
	return round_up(nr, FAN) * sizeof(u32);
}

size_t maxtree_bytes(u64 nr)
{
	size_t bytes = level_bytes(nr);

	while (nr > 1) {
		nr = round_up(nr, FAN) >> FAN_SHIFT;
		bytes += level_bytes(nr);
	}
	return bytes;
}

void maxtree_init(struct maxtree *tree, void *memory, u64 nr)
{
	char *next = memory;
	u32 l = 0;

	for (;;) {
		tree->level[l] = (u32 *)next;
		tree->nr[l] = nr;
		next += level_bytes(nr);
		l++;
		if (nr <= 1)
			break;
		nr = round_up(nr, FAN) >> FAN_SHIFT;
	}
	tree->nr_levels = l;
}

static inline u32 larger(u32 a, u32 b)
{
	return a > b ? a : b;
}

static inline u32 max_of_4(const u32 *at)
{
	return larger(larger(at[0], at[1]), larger(at[2], at[3]));
}

/* As a tree: what depends on what is short. */
static u32 line_max(const u32 *line)
{
	return larger(larger(max_of_4(line), max_of_4(line + 4)),
		      larger(max_of_4(line + 8), max_of_4(line + 12)));
}

void maxtree_set(struct maxtree *tree, u64 i, u32 value)
{
	u32 old = tree->level[0][i];

	if (old == value)
		return;
	tree->level[0][i] = value;
	for (u32 l = 1; l < tree->nr_levels; l++) {
		u64 up = i >> FAN_SHIFT;
		u32 was = tree->level[l][up];
		u32 max = value;

		if (value < was) {
			if (old < was)
				return;
			max = line_max(&tree->level[l - 1][up << FAN_SHIFT]);
		}
		if (max == was)
			return;
		tree->level[l][up] = max;
		old = was;
		value = max;
		i = up;
	}
}

/* Whether the line of entry i has one of at least min. */
static bool line_has(const struct maxtree *tree, u32 l, u64 i, u32 min)
{
	return l + 1 == tree->nr_levels ||
	       tree->level[l + 1][i >> FAN_SHIFT] >= min;
}

u64 maxtree_first(const struct maxtree *tree, u64 from, u32 min)
{
	u64 i = from;
	u32 l = 0;

	for (;;) {
		u64 end = min_u64((i | (FAN - 1)) + 1, tree->nr[l]);

		if (i < end && !line_has(tree, l, i, min))
			i = end;
		while (i < end && tree->level[l][i] < min)
			i++;
		if (i < end)
			break;
		if (++l == tree->nr_levels || i >= tree->nr[l - 1])
			return MAXTREE_NONE;
		i = end >> FAN_SHIFT;
	}
	while (l--) {
		i <<= FAN_SHIFT;
		while (tree->level[l][i] < min)
			i++;
	}
	return i;
}

u64 maxtree_last(const struct maxtree *tree, u64 before, u32 min)
{
	u64 i = before; /* entries below i are in question */
	u32 l = 0;

	for (;;) {
		u64 start = i ? (i - 1) & ~(u64)(FAN - 1) : 0;

		if (i && !line_has(tree, l, i - 1, min))
			i = start;
		while (i > start && tree->level[l][i - 1] < min)
			i--;
		if (i > start)
			break;
		if (++l == tree->nr_levels || !start)
			return MAXTREE_NONE;
		i = start >> FAN_SHIFT;
	}
	i--;
	while (l--) {
		i = (i << FAN_SHIFT) + FAN - 1;
		while (tree->level[l][i] < min)
			i--;
	}
	return i;
}
