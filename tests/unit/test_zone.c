/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_zone.c: mm/zone.c and how mm/heap.c cuts a heap into zones: their
 * shares, their borders, the books that they keep, and their reserves.
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
		{ "2x1:1G,3G", 16, "0 4 16" }, /* the small part joins */
		{ "2x1:3G,1G", 16, "0 11 15 16" },
		{ "4x1", 16, "0 4 8 12 16" },
		{ "8x2", 16, "0 2 4 6 8 10 12 14 16" },
		{ "3x1", 16, "0 5 10 16" },
		{ "3x1:1G,0,1G", 16, "0 8 16" }, /* memoryless */
		{ "3x1:0,0,1G", 16, "0 16" },
		{ "3x1:1G,0,0", 16, "0 16" },
		{ "4x1", 2, "0 1 2" }, /* more nodes than blocks */
		{ "64x1", 1, "0 1" },
		{ "2x1:1M,4G", 16, "0 16" }, /* a share below a block */
		{ "2x1:4G,1M", 16, "0 14 15 16" },
		/* small parts in layers: every node has a slice of each */
		{ "2x1", 64, "0 30 60 61 62 63 64" },
		{ "3x1:1G,1G,2G", 128, "0 30 60 121 122 123 125 126 127 128" },
		{ "2x1", 640,
		  "0 300 600 602 604 607 610 612 614 617 620 622 624 627 "
		  "630 632 634 637 640" },
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
		assert_true(z == 0 || zone->node != heap->zone[z - 1].node);
		assert_true(pfn % BLOCK_PAGES == 0 || z == 0);
		assert_int_equal(zone->first_block, pfn / BLOCK_PAGES);
		assert_int_equal(zone->end_block, (zone->end_pfn + BLOCK_PAGES -
						   1) / BLOCK_PAGES);
		assert_int_equal(zone->nr_free, zone->end_pfn - pfn);
		assert_ptr_equal(zone->region, &heap->region);
		assert_true(zone->node < heap->nr_nodes);
		assert_ptr_equal(zone_of(heap, pfn), zone);
		assert_ptr_equal(zone_of(heap, zone->end_pfn - 1), zone);
		pfn = zone->end_pfn;
	}
	assert_int_equal(pfn, heap->end_pfn);
	assert_int_equal(heap->region.start_pfn, heap->start_pfn);
	assert_int_equal(heap->region.end_pfn, heap->end_pfn);
	assert_int_equal(heap->region.nr_free, heap->end_pfn - heap->start_pfn);
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
	struct contig_request find = { .nr_pages = 150,
				       .align = 1,
				       .placement = PLACE_MEDIUM };
	struct zero_range known;
	struct test_heap t;
	struct run run[4];
	u64 page;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1000 });
	contig_set_zone(&find, t.zone);
	for (u32 i = 0; i < 3; i++) {
		spin_lock(&t.region->lock);
		assert_true(region_alloc_locked(t.region, &req, &find, &run[i],
						&known));
		spin_unlock(&t.region->lock);
		assert_int_equal(t.heap->used, 150 * (i + 1));
		assert_int_equal(t.zone->nr_free, 1000 - 150 * (i + 1));
		assert_int_equal(t.region->nr_free, 1000 - 150 * (i + 1));
		assert_true(runmap_find(t.region, run[i].pfn + 149, &run[3],
					&page));
		assert_int_equal(run[3].pfn, run[i].pfn);
		assert_int_equal(page_kind(page), PAGE_RAW);
		assert_int_equal(page_node(page), 0);
		heap_valid(&t);
	}
	/* a refusal changes nothing */
	req.nr_pages = find.nr_pages = 551;
	assert_false(
		region_alloc_locked(t.region, &req, &find, &run[3], &known));
	req.nr_pages = find.nr_pages = 1001;
	assert_false(
		region_alloc_locked(t.region, &req, &find, &run[3], &known));
	assert_int_equal(t.heap->used, 450);
	for (u32 i = 0; i < 3; i++) {
		spin_lock(&t.region->lock);
		runmap_clear(t.region, &run[i]);
		region_release_locked(t.region, &run[i], PLACE_MEDIUM);
		spin_unlock(&t.region->lock);
		assert_int_equal(t.heap->used, 450 - 150 * (i + 1));
		heap_valid(&t);
	}
	assert_int_equal(t.heap->peak_used, 450);
	heap_end(&t);
}

/* A run over borders is counted in each of its zones, page by page; there are
 * four of two blocks each. */
static void test_books_of_several(void **state)
{
	static const struct {
		u64 pfn, nr;
		u64 taken[4];
	} table[] = {
		{ 0, 1024, { 1024, 0, 0, 0 } },
		{ 1023, 1, { 1, 0, 0, 0 } },
		{ 1024, 1, { 0, 1, 0, 0 } },
		{ 1023, 2, { 1, 1, 0, 0 } },
		{ 1000, 100, { 24, 76, 0, 0 } },
		{ 512, 1024, { 512, 512, 0, 0 } },
		{ 1500, 2000, { 0, 548, 1024, 428 } },
		{ 0, 4096, { 1024, 1024, 1024, 1024 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run run = { table[i].pfn, table[i].nr };
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .machine = "4x1",
						   .nr_pages = BLOCKS(8) });
		region_take_locked(t.region, &run, PLACE_ARRAY);
		for (u32 z = 0; z < 4; z++)
			assert_int_equal(t.heap->zone[z].nr_free,
					 1024 - table[i].taken[z]);
		assert_int_equal(t.region->nr_free, 4096 - run.nr_pages);
		assert_int_equal(t.heap->used, run.nr_pages);
		assert_int_equal(contig_free_from(t.region, 0), run.pfn);
		region_give_locked(t.region, &run, PLACE_ARRAY);
		for (u32 z = 0; z < 4; z++)
			assert_int_equal(t.heap->zone[z].nr_free, 1024);
		assert_string_equal(zone_spans(t.region), "0-8:4096");
		heap_end(&t);
	}
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
			region_take_locked(t.region, &run, PLACE_ARRAY);
		else
			region_give_locked(t.region, &run, PLACE_ARRAY);
		assert_int_equal(t.heap->used, table[i].used);
		assert_int_equal(t.heap->peak_used, table[i].peak);
	}
	heap_end(&t);
}

/* Two nodes of two blocks.  What each may have of what is kept back: all that
 * is free is 2048 pages, and 1024 in each zone. */
static void test_reserves(void **state)
{
	static const struct {
		u64 small[2], local[2]; /* reserves of the zones */
		enum placement place;
		enum fixheap_policy policy;
		u64 nodes;
		u32 cpu;
		u64 largest;
	} table[] = {
#define DEFAULT FIXHEAP_POLICY_DEFAULT, 0
#define BIND FIXHEAP_POLICY_BIND
		{ { 0, 0 }, { 0, 0 }, PLACE_ARRAY, DEFAULT, 0, 2048 },
		{ { 30, 0 }, { 0, 0 }, PLACE_ARRAY, DEFAULT, 0, 2018 },
		{ { 30, 40 }, { 0, 0 }, PLACE_ARRAY, DEFAULT, 0, 1978 },
		{ { 30, 40 }, { 0, 0 }, PLACE_MEDIUM, DEFAULT, 0, 2048 },
		{ { 30, 40 }, { 0, 0 }, PLACE_SMALL, DEFAULT, 0, 2048 },
		{ { 30, 40 }, { 0, 0 }, PLACE_ARRAY, BIND, 1, 0, 994 },
		{ { 30, 40 }, { 0, 0 }, PLACE_ARRAY, BIND, 2, 0, 984 },
		{ { 30, 40 }, { 0, 0 }, PLACE_ARRAY, BIND, 3, 0, 1978 },
		{ { 2000, 0 }, { 0, 0 }, PLACE_ARRAY, DEFAULT, 0, 1024 },
		{ { 2000, 0 }, { 0, 0 }, PLACE_ARRAY, BIND, 1, 0, 0 },
		/* of others, what is kept for the own CPUs */
		{ { 0, 0 }, { 0, 50 }, PLACE_ARRAY, DEFAULT, 0, 1998 },
		{ { 0, 0 }, { 0, 50 }, PLACE_ARRAY, DEFAULT, 1, 2048 },
		{ { 0, 0 }, { 50, 50 }, PLACE_ARRAY, DEFAULT, 1, 1998 },
		{ { 7, 8 }, { 50, 60 }, PLACE_ARRAY, DEFAULT, 1, 1983 },
		{ { 7, 8 }, { 50, 60 }, PLACE_ARRAY, DEFAULT, 0, 1973 },
		{ { 7, 8 }, { 50, 60 }, PLACE_SMALL, DEFAULT, 0, 1988 },
		{ { 7, 8 }, { 50, 60 }, PLACE_ARRAY, BIND, 2, 0, 1016 },
		{ { 7, 8 }, { 50, 60 }, PLACE_ARRAY, BIND, 3, 0, 2033 },
#undef DEFAULT
#undef BIND
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct run_request req = run_request_of(PAGE_RAW, 1);
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .machine = "2x1",
						   .nr_pages = BLOCKS(4) });
		t.heap->reserves = true;
		for (u32 z = 0; z < 2; z++) {
			t.heap->zone[z].small_reserve = table[i].small[z];
			t.heap->zone[z].local_reserve = table[i].local[z];
		}
		req.placement = table[i].place;
		req.policy = table[i].policy;
		req.nodes = table[i].nodes;
		host_sim_set_cpu(table[i].cpu);
		heap_largest(&t, &req, table[i].largest);
		heap_end(&t);
	}
}

/* Four nodes of two blocks, each keeps 30 pages for small things and 100 for
 * its own CPUs. */
static void make_reserved(struct test_heap *t)
{
	heap_make(t, &(struct heap_spec){ .machine = "4x1",
					  .nr_pages = BLOCKS(8) });
	t->heap->reserves = true;
	for (u32 z = 0; z < 4; z++) {
		t->heap->zone[z].small_reserve = 30;
		t->heap->zone[z].local_reserve = 100;
	}
}

/* What is kept back in a group of neighbours is not made up for by what is
 * free in zones outside of it. */
static void test_reserves_of_group(void **state)
{
	struct run_request req = run_request_of(PAGE_RAW, 1);
	struct test_heap t;

	(void)state;
	make_reserved(&t);
	req.policy = FIXHEAP_POLICY_BIND;
	req.nodes = 3;
	heap_largest(&t, &req, 2048 - 60);
	/* over three, the one between would have to give all */
	req.nodes = 0xe;
	heap_largest(&t, &req, 2048 - 60);
	heap_end(&t);
}

/* Nor is it taken page by page: from CPU 0 all of node 0, of the others not,
 * with and without the caches of single pages. */
static void test_reserves_page_by_page(void **state)
{
	static const struct {
		u64 nr;
		enum placement place;
		u64 left[4];
	} table[] = {
		{ 1, PLACE_MEDIUM, { 0, 100, 100, 100 } },
		{ 1, PLACE_ARRAY, { 30, 130, 130, 130 } },
		{ 2, PLACE_SMALL, { 0, 100, 100, 100 } },
		{ 1, PLACE_SMALL, { 0, 100, 100, 100 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct run_request req = run_request_of(PAGE_RAW, table[i].nr);
		struct test_heap t;
		struct run run;

		make_reserved(&t);
		req.placement = table[i].place;
		while (run_alloc(t.heap, &req, &run) == 0)
			;
		run_drain(t.heap);
		for (u32 z = 0; z < 4; z++)
			assert_int_equal(t.heap->zone[z].nr_free,
					 table[i].left[z]);
		heap_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_shares),
		cmocka_unit_test(test_cover),
		cmocka_unit_test(test_odd_shares),
		cmocka_unit_test(test_books),
		cmocka_unit_test(test_books_of_several),
		cmocka_unit_test(test_peak),
		cmocka_unit_test(test_reserves),
		cmocka_unit_test(test_reserves_of_group),
		cmocka_unit_test(test_reserves_page_by_page),
	};

	return cmocka_run_group_tests_name("zone", tests, NULL, NULL);
}
