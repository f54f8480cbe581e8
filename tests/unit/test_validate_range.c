/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_validate_range.c: mm/validate_range.c, the list of regions and what is
 * counted of them, each field wrong once.
 *
 * There are three: 0 and 1 touch and are one, 2 lies apart, and in one test is
 * being taken out.
 */
#include "regions_test.h"

/* Where a field is, and what makes it wrong. */
struct corruption {
	void *field;
	size_t bytes;
	u64 wrong;
	const char *named; /* in the report */
};

#define FIELD(field) &(field), sizeof(field)

/* Each is named, and all is well when it is as before. */
static void try_all(struct test_heap *t, const struct corruption *table,
		    size_t nr)
{
	heap_valid(t);
	for (size_t i = 0; i < nr; i++) {
		unsigned char was[8];
		int ret;

		assert_true(table[i].bytes <= sizeof(was));
		memcpy(was, table[i].field, table[i].bytes);
		/* the low bytes come first */
		memcpy(table[i].field, &table[i].wrong, table[i].bytes);
		assert_memory_not_equal(was, table[i].field, table[i].bytes);
		host_sim_clear_output();
		ret = fixheap_validate(t->heap);
		memcpy(table[i].field, was, table[i].bytes);
		if (ret != -EUCLEAN ||
		    !strstr(host_sim_output(), table[i].named))
			fail_msg("line %zu: %d, without \"%s\":\n%s", i, ret,
				 table[i].named, host_sim_output());
		heap_valid(t);
	}
}

static struct test_heap the_heap;

static int make(void **state)
{
	struct test_heap *t = *state = &the_heap;

	regions_make(t, &(struct regions_spec){ .nr_blocks = 16,
						.nr_pages = 1000 });
	assert_int_equal(region_add(t, 1000, 1000, 0), 1);
	assert_int_equal(region_add(t, 3000, 1000, 0), 2);
	return 0;
}

/* Two that touch at the border of pageblocks. */
static int make_blocks(void **state)
{
	struct test_heap *t = *state = &the_heap;

	regions_make(t, &(struct regions_spec){ .nr_blocks = 16,
						.nr_pages = BLOCKS(2) });
	assert_int_equal(region_add(t, BLOCKS(2), BLOCKS(1), 0), 1);
	return 0;
}

/* All pages of the third are out of use, but for this one. */
#define IN_USE 3500

static int make_isolated(void **state)
{
	struct test_heap *t;
	char *page;

	make(state);
	t = *state;
	page = t->base + BYTES(IN_USE);
	heap_place(t, PAGE_RAW, addr_to_pfn(t->heap, page), 1);
	assert_int_equal(fixheap_offline_region(t->heap, 2, 0), -EBUSY);
	return 0;
}

static int end(void **state)
{
	heap_end(*state);
	return 0;
}

static void test_list(void **state)
{
	struct test_heap *t = *state;
	struct fixheap *heap = t->heap;
	struct range *range = heap->range;
	const struct corruption table[] = {
		{ FIELD(heap->range_seq), heap->range_seq + 1,
		  "count of changes of the ranges" },
		/* in order, none empty, all inside */
		{ FIELD(range[1].start_pfn), range[0].start_pfn,
		  "pages of a range" },
		{ FIELD(range[1].start_pfn), range[1].start_pfn - 1,
		  "pages of a range" },
		{ FIELD(range[2].end_pfn), range[2].start_pfn,
		  "pages of a range" },
		{ FIELD(range[2].end_pfn), heap->end_pfn + 1,
		  "pages of a range" },
		{ FIELD(range[2].end_pfn), range[2].end_pfn - 1,
		  "pages of the" },
		{ FIELD(range[1].below), 0, "link of a range" },
		{ FIELD(range[1].below), 3, "link of a range" },
		{ FIELD(range[2].below), 1, "link of a range" },
		{ FIELD(range[0].below), 2, "link of a range" },
		{ FIELD(range[1].above), 0, "ranges of the heap" },
	};

	try_all(t, table, ARRAY_LEN(table));
}

/* What joins the range below has its key, which is one that joins. */
static void test_keys(void **state)
{
	struct test_heap *t = *state;
	struct range *range = t->heap->range;
	const struct corruption table[] = {
		{ FIELD(range[1].key), 3, "key of a range that joins" },
		{ FIELD(range[0].key), 3, "key of a range that joins" },
		{ FIELD(range[0].key), FIXHEAP_KEY_NONE, "key of a range" },
	};

	try_all(t, table, ARRAY_LEN(table));
	range[0].key = range[1].key = FIXHEAP_KEY_NONE;
	host_sim_clear_output();
	assert_int_equal(fixheap_validate(t->heap), -EUCLEAN);
	assert_non_null(strstr(host_sim_output(), "key of a range that joins"));
	range[0].key = range[1].key = 0;
}

/* And it lies behind it in memory. */
static void test_addresses(void **state)
{
	struct test_heap *t = *state;
	u64 b = t->heap->range[1].start_pfn >> BLOCK_SHIFT;
	uintptr_t *move = &t->heap->move_of[b];
	const struct corruption table[] = {
		{ FIELD(*move), *move + BLOCK_BYTES,
		  "address of a range that joins the one below" },
		{ FIELD(*move), *move - BLOCK_BYTES,
		  "address of a range that joins the one below" },
	};

	try_all(t, table, ARRAY_LEN(table));
}

/* The lowest range of the first pageblock, and of the last, of each. */
static void test_table(void **state)
{
	struct test_heap *t = *state;
	const struct range *range = t->heap->range;
	u16 *at = t->heap->range_at;
	u64 first = range[0].start_pfn >> BLOCK_SHIFT;
	u64 shared = range[1].start_pfn >> BLOCK_SHIFT;
	u64 last = (range[1].end_pfn - 1) >> BLOCK_SHIFT;
	u64 apart = range[2].start_pfn >> BLOCK_SHIFT;
	u64 highest = (range[2].end_pfn - 1) >> BLOCK_SHIFT;
	const struct corruption table[] = {
		{ FIELD(at[first]), 0, "lowest range of a pageblock" },
		{ FIELD(at[shared]), 2, "lowest range of a pageblock" },
		{ FIELD(at[last]), 3, "lowest range of a pageblock" },
		{ FIELD(at[apart]), 2, "lowest range of a pageblock" },
		{ FIELD(at[highest]), 2, "lowest range of a pageblock" },
	};

	assert_int_equal(at[shared], 1);
	try_all(t, table, ARRAY_LEN(table));
}

static void test_sums(void **state)
{
	struct test_heap *t = *state;
	struct fixheap *heap = t->heap;
	const struct corruption table[] = {
		{ FIELD(heap->nr_ranges), 2, "ranges of the heap" },
		{ FIELD(heap->nr_ranges), 4, "ranges of the heap" },
		{ FIELD(heap->nr_isolated), 1, "isolated ranges" },
		{ FIELD(heap->nr_own), 1, "that arrays have or had" },
		{ FIELD(heap->range[2].was_own), 1, "have or had" },
		{ FIELD(heap->nr_pages), 17, "pages of the heap" },
		{ FIELD(t->zone->nr_pages), 3001, "pages of the zone" },
		{ FIELD(heap->range[1].nr_isolated), 1, "isolated pages" },
		{ FIELD(heap->range[1].isolated), 1, "isolated ranges" },
	};

	try_all(t, table, ARRAY_LEN(table));
}

static void test_isolated(void **state)
{
	struct test_heap *t = *state;
	struct range *range = &t->heap->range[2];
	const struct corruption table[] = {
		{ FIELD(range->nr_isolated), 998, "isolated pages" },
		{ FIELD(range->isolated), 0, "neither free nor in a run" },
		{ FIELD(t->heap->nr_isolated), 0, "isolated ranges" },
		{ FIELD(t->heap->nr_pages), 3000, "pages of the heap" },
		{ FIELD(t->zone->nr_pages), 3000, "pages of the zone" },
	};

	assert_int_equal(range->nr_isolated, 999);
	try_all(t, table, ARRAY_LEN(table));
}

#define TEST_OF(setup, name) \
	cmocka_unit_test_setup_teardown(test_##name, setup, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_OF(make, list),
		TEST_OF(make, keys),
		TEST_OF(make_blocks, addresses),
		TEST_OF(make, table),
		TEST_OF(make, sums),
		TEST_OF(make_isolated, isolated),
	};

	return cmocka_run_group_tests_name("validate_range", tests, NULL, NULL);
}
