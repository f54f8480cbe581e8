/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_page_alloc.c: mm/page_alloc.c, how open blocks are filed and chosen.
 */
#include "support.h"

#include "bitmap.h"
#include "page_alloc.h"

#define NR_BLOCKS 6

/* Blocks in one list of a free area; each is linked both ways. */
static u32 list_length(const struct zone *zone, u32 head)
{
	u32 nr = 0, prev = 0;

	for (u32 b = head; b; b = zone->block[b - 1].next) {
		assert_int_equal(zone->block[b - 1].prev, prev);
		prev = b;
		nr++;
	}
	return nr;
}

static bool in_list(const struct zone *zone, u32 head, u32 wanted)
{
	u32 b = head;

	while (b && b - 1 != wanted)
		b = zone->block[b - 1].next;
	return b != 0;
}

/* Every open block is in its list, and the lists have no other. */
static void check_filed(const struct zone *zone)
{
	u32 nr_open = 0, nr_listed = 0, nr_counted = 0;

	for (u32 b = 0; b < zone->end_block; b++) {
		const struct pageblock *pb = &zone->block[b];
		const struct free_area *area = &zone->area[pb->placement];
		u32 full = pb->nr_free / 64;

		if (!block_is_open(pb)) {
			assert_int_equal(bitmap_count(pb->free), 0);
			assert_int_equal(bitmap_count(pb->zero), 0);
			continue;
		}
		nr_open++;
		assert_int_equal(pb->nr_free, bitmap_count(pb->free));
		assert_int_equal(pb->longest, bitmap_longest(pb->free, 0));
		assert_int_equal(pb->head, bitmap_ones_from(pb->free, 0));
		assert_int_equal(pb->tail,
				 bitmap_ones_before(pb->free, BLOCK_PAGES));
		assert_int_equal(pb->listed, full);
		assert_true(in_list(zone, area->head[full][pb->longest], b));
	}
	for (u32 i = 0; i < NR_PLACEMENTS * NR_FULLNESS; i++)
		nr_counted +=
			zone->area[i / NR_FULLNESS].nr_blocks[i % NR_FULLNESS];
	assert_int_equal(nr_counted, nr_open);
	for (u32 i = 0; i < NR_PLACEMENTS * NR_FULLNESS * BLOCK_PAGES; i++) {
		const struct free_area *area =
			&zone->area[i / BLOCK_PAGES / NR_FULLNESS];
		u32 full = i / BLOCK_PAGES % NR_FULLNESS;
		u32 l = i % BLOCK_PAGES;
		u32 nr = list_length(zone, area->head[full][l]);

		assert_int_equal(area->mask[full][l / 64] >> l % 64 & 1, !!nr);
		nr_listed += nr;
	}
	assert_int_equal(nr_listed, nr_open);
}

/* Turn the free pages of [i, i + nr) in block b over, run by run. */
static void turn(struct test_heap *t, u32 b, u32 i, u32 nr)
{
	static const enum placement place[] = { PLACE_SMALL, PLACE_MEDIUM,
						PLACE_ARRAY };
	struct pageblock *pb = &t->zone->block[b];
	u32 free = bitmap_ones_from(pb->free, i);

	if (!block_is_open(pb) || !free)
		block_give(t->zone, b, i,
			   (u32)min_u64(bitmap_next_one(pb->free, i) - i, nr),
			   place[b % NR_PLACEMENTS]);
	else
		block_take(t->zone, b, i, (u32)min_u64(free, nr));
}

static void test_random(void **state)
{
	u64 seed = 6;
	struct test_heap t;

	(void)state;
	zone_make(&t, NR_BLOCKS);
	for (u32 n = 0; n < 3000; n++) {
		u32 b = (u32)random_below(&seed, NR_BLOCKS);
		u32 i = (u32)random_below(&seed, BLOCK_PAGES);
		u32 nr = (u32)random_below(&seed, BLOCK_PAGES - i) + 1;

		turn(&t, b, i, n % 4 ? nr % 20 + 1 : nr);
		check_filed(t.zone);
	}
	heap_drop(&t);
}

/* What is free in each block; nr 0 ends the list. */
struct free_run {
	u32 b, i, nr;
	enum placement place;
};

struct choice {
	struct free_run free[8];
	struct block_request req;
	long fullest, emptiest, any; /* pfn, -1: none */
};

static const struct choice choices[] = {
	/* nothing is open */
	{ { { 0 } }, { 1, 1, PLACE_SMALL }, -1, -1, -1 },
	/* the fullest that serves, the emptiest that serves */
	{ { { 0, 0, 100, 0 }, { 1, 9, 30, 0 }, { 2, 50, 300, 0 } },
	  { 20, 1, PLACE_SMALL },
	  512 + 9,
	  1024 + 50,
	  512 + 9 },
	{ { { 0, 0, 100, 0 }, { 1, 9, 30, 0 }, { 2, 50, 300, 0 } },
	  { 50, 1, PLACE_SMALL },
	  0,
	  1024 + 50,
	  0 },
	{ { { 0, 0, 100, 0 }, { 1, 9, 30, 0 }, { 2, 50, 300, 0 } },
	  { 300, 1, PLACE_SMALL },
	  1024 + 50,
	  1024 + 50,
	  1024 + 50 },
	{ { { 0, 0, 100, 0 }, { 1, 9, 30, 0 }, { 2, 50, 300, 0 } },
	  { 301, 1, PLACE_SMALL },
	  -1,
	  -1,
	  -1 },
	/* only its own placement */
	{ { { 0, 0, 100, 1 }, { 1, 9, 30, 2 } },
	  { 1, 1, PLACE_SMALL },
	  -1,
	  -1,
	  -1 },
	{ { { 0, 0, 100, 1 }, { 1, 9, 30, 2 } },
	  { 1, 1, PLACE_MEDIUM },
	  99,
	  99,
	  99 },
	{ { { 0, 0, 100, 1 }, { 1, 9, 30, 2 } },
	  { 1, 1, PLACE_ARRAY },
	  512 + 9,
	  512 + 9,
	  512 + 9 },
	/* medium runs at the end of a row, unless they must be aligned */
	{ { { 0, 5, 100, 1 } }, { 30, 1, PLACE_MEDIUM }, 75, 75, 75 },
	{ { { 0, 5, 100, 1 } }, { 30, 8, PLACE_MEDIUM }, 8, 8, 8 },
	/* among equally full ones the shortest longest run */
	{ { { 0, 0, 50, 0 },
	    { 1, 3, 40, 0 },
	    { 1, 100, 10, 0 },
	    { 2, 7, 45, 0 },
	    { 2, 200, 5, 0 } },
	  { 30, 1, PLACE_SMALL },
	  512 + 3,
	  512 + 3,
	  512 + 3 },
	{ { { 0, 0, 50, 0 },
	    { 1, 3, 40, 0 },
	    { 1, 100, 10, 0 },
	    { 2, 7, 45, 0 },
	    { 2, 200, 5, 0 } },
	  { 41, 1, PLACE_SMALL },
	  1024 + 7,
	  1024 + 7,
	  1024 + 7 },
	/* and there the shortest run */
	{ { { 0, 0, 50, 0 }, { 0, 60, 8, 0 }, { 0, 80, 9, 0 } },
	  { 8, 1, PLACE_SMALL },
	  60,
	  60,
	  60 },
	{ { { 0, 0, 50, 0 }, { 0, 60, 8, 0 }, { 0, 80, 9, 0 } },
	  { 9, 1, PLACE_SMALL },
	  80,
	  80,
	  80 },
	/* an alignment that happens to be there is found by the full search */
	{ { { 0, 60, 10, 0 } }, { 4, 64, PLACE_SMALL }, -1, -1, 64 },
	{ { { 0, 60, 7, 0 } }, { 4, 64, PLACE_SMALL }, -1, -1, -1 },
	{ { { 0, 1, 67, 0 } }, { 4, 64, PLACE_SMALL }, 64, 64, 64 },
	/* in a block behind the first of its list */
	{ { { 0, 64, 10, 0 }, { 1, 65, 10, 0 } },
	  { 10, 64, PLACE_SMALL },
	  -1,
	  -1,
	  64 },
	/* alignments beyond a block: the heap's base is at eight blocks */
	{ { { 1, 0, 10, 0 }, { 2, 0, 9, 0 } },
	  { 1, 1024, PLACE_SMALL },
	  -1,
	  -1,
	  1024 },
	{ { { 1, 0, 10, 0 }, { 2, 1, 9, 0 } },
	  { 1, 1024, PLACE_SMALL },
	  -1,
	  -1,
	  -1 },
	{ { { 4, 0, 300, 0 } }, { 300, 2048, PLACE_SMALL }, -1, -1, 2048 },
	{ { { 4, 0, 300, 0 } }, { 1, 4096, PLACE_SMALL }, -1, -1, -1 },
};

static void test_choice(void **state)
{
	(void)state;
	for (size_t c = 0; c < ARRAY_LEN(choices); c++) {
		const struct choice *choice = &choices[c];
		const struct block_request *req = &choice->req;
		const struct free_run *run = choice->free;
		struct test_heap t;
		u64 pfn;

		zone_make(&t, NR_BLOCKS);
		for (; run->nr; run++)
			zone_give(&t, run->b, run->i, run->nr, run->place);
		check_filed(t.zone);
		if (!block_find_fullest(t.zone, req, &pfn))
			pfn = -1ull;
		assert_int_equal(pfn, choice->fullest);
		if (!block_find_emptiest(t.zone, req, &pfn))
			pfn = -1ull;
		assert_int_equal(pfn, choice->emptiest);
		if (!block_find_any(t.zone, req, &pfn))
			pfn = -1ull;
		assert_int_equal(pfn, choice->any);
		heap_drop(&t);
	}
}

static void test_largest(void **state)
{
	static const struct {
		struct free_run free[4];
		u64 align;
		u32 largest;
	} table[] = {
		{ { { 0 } }, 1, 0 },
		{ { { 0, 5, 9, 0 }, { 1, 5, 9, 1 }, { 2, 5, 30, 2 } }, 1, 30 },
		{ { { 0, 5, 9, 0 }, { 1, 8, 20, 1 }, { 2, 5, 21, 2 } }, 8, 20 },
		{ { { 0, 5, 10, 0 }, { 1, 5, 20, 1 } }, 32, 0 },
		{ { { 0, 1, 511, 0 } }, 512, 0 },
		{ { { 0, 0, 511, 0 } }, 512, 511 },
		{ { { 1, 0, 511, 0 } }, 1024, 0 },
		{ { { 2, 0, 7, 0 }, { 2, 100, 300, 0 } }, 1024, 7 },
		{ { { 0, 5, 10, 0 }, { 0, 62, 5, 0 } }, 64, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct free_run *run = table[i].free;
		struct test_heap t;

		zone_make(&t, NR_BLOCKS);
		for (; run->nr; run++)
			zone_give(&t, run->b, run->i, run->nr, run->place);
		assert_int_equal(block_largest(t.zone, table[i].align),
				 table[i].largest);
		heap_drop(&t);
	}
}

/* A block that is opened wholly free, and what block_take says of it. */
static void test_take_zero(void **state)
{
	static const struct {
		bool zero;
		u32 dirty, nr_dirty; /* given back as used before */
		u32 i, nr;
		bool known;
	} table[] = {
		{ true, 0, 0, 0, 512, true },  { false, 0, 0, 0, 1, false },
		{ true, 10, 5, 0, 10, true },  { true, 10, 5, 0, 11, false },
		{ true, 10, 5, 14, 1, false }, { true, 10, 5, 15, 497, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u32 nr_dirty = table[i].nr_dirty, dirty = table[i].dirty;
		struct test_heap t;

		zone_make(&t, NR_BLOCKS);
		block_open_free(t.zone, 3, PLACE_SMALL, table[i].zero);
		if (nr_dirty) {
			block_take(t.zone, 3, 0, BLOCK_PAGES / 2);
			block_give(t.zone, 3, dirty, nr_dirty, PLACE_SMALL);
			bitmap_set(t.zone->block[3].free, 0, BLOCK_PAGES / 2);
			bitmap_set(t.zone->block[3].zero, 0, BLOCK_PAGES / 2);
			bitmap_clear(t.zone->block[3].zero, dirty, nr_dirty);
			t.zone->block[3].nr_free = BLOCK_PAGES;
			t.zone->block[3].head = BLOCK_PAGES;
			t.zone->block[3].tail = BLOCK_PAGES;
		}
		assert_int_equal(block_take(t.zone, 3, table[i].i, table[i].nr),
				 table[i].known);
		heap_drop(&t);
	}
}

/* The last page that comes back closes the block: it is a row again. */
static void test_close(void **state)
{
	struct test_heap t;

	(void)state;
	zone_make(&t, NR_BLOCKS);
	assert_false(block_give(t.zone, 2, 0, 511, PLACE_MEDIUM));
	assert_string_equal(zone_spans(t.region), "");
	assert_int_equal(t.zone->block[2].placement, PLACE_MEDIUM);
	assert_true(block_give(t.zone, 2, 511, 1, PLACE_SMALL));
	assert_false(block_is_open(&t.zone->block[2]));
	check_filed(t.zone);
	/* and one that fills up is in no list, until a page comes back */
	block_give(t.zone, 4, 7, 2, PLACE_SMALL);
	block_take(t.zone, 4, 7, 2);
	check_filed(t.zone);
	assert_false(block_is_open(&t.zone->block[4]));
	block_give(t.zone, 4, 7, 1, PLACE_ARRAY);
	assert_int_equal(t.zone->block[4].placement, PLACE_ARRAY);
	check_filed(t.zone);
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_take_zero),
		cmocka_unit_test(test_close),
	};

	return cmocka_run_group_tests_name("page_alloc", tests, NULL, NULL);
}
