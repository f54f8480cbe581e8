/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nodemask.h: sets of nodes, by the numbers that the kernel gives them.
 *
 * A topology has room for NODES_MAX nodes, a mask for all NODE_IDS numbers
 * that can be, so that what the kernel answers always fits.  Bit n of word w
 * is node 64 * w + n, which is the layout of the kernel's masks as well.
 *
 * Locking: none; a mask is plain data.  Cost: O(NODE_IDS / 64) at most.
 */
#ifndef MM_NODEMASK_H
#define MM_NODEMASK_H

#include "types.h"

struct nodemask {
	u64 word[NODE_IDS / 64];
};

#define NODEMASK_NONE ((struct nodemask){ { 0 } })

/* Nodes from NODE_IDS on are in no mask; to set one does nothing. */
static inline void nodemask_set(struct nodemask *mask, u32 node)
{
	if (node < NODE_IDS)
		mask->word[node / 64] |= 1ull << node % 64;
}

static inline void nodemask_clear(struct nodemask *mask, u32 node)
{
	if (node < NODE_IDS)
		mask->word[node / 64] &= ~(1ull << node % 64);
}

static inline bool nodemask_test(const struct nodemask *mask, u32 node)
{
	return node < NODE_IDS && mask->word[node / 64] >> node % 64 & 1;
}

static inline struct nodemask nodemask_of(u32 node)
{
	struct nodemask mask = NODEMASK_NONE;

	nodemask_set(&mask, node);
	return mask;
}

/* The mask of nodes 0 to 63, bit n is node n. */
static inline struct nodemask nodemask_of_bits(u64 bits)
{
	struct nodemask mask = NODEMASK_NONE;

	mask.word[0] = bits;
	return mask;
}

static inline u32 nodemask_weight(const struct nodemask *mask)
{
	u32 nr = 0, i;

	for (i = 0; i < ARRAY_LEN(mask->word); i++)
		nr += (u32)__builtin_popcountll(mask->word[i]);
	return nr;
}

/* The lowest node of the mask from this one on; NODE_IDS: none. */
static inline u32 nodemask_next(const struct nodemask *mask, u32 from)
{
	u32 i = from / 64;
	u64 word;

	if (from >= NODE_IDS)
		return NODE_IDS;
	word = mask->word[i] & ~0ull << from % 64;
	while (!word && ++i < ARRAY_LEN(mask->word))
		word = mask->word[i];
	return word ? i * 64 + (u32)__builtin_ctzll(word) : NODE_IDS;
}

static inline u32 nodemask_first(const struct nodemask *mask)
{
	return nodemask_next(mask, 0);
}

static inline bool nodemask_empty(const struct nodemask *mask)
{
	return nodemask_first(mask) == NODE_IDS;
}

#define nodemask_for_each(node, mask)                          \
	for ((node) = nodemask_first(mask); (node) < NODE_IDS; \
	     (node) = nodemask_next(mask, (node) + 1))

static inline bool nodemask_eq(const struct nodemask *a,
			       const struct nodemask *b)
{
	u64 differ = 0;
	u32 i;

	for (i = 0; i < ARRAY_LEN(a->word); i++)
		differ |= a->word[i] ^ b->word[i];
	return !differ;
}

/* The nodes of both. */
static inline struct nodemask nodemask_and(const struct nodemask *a,
					   const struct nodemask *b)
{
	struct nodemask both;
	u32 i;

	for (i = 0; i < ARRAY_LEN(a->word); i++)
		both.word[i] = a->word[i] & b->word[i];
	return both;
}

static inline bool nodemask_subset(const struct nodemask *part,
				   const struct nodemask *whole)
{
	struct nodemask both = nodemask_and(part, whole);

	return nodemask_eq(&both, part);
}

#endif
