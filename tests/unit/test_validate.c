/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_validate.c: mm/validate.c, the walk along the runs of a heap, what zones
 * and the heap count, and how mistakes are reported.
 */
#include "corrupt_test.h"

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
		{ HEAD(11 * 512), 2048 * len, "length of a run" },
		{ HEAD(100), 1ull << 63, "length of a run" },
		/* and what it says */
		{ HEAD(100), 1ull << PAGE_NODE_SHIFT, "node in a descriptor" },
		{ HEAD(100), 3 << PAGE_PLACE_SHIFT, "placement in a descr" },
		{ HEAD(SLAB_AT), PAGE_EXTENT ^ PAGE_CACHED, "pages in caches" },
		{ HEAD(SLAB_AT), PAGE_EXTENT ^ PAGE_CACHED ^ 1 << 20,
		  "descriptor of a cached page" },
		{ HEAD(100), 512 * len, "a run lies in a free block" },
		/* 2: heads of the runs that leave their block */
		{ IN_BLOCK(5, cross), 1, "run that leaves a block" },
		/* what is in use is in no row */
		{ IN_BLOCK(11, span_end), 12, "mark of a row in a block that" },
		{ IN_BLOCK(8, span_first), 9, "mark of a row in a block that" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
}

static void test_zone(void **state)
{
	static const struct corruption table[] = {
		/* 1: free pages of the zone, used ones of the heap */
		{ IN_ZONE(nr_free), 1, "free pages of the zone" },
		{ IN_ZONE(nr_free), 1ull << 40, "free pages of the zone" },
		{ IN_REGION(nr_free), 1, "free pages of the region" },
		{ IN_REGION(nr_free), 1ull << 40, "free pages of the region" },
		{ IN_ZONE(nr_pages), 1, "pages of the zone" },
		{ IN_HEAP(used), 1, "used pages of the heap" },
		/* 2: never more used than at most */
		{ IN_HEAP(peak_used), 1ull << 11, "highest use of the heap" },
	};

	(void)state;
	try_all(table, ARRAY_LEN(table));
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
		cmocka_unit_test(test_runmap),
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_several_zones),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_unlocked),
	};

	return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}
