/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * corrupt_test.h: each invariant of the metadata is broken on purpose, one
 * field at a time, and fixheap_validate must name it.
 *
 * The heap has twelve pageblocks, all that it knows of is somewhere:
 *
 *	 0  pages 100 to 109 used	 6  all of it in that array
 *	 1  } a row of free blocks	 7  the end of the array
 *	 2  }				 8  used by two runs of 256 pages
 *	 3  as 0			 9  a row of one free block
 *	 4  pages 200 to 209 used	10  pages of a slab, 16 to 20
 *	 5  page 10 begins an array	11  one run
 */
#ifndef TESTS_UNIT_CORRUPT_TEST_H
#define TESTS_UNIT_CORRUPT_TEST_H

#include "support.h"

#include "runmap.h"

#define NR_BLOCKS 14
#define CROSS_AT (5 * 512 + 10)
#define SLAB_AT (10 * 512 + 16)

static const struct {
	enum page_kind kind;
	struct run run;
} runs[] = {
	{ PAGE_RAW, { 100, 10 } },
	{ PAGE_RAW, { 3 * 512 + 100, 10 } },
	{ PAGE_DIRECT, { 4 * 512 + 200, 10 } },
	{ PAGE_ARRAY, { CROSS_AT, 1200 } },
	{ PAGE_RAW, { 8 * 512, 256 } },
	{ PAGE_RAW, { 8 * 512 + 256, 256 } },
	{ PAGE_EXTENT, { SLAB_AT, 5 } },
	{ PAGE_ARRAY, { 11 * 512, 512 } },
	{ PAGE_ARRAY, { 12 * 512, 512 } },
};

static inline void furnish(struct test_heap *t)
{
	heap_make(t, &(struct heap_spec){ .nr_pages = BLOCKS(NR_BLOCKS),
					  .flags = FIXHEAP_ZEROED });
	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		u64 page = page_make(runs[i].kind, PLACE_SMALL, 0);

		region_take_locked(t->region, &runs[i].run, PLACE_SMALL);
		runmap_set(t->region, &runs[i].run, page);
	}
	heap_valid(t);
}

/* A field: of the zone, the region, the heap, a pageblock, a descriptor, the
 * members of a set of the region, or an entry of its max tree, index
 * level * 100 + i. */
enum where {
	ZONE,
	REGION,
	HEAP,
	BLOCK,
	PAGE,
	SET,
	TREE
};

struct corruption {
	enum where where;
	u32 index;
	size_t offset, bytes;
	u64 flip;	   /* these bits */
	const char *named; /* in the report */
};

#define FIELD(where, index, type, field)            \
	where, index, offsetof(struct type, field), \
		sizeof(((struct type *)0)->field)
#define IN_BLOCK(b, field) FIELD(BLOCK, b, pageblock, field)
#define IN_ZONE(field) FIELD(ZONE, 0, zone, field)
#define IN_REGION(field) FIELD(REGION, 0, region, field)
#define IN_HEAP(field) FIELD(HEAP, 0, fixheap, field)
#define LEAF(tree, i) TREE, i, offsetof(struct region, tree), 4
#define ABOVE(tree, i) TREE, 100 + i, offsetof(struct region, tree), 4
#define IN_SET(set) SET, 0, offsetof(struct region, set), 8
#define HEAD(pfn) PAGE, pfn, 0, 8

static inline void *place_of(struct test_heap *t, const struct corruption *c)
{
	const struct maxtree *tree;
	const struct bittree *set;

	switch (c->where) {
	case ZONE:
		return (char *)t->zone + c->offset;
	case REGION:
		return (char *)t->region + c->offset;
	case HEAP:
		return (char *)t->heap + c->offset;
	case BLOCK:
		return (char *)&t->zone->block[c->index] + c->offset;
	case PAGE:
		return &t->heap->page[c->index];
	case SET:
		set = (struct bittree *)((char *)t->region + c->offset);
		return set->level[0];
	default:
		tree = (struct maxtree *)((char *)t->region + c->offset);
		return &tree->level[c->index / 100][c->index % 100];
	}
}

static inline void flip(struct test_heap *t, const struct corruption *c)
{
	unsigned char *byte = place_of(t, c);

	for (size_t i = 0; i < c->bytes; i++)
		byte[i] ^= (unsigned char)(c->flip >> 8 * (i % 8));
}

static inline void try_all(const struct corruption *table, size_t nr)
{
	struct test_heap t;

	furnish(&t);
	for (size_t i = 0; i < nr; i++) {
		int ret;

		host_sim_clear_output();
		flip(&t, &table[i]);
		ret = fixheap_validate(t.heap);
		flip(&t, &table[i]);
		if (ret != -EUCLEAN ||
		    !strstr(host_sim_output(), table[i].named))
			fail_msg("line %zu: %d, without \"%s\":\n%s", i, ret,
				 table[i].named, host_sim_output());
		heap_valid(&t);
	}
	heap_end(&t);
}

#endif
