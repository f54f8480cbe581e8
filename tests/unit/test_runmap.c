/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_runmap.c: mm/runmap.c, which run covers a page.
 */
#include "support.h"

#include "runmap.h"

#define NR_PAGES (6 * 512)

struct entry {
	enum page_kind kind;
	u64 pfn, nr;
};

static void set(struct test_heap *t, const struct entry *entry)
{
	const struct run run = { entry->pfn, entry->nr };

	runmap_set(t->region, &run, page_make(entry->kind, PLACE_MEDIUM, 0));
}

static void clear(struct test_heap *t, const struct entry *entry)
{
	const struct run run = { entry->pfn, entry->nr };

	runmap_clear(t->region, &run);
}

/* Every page is covered by the entry that it should be, or by none. */
static void check(struct test_heap *t, const struct entry *entries, u32 nr)
{
	for (u64 pfn = 0; pfn < NR_PAGES; pfn++) {
		const struct entry *entry = NULL;
		struct run run;
		bool single;
		u64 page;

		for (u32 i = 0; i < nr; i++) {
			if (pfn - entries[i].pfn < entries[i].nr)
				entry = &entries[i];
		}
		assert_int_equal(runmap_find(t->region, pfn, &run, &page),
				 entry != NULL);
		if (!entry)
			continue;
		single = entry->kind == PAGE_EXTENT ||
			 entry->kind == PAGE_CACHED;
		assert_int_equal(page_kind(page), entry->kind);
		assert_int_equal(page_placement(page), PLACE_MEDIUM);
		assert_int_equal(run.pfn, single ? pfn : entry->pfn);
		assert_int_equal(run.nr_pages, single ? 1 : entry->nr);
	}
}

static const struct entry entries[] = {
	{ PAGE_RAW, 0, 1 },	   /* the first page */
	{ PAGE_ARRAY, 1, 510 },	   /* up to a page before the border */
	{ PAGE_DIRECT, 511, 2 },   /* over the border */
	{ PAGE_RAW, 513, 511 },	   /* up to the border */
	{ PAGE_ARRAY, 1024, 512 }, /* a whole block */
	{ PAGE_EXTENT, 1540, 7 },  { PAGE_CACHED, 1547, 3 },
	{ PAGE_RAW, 1550, 1300 }, /* over three borders */
	{ PAGE_DIRECT, 2851, 1 }, /* behind a free page */
	{ PAGE_ARRAY, 3000, 72 }, /* to the end */
};

static void test_find(void **state)
{
	struct test_heap t;
	u32 nr = ARRAY_LEN(entries);

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR_PAGES });
	check(&t, entries, 0);
	for (u32 i = 0; i < nr; i++) {
		set(&t, &entries[i]);
		check(&t, entries, i + 1);
	}
	while (nr--) {
		clear(&t, &entries[nr]);
		check(&t, entries, nr);
	}
	assert_int_equal(bittree_first(&t.region->cross, 0), BITTREE_NONE);
	heap_end(&t);
}

static void test_cross(void **state)
{
	static const struct {
		u64 pfn, nr;
		u32 cross; /* of the head's block */
	} table[] = {
		{ 0, 512, 0 },	 { 0, 513, 1 },	     { 1, 511, 0 },
		{ 1, 512, 2 },	 { 511, 1, 0 },	     { 511, 2, 512 },
		{ 512, 512, 0 }, { 700, 1000, 189 }, { 0, NR_PAGES, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct entry entry = { PAGE_ARRAY, table[i].pfn,
					     table[i].nr };
		struct test_heap t;
		u64 block = entry.pfn / 512;

		heap_make(&t, &(struct heap_spec){ .nr_pages = NR_PAGES });
		set(&t, &entry);
		for (u64 b = 0; b < NR_PAGES / 512; b++)
			assert_int_equal(t.region->block[b].cross,
					 b == block ? table[i].cross : 0);
		assert_int_equal(bittree_has(&t.region->cross, block),
				 table[i].cross != 0);
		clear(&t, &entry);
		assert_int_equal(bittree_first(&t.region->cross, 0),
				 BITTREE_NONE);
		heap_end(&t);
	}
}

/* A run that reaches over the border of two zones is found from both. */
static void test_second_zone(void **state)
{
	struct test_heap t;
	struct zone *zone;
	struct run run, found;
	u64 page;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = NR_PAGES });
	assert_int_equal(t.heap->nr_zones, 2);
	zone = &t.heap->zone[1];
	run = (struct run){ zone->start_pfn - 600, 1200 };
	runmap_set(t.region, &run, page_make(PAGE_ARRAY, PLACE_ARRAY, 0));
	for (u64 pfn = 0; pfn < NR_PAGES; pfn++) {
		assert_int_equal(runmap_find(t.region, pfn, &found, &page),
				 pfn - run.pfn < run.nr_pages);
		if (pfn - run.pfn >= run.nr_pages)
			continue;
		assert_int_equal(found.pfn, run.pfn);
		assert_int_equal(found.nr_pages, run.nr_pages);
	}
	runmap_clear(t.region, &run);
	assert_int_equal(bittree_first(&t.region->cross, 0), BITTREE_NONE);
	heap_end(&t);
}

/* A region that does not begin at 0 looks back no further than its start. */
static void test_start(void **state)
{
	struct test_heap t;
	struct run run;
	u64 page;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR_PAGES,
					   .skew = BYTES(300) });
	assert_int_equal(t.region->start_pfn, 300);
	t.heap->page[299] =
		page_set_len(page_make(PAGE_ARRAY, PLACE_ARRAY, 0), 600);
	assert_false(runmap_find(t.region, 300, &run, &page));
	assert_false(runmap_find(t.region, 511, &run, &page));
	assert_false(runmap_find(t.region, 512, &run, &page));
	assert_false(runmap_find(t.region, NR_PAGES - 1, &run, &page));
	t.heap->page[299] = 0;
	heap_end(&t);
}

/* The largest heap there is: a look-up in the middle finds the head. */
static void test_huge(void **state)
{
	const u64 nr_pages = 1ull << (CONFIG_HEAP_SHIFT - PAGE_SHIFT);
	struct run run = { 12345, 0 }, found;
	struct test_heap t;
	u64 page;

	(void)state;
	need(nr_pages >= 1ull << 30, "HEAP_SHIFT allows no such heap");
	heap_make(&t,
		  &(struct heap_spec){ .nr_pages = nr_pages, .reserved = 1 });
	run.nr_pages = nr_pages - run.pfn - 5;
	runmap_set(t.region, &run, page_make(PAGE_ARRAY, PLACE_ARRAY, 0));
	for (u64 pfn = run.pfn; pfn < run.pfn + run.nr_pages;
	     pfn += nr_pages / 97) {
		assert_true(runmap_find(t.region, pfn, &found, &page));
		assert_int_equal(found.pfn, run.pfn);
		assert_int_equal(found.nr_pages, run.nr_pages);
	}
	assert_false(runmap_find(t.region, run.pfn - 1, &found, &page));
	assert_false(runmap_find(t.region, nr_pages - 5, &found, &page));
	assert_true(runmap_find(t.region, nr_pages - 6, &found, &page));
	runmap_clear(t.region, &run);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_cross),
		cmocka_unit_test(test_second_zone),
		cmocka_unit_test(test_start),
		cmocka_unit_test(test_huge),
	};

	return cmocka_run_group_tests_name("runmap", tests, NULL, NULL);
}
