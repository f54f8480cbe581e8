/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * placed.c: the node of each page that was put on one.
 *
 * A hash table of chunks of 512 pages, by page number.  Memory is taken for
 * pages that are in memory, never for address space: 520 bytes for 2 MiB.
 * A chunk stays until the reset, even when all its pages are forgotten.
 *
 * 1. A chunk lies in the first free slot from the one that its number hashes
 *    to; slots are a power of two, and half of them or more are free.
 * 2. node[i] is 1 above the node, 0 for a page that is on none.
 *
 * Locking: the caller's, that of placement.c.  Cost: O(1) a page; a walk looks
 * at the chunks of the range or at all that there are, whichever is less.
 */
#include "placed.h"

#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define CHUNK_SHIFT 9
#define CHUNK_PAGES (1u << CHUNK_SHIFT)
#define SLOTS_MIN 64

struct chunk {
	u64 number;
	u8 node[CHUNK_PAGES];
};

static struct {
	struct chunk **slot;
	u64 nr_slots, nr_chunks;
} table;

/* The slot in which a chunk is, or has to be put. */
static struct chunk **slot_of(u64 number)
{
	u64 i = number * 0x9e3779b97f4a7c15ull >> 32;

	for (;; i++) {
		struct chunk **slot = &table.slot[i & (table.nr_slots - 1)];

		if (!*slot || (*slot)->number == number)
			return slot;
	}
}

static struct chunk *find(u64 number)
{
	return table.nr_slots ? *slot_of(number) : NULL;
}

static void *zalloc(size_t nr, size_t bytes)
{
	void *memory = calloc(nr, bytes);

	if (!memory)
		sim_misuse("no memory for the nodes of pages");
	return memory;
}

static void grow(void)
{
	struct chunk **old = table.slot;
	u64 nr = table.nr_slots, i;

	table.nr_slots = nr ? 2 * nr : SLOTS_MIN;
	table.slot = zalloc(table.nr_slots, sizeof(*table.slot));
	for (i = 0; i < nr; i++)
		if (old[i])
			*slot_of(old[i]->number) = old[i];
	free(old);
}

static struct chunk *make(u64 number)
{
	struct chunk *chunk = zalloc(1, sizeof(*chunk));

	if (2 * (table.nr_chunks + 1) > table.nr_slots)
		grow();
	chunk->number = number;
	*slot_of(number) = chunk;
	table.nr_chunks++;
	return chunk;
}

u32 placed_get(u64 page)
{
	const struct chunk *chunk = find(page >> CHUNK_SHIFT);
	u32 node = chunk ? chunk->node[page % CHUNK_PAGES] : 0;

	return node ? node - 1 : PLACED_NOWHERE;
}

void placed_set(u64 page, u32 node)
{
	struct chunk *chunk = find(page >> CHUNK_SHIFT);

	if (!chunk)
		chunk = make(page >> CHUNK_SHIFT);
	chunk->node[page % CHUNK_PAGES] = (u8)(node + 1);
}

struct walk {
	u64 first, end;
	placed_fn fn;
	void *data;
};

static void walk_chunk(const struct walk *walk, struct chunk *chunk)
{
	u64 base = chunk->number << CHUNK_SHIFT;
	u64 page = max_u64(walk->first, base);
	u64 end = min_u64(walk->end, base + CHUNK_PAGES);
	u32 node;

	for (; page < end; page++) {
		u8 *slot = &chunk->node[page - base];

		if (!*slot)
			continue;
		node = walk->fn(walk->data, page, *slot - 1u);
		*slot = node == PLACED_NOWHERE ? 0 : (u8)(node + 1);
	}
}

void placed_walk(u64 first, u64 end, placed_fn fn, void *data)
{
	const struct walk walk = { first, end, fn, data };
	u64 number = first >> CHUNK_SHIFT, last = (end - 1) >> CHUNK_SHIFT, i;
	struct chunk *chunk;

	if (first >= end)
		return;
	if (last - number > table.nr_slots) {
		for (i = 0; i < table.nr_slots; i++)
			if (table.slot[i])
				walk_chunk(&walk, table.slot[i]);
		return;
	}
	for (; number <= last; number++) {
		chunk = find(number);
		if (chunk)
			walk_chunk(&walk, chunk);
	}
}

void placed_reset(void)
{
	u64 i;

	for (i = 0; i < table.nr_slots; i++)
		free(table.slot[i]);
	free(table.slot);
	memset(&table, 0, sizeof(table));
}
