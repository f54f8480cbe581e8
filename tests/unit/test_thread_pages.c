/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_thread_pages.c: mm/thread_pages.c, a thread's own cache of pages.
 */
#include "objects_test.h"
#include "support.h"

#include "runmap.h"
#include "thread_pages.h"

static void *page_get(struct fixheap *heap)
{
	return thread_page_try_get(heap) ?: thread_page_get(heap);
}

static bool page_put(struct fixheap *heap, void *start)
{
	return thread_page_try_put(heap, start) || thread_page_put(heap, start);
}

static struct page_cache *cache; /* of this thread */

/* A heap that is this thread's home. */
static void make(struct test_heap *t, const char *machine, u64 nr_pages)
{
	heap_warm_objects();
	heap_make(t, &(struct heap_spec){ .machine = machine,
					  .nr_pages = nr_pages,
					  .reserved = 1,
					  .unbound = 1 });
	assert_true(thread_bind(&thread_self, t->heap));
	cache = &thread_self.pages;
	assert_int_equal(thread_pages_count(&thread_self), 0);
}

static char *at(struct test_heap *t, u64 pfn)
{
	return t->base + BYTES(pfn);
}

/* A page as fixheap_pages_alloc gives it; its number. */
static u64 get(struct test_heap *t)
{
	char *page = page_get(t->heap);
	u64 pfn = (u64)(page - t->base) / PAGE_BYTES;

	assert_non_null(page);
	assert_int_equal((uintptr_t)page % PAGE_BYTES, 0);
	assert_int_equal(page_read(&t->heap->page[pfn]),
			 page_make(PAGE_RAW, PLACE_SMALL, 0));
	return pfn;
}

static void put(struct test_heap *t, u64 pfn)
{
	assert_true(page_put(t->heap, at(t, pfn)));
	assert_int_equal(page_read(&t->heap->page[pfn]),
			 page_make(PAGE_CACHED, PLACE_SMALL, 0));
}

/* Take this page as if it had come from the zone. */
static void take(struct test_heap *t, u64 pfn)
{
	const struct run run = { pfn, 1 };

	region_take_locked(t->region, &run, PLACE_SMALL);
	runmap_set(t->region, &run, page_make(PAGE_RAW, PLACE_SMALL, 0));
	heap_account(t->heap, (long)PAGE_BYTES);
}

/* What the heap counts as live once the thread has told. */
static void live_is(struct test_heap *t, u64 nr_pages)
{
	if (!IS_ENABLED(CONFIG_VMSTAT))
		return;
	thread_pages_tell(&thread_self);
	assert_int_equal(t->heap->live_bytes, BYTES(nr_pages));
}

/* How many pages the buffer has, by the heap; none: it has no cache. */
static void test_open(void **state)
{
	static const struct {
		const char *machine;
		u64 nr_pages;
		u32 reserve, full;
	} table[] = {
		{ "1x1", 1, 0, 64 },
		{ "1x4", 64 * 128 + 127, 0, 64 },
		{ "1x1", 65 * 128, 0, 65 },
		{ "1x1", 1000 * 128, 0, 1000 },
		{ "1x1", 2048 * 128 - 1, 0, 2047 },
		{ "1x1", 2048 * 128, 0, 2048 },
		{ "2x1", 1000 * 128, 0, 1000 },
		{ "1x1", 1000 * 128, 100, 0 },
	};
	struct test_heap t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		make(&t, table[i].machine, table[i].nr_pages);
		t.heap->reserves = table[i].reserve != 0;
		thread_pages_open(&thread_self, false);
		assert_int_equal(cache->full, table[i].full);
		assert_int_equal(cache->page == ~0ull, !table[i].full);
		if (!table[i].full) {
			assert_null(page_get(t.heap));
			take(&t, 0);
			assert_false(page_put(t.heap, t.base));
			fixheap_pages_free(t.heap, t.base, 1);
		}
		/* so there is none while a region is being emptied */
		thread_pages_open(&thread_self, true);
		assert_int_equal(cache->full, 0);
		assert_int_equal(cache->page, ~0ull);
		t.heap->reserves = false;
		thread_pages_open(&thread_self, false);
		heap_is_empty(&t);
		heap_end(&t);
	}
}

/* 64 pages from one claim, and back: the region's lock is not asked for. */
static void test_group(void **state)
{
	struct test_heap t;
	u64 seen = 0, first, pfn;

	(void)state;
	make(&t, NULL, BLOCKS(8));
	first = get(&t);
	assert_int_equal(first % 64, 0);
	assert_int_equal(thread_pages_count(&thread_self), 63);
	assert_int_equal(t.heap->used, 64);
	spin_lock(&t.region->lock);
	for (u32 i = 1; i < 64; i++) {
		pfn = get(&t);
		assert_int_equal(pfn, first + i);
		assert_int_equal(thread_pages_count(&thread_self), 63 - i);
	}
	for (u32 i = 0; i < 64; i += 3) {
		put(&t, first + i);
		assert_int_equal(thread_pages_count(&thread_self), i / 3 + 1);
	}
	assert_int_equal(cache->nr, 0);
	for (u32 i = 0; i < 64; i += 3)
		seen |= 1ull << (get(&t) - first);
	spin_unlock(&t.region->lock);
	assert_int_equal(seen, 0x9249249249249249);
	heap_valid(&t);
	live_is(&t, 64);
	/* its neighbours are not of it */
	take(&t, first - 1);
	take(&t, first + 64);
	put(&t, first - 1);
	put(&t, first + 64);
	assert_int_equal(cache->nr, 2);
	assert_int_equal(cache->group.word, 0);
	thread_pages_flush(&thread_self);
	/* the next of 64 */
	pfn = get(&t);
	assert_true(pfn < first || pfn >= first + 64);
	assert_int_equal(t.heap->used, 128);
	put(&t, pfn);
	for (u32 i = 0; i < 64; i++)
		put(&t, first + i);
	live_is(&t, 0);
	heap_is_empty(&t);
	heap_end(&t);
}

/* What is not of the group is kept aside, and goes back when that is full. */
static void test_buffer(void **state)
{
	struct test_heap t;
	u64 pfn;
	u32 full;

	(void)state;
	make(&t, NULL, 128 * 100);
	full = cache->full;
	assert_int_equal(full, 100);
	pfn = get(&t);
	for (u64 i = 0; i <= full; i++)
		take(&t, 7 * i);
	live_is(&t, full + 2);
	for (u64 i = 0; i < full; i++) {
		put(&t, 7 * i);
		assert_int_equal(cache->nr, i + 1);
		assert_int_equal(thread_pages_count(&thread_self), 63 + i + 1);
	}
	heap_valid(&t);
	live_is(&t, 2);
	/* it is not handed out: 63 of the group are left */
	for (u32 i = 0; i < 63; i++)
		assert_in_range(get(&t), pfn, pfn + 63);
	assert_int_equal(t.heap->used, 64 + full + 1);
	put(&t, 7 * full);
	assert_int_equal(cache->nr, 1);
	assert_int_equal(t.heap->used, 64 + 1);
	heap_valid(&t);
	for (u32 i = 0; i < 64; i++)
		put(&t, pfn + i);
	heap_valid(&t);
	live_is(&t, 0);
	heap_is_empty(&t);
	heap_end(&t);
}

/* All of it, at once; then the thread begins again. */
static void test_flush(void **state)
{
	struct test_heap t;
	u64 pfn;

	(void)state;
	make(&t, NULL, BLOCKS(8));
	thread_pages_flush(&thread_self);
	for (u32 round = 0; round < 2; round++) {
		pfn = get(&t);
		get(&t);
		take(&t, 5);
		put(&t, 5);
		assert_int_equal(thread_pages_count(&thread_self), 63);
		thread_pages_flush(&thread_self);
		assert_int_equal(thread_pages_count(&thread_self), 0);
		assert_int_equal(cache->group.base, NO_GROUP);
		assert_int_equal(t.heap->used, 2);
		if (IS_ENABLED(CONFIG_VMSTAT))
			assert_int_equal(t.heap->live_bytes, BYTES(2));
		heap_valid(&t);
		/* the pages of a group that is gone are like any other */
		put(&t, pfn);
		put(&t, pfn + 1);
		assert_int_equal(cache->nr, 2);
		thread_pages_flush(&thread_self);
		assert_int_equal(t.heap->used, 0);
	}
	heap_end(&t);
}

/* The zero page that was written to is not said to be zero. */
static void test_zero(void **state)
{
	struct test_heap t;
	u64 pfn;

	(void)state;
	heap_warm_objects();
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(2),
					   .reserved = 1,
					   .flags = FIXHEAP_ZEROED });
	assert_true(thread_bind(&thread_self, t.heap));
	cache = &thread_self.pages;
	pfn = get(&t);
	put(&t, pfn);
	assert_int_equal(cache->group.word, ~0ull);
	assert_int_equal(cache->group.zero, ~1ull);
	heap_end(&t);
}

/* Each time twice as many, by whole groups, at most as many as the buffer
 * takes; and only what is left of a block before another one is opened.  Those
 * that wait are counted, and go back with the others. */
static void test_want(void **state)
{
	static const struct {
		u64 nr_pages;
		u32 claimed[6];
	} table[] = {
		{ BLOCKS(16), { 64, 64, 64, 64, 64, 64 } },
		{ BLOCKS(38), { 64, 128, 192, 128, 192, 192 } },
		{ BLOCKS(1024), { 64, 128, 256, 64, 512, 512 } },
	};
	struct test_heap t;

	(void)state;
	for (size_t row = 0; row < ARRAY_LEN(table); row++) {
		u64 used = 0, first = 0;

		make(&t, NULL, table[row].nr_pages);
		for (u32 i = 0; i < 6; i++) {
			u32 claimed = table[row].claimed[i];

			first = get(&t);
			used += claimed;
			assert_int_equal(t.heap->used, used);
			assert_int_equal(thread_pages_count(&thread_self),
					 claimed - 1);
			for (u32 n = 1; n < claimed; n++)
				get(&t);
			assert_int_equal(thread_pages_count(&thread_self), 0);
			heap_valid(&t);
		}
		put(&t, first);
		get(&t);
		get(&t);
		thread_pages_flush(&thread_self);
		assert_int_equal(thread_pages_count(&thread_self), 0);
		assert_int_equal(t.heap->used, used + 1);
		heap_valid(&t);
		/* from the beginning */
		get(&t);
		assert_in_range(thread_pages_count(&thread_self), 63, 126);
		heap_drop(&t);
	}
}

/* What it does not take, and leaves as it is. */
static void test_refused(void **state)
{
	struct test_heap t;
	u64 pfn, used;

	(void)state;
	make(&t, NULL, BLOCKS(4));
	pfn = get(&t);
	heap_place(&t, PAGE_RAW, 10, 2);
	heap_place(&t, PAGE_ARRAY, 20, 1);
	used = t.heap->used;
	assert_false(page_put(t.heap, at(&t, pfn) + 16));
	assert_false(page_put(t.heap, at(&t, 10)));
	assert_false(page_put(t.heap, at(&t, 11)));
	assert_false(page_put(t.heap, at(&t, 20)));
	assert_false(page_put(t.heap, at(&t, 21)));
	assert_false(page_put(t.heap, &t));
	assert_false(page_put(t.heap, NULL));
	put(&t, pfn);
	/* twice */
	assert_false(page_put(t.heap, at(&t, pfn)));
	assert_int_equal(thread_pages_count(&thread_self), 64);
	assert_int_equal(t.heap->used, used);
	heap_drop(&t);
}

/* Of a heap that is not this thread's home. */
static void test_other_heap(void **state)
{
	struct fixheap *other;
	struct test_heap t;
	char *page;

	(void)state;
	make(&t, NULL, BLOCKS(4));
	other = make_heap(4 * MIB, NULL);
	page = fixheap_pages_alloc(other, 1, 0, NULL);
	assert_non_null(page);
	assert_null(page_get(other));
	assert_false(page_put(other, page));
	assert_false(page_put(t.heap, page));
	assert_int_equal(thread_pages_count(&thread_self), 0);
	fixheap_pages_free(other, page, 1);
	end_empty_heap(other);
	heap_end(&t);
}

/* Every page counts as soon as one has a tag. */
static void test_tags(void **state)
{
	struct test_heap t;
	u64 pfn;

	(void)state;
	need(IS_ENABLED(CONFIG_TAGS), "there are no tags");
	make(&t, NULL, BLOCKS(4));
	pfn = get(&t);
	assert_int_equal(fixheap_set_tag(3), 0);
	fixheap_pages_free(t.heap, fixheap_pages_alloc(t.heap, 2, 0, NULL), 2);
	assert_null(page_get(t.heap));
	assert_false(page_put(t.heap, at(&t, pfn)));
	assert_int_equal(fixheap_set_tag(0), 3);
	fixheap_pages_free(t.heap, at(&t, pfn), 1);
	heap_is_empty(&t);
	heap_end(&t);
}

/* To the last page. */
static void test_exhaust(void **state)
{
	struct test_heap t;
	u64 nr = 0;

	(void)state;
	make(&t, NULL, 1000);
	while (nr < 1000) {
		get(&t);
		nr++;
	}
	assert_null(page_get(t.heap));
	assert_int_equal(t.zone->nr_free, 0);
	put(&t, 999);
	assert_int_equal(thread_pages_count(&thread_self), 1);
	heap_valid(&t);
	heap_end(&t);
}

static u32 node_of_page(struct test_heap *t, void *page)
{
	return page_node(page_read(&t->heap->page[addr_to_pfn(t->heap, page)]));
}

/* Pages are of the node that the thread runs on.  When it comes to another one,
 * its cache follows once it was asked 16 times; pages of the node before go
 * home. */
static void test_nodes(void **state)
{
	static void *page[100];
	struct test_heap t;

	(void)state;
	make(&t, "2x1", BLOCKS(16));
	host_sim_set_cpu(0);
	for (u32 i = 0; i < 100; i++) {
		page[i] = page_get(t.heap);
		assert_int_equal(node_of_page(&t, page[i]), 0);
	}
	thread_self.nr_refills = 0;
	host_sim_set_cpu(1);
	for (u32 i = 0; i < 40; i++) {
		bool moved = thread_self.home_node == 1;
		void *other = page_get(t.heap);

		assert_int_equal(!!other, moved);
		other = other ?: fixheap_pages_alloc(t.heap, 1, 0, NULL);
		assert_int_equal(node_of_page(&t, other), 1);
		moved = thread_self.home_node == 1;
		assert_int_equal(page_put(t.heap, other), moved);
		if (!moved)
			fixheap_pages_free(t.heap, other, 1);
		/* each of these asked twice */
		assert_int_equal(moved, i >= 7);
	}
	assert_int_equal(thread_self.home_node, 1);
	for (u32 i = 0; i < 100; i++) {
		assert_false(page_put(t.heap, page[i]));
		fixheap_pages_free(t.heap, page[i], 1);
	}
	heap_valid(&t);
	thread_pages_flush(&thread_self);
	run_drain(t.heap);
	heap_is_empty(&t);
	host_sim_set_cpu(0);
	heap_end(&t);
}

/* On a node to its last page, while the other one has more. */
static void test_full_node(void **state)
{
	struct test_heap t;
	u64 nr = 0;

	(void)state;
	make(&t, "2x1", BLOCKS(4));
	while (page_get(t.heap))
		nr++;
	assert_int_equal(nr, BLOCKS(2));
	assert_int_equal(t.heap->zone[0].nr_free, 0);
	assert_int_equal(t.heap->zone[1].nr_free, BLOCKS(2));
	heap_valid(&t);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open),
		cmocka_unit_test(test_group),
		cmocka_unit_test(test_buffer),
		cmocka_unit_test(test_flush),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_want),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_other_heap),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_exhaust),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_full_node),
	};

	return cmocka_run_group_tests_name("thread_pages", tests, NULL, NULL);
}
