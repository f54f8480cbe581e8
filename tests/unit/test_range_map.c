/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_range_map.c: mm/range_map.c, the tables that lead from memory to page
 * numbers and back, as regions come and go.
 */
#include "regions_test.h"

#include "range_map.h"
#include "range_place.h"

#define NR_BLOCKS 6
#define NR_PARTS 6
#define NONE FIXHEAP_KEY_NONE

struct part {
	u64 page, nr, key;
};

/* Regions in the order in which they come, by pages of the window. */
static const struct part layouts[][NR_PARTS] = {
	{ { 0, 512, 0 } },
	{ { 100, 1000, 0 }, { 1100, 500, 0 } },
	/* several in one pageblock of memory */
	{ { 100, 1000, 0 }, { 1100, 500, 1 } },
	{ { 10, 20, 0 }, { 30, 5, 1 }, { 35, 5, 2 }, { 100, 1, 0 } },
	{ { 30, 5, 1 }, { 10, 20, 0 }, { 511, 2, 2 }, { 1023, 1, 1 } },
	{ { 0, 1, NONE },
	  { 1, 1, NONE },
	  { 2, 600, NONE },
	  { 602, 1000, NONE },
	  { 1602, 1, NONE },
	  { 1603, 900, NONE } },
	/* a row of whole ones */
	{ { 512, 512, 0 }, { 1024, 512, 3 }, { 0, 512, 3 } },
	{ { 512, 512, 0 }, { 1024, 512, 0 }, { 0, 512, 0 } },
	{ { 10, 20, 0 }, { 30, 5, 0 }, { 35, 5, 2 }, { 40, 600, 2 } },
	{ { 700, 600, 5 }, { 0, 700, 5 }, { 1300, 100, 6 }, { 1400, 9, 5 } },
};

/* The region of a page of the window; NULL: none that is there. */
static const struct range *owner_of(struct test_heap *t, const char *page)
{
	for (u32 i = 0; i < t->heap->max_ranges; i++) {
		const struct range *range = &t->heap->range[i];

		if (range->end_pfn && page >= range->base &&
		    page < range->base + range->bytes)
			return range;
	}
	return NULL;
}

/* All addresses of the window, and all page numbers. */
static void check_map(struct test_heap *t)
{
	const struct fixheap *heap = t->heap;

	for (u64 i = 0; i < BLOCKS(NR_BLOCKS); i++) {
		char *page = t->base + BYTES(i);
		const struct range *range = owner_of(t, page);
		u64 pfn = addr_to_pfn(heap, page);

		assert_int_equal(addr_to_pfn(heap, page + PAGE_BYTES - 1), pfn);
		assert_int_equal(pfn_valid(heap, pfn), range != NULL);
		if (!range && !heap->block_at[at_of((uintptr_t)page)]) {
			assert_int_equal(pfn, heap->pfn_none);
			assert_int_equal(slow_pfn(heap, page), pfn);
		}
		if (!range)
			continue;
		assert_int_equal(pfn,
				 range->start_pfn + (u64)(page - range->base) /
							    PAGE_BYTES);
		assert_int_equal(slow_pfn(heap, page), pfn);
		assert_ptr_equal(pfn_to_addr(heap, pfn), page);
	}
	assert_int_equal(addr_to_pfn(heap, NULL), heap->pfn_none);
	assert_int_equal(addr_to_pfn(heap, (void *)~0ul), heap->pfn_none);
	assert_int_equal(slow_pfn(heap, (void *)~0ul), heap->pfn_none);
}

/* The lowest range of each pageblock, + 1. */
static void check_blocks(struct test_heap *t)
{
	const struct fixheap *heap = t->heap;

	for (u64 b = 0; b < heap->end_pfn >> BLOCK_SHIFT; b++) {
		const struct range *low = NULL;

		for (u32 i = 0; i < heap->max_ranges; i++) {
			const struct range *range = &heap->range[i];

			if (range->end_pfn <= BLOCKS(b) ||
			    range->start_pfn >= BLOCKS(b + 1))
				continue;
			if (!low || range->start_pfn < low->start_pfn)
				low = range;
		}
		assert_int_equal(heap->range_at[b],
				 low ? range_id(heap, low) + 1 : 0);
		if (!low)
			assert_int_equal(heap->move_of[b], 0);
	}
}

/* Tables of pages that have an entry. */
static u32 tables_in_use(struct test_heap *t)
{
	u32 nr = 0;

	for (u32 i = 0; i < 2 * t->heap->max_ranges; i++) {
		u32 any = 0;

		for (u32 p = 0; p < BLOCK_PAGES; p++)
			any |= t->heap->shared[i][p];
		nr += any != 0;
	}
	return nr;
}

static void check(struct test_heap *t)
{
	check_map(t);
	check_blocks(t);
	heap_valid(t);
}

/* They come in order, and all but the first go in any. */
static void test_layouts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layouts) * NR_PARTS; i++) {
		const struct part *part = layouts[i / NR_PARTS];
		u32 nr = 1, turn = i % NR_PARTS;
		struct test_heap t;

		regions_make(&t,
			     &(struct regions_spec){ .nr_blocks = NR_BLOCKS,
						     .start = part[0].page,
						     .nr_pages = part[0].nr,
						     .key = part[0].key,
						     .max_regions = NR_PARTS });
		check(&t);
		for (; nr < NR_PARTS && part[nr].nr; nr++) {
			assert_int_equal(region_add(&t, part[nr].page,
						    part[nr].nr, part[nr].key),
					 nr);
			check(&t);
		}
		for (u32 k = 0; k < nr; k++) {
			u32 id = (k + turn) % nr;

			if (!id)
				continue;
			assert_int_equal(fixheap_offline_region(t.heap, id, 0),
					 0);
			check(&t);
		}
		/* what stays is the first one, and its numbers */
		assert_true(tables_in_use(&t) <= 2);
		heap_end(&t);
	}
}

/* A pageblock of memory has a table only where strangers share it, and that is
 * free again when all of them are gone. */
static void test_tables(void **state)
{
	struct test_heap t;

	(void)state;
	regions_make(&t, &(struct regions_spec){ .nr_blocks = NR_BLOCKS,
						 .start = BLOCKS(5),
						 .nr_pages = 10,
						 .max_regions = 5 });
	assert_int_equal(tables_in_use(&t), 0);
	assert_int_equal(region_add(&t, 100, 1000, 0), 1);
	assert_int_equal(tables_in_use(&t), 0);
	assert_int_equal(region_add(&t, 1100, 900, 0), 2);
	assert_int_equal(tables_in_use(&t), 0);
	assert_int_equal(region_add(&t, 10, 90, 1), 3);
	assert_int_equal(tables_in_use(&t), 1);
	assert_int_equal(region_add(&t, 2000, 500, 1), 4);
	assert_int_equal(tables_in_use(&t), 2);
	check(&t);
	for (u32 id = 1; id <= 4; id++) {
		assert_int_equal(fixheap_offline_region(t.heap, id, 0), 0);
		check(&t);
	}
	assert_int_equal(tables_in_use(&t), 0);
	for (u64 i = 0; i < 5; i++)
		assert_int_equal(t.heap->block_at[at_of((uintptr_t)t.base) + i],
				 0);
	heap_end(&t);
}

/* A heap of one region has numbers counted from its base, and no tables. */
static void test_one_region(void **state)
{
	struct test_heap t;

	(void)state;
	assert_int_equal(ranges_shared_bytes(1), 0);
	assert_int_equal(ranges_shared_bytes(2), 4 * BLOCK_PAGES * 2);
	assert_int_equal(ranges_shared_bytes(1000), 2000 * BLOCK_PAGES * 2);
	heap_make(&t, &(struct heap_spec){ .nr_pages = 2000, .skew = 5000 });
	for (u64 i = 0; i < 2000; i++) {
		u64 pfn = t.heap->start_pfn + i;

		assert_int_equal(addr_to_pfn(t.heap, t.base + BYTES(i)), pfn);
		assert_ptr_equal(pfn_to_addr(t.heap, pfn), t.base + BYTES(i));
	}
	assert_int_equal(slow_pfn(t.heap, t.base), t.heap->pfn_none);
	assert_false(pfn_valid(t.heap, addr_to_pfn(t.heap, t.base - 1)));
	assert_false(
		pfn_valid(t.heap, addr_to_pfn(t.heap, t.base + BYTES(2000))));
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layouts),
		cmocka_unit_test(test_tables),
		cmocka_unit_test(test_one_region),
	};

	return cmocka_run_group_tests_name("range_map", tests, NULL, NULL);
}
