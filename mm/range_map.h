/* SPDX-License-Identifier: BSD-2-Clause */
/* range_map.h: from an address to a page number, and back; see range_map.c. */
#ifndef MM_RANGE_MAP_H
#define MM_RANGE_MAP_H

#include "ranges.h"

/* Others may read at the same time. */
static inline u64 load64(const u64 *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static inline void store16(u16 *at, u32 value)
{
	__atomic_store_n(at, (u16)value, __ATOMIC_RELAXED);
}

/* The range with this id, + 1; NULL: 0. */
static inline struct range *nth_range(const struct fixheap *heap, u32 id)
{
	return id ? &heap->range[id - 1] : NULL;
}

/* Into the tables: a pageblock's number is `shift` above its place in memory.
 * The region lock is held. */
void map_range(struct fixheap *heap, const struct range *range, u32 shift);
/* Out of them: it has left the list; near: one that was beside it, or NULL. */
void unmap_range(struct fixheap *heap, const struct range *range,
		 const struct range *near);

#endif
