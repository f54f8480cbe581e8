/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_print_zones.c: mm/print_zones.c, zones as text: buddyinfo, zoneinfo,
 * pagetypeinfo.  Each is read back as a user of the kernel's file would read
 * it, and compared with a heap that is known.
 */
#include "regions_test.h"
#include "print_test.h"

static void test_buddyinfo(void **state)
{
	struct test_heap t;
	u64 nr[40];

	(void)state;
	make_known(&t);
	printed(&t, "buddyinfo");
	assert_int_equal(nr_lines(), 1);
	assert_int_equal(numbers_of(line_of("Node 0, zone        0"), nr, 40),
			 11);
	for (u32 i = 0; i < 11; i++)
		assert_int_equal(nr[i], i == 8 || i == 9);
	heap_drop(&t);
}

static void test_zoneinfo(void **state)
{
	struct test_heap t;

	(void)state;
	make_known(&t);
	if (IS_ENABLED(CONFIG_RECLAIM))
		assert_int_equal(fixheap_set_watermark(t.heap, 0, BYTES(7)), 0);
	printed(&t, "zoneinfo");
	line_of("Node 0, zone        0\n");
	assert_int_equal(number_of("      low "),
			 IS_ENABLED(CONFIG_RECLAIM) ? 7 : 0);
	assert_int_equal(number_of("  pages free "), NR - 52);
	assert_int_equal(number_of("      spanned "), NR);
	assert_int_equal(number_of("      present "), NR);
	assert_int_equal(number_of("      nr_free_pages "), NR - 52);
	assert_int_equal(number_of("      nr_small "), 0);
	assert_int_equal(number_of("      nr_large "), 0);
	assert_int_equal(number_of("      nr_array "), 2);
	assert_int_equal(number_of("      nr_raw "), 50);
	assert_int_equal(number_of("      nr_reserved "), 0);
	assert_int_equal(number_of("      nr_isolated "), 0);
	assert_int_equal(number_of("      largest_free "), 573);
	assert_int_equal(number_of("  start_pfn: "), 0);
	line_of("  pagesets\n");
	heap_drop(&t);
}

/* What a CPU keeps is said of the first zone of its node. */
static void test_pagesets(void **state)
{
	/* with an attribute it is not the thread's own cache that serves */
	const struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;
	void *page;

	(void)state;
	need(IS_ENABLED(CONFIG_PER_CPU), "CPUs keep nothing");
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	page = fixheap_pages_alloc(t.heap, 1, 0, &attr);
	printed(&t, "zoneinfo");
	line_of("    cpu: 0\n");
	assert_int_equal(number_of("              count: "),
			 number_of("      nr_cached "));
	assert_true(number_of("      nr_cached ") > 0);
	fixheap_pages_free(t.heap, page, 1);
	heap_end(&t);
}

static void test_pagetypeinfo(void **state)
{
	struct test_heap t;
	u64 nr[40];

	(void)state;
	make_known(&t);
	heap_place(&t, PAGE_ARRAY, 1000, 24);
	heap_place(&t, PAGE_ARRAY, 600, 1);
	printed(&t, "pagetypeinfo");
	line_of("Page block order: 9\n");
	assert_int_equal(number_of("Pages per block: "), 512);
	numbers_of(line_of("Free pages count per placement at order "), nr, 40);
	for (u32 i = 0; i < 11; i++)
		assert_int_equal(nr[i], i);
	/* in the pageblocks: 399, 61; 88, 399 */
	assert_int_equal(numbers_of(line_of("Node    0, zone        0, type "
					    "      Medium "),
				    nr, 40),
			 11);
	for (u32 i = 0; i < 11; i++)
		assert_int_equal(nr[i], i == 8 ? 2 : i == 5 || i == 6);
	line_of("Number of blocks type        Small       Medium        Array "
		"       Whole     Isolated \n");
	assert_int_equal(numbers_of(line_of("Node 0, zone        0 "), nr, 40),
			 5);
	assert_int_equal(nr[1], 2);
	assert_int_equal(nr[0] | nr[2] | nr[3] | nr[4], 0);
	heap_drop(&t);
	/* whole pageblocks, and those of one run */
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(8) });
	heap_place(&t, PAGE_ARRAY, 100, BLOCKS(4));
	printed(&t, "pagetypeinfo");
	numbers_of(line_of("Node    0, zone        0, type        Whole "), nr,
		   40);
	assert_int_equal(nr[10], 1); /* 3 of them */
	numbers_of(line_of("Node 0, zone        0 "), nr, 40);
	assert_int_equal(nr[1], 5);
	assert_int_equal(nr[3], 3);
	heap_drop(&t);
}

/* A free run over the border of two regions that are one; then one of these is
 * taken out, in which 10 pages are in use. */
static void test_regions(void **state)
{
	const struct regions_spec spec = { .nr_blocks = 4, .nr_pages = NR };
	struct test_heap t;
	char *pages;
	u64 nr[5];

	(void)state;
	regions_make(&t, &spec);
	assert_int_equal(region_add(&t, NR, NR, 0), 1);
	pages = fixheap_pages_alloc(t.heap, 2 * NR, 0, NULL);
	fixheap_pages_free(t.heap, pages, 2 * NR - 10);
	printed(&t, "buddyinfo");
	assert_int_equal(nr_lines(), 1);
	printed(&t, "prometheus");
	assert_int_equal(number_of("fixheap_zone_free_runs{zone=\"0\","
				   "node=\"0\",order=\"10\"} "),
			 1);
	printed(&t, "vmstat");
	assert_int_equal(number_of("nr_regions "), 2);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
	printed(&t, "zoneinfo");
	assert_int_equal(number_of("      nr_free_pages "), NR);
	assert_int_equal(number_of("      nr_raw "), 10);
	assert_int_equal(number_of("      nr_isolated "), NR - 10);
	printed(&t, "pagetypeinfo");
	numbers_of(line_of("Node 0, zone        0 "), nr, 5);
	assert_int_equal(nr[3], 2); /* whole */
	assert_int_equal(nr[4], 2); /* isolated, if only in part */
	printed(&t, "map");
	assert_non_null(strstr(text, " isolated pages="));
	fixheap_pages_free(t.heap, pages + BYTES(2 * NR - 10), 10);
	heap_end(&t);
}

/* ---- many zones, random ------------------------------------------------- */

/* Free runs of pages [pfn, end) by order. */
static void count_runs(const struct picture *picture, u64 pfn, u64 end, u64 *nr)
{
	memset(nr, 0, 40 * sizeof(*nr));
	while (pfn < end) {
		u64 run = min_u64(picture_free_from(picture, pfn), end - pfn);

		if (run)
			nr[63 - __builtin_clzll(run)]++;
		pfn += run ? run : 1;
	}
}

/* Of one zone, what two texts say. */
static void check_zone(struct test_heap *t, const struct picture *picture,
		       const struct zone *zone)
{
	u64 want[40], nr[40], sum = 0;
	char start[100];
	u32 n;

	count_runs(picture, zone->start_pfn, zone->end_pfn, want);
	printed(t, "buddyinfo");
	snprintf(start, sizeof(start), "Node %u, zone %8u ", zone->node,
		 zone->index);
	n = numbers_of(line_of(start), nr, 40);
	for (u32 i = 0; i < n; i++)
		assert_int_equal(nr[i], want[i]);
	while (n < 40)
		assert_int_equal(want[n++], 0);
	printed(t, "prometheus");
	for (u32 i = 0; i < 11; i++) {
		snprintf(start, sizeof(start),
			 "fixheap_zone_free_runs{zone=\"%u\",node=\"%u\","
			 "order=\"%u\"} ",
			 zone->index, zone->node, i);
		assert_int_equal(number_of(start), want[i]);
	}
	for (u64 pfn = zone->start_pfn; pfn < zone->end_pfn; pfn++)
		sum += picture->free[pfn];
	snprintf(
		start, sizeof(start),
		"fixheap_zone_use_bytes{zone=\"%u\",node=\"%u\",use=\"free\"} ",
		zone->index, zone->node);
	assert_int_equal(number_of(start), BYTES(sum));
}

static void test_random(void **state)
{
	static const char *const machine[] = { "1x1", "2x1", "4x1" };
	u64 seed = nodes_seed("test_print_zones");

	(void)state;
	for (u32 n = 0; n < TEST_STEPS(30); n++) {
		struct picture picture;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .machine = machine[n % 3],
						   .nr_pages = 4 * NR,
						   .unbound = 1 });
		picture_make(&picture, &t);
		picture_mark(&picture, 0, 4 * NR, 1);
		for (u64 pfn = 0, nr; pfn < 4 * NR; pfn += nr) {
			nr = min_u64(1 + random_below(&seed, 300),
				     4 * NR - pfn);
			if (random_below(&seed, 3) == 0)
				continue;
			heap_place(&t, PAGE_RAW, pfn, nr);
			picture_mark(&picture, pfn, nr, 0);
		}
		for (u32 z = 0; z < t.heap->nr_zones; z++)
			check_zone(&t, &picture, &t.heap->zone[z]);
		picture_end(&picture);
		heap_drop(&t);
	}
}

/* ---- scans -------------------------------------------------------------- */

/* Free runs of exact lengths, a page in use between two of them. */
static void test_lengths(void **state)
{
	static const u64 lengths[] = { 1, 2, 3, 4, 7, 8, 63, 64, 255, 256 };
	static const u64 want[] = { 1, 2, 2, 1, 0, 1, 1, 1, 1 };
	struct zone_scan scan;
	struct test_heap t;
	u64 pfn = 0;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	for (u32 i = 0; i < ARRAY_LEN(lengths); i++) {
		pfn += lengths[i];
		heap_place(&t, PAGE_RAW, pfn++, 1);
	}
	heap_place(&t, PAGE_RAW, pfn, NR - pfn);
	scan_zone(t.heap, t.zone, &scan);
	for (u32 i = 0; i < ARRAY_LEN(want); i++)
		assert_int_equal(scan.nr_runs[i], want[i]);
	assert_int_equal(scan.longest, 256);
	assert_int_equal(scan.nr_out, 0);
	heap_drop(&t);
}

/* A run goes on into a region that is one with the first, and not into one
 * that lies apart. */
static void test_borders(void **state)
{
	static const struct {
		u64 page, longest;
	} table[] = { { NR, NR + 100 }, { NR + 1, NR } };
	struct zone_scan scan;
	struct test_heap t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		regions_make(&t, &(struct regions_spec){ .nr_blocks = 4,
							 .nr_pages = NR });
		assert_int_equal(region_add(&t, table[i].page, 100, 0), 1);
		scan_zone(t.heap, t.zone, &scan);
		assert_int_equal(scan.longest, table[i].longest);
		assert_int_equal(scan.used[FIXHEAP_USE_FREE], NR + 100);
		heap_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buddyinfo),
		cmocka_unit_test(test_zoneinfo),
		cmocka_unit_test(test_pagesets),
		cmocka_unit_test(test_pagetypeinfo),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_borders),
	};

	return cmocka_run_group_tests_name("print_zones", tests, NULL, NULL);
}
