/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_blockers.c: mm/blockers.c, areas that a run could cover, what is in use
 * there, and the cheapest place; test_explain.c has the random part.
 */
#include "nodes.h"
#include "regions_test.h"

#include "blockers.h"

#define NR 1024 /* pages of the heaps here */
#define MAX_RUNS 6

/* Regions that touch and are one are an area; those that are taken out are in
 * none. */
static void test_areas(void **state)
{
	/* by the first page of an area: its length, less what is before pfn */
	static const struct {
		u64 region, off;   /* where to look from; */
		u64 found, at, nr; /* pages `at` to at + nr of that one on */
	} table[] = {
		{ 0, 0, 0, 0, 1024 },	 { 0, 1, 0, 1, 1023 },
		{ 0, 511, 0, 511, 513 }, { 1, 0, 1, 0, 512 },
		{ 1, 511, 1, 511, 1 },	 { 1, 512, 2, 0, 100 },
		{ 2, 99, 2, 99, 1 },
	};
	struct bounds area = { 0, 0 };
	const struct range *range;
	struct test_heap t;

	(void)state;
	regions_make(&t, &(struct regions_spec){ .nr_blocks = 12,
						 .nr_pages = 512 });
	assert_int_equal(region_add(&t, 512, 512, 0), 1);
	assert_int_equal(region_add(&t, BLOCKS(4), 100, 0), 2);
	assert_int_equal(region_add(&t, BLOCKS(6), 100, 0), 3);
	range = t.heap->range;
	/* the fourth is being taken out */
	heap_place(&t, PAGE_RAW, range[3].start_pfn, 1);
	assert_int_equal(fixheap_offline_region(t.heap, 3, 0), -EBUSY);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 first = range[table[i].found].start_pfn + table[i].at;

		area = (struct bounds){ 0, 0 };
		assert_true(area_next(
			t.heap, range[table[i].region].start_pfn + table[i].off,
			&area));
		assert_int_equal(area.pfn, first);
		assert_int_equal(area.end - area.pfn, table[i].nr);
	}
	area = (struct bounds){ 0, 0 };
	assert_true(area_next(t.heap, 0, &area));
	assert_int_equal(area.pfn, range[0].start_pfn);
	assert_true(area_next(t.heap, area.end, &area));
	assert_int_equal(area.pfn, range[2].start_pfn);
	assert_false(area_next(t.heap, area.end, &area));
	heap_end(&t);
}

static void test_used(void **state)
{
	static const struct {
		u64 pfn, end;
		u64 found, nr; /* 0: none */
	} table[] = {
		{ 0, 1024, 100, 10 },	 { 0, 101, 100, 10 },
		{ 0, 100, 0, 0 },	 { 99, 1024, 100, 10 },
		{ 100, 1024, 100, 10 },	 { 105, 1024, 100, 10 },
		{ 109, 110, 100, 10 },	 { 110, 1024, 110, 1 },
		{ 111, 1024, 400, 300 }, { 111, 400, 0, 0 },
		{ 450, 1024, 400, 300 }, { 699, 1024, 400, 300 },
		{ 700, 1024, 0, 0 },	 { 105, 105, 0, 0 },
		{ 600, 601, 400, 300 },
	};
	struct test_heap t;
	struct used used;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	heap_place(&t, PAGE_RAW, 100, 10);
	heap_place(&t, PAGE_ARRAY, 110, 1);
	heap_place(&t, PAGE_ARRAY, 400, 300);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		bool found =
			used_next(t.heap, table[i].pfn, table[i].end, &used);

		assert_int_equal(found, table[i].nr != 0);
		if (!found)
			continue;
		assert_int_equal(used.pfn, table[i].found);
		assert_int_equal(used.end - used.pfn, table[i].nr);
		assert_int_equal(used.nr_live, 1);
		assert_int_equal(page_len(used.page), table[i].nr);
	}
	heap_drop(&t);
}

/* A slab is one, from any of its pages, with as many as are live. */
static void test_slab(void **state)
{
	struct test_heap t;
	char *object[3];
	struct used used;
	u64 pfn;

	(void)state;
	need(IS_ENABLED(CONFIG_JEMALLOC), "objects have no slabs");
	heap_warm_objects();
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	for (u32 i = 0; i < 3; i++)
		object[i] = fixheap_malloc(t.heap, 5120); /* slabs of 5 pages */
	fixheap_free(t.heap, object[1]);
	pfn = addr_to_pfn(t.heap, object[0]);
	assert_true(used_next(t.heap, pfn, NR, &used));
	assert_int_equal(used.end - used.pfn, 5);
	assert_int_equal(used.nr_live, 2);
	for (pfn = used.pfn; pfn < used.end; pfn++) {
		struct used again;

		assert_true(used_next(t.heap, pfn, pfn + 1, &again));
		assert_int_equal(again.pfn, used.pfn);
		assert_int_equal(again.end, used.end);
		assert_int_equal(again.nr_live, 2);
	}
	fixheap_free(t.heap, object[0]);
	fixheap_free(t.heap, object[2]);
	heap_end(&t);
}

/* ---- windows ------------------------------------------------------------- */

static const struct {
	struct run run[MAX_RUNS];
	u64 nr_pages, align; /* that are asked for */
	u64 pfn, nr_live, nr_blocked;
} windows[] = {
	/* lowest first */
	{ { { 0, 0 } }, NR, 1, 0, 0, 0 },
	{ { { 0, 0 } }, 1, 1, 0, 0, 0 },
	{ { { 0, 1 }, { 400, 1 }, { 401, 50 } }, 100, 1, 1, 0, 0 },
	{ { { 0, 1 }, { 400, 1 }, { 401, 50 } }, 399, 1, 1, 0, 0 },
	{ { { 0, 1 }, { 400, 1 }, { 401, 50 } }, 573, 1, 451, 0, 0 },
	{ { { 0, 1 }, { 400, 1 }, { 401, 50 } }, 574, 1, 401, 1, 50 },
	{ { { 0, 1 }, { 400, 1 }, { 401, 50 } }, 700, 1, 1, 2, 51 },
	{ { { 0, 1 }, { 400, 1 }, { 401, 50 } }, NR, 1, 0, 3, 52 },
	/* the fewest allocations, then the fewest pages */
	{ { { 100, 1 }, { 102, 1 }, { 600, 300 } }, 500, 1, 103, 1, 300 },
	{ { { 100, 10 }, { 1000, 5 } }, 900, 1, 110, 1, 5 },
	{ { { 100, 5 }, { 1000, 10 } }, 900, 1, 0, 1, 5 },
	{ { { 100, 5 }, { 1000, 5 } }, 900, 1, 0, 1, 5 },
	/* a run that reaches out of the window counts with all of it */
	{ { { 0, 330 }, { 700, 324 } }, 500, 1, 330, 1, 324 },
	{ { { 0, 330 }, { 700, 324 } }, 370, 1, 330, 0, 0 },
	{ { { 0, 200 }, { 300, 600 } }, 700, 1, 200, 1, 600 },
	/* at multiples */
	{ { { 0, 1 }, { 600, 1 } }, 300, 512, 0, 1, 1 },
	{ { { 0, 2 }, { 600, 1 } }, 300, 512, 512, 1, 1 },
	{ { { 0, 2 }, { 600, 1 } }, 300, 256, 256, 0, 0 },
	{ { { 0, 1 }, { 5, 1 }, { 9, 1 }, { 600, 1 } }, 300, 512, 512, 1, 1 },
	{ { { 0, 1 }, { 5, 1 }, { 500, 100 } }, 300, 512, 512, 1, 100 },
	{ { { 5, 1 } }, 512, 512, 512, 0, 0 },
	{ { { 5, 1 }, { 1023, 1 } }, 512, 512, 0, 1, 1 },
};

static void test_windows(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(windows); i++) {
		struct run_request req =
			run_request_of(PAGE_ARRAY, windows[i].nr_pages);
		struct window window;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
		for (u32 r = 0; r < MAX_RUNS; r++) {
			const struct run *run = &windows[i].run[r];

			if (run->nr_pages)
				heap_place(&t, PAGE_RAW, run->pfn,
					   run->nr_pages);
		}
		req.align = windows[i].align;
		window = window_find(t.heap, &req);
		if (window.pfn != windows[i].pfn ||
		    window.nr_live != windows[i].nr_live ||
		    window.nr_pages != windows[i].nr_blocked)
			fail_msg("line %zu: %lu, %lu with %lu pages", i,
				 (unsigned long)window.pfn,
				 (unsigned long)window.nr_live,
				 (unsigned long)window.nr_pages);
		heap_drop(&t);
	}
}

/* In each area by itself; and in none that is shorter. */
static void test_window_areas(void **state)
{
	static const struct {
		u64 nr_pages;
		u32 region;  /* where it begins */
		u64 nr_live; /* ~0: nowhere */
	} table[] = {
		{ 100, 1, 0 },
		{ 101, 0, 1 },
		{ 512, 0, 1 },
		{ 513, 0, ~0ull },
	};
	struct test_heap t;

	(void)state;
	regions_make(&t,
		     &(struct regions_spec){ .nr_blocks = 8, .nr_pages = 512 });
	assert_int_equal(region_add(&t, BLOCKS(4), 100, 0), 1);
	for (u64 pfn = 90; pfn < 512; pfn += 100)
		heap_place(&t, PAGE_RAW, t.heap->range[0].start_pfn + pfn, 10);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req =
			run_request_of(PAGE_ARRAY, table[i].nr_pages);
		struct window window = window_find(t.heap, &req);

		if (table[i].nr_pages == 512)
			assert_int_equal(window.nr_live, 5);
		else
			assert_int_equal(window.nr_live, table[i].nr_live);
		if (window.nr_live != ~0ull)
			assert_true(
				pfn_to_addr(t.heap, window.pfn) >=
				(void *)t.heap->range[table[i].region].base);
	}
	heap_drop(&t);
}

/* What zones keep back for small things is not for arrays. */
static void test_reserve(void **state)
{
	const struct node_spec spec = { .machine = "1x1",
					.nr_pages = NR,
					.numa = NUMA(.small_reserve = 250) };
	static const struct {
		u64 nr_pages, nr_live, nr_blocked;
	} table[] = {
		{ 1, 0, 0 },	 { 568, 0, 0 },		{ 569, 1, 200 },
		{ 768, 1, 200 }, { 769, ~0ull, ~0ull },
	};
	struct test_heap t;

	(void)state;
	nodes_make(&t, &spec);
	heap_place(&t, PAGE_RAW, 0, 200);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req =
			run_request_of(PAGE_ARRAY, table[i].nr_pages);
		struct window window = window_find(t.heap, &req);

		assert_int_equal(window.nr_live, table[i].nr_live);
		assert_int_equal(window.nr_pages, table[i].nr_blocked);
	}
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_areas),
		cmocka_unit_test(test_used),
		cmocka_unit_test(test_slab),
		cmocka_unit_test(test_windows),
		cmocka_unit_test(test_window_areas),
		cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests_name("blockers", tests, NULL, NULL);
}
