/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_corrupt.c: each invariant of the metadata is broken on purpose, one
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
#include "support.h"

#include "pcp.h"
#include "runmap.h"
#include "span.h"

#define NR_BLOCKS 12
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
};

static void furnish(struct test_heap *t)
{
	heap_make(t, &(struct heap_spec){ .nr_pages = BLOCKS(NR_BLOCKS),
					  .flags = FIXHEAP_ZEROED });
	for (size_t i = 0; i < ARRAY_LEN(runs); i++) {
		u64 page = page_make(runs[i].kind, PLACE_SMALL, 0);

		region_take_locked(t->region, &runs[i].run, PLACE_SMALL);
		runmap_set(t->region, &runs[i].run, page);
	}
	/* the second block of the long row is not known to be zero */
	t->zone->block[1].zero_end = 2;
	heap_valid(t);
}

/* A field: of the zone, the region, the heap, a pageblock, a descriptor, or an
 * entry of a max tree of the region, index level * 100 + i. */
enum where {
	ZONE,
	REGION,
	HEAP,
	BLOCK,
	PAGE,
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
#define HEAD(pfn) PAGE, pfn, 0, 8

static void *place_of(struct test_heap *t, const struct corruption *c)
{
	const struct maxtree *tree;

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
	default:
		tree = (struct maxtree *)((char *)t->region + c->offset);
		return &tree->level[c->index / 100][c->index % 100];
	}
}

static void flip(struct test_heap *t, const struct corruption *c)
{
	unsigned char *byte = place_of(t, c);

	for (size_t i = 0; i < c->bytes; i++)
		byte[i] ^= (unsigned char)(c->flip >> 8 * (i % 8));
}

static void try_all(const struct corruption *table, size_t nr)
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

static void test_maxtree(void **state)
{
	static const struct corruption table[] = {
		/* 1: every entry is the largest of the 16 below it */
		{ ABOVE(span_pages, 0), 1, "summary of a tree" },
		{ ABOVE(span_pages, 0), 1u << 31, "summary of a tree" },
		{ ABOVE(span_blocks, 0), 1, "summary of a tree" },
		{ ABOVE(span_blocks, 0), 4, "summary of a tree" },
		{ ABOVE(cross, 0), 2, "summary of a tree" },
		{ ABOVE(cross, 0), 1u << 9, "summary of a tree" },
		{ LEAF(span_pages, 6), 1u << 20, "summary of a tree" },
		{ LEAF(span_blocks, 6), 1u << 9, "summary of a tree" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

static void test_span(void **state)
{
	static const struct corruption table[] = {
		/* 1: a free block lies in one row, a used one in none */
		{ IN_BLOCK(1, span_end), 3, "neither free nor in a run" },
		{ IN_BLOCK(8, span_end), 9, "mark of a row in a block" },
		{ IN_BLOCK(11, span_end), 12, "mark of a row in a block" },
		/* 2: marks at both ends, and nowhere else */
		{ IN_BLOCK(1, span_end), 1, "first block as its last one" },
		{ IN_BLOCK(1, span_end), 3 ^ 13, "end of a row" },
		{ IN_BLOCK(1, span_end), 3 ^ 1, "end of a row" },
		{ IN_BLOCK(2, span_first), 1, "first block as its last one" },
		{ IN_BLOCK(2, span_first), 2, "first block as its last one" },
		{ IN_BLOCK(1, span_first), 7, "mark inside a row" },
		{ IN_BLOCK(2, span_end), 3, "mark inside a row" },
		{ IN_BLOCK(0, span_end), 1, "mark of a row in a block" },
		{ IN_BLOCK(3, span_first), 4, "mark of a row in a block" },
		{ IN_BLOCK(8, span_first), 9, "mark of a row in a block" },
		/* 3: pages and blocks of a row, with the pages that touch it */
		{ LEAF(span_pages, 1), 1, "summary of a tree" },
		{ LEAF(span_pages, 9), 1, "pages of a span" },
		{ LEAF(span_pages, 9), 512, "pages of a span" },
		{ LEAF(span_blocks, 1), 1, "summary of a tree" },
		{ LEAF(span_blocks, 9), 3, "blocks of a span" },
		/* 4: pages of a border, 0 where the blocks do not touch */
		{ LEAF(span_pages, 4), 1, "pages of a border" },
		{ LEAF(span_pages, 5), 1, "pages of a border" },
		{ LEAF(span_pages, 8), 5, "pages of a border" },
		{ LEAF(span_pages, 6), 3, "spans filed by pages" },
		{ LEAF(span_blocks, 4), 1, "blocks of a border" },
		{ LEAF(span_blocks, 6), 1, "spans filed by blocks" },
		/* 5: what reads as zero lies in the row */
		{ IN_BLOCK(1, zero_first), 1, "known-zero part of a row" },
		{ IN_BLOCK(1, zero_end), 0x2 ^ 0x4,
		  "known-zero part of a row" },
		{ IN_BLOCK(9, zero_end), 0xa ^ 0xb,
		  "known-zero part of a row" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

static void test_sizetree(void **state)
{
	static const struct corruption table[] = {
		/* 1 and 2: all rows and nothing else, found by their length */
		{ IN_REGION(size_root), 1u << 31,
		  "link of the tree by length" },
		{ IN_REGION(size_root), 0x2 ^ 0x5,
		  "link of the tree by length" },
		{ IN_REGION(size_root), 0x2 ^ 0xa, "rows filed by length" },
		{ IN_BLOCK(1, size_left), 0x8 ^ 0xa, "link of the tree" },
		{ IN_BLOCK(1, size_left), 1u << 30, "link of the tree" },
		{ IN_BLOCK(9, size_right), 10, "link of the tree" },
		{ IN_BLOCK(9, size_left), 99, "link of the tree" },
		{ IN_BLOCK(1, size_right), 2, "link of the tree" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

static void test_page_alloc(void **state)
{
	static const struct corruption table[] = {
		/* 1: counts, and the list that follows from them */
		{ IN_BLOCK(3, nr_free), 1, "nr_free of an open block" },
		{ IN_BLOCK(3, longest), 1, "longest run of an open block" },
		{ IN_BLOCK(3, listed), 1, "fullness class" },
		{ IN_BLOCK(3, placement), 1, "list of a block: placement" },
		{ IN_BLOCK(3, placement), 0x80, "placement of a block" },
		{ IN_BLOCK(3, next), 12, "a free area" },
		{ IN_BLOCK(3, next), 1u << 31, "block of a free area" },
		{ IN_BLOCK(3, prev), 12, "link of a free area" },
		{ IN_BLOCK(4, free[0]), 1, "nr_free of an open block" },
		{ IN_BLOCK(0, free[7]), 1ull << 63, "pages of a span" },
		{ IN_BLOCK(0, free[1]), 1ull << 37, "page of a run is free" },
		{ IN_BLOCK(7, free[2]), 1, "page of a run is free" },
		{ IN_BLOCK(10, free[0]), 1 << 17, "page of a run is free" },
		{ IN_BLOCK(4, free[5]), 6, "neither free nor in a run" },
		/* 2: a closed block is clean */
		{ IN_BLOCK(8, free[3]), 4, "free pages of a closed block" },
		{ IN_BLOCK(1, free[3]), 4, "free pages of a closed block" },
		{ IN_BLOCK(2, free[7]), 1, "free pages of a closed block" },
		{ IN_BLOCK(8, zero[3]), 4, "known-zero pages of a closed" },
		{ IN_BLOCK(9, zero[3]), 4, "known-zero pages of a closed" },
		{ IN_BLOCK(11, longest), 3, "longest run of a closed block" },
		{ IN_BLOCK(9, next), 3, "a closed block is in a list" },
		{ IN_BLOCK(8, prev), 3, "a closed block is in a list" },
		/* 3: what reads as zero is free */
		{ IN_BLOCK(3, zero[1]), 1ull << 40, "known-zero pages that" },
		{ IN_BLOCK(7, zero[0]), 1, "known-zero pages that" },
		/* 4: a bit for each list that has a block */
		{ IN_ZONE(area[0].mask[7][6]), 1ull << 18, "mask of a free" },
		{ IN_ZONE(area[0].mask[3][6]), 1, "mask of a free area" },
		{ IN_ZONE(area[2].mask[0][0]), 2, "mask of a free area" },
		{ IN_ZONE(area[1].head[5][17]), 4, "list of a block" },
		{ IN_ZONE(area[1].head[5][17]), 9, "list of a block" },
		{ IN_ZONE(area[1].head[5][17]), ~0u, "block of a free area" },
		{ IN_ZONE(area[0].head[7][402]), 4, "of a free area" },
		{ IN_ZONE(area[0].nr_blocks[7]), 1, "blocks of a fullness" },
		{ IN_ZONE(area[2].nr_blocks[3]), 1, "blocks of a fullness" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

static void test_runmap(void **state)
{
	const u64 len = 1ull << PAGE_LEN_SHIFT;
	const struct corruption table[] = {
		/* 1: a descriptor exactly where a run begins */
		{ HEAD(101), PAGE_RAW, "descriptor where no run begins" },
		{ HEAD(5), PAGE_RAW, "descriptor where no run begins" },
		{ HEAD(600), PAGE_ARRAY, "descriptor where no run begins" },
		{ HEAD(3 * 512 - 1), len, "descriptor where no run begins" },
		{ HEAD(CROSS_AT + 1199), PAGE_RAW, "where no run begins" },
		{ HEAD(CROSS_AT + 1), PAGE_EXTENT, "where no run begins" },
		{ HEAD(100), PAGE_RAW, "kind in a descriptor" },
		{ HEAD(SLAB_AT + 2), PAGE_EXTENT, "neither free nor in a run" },
		{ HEAD(100), len, "neither free nor in a run" },
		{ HEAD(100), 4 * len, "a page of a run is free" },
		{ HEAD(8 * 512), 256 * len, "where no run begins" },
		{ HEAD(11 * 512), 512 * len, "length of a run" },
		{ HEAD(100), 1ull << 63, "length of a run" },
		/* and what it says */
		{ HEAD(100), 1ull << PAGE_NODE_SHIFT, "node in a descriptor" },
		{ HEAD(100), PAGE_RAW ^ 7, "kind in a descriptor" },
		{ HEAD(100), 3 << PAGE_PLACE_SHIFT, "placement in a descr" },
		{ HEAD(SLAB_AT), PAGE_EXTENT ^ PAGE_CACHED, "per-CPU caches" },
		{ HEAD(SLAB_AT), PAGE_EXTENT ^ PAGE_CACHED ^ 1 << 20,
		  "descriptor of a cached page" },
		/* 2: heads of the runs that leave their block */
		{ LEAF(cross, 5), 1, "summary of a tree" },
		{ LEAF(cross, 6), 1, "runs that leave their block" },
		{ LEAF(cross, 0), 5, "runs that leave their block" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

/* An entry and its summaries are wrong together. */
static void test_cross(void **state)
{
	struct test_heap t;

	(void)state;
	furnish(&t);
	for (u32 b = 0; b < NR_BLOCKS; b++) {
		u32 cross = maxtree_get(&t.region->cross, b);

		host_sim_clear_output();
		maxtree_set(&t.region->cross, b, 100);
		assert_int_equal(fixheap_validate(t.heap), -EUCLEAN);
		assert_non_null(strstr(host_sim_output(), "that leave"));
		maxtree_set(&t.region->cross, b, cross);
		heap_valid(&t);
	}
	heap_end(&t);
}

static void test_zone(void **state)
{
	static const struct corruption table[] = {
		/* 1: free pages of the zone, used ones of the heap */
		{ IN_ZONE(nr_free), 1, "free pages of the zone" },
		{ IN_ZONE(nr_free), 1ull << 40, "free pages of the zone" },
		{ IN_REGION(nr_free), 1, "free pages of the region" },
		{ IN_REGION(nr_free), 1ull << 40, "free pages of the region" },
		{ IN_HEAP(used), 1, "used pages of the heap" },
		/* 2: never more used than at most */
		{ IN_HEAP(peak_used), 1ull << 11, "highest use of the heap" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

/* Two rows that should be one. */
static void test_rows_touch(void **state)
{
	struct test_heap t;
	struct pageblock *block;

	(void)state;
	zone_make(&t, 4);
	contig_give(t.region, &PAGES(0, BLOCKS(4)), PLACE_ARRAY, false);
	heap_valid(&t);
	block = t.zone->block;
	block[0].span_end = 2;
	block[1].span_first = 1;
	block[2].span_end = 4;
	block[3].span_first = 3;
	assert_int_equal(fixheap_validate(t.heap), -EUCLEAN);
	assert_non_null(
		strstr(host_sim_output(), "two rows of free blocks touch"));
	heap_drop(&t);
}

/* A block of which all pages are free must be part of a row. */
static void test_whole_block_is_open(void **state)
{
	struct test_heap t;
	struct pageblock *pb;
	struct span zero;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(4) });
	span_del(t.region, 1, 2, &zero);
	pb = &t.zone->block[1];
	memset(pb->free, 0xff, sizeof(pb->free));
	pb->nr_free = BLOCK_PAGES;
	assert_int_equal(fixheap_validate(t.heap), -EUCLEAN);
	assert_non_null(
		strstr(host_sim_output(), "a wholly free block is open"));
	heap_drop(&t);
}

/* Four zones of two blocks: what is wrong in one of them is said with the page
 * at which it is, all of the line. */
static void test_several_zones(void **state)
{
	static const struct {
		enum {
			NR_FREE,
			NODE,
			PLACE,
			ALL_FREE
		} what;
		const char *line;
	} table[] = {
		{ NR_FREE, "fixheap: page 2048: free pages of the zone: "
			   "is 925, must be 924\n" },
		{ ALL_FREE, "fixheap: page 4096: free pages of the region: "
			    "is 3997, must be 3996\n" },
		{ NODE, "fixheap: page 2053: node in a descriptor: "
			"is 3, must be 2\n" },
		{ PLACE, "fixheap: page 2053: placement in a descriptor: "
			 "is 3, must be 0\n" },
	};
	struct test_heap t;
	u64 *page;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "4x1",
					   .nr_pages = BLOCKS(8) });
	heap_place(&t, PAGE_RAW, 2053, 100);
	page = &t.heap->page[2053];
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 was = *page;

		host_sim_clear_output();
		t.heap->zone[2].nr_free += table[i].what == NR_FREE;
		t.region->nr_free += table[i].what == ALL_FREE;
		*page ^= table[i].what == NODE ? 1ull << PAGE_NODE_SHIFT : 0;
		*page |= table[i].what == PLACE ? 3ull << PAGE_PLACE_SHIFT : 0;
		assert_int_equal(fixheap_validate(t.heap), -EUCLEAN);
		assert_string_equal(host_sim_output(), table[i].line);
		*page = was;
		t.heap->zone[2].nr_free -= table[i].what == NR_FREE;
		t.region->nr_free -= table[i].what == ALL_FREE;
		heap_valid(&t);
	}
	heap_end(&t);
}

/* A zone's lists hold blocks of that zone only. */
static void test_block_of_another_zone(void **state)
{
	struct free_area *area;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(4) });
	heap_place(&t, PAGE_RAW, BLOCKS(2) + 5, 100);
	heap_valid(&t);
	area = t.heap->zone[1].area;
	memcpy(t.heap->zone[0].area, area, sizeof(t.zone->area));
	memset(area, 0, sizeof(t.zone->area));
	assert_int_equal(fixheap_validate(t.heap), -EUCLEAN);
	assert_non_null(strstr(host_sim_output(), "block of a free area"));
	heap_drop(&t);
}

/* Not more than a few lines, however much is wrong. */
static void test_lines(void **state)
{
	struct test_heap t;
	u32 nr = 0;

	(void)state;
	furnish(&t);
	for (u64 pfn = 0; pfn < 300; pfn++)
		t.heap->page[pfn] ^= PAGE_RAW;
	assert_int_equal(fixheap_validate(t.heap), -EUCLEAN);
	for (const char *c = host_sim_output(); *c; c++)
		nr += *c == '\n';
	assert_in_range(nr, 2, 12);
	heap_drop(&t);
}

/* All locks are free again, whatever was found. */
static void test_unlocked(void **state)
{
	struct test_heap t;

	(void)state;
	furnish(&t);
	t.zone->nr_free++;
	assert_int_equal(fixheap_validate(t.heap), -EUCLEAN);
	t.zone->nr_free--;
	assert_true(spin_trylock(&t.region->lock));
	spin_unlock(&t.region->lock);
	heap_lock_all(t.heap);
	heap_unlock_all(t.heap);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maxtree),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_sizetree),
		cmocka_unit_test(test_page_alloc),
		cmocka_unit_test(test_runmap),
		cmocka_unit_test(test_cross),
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_several_zones),
		cmocka_unit_test(test_block_of_another_zone),
		cmocka_unit_test(test_rows_touch),
		cmocka_unit_test(test_whole_block_is_open),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_unlocked),
	};

	return cmocka_run_group_tests_name("corrupt", tests, NULL, NULL);
}
