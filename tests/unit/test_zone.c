/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_zone.c: mm/zone.c and how mm/heap.c cuts a heap into zones: their
 * shares, their borders, and the books that they keep.
 */
#include "support.h"

#include "runmap.h"

/* First block of each zone, then the end of the last: "0 4 16". */
static const char *borders(const struct fixheap *heap)
{
	static char text[512];
	size_t len = 0;

	for (u32 z = 0; z < heap->nr_zones; z++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%u ",
					heap->zone[z].first_block);
	snprintf(text + len, sizeof(text) - len, "%u",
		 heap->zone[heap->nr_zones - 1].end_block);
	return text;
}

static void test_shares(void **state)
{
	static const struct {
		const char *machine;
		u32 nr_blocks;
		const char *borders;
	} table[] = {
		{ "1x1", 16, "0 16" },
		{ "2x1", 16, "0 8 16" },
		{ "2x1:1G,3G", 16, "0 4 16" },
		{ "2x1:3G,1G", 16, "0 12 16" },
		{ "4x1", 16, "0 4 8 12 16" },
		{ "8x2", 16, "0 2 4 6 8 10 12 14 16" },
		{ "3x1", 16, "0 5 10 16" },
		{ "3x1:1G,0,1G", 16, "0 8 16" }, /* memoryless */
		{ "3x1:0,0,1G", 16, "0 16" },
		{ "3x1:1G,0,0", 16, "0 16" },
		{ "4x1", 2, "0 1 2" }, /* more nodes than blocks */
		{ "64x1", 1, "0 1" },
		{ "2x1:1M,4G", 16, "0 16" }, /* a share below a block */
		{ "2x1:4G,1M", 16, "0 15 16" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct heap_spec spec = { .machine = table[i].machine,
						.nr_pages = BLOCKS(
							table[i].nr_blocks) };
		struct test_heap t;

		heap_make(&t, &spec);
		assert_string_equal(borders(t.heap), table[i].borders);
		heap_end(&t);
	}
}

/* Whatever the machine and the memory, the zones lie end to end. */
static void check_cover(const struct fixheap *heap)
{
	u64 pfn = heap->start_pfn;

	for (u32 z = 0; z < heap->nr_zones; z++) {
		const struct zone *zone = &heap->zone[z];

		assert_int_equal(zone->index, z);
		assert_int_equal(zone->start_pfn, pfn);
		assert_true(zone->end_pfn > pfn);
		assert_true(z == 0 || zone->node > heap->zone[z - 1].node);
		assert_true(pfn % BLOCK_PAGES == 0 || z == 0);
		assert_int_equal(zone->first_block, pfn / BLOCK_PAGES);
		assert_int_equal(zone->end_block, (zone->end_pfn + BLOCK_PAGES -
						   1) / BLOCK_PAGES);
		assert_int_equal(zone->nr_free, zone->end_pfn - pfn);
		assert_ptr_equal(zone_of(heap, pfn), zone);
		assert_ptr_equal(zone_of(heap, zone->end_pfn - 1), zone);
		pfn = zone->end_pfn;
	}
	assert_int_equal(pfn, heap->end_pfn);
}

static void test_cover(void **state)
{
	static const char *const machines[] = {
		"1x1", "2x4", "3x1:1G,5G,2G", "8x1", "64x1", "5x1:1M,0,7G,0,3G",
	};
	static const struct {
		u64 nr_pages;
		size_t skew;
	} table[] = {
		{ 1, 0 },
		{ 1, 1 },
		{ 1, 511 * PAGE_BYTES },
		{ 512, 1 },
		{ 513, 0 },
		{ 5000, 3 * PAGE_BYTES + 1 },
		{ 100 * 512, 77 },
		{ 65 * 512 + 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table) * ARRAY_LEN(machines); i++) {
		const struct heap_spec spec = {
			.machine = machines[i % ARRAY_LEN(machines)],
			.nr_pages = table[i / ARRAY_LEN(machines)].nr_pages,
			.skew = table[i / ARRAY_LEN(machines)].skew
		};
		struct test_heap t;

		heap_make(&t, &spec);
		assert_int_equal(t.heap->end_pfn - t.heap->start_pfn,
				 spec.nr_pages);
		check_cover(t.heap);
		heap_end(&t);
	}
}

/* Odd numbers of bytes and blocks, where shares are not exact in binary. */
static void test_odd_shares(void **state)
{
	static const struct {
		u64 nr_blocks;
		const char *machine;
	} table[] = {
		{ 2054381, "2x1:4886665402830,4886665402831" },
		{ 2054381, "1x1:9773330805661" },
		{ 1000003, "3x1:7777777777777,0,1" },
		{ 7, "3x1:333333333333,333333333334,1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct heap_spec spec = { .machine = table[i].machine,
						.nr_pages = BLOCKS(
							table[i].nr_blocks),
						.reserved = 1 };
		struct test_heap t;

		heap_make(&t, &spec);
		check_cover(t.heap);
		heap_end(&t);
	}
}

static void test_books(void **state)
{
	struct run_request req = { .nr_pages = 150,
				   .align = 1,
				   .kind = PAGE_RAW,
				   .placement = PLACE_MEDIUM };
	struct zero_range known;
	struct test_heap t;
	struct run run[4];
	u64 page;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1000 });
	for (u32 i = 0; i < 3; i++) {
		spin_lock(&t.zone->lock);
		assert_true(zone_alloc_locked(t.zone, &req, &run[i], &known));
		spin_unlock(&t.zone->lock);
		assert_int_equal(t.heap->used, 150 * (i + 1));
		assert_int_equal(t.zone->nr_free, 1000 - 150 * (i + 1));
		assert_true(
			runmap_find(t.zone, run[i].pfn + 149, &run[3], &page));
		assert_int_equal(run[3].pfn, run[i].pfn);
		assert_int_equal(page_kind(page), PAGE_RAW);
		assert_int_equal(page_zone(page), 0);
		heap_valid(&t);
	}
	/* a refusal changes nothing */
	req.nr_pages = 551;
	assert_false(zone_alloc_locked(t.zone, &req, &run[3], &known));
	req.nr_pages = 1001;
	assert_false(zone_alloc_locked(t.zone, &req, &run[3], &known));
	assert_int_equal(t.heap->used, 450);
	for (u32 i = 0; i < 3; i++) {
		spin_lock(&t.zone->lock);
		runmap_clear(t.zone, &run[i]);
		zone_release_locked(t.zone, &run[i], PLACE_MEDIUM);
		spin_unlock(&t.zone->lock);
		assert_int_equal(t.heap->used, 450 - 150 * (i + 1));
		heap_valid(&t);
	}
	assert_int_equal(t.heap->peak_used, 450);
	heap_end(&t);
}

/* The highest use is of all zones at one time, not of each at its own. */
static void test_peak(void **state)
{
	static const struct {
		u32 zone;
		int take; /* 0: give back what was taken there */
		u64 used, peak;
	} table[] = {
		{ 0, 1, 100, 100 }, { 1, 1, 200, 200 }, { 0, 0, 100, 200 },
		{ 1, 0, 0, 200 },   { 1, 1, 100, 200 }, { 1, 0, 0, 200 },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t,
		  &(struct heap_spec){ .machine = "2x1", .nr_pages = 2048 });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct zone *zone = &t.heap->zone[table[i].zone];
		const struct run run = { zone->start_pfn, 100 };

		if (table[i].take)
			zone_take_locked(zone, &run, PLACE_ARRAY);
		else
			zone_give_locked(zone, &run, PLACE_ARRAY);
		assert_int_equal(t.heap->used, table[i].used);
		assert_int_equal(t.heap->peak_used, table[i].peak);
	}
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),	   cmocka_unit_test(test_cover),
		cmocka_unit_test(test_odd_shares), cmocka_unit_test(test_books),
		cmocka_unit_test(test_peak),
	};

	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
