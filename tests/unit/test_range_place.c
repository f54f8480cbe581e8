/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_range_place.c: mm/range_place.c, which page numbers a region gets and
 * which of them are one to the allocator.
 */
#include "regions_test.h"

#include "range_place.h"

#define NONE FIXHEAP_KEY_NONE

struct part {
	u64 page, nr, key;
};

/* The first region, up to three more, and the longest free run that there is
 * then. */
static const struct {
	struct part part[4];
	u64 largest;
} places[] = {
	/* touching at a border of pageblocks:  */
	{ { { 0, 512, 0 }, { 512, 512, 0 } }, 1024 },
	{ { { 0, 512, 0 }, { 512, 512, 1 } }, 512 },
	{ { { 512, 512, 0 }, { 0, 512, 0 } }, 1024 },
	{ { { 512, 512, 0 }, { 0, 512, 1 } }, 512 },
	{ { { 0, 512, NONE }, { 512, 512, NONE } }, 512 },
	/* in the middle of one */
	{ { { 0, 700, 0 }, { 700, 600, 0 } }, 1300 },
	{ { { 0, 700, 0 }, { 700, 600, 1 } }, 700 },
	{ { { 700, 600, 0 }, { 0, 700, 0 } }, 1300 },
	{ { { 700, 600, 0 }, { 0, 700, 1 } }, 700 },
	{ { { 0, 700, NONE }, { 700, 600, NONE } }, 700 },
	/* in one pageblock, but not touching */
	{ { { 0, 700, 0 }, { 701, 600, 1 } }, 700 },
	{ { { 0, 700, 0 }, { 701, 600, 0 } }, 700 },
	{ { { 10, 20, 0 }, { 40, 30, 1 }, { 30, 10, 2 } }, 30 },
	{ { { 10, 20, 0 }, { 40, 30, 0 }, { 30, 10, 0 } }, 60 },
	{ { { 10, 20, 0 }, { 40, 30, 1 }, { 30, 10, 0 } }, 30 },
	/* it may join the second, whose numbers were chosen before */
	{ { { 10, 20, 0 }, { 40, 30, 1 }, { 30, 10, 1 } }, 30 },
	{ { { 10, 1, 0 }, { 12, 1, 1 }, { 14, 1, 2 }, { 13, 1, 2 } }, 1 },
	/* between two that it may join, far from each other */
	{ { { 0, 512, 0 }, { 1024, 512, 0 }, { 512, 512, 0 } }, 1536 },
	{ { { 0, 700, 0 }, { 1400, 700, 0 }, { 700, 700, 0 } }, 2100 },
	{ { { 0, 700, 0 }, { 1400, 700, 1 }, { 700, 700, 1 } }, 700 },
	/* below the first one */
	{ { { 4096, 512, 0 }, { 0, 512, 0 }, { 512, 3584, 0 } }, 4608 },
};

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		const struct part *part = places[i].part;
		const struct range *range;
		struct test_heap t;
		int id = 0;

		regions_make(&t, &(struct regions_spec){ .nr_blocks = 16,
							 .start = part[0].page,
							 .nr_pages = part[0].nr,
							 .key = part[0].key });
		for (u32 j = 1; j < 4 && part[j].nr && id >= 0; j++) {
			id = region_add(&t, part[j].page, part[j].nr,
					part[j].key);
		}
		heap_valid(&t);
		assert_true(id > 0);
		range = &t.heap->range[id];
		part += id;
		if ((char *)pfn_to_addr(t.heap, range->start_pfn) !=
			    t.base + BYTES(part->page) ||
		    range->end_pfn - range->start_pfn != part->nr)
			fail_msg("row %zu: %lu pages", i,
				 (unsigned long)(range->end_pfn -
						 range->start_pfn));
		if (largest_free(&t) != places[i].largest)
			fail_msg("row %zu: largest %lu", i,
				 (unsigned long)largest_free(&t));
		heap_end(&t);
	}
}

/* What the numbers are where there is a choice. */
static void test_numbers(void **state)
{
	struct test_heap t;
	u64 first;

	(void)state;
	regions_make(&t, &(struct regions_spec){ .nr_blocks = 64,
						 .start = BLOCKS(30),
						 .nr_pages = BLOCKS(1) });
	first = t.heap->range[0].start_pfn;
	/* counted from the first one */
	assert_int_equal(region_add(&t, BLOCKS(40), 100, 0), 1);
	assert_int_equal(t.heap->range[1].start_pfn, first + BLOCKS(10));
	assert_int_equal(region_add(&t, BLOCKS(20), 100, 0), 2);
	assert_int_equal(t.heap->range[2].start_pfn, first - BLOCKS(10));
	/* one that touches a stranger has a pageblock in between */
	assert_int_equal(region_add(&t, BLOCKS(31), BLOCKS(1), 9), 3);
	assert_true(t.heap->range[3].start_pfn >
			    t.heap->range[0].end_pfn + BLOCK_PAGES ||
		    t.heap->range[3].end_pfn + BLOCK_PAGES <=
			    t.heap->range[0].start_pfn);
	/* and what continues that one follows it, too */
	assert_int_equal(region_add(&t, BLOCKS(32), BLOCKS(1), 9), 4);
	assert_int_equal(t.heap->range[4].start_pfn, t.heap->range[3].end_pfn);
	assert_int_equal(largest_free(&t), BLOCKS(2));
	heap_end(&t);
}

/* The same over and over does not use numbers up. */
static void test_again_and_again(void **state)
{
	struct test_heap t;

	(void)state;
	regions_make(&t,
		     &(struct regions_spec){ .nr_blocks = 16,
					     .nr_pages = BLOCKS(2),
					     .max_regions = 4,
					     .max_bytes = 16 * BLOCK_BYTES });
	for (u32 i = 0; i < TEST_STEPS(5000); i++) {
		u64 page = BLOCKS(2) + i * 37 % BLOCKS(3);

		assert_int_equal(region_add(&t, page, BLOCKS(9), i), 1);
		assert_int_equal(fixheap_offline_region(t.heap, 1, 0), 0);
	}
	heap_end(&t);
}

/* There are enough for all regions that there may be, however they lie. */
static void test_plenty(void **state)
{
	struct test_heap t;

	(void)state;
	regions_make(&t,
		     &(struct regions_spec){ .nr_blocks = 2100,
					     .nr_pages = 1,
					     .max_regions = 1000,
					     .max_bytes = 100 * BLOCK_BYTES });
	/* single pages, far apart in memory, each with a key of its own */
	for (u64 i = 0; i < 999; i++)
		assert_int_equal(region_add(&t, BLOCKS(2 * i + 1) + 5, 1, i),
				 i + 1);
	regions_count(&t, 1000, 0);
	assert_int_equal(largest_free(&t), 1);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_again_and_again),
		cmocka_unit_test(test_plenty),
	};

	return cmocka_run_group_tests_name("range_place", tests, NULL, NULL);
}
