/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_stats.c: mm/stats.c, what a heap says of itself.
 */
#include "support.h"

#include "thread_pages.h"

static struct fixheap_stats stats_of(struct test_heap *t)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	assert_int_equal(fixheap_stats(t->heap, &stats), 0);
	assert_int_equal(stats.size, sizeof(stats));
	return stats;
}

static void test_size(void **state)
{
	struct fixheap_stats stats, before;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 100 });
	memset(&stats, 0x5a, sizeof(stats));
	stats.size = sizeof(stats) - 8;
	before = stats;
	assert_int_equal(fixheap_stats(t.heap, &stats), -EINVAL);
	assert_memory_equal(&stats, &before, sizeof(stats));
	stats.size = 0;
	assert_int_equal(fixheap_stats(t.heap, &stats), -EINVAL);
	assert_int_equal(fixheap_stats(t.heap, NULL), -EINVAL);
	heap_end(&t);
}

/* Pages: one step after another, and what is used, at most, and left. */
static void test_pages(void **state)
{
	static const struct {
		u64 take; /* pages, from the low end; 0: free these: */
		u64 from, nr;
		u64 used, peak, largest;
	} table[] = {
		{ 1000, 0, 0, 1000, 1000, 3096 },
		{ 3096, 0, 0, 4096, 4096, 0 },
		{ 0, 0, 600, 3496, 4096, 600 },
		{ 0, 2000, 700, 2796, 4096, 700 },
		{ 700, 0, 0, 3496, 4096, 600 },
		{ 0, 600, 400, 3096, 4096, 1000 },
		{ 0, 1000, 1000, 2096, 4096, 2000 },
	};
	struct fixheap_stats stats;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 4096 });
	stats = stats_of(&t);
	assert_int_equal(stats.heap_bytes, BYTES(4096));
	assert_int_equal(stats.metadata_bytes, t.heap->meta_bytes);
	assert_int_equal(stats.nr_zones, 1);
	assert_int_equal(stats.largest_run_bytes, BYTES(4096));
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (table[i].take)
			assert_non_null(fixheap_pages_alloc(
				t.heap, table[i].take, 0, NULL));
		else
			fixheap_pages_free(t.heap,
					   t.base + BYTES(table[i].from),
					   table[i].nr);
		stats = stats_of(&t);
		assert_int_equal(stats.used_bytes, BYTES(table[i].used));
		assert_int_equal(stats.peak_used_bytes, BYTES(table[i].peak));
		assert_int_equal(stats.largest_run_bytes,
				 BYTES(table[i].largest));
		if (!IS_ENABLED(CONFIG_VMSTAT))
			continue;
		assert_int_equal(stats.live_bytes, BYTES(table[i].used));
		assert_int_equal(stats.peak_live_bytes, BYTES(table[i].peak));
	}
	heap_end(&t);
}

/* Several zones: sums, and the largest run of all, over borders. */
static void test_zones(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct fixheap_stats stats;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "3x1:1G,3G,2G",
					   .nr_pages = BLOCKS(12) });
	stats = stats_of(&t);
	assert_int_equal(stats.nr_zones, 3);
	assert_int_equal(stats.heap_bytes, BYTES(BLOCKS(12)));
	assert_int_equal(stats.largest_run_bytes, BYTES(BLOCKS(12)));
	attr.policy = FIXHEAP_POLICY_BIND;
	attr.nodes = 2;
	/* in the second, from block 2 on; what is behind it joins the third */
	assert_non_null(fixheap_pages_alloc(t.heap, BLOCKS(5), 0, &attr));
	stats = stats_of(&t);
	assert_int_equal(stats.largest_run_bytes, BYTES(BLOCKS(5)));
	assert_int_equal(stats.used_bytes, BYTES(BLOCKS(5)));
	/* in the middle of a block of the first it is in one zone */
	assert_non_null(fixheap_pages_alloc(t.heap, BLOCKS(5), 0, NULL));
	fixheap_pages_free(t.heap, t.base + BYTES(BLOCKS(3) + 100), 300);
	assert_non_null(fixheap_pages_alloc(t.heap, BLOCKS(2), 0, NULL));
	stats = stats_of(&t);
	assert_int_equal(stats.largest_run_bytes, BYTES(300));
	assert_int_equal(stats.used_bytes, BYTES(BLOCKS(12) - 300));
	heap_end(&t);
}

static void test_cached(void **state)
{
	struct fixheap_stats stats;
	struct test_heap t;
	u64 cached = IS_ENABLED(CONFIG_PER_CPU) ? 63 : 0, used = 0;

	(void)state;
	heap_make(&t,
		  &(struct heap_spec){ .machine = "1x4", .nr_pages = 4096 });
	for (u32 cpu = 0; cpu < 4; cpu++) {
		host_sim_set_cpu(cpu);
		assert_non_null(fixheap_pages_alloc(t.heap, 1, 0, NULL));
		stats = stats_of(&t);
		/* the thread's cache, or that of each CPU */
		used = THREAD_PAGES ? 64 : (cached + 1) * (cpu + 1);
		assert_int_equal(stats.cached_bytes, BYTES(used - cpu - 1));
		assert_int_equal(stats.used_bytes, BYTES(used));
		if (IS_ENABLED(CONFIG_VMSTAT))
			assert_int_equal(stats.live_bytes, BYTES(cpu + 1));
	}
	/* caches are left alone */
	assert_int_equal(stats_of(&t).cached_bytes, BYTES(used - 4));
	fixheap_reclaim(t.heap);
	stats = stats_of(&t);
	assert_int_equal(stats.cached_bytes, 0);
	assert_int_equal(stats.used_bytes, BYTES(4));
	heap_end(&t);
}

/* Events; without VMSTAT they are all 0. */
static void test_events(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	const u64 on = IS_ENABLED(CONFIG_VMSTAT);
	struct fixheap_stats stats;
	struct test_heap t;
	char *pages;
	u64 vast;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(4) });
	attr.flags = FIXHEAP_ZERO;
	pages = fixheap_pages_alloc(t.heap, 20, 0, &attr);
	assert_non_null(pages);
	assert_null(fixheap_pages_alloc(t.heap, BLOCKS(3), 0, NULL));
	stats = stats_of(&t);
	/* what wants so much of the heap has caches taken back before, too */
	vast = on && t.heap->objects;
	assert_int_equal(stats.nr_allocs, on);
	assert_int_equal(stats.nr_frees, 0);
	assert_int_equal(stats.nr_fails, on);
	assert_int_equal(stats.nr_reclaims, on + vast);
	assert_int_equal(stats.cleared_bytes, on * BYTES(20));
	assert_int_equal(stats.live_bytes, on * BYTES(20));
	fixheap_pages_free(t.heap, pages, 20);
	fixheap_reclaim(t.heap);
	stats = stats_of(&t);
	assert_int_equal(stats.nr_frees, on);
	assert_int_equal(stats.nr_reclaims, 2 * on + vast);
	assert_int_equal(stats.live_bytes, 0);
	assert_int_equal(stats.peak_live_bytes, on * BYTES(20));
	heap_end(&t);
}

static void test_version(void **state)
{
	char want[32];

	(void)state;
	snprintf(want, sizeof(want), "%d.%d.%d", FIXHEAP_VERSION_MAJOR,
		 FIXHEAP_VERSION_MINOR, FIXHEAP_VERSION_PATCH);
	assert_string_equal(fixheap_version(), want);
	assert_int_equal(fixheap_page_size(), PAGE_BYTES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_size),   cmocka_unit_test(test_pages),
		cmocka_unit_test(test_zones),  cmocka_unit_test(test_cached),
		cmocka_unit_test(test_events), cmocka_unit_test(test_version),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
