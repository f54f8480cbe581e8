/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_validate_block.c: mm/validate_block.c, the invariants of pageblocks, of
 * rows of them, and of lists and trees.
 */
#include "corrupt_test.h"

#include "span.h"
#include "zeromap.h"

static void test_maxtree(void **state)
{
	static const struct corruption table[] = {
		/* 1: every entry is the largest of the 16 below it */
		{ ABOVE(span_pages, 0), 1, "summary of a tree" },
		{ ABOVE(span_pages, 0), 1u << 31, "summary of a tree" },
		{ LEAF(span_pages, 6), 1u << 20, "summary of a tree" },
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
		{ IN_BLOCK(1, span_end), 3 ^ 15, "end of a row" },
		{ IN_BLOCK(1, span_end), 3 ^ 1, "end of a row" },
		{ IN_BLOCK(2, span_first), 1, "first block as its last one" },
		{ IN_BLOCK(2, span_first), 2, "first block as its last one" },
		{ IN_BLOCK(1, span_first), 7, "mark inside a row" },
		{ IN_BLOCK(2, span_end), 3, "mark inside a row" },
		{ IN_BLOCK(0, span_end), 1, "mark of a row in a block" },
		{ IN_BLOCK(3, span_first), 4, "mark of a row in a block" },
		{ IN_BLOCK(8, span_first), 9, "mark of a row in a block" },
		{ IN_BLOCK(8, span_first), 1u << 27, "mark of a row in a b" },
		/* 3: pages and blocks of a row, with the pages that touch it */
		{ LEAF(span_pages, 1), 1, "summary of a tree" },
		{ LEAF(span_pages, 9), 1, "pages of a span" },
		{ LEAF(span_pages, 9), 512, "pages of a span" },
		{ IN_SET(span_rows), 1u << 1, "mark of a span with a row" },
		{ IN_SET(span_rows), 1u << 9, "mark of a span with a row" },
		/* 4: pages of a border, 0 where the blocks do not touch */
		{ LEAF(span_pages, 4), 1, "pages of a border" },
		{ LEAF(span_pages, 5), 1, "pages of a border" },
		{ LEAF(span_pages, 8), 5, "pages of a border" },
		{ LEAF(span_pages, 6), 3, "spans filed by pages" },
		{ IN_SET(span_rows), 1u << 4, "mark of a border" },
		{ IN_SET(span_rows), 1u << 6, "spans with a row" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

/* Bits of the set: two of nr_blocks = 1 and 2, in a region of 14. */
static void test_short_rows(void **state)
{
	static const struct corruption table[] = {
		/* 1: all short rows and nothing else */
		{ IN_SET(short_rows), 1ull << (14 + 9), "mark of a short row" },
		{ IN_SET(short_rows), 1ull << (28 + 1), "mark of a short row" },
		{ IN_SET(short_rows), 1ull << (14 + 1),
		  "rows filed by length" },
		{ IN_REGION(size_root), 0xa, "link of the tree by length" },
		{ IN_REGION(size_root), 1u << 31,
		  "link of the tree by length" },
		{ IN_REGION(size_hand), 0xa, "row in hand" },
		{ IN_REGION(size_hand), 1u << 31, "row in hand" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

static void assert_named(struct test_heap *t, const char *name)
{
	host_sim_clear_output();
	assert_int_equal(fixheap_validate(t->heap), -EUCLEAN);
	if (!strstr(host_sim_output(), name))
		fail_msg("without \"%s\":\n%s", name, host_sim_output());
}

/* 1 and 2: all long rows and nothing else, found by their length. */
static void test_long_rows(void **state)
{
	static const u32 end[] = { 70, 140, 215, 300, 400 };
	struct test_heap t;
	struct pageblock *root;
	u32 *field[4], hand, before;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(400) });
	for (u32 i = 0; i < ARRAY_LEN(end) - 1; i++)
		heap_place(&t, PAGE_RAW, BLOCKS(end[i]), 512);
	heap_valid(&t);
	hand = t.region->size_hand;
	root = &t.zone->block[t.region->size_root - 1];
	assert_true(hand && (root->size_left || root->size_right));
	field[0] = &t.region->size_root;
	field[1] = &t.region->size_hand;
	field[2] = &root->size_left;
	field[3] = &root->size_right;
	for (u32 i = 0; i < ARRAY_LEN(field); i++) {
		before = *field[i];
		/* one that has no row, one outside, none */
		*field[i] = 71;
		assert_named(&t, i == 1 ? "row in hand" : "link of the tree");
		*field[i] = 1u << 30;
		assert_named(&t, i == 1 ? "row in hand" : "link of the tree");
		*field[i] = 0;
		if (before)
			assert_named(&t, "rows filed by length");
		*field[i] = before;
		heap_valid(&t);
	}
	*field[1] = t.region->size_root;
	assert_named(&t, "row in hand");
	*field[1] = hand;
	/* the wrong way round */
	before = root->size_left;
	root->size_left = root->size_right;
	root->size_right = before;
	assert_named(&t, "rows filed by length");
	heap_drop(&t);
}

static void test_zeromap(void **state)
{
	static const struct corruption table[] = {
		/* 1: only changes are noted */
		{ IN_SET(zeromap), 1u << 3, "kind of a block that changes" },
		{ IN_SET(zeromap), 1u << 5, "kind of a block that changes" },
		{ IN_BLOCK(0, kind), BLOCK_ZERO, "kind of a block that" },
		{ IN_SET(zeromap), 1u << 20, "member of a set" },
		{ IN_REGION(alike.kind), 3, "kind of blocks that are alike" },
		{ IN_SET(zeromap), 1u << 3, "end of blocks that are alike" },
		{ IN_REGION(alike.end), 1u << 15, "blocks that are alike" },
		{ IN_REGION(alike.first), 1u << 30, "blocks that are alike" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

/* The runs that leave their block are in a set. */
static void test_cross(void **state)
{
	static const struct corruption table[] = {
		{ IN_SET(cross), 1u << 5, "runs that leave their block" },
		{ IN_SET(cross), 1u << 6, "runs that leave their block" },
		{ IN_SET(cross), 1u << 0, "runs that leave their block" },
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
		{ IN_BLOCK(3, head), 1, "at the start of an open block" },
		{ IN_BLOCK(3, tail), 1, "at the end of an open block" },
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
		{ IN_ZONE(area[0].head[7][402]), 4, "blocks in the lists" },
		{ IN_ZONE(area[0].head[6][402]), 4, "a block: fullness" },
		{ IN_ZONE(area[0].head[7][403]), 4, "a block: longest run" },
		{ IN_ZONE(area[0].nr_blocks[7]), 1, "blocks of a fullness" },
		{ IN_ZONE(area[2].nr_blocks[3]), 1, "blocks of a fullness" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
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

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(4) });
	span_del(t.region, 1, 2);
	pb = &t.zone->block[1];
	memset(pb->free, 0xff, sizeof(pb->free));
	pb->nr_free = BLOCK_PAGES;
	assert_int_equal(fixheap_validate(t.heap), -EUCLEAN);
	assert_non_null(
		strstr(host_sim_output(), "a wholly free block is open"));
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maxtree),
		cmocka_unit_test(test_span),
		cmocka_unit_test(test_short_rows),
		cmocka_unit_test(test_long_rows),
		cmocka_unit_test(test_zeromap),
		cmocka_unit_test(test_cross),
		cmocka_unit_test(test_page_alloc),
		cmocka_unit_test(test_block_of_another_zone),
		cmocka_unit_test(test_rows_touch),
		cmocka_unit_test(test_whole_block_is_open),
	};

	return cmocka_run_group_tests_name("validate_block", tests, NULL, NULL);
}
