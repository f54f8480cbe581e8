/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_walk.c: mm/walk.c, what the pages of a heap are in use for.
 *
 * Runs before and ranges after are text: "R10+5" is a run of 5 pages at page
 * 10; E slabs, D large object, A array, R pages, C cached, '.' free.
 */
#include "regions_test.h"

#include "runmap.h"

static const char kinds[] = " EDARC"; /* enum page_kind */
static const char uses[] = ".EDARC";  /* enum fixheap_use */

struct walk {
	struct test_heap *t;
	u64 next;     /* pfn that must come */
	u32 nr, stop; /* stop at the range of this number */
	char text[2048];
	size_t len;
};

static int note(void *data, const void *start, size_t bytes,
		enum fixheap_use use)
{
	struct walk *walk = data;
	u64 pfn = addr_to_pfn(walk->t->heap, start);

	assert_int_equal((uintptr_t)start % PAGE_BYTES, 0);
	assert_int_equal(bytes % PAGE_BYTES, 0);
	assert_true(bytes > 0);
	assert_int_equal(pfn, walk->next);
	assert_true(spin_trylock(&walk->t->region->lock));
	spin_unlock(&walk->t->region->lock);
	walk->next = pfn + (bytes >> PAGE_SHIFT);
	walk->len += (size_t)snprintf(walk->text + walk->len,
				      sizeof(walk->text) - walk->len,
				      "%s%c%lu+%lu", walk->len ? " " : "",
				      uses[use], (unsigned long)pfn,
				      (unsigned long)(bytes >> PAGE_SHIFT));
	assert_true(walk->len < sizeof(walk->text));
	return ++walk->nr == walk->stop ? 1234 : 0;
}

static void place(struct test_heap *t, const char *runs)
{
	struct run run;
	char letter;
	int n;

	for (; sscanf(runs, " %c%lu+%lu%n", &letter, &run.pfn, &run.nr_pages,
		      &n) == 3;
	     runs += n) {
		u32 node = zone_of(t->heap, run.pfn)->node;
		u64 kind = (u64)(strchr(kinds, letter) - kinds);

		region_take_locked(t->region, &run, PLACE_MEDIUM);
		runmap_set(t->region, &run,
			   page_make((enum page_kind)kind, PLACE_MEDIUM, node));
	}
}

static void test_ranges(void **state)
{
	static const struct {
		const char *machine;
		u64 nr_pages;
		const char *runs, *walk;
	} table[] = {
		{ "1x1", 1, "", ".0+1" },
		{ "1x1", 1, "A0+1", "A0+1" },
		{ "1x1", 2000, "", ".0+2000" },
		{ "1x1", 2000, "A0+2000", "A0+2000" },
		{ "1x1", 2000, "R5+3 D10+1 A600+1000",
		  ".0+5 R5+3 .8+2 D10+1 .11+589 A600+1000 .1600+400" },
		{ "1x1", 1024, "R0+1 R1+1 R2+510 A512+1",
		  "R0+1 R1+1 R2+510 A512+1 .513+511" },
		/* pages of slabs and caches are joined, inside a block */
		{ "1x1", 1024, "E0+3 E3+2 C5+4 R9+1",
		  "E0+5 C5+4 R9+1 .10+1014" },
		{ "1x1", 1024, "E500+24", ".0+500 E500+12 E512+12 .524+500" },
		/* ranges reach over the border of two zones */
		{ "2x1", 2048, "A1000+24 R1024+1",
		  ".0+1000 A1000+24 R1024+1 .1025+1023" },
		{ "2x1", 2048, "", ".0+2048" },
		{ "2x1", 2048, "A1000+50", ".0+1000 A1000+50 .1050+998" },
		{ "4x1", 2048, "R5+2000", ".0+5 R5+2000 .2005+43" },
		{ "4x1", 2048, "R0+512 R1536+512",
		  "R0+512 .512+1024 R1536+512" },
		{ "2x1", 2048, "E1020+8",
		  ".0+1020 E1020+4 E1024+4 .1028+1020" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct walk walk = { .nr = 0 };
		struct test_heap t;

		heap_make(&t,
			  &(struct heap_spec){ .machine = table[i].machine,
					       .nr_pages = table[i].nr_pages });
		place(&t, table[i].runs);
		walk.t = &t;
		assert_int_equal(fixheap_walk(t.heap, note, &walk), 0);
		assert_string_equal(walk.text, table[i].walk);
		assert_int_equal(walk.next, t.heap->end_pfn);
		heap_drop(&t);
	}
}

static int add_bytes(void *data, const void *start, size_t bytes,
		     enum fixheap_use use)
{
	size_t *of = data;

	(void)start;
	of[use] += bytes;
	return 0;
}

/* Of a region that is taken out only what is in use is: not what is behind. */
static void test_isolated(void **state)
{
	size_t of[FIXHEAP_USE_RESERVED + 1] = { 0 };
	struct test_heap t;
	char *page;

	(void)state;
	regions_make(&t, &(struct regions_spec){ .nr_blocks = 4,
						 .nr_pages = 1024 });
	assert_int_equal(region_add(&t, 1024, 100, 1), 1);
	page = t.base + BYTES(1024 + 40);
	heap_place(&t, PAGE_RAW, addr_to_pfn(t.heap, page), 1);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
	assert_int_equal(fixheap_walk(t.heap, add_bytes, of), 0);
	assert_int_equal(of[FIXHEAP_USE_PAGES], BYTES(1));
	assert_int_equal(of[FIXHEAP_USE_FREE], BYTES(1024 + 99));
	fixheap_pages_free(t.heap, page, 1);
	heap_end(&t);
}

/* The callback ends it. */
static void test_stop(void **state)
{
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 100 });
	place(&t, "R10+1 R20+1 R30+1");
	for (u32 stop = 1; stop <= 7; stop++) {
		struct walk walk = { .t = &t, .stop = stop };

		assert_int_equal(fixheap_walk(t.heap, note, &walk), 1234);
		assert_int_equal(walk.nr, stop);
	}
	heap_end(&t);
}

/* A callback may use the heap: it runs without a lock. */
static int take_page(void *data, const void *start, size_t bytes,
		     enum fixheap_use use)
{
	struct test_heap *t = data;
	void *pages = fixheap_pages_alloc(t->heap, 2, 0, NULL);

	(void)start;
	(void)bytes;
	(void)use;
	assert_non_null(pages);
	fixheap_pages_free(t->heap, pages, 2);
	return 0;
}

static void test_reenter(void **state)
{
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 3000, .skew = 4321 });
	assert_non_null(fixheap_pages_alloc(t.heap, 1000, 0, NULL));
	assert_int_equal(fixheap_walk(t.heap, take_page, &t), 0);
	heap_end(&t);
}

/* What public calls leave behind. */
static void test_calls(void **state)
{
	struct walk walk = { .nr = 0 };
	struct test_heap t;
	const char *want = "A0+5 R5+600 .605+419";

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	assert_non_null(fixheap_pages_alloc(t.heap, 1024, 0, NULL));
	fixheap_pages_free(t.heap, t.base, 5);
	assert_non_null(fixheap_array_alloc(t.heap, BYTES(5), NULL));
	fixheap_pages_free(t.heap, t.base + BYTES(605), 419);
	walk.t = &t;
	assert_int_equal(fixheap_walk(t.heap, note, &walk), 0);
	assert_string_equal(walk.text, want);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ranges), cmocka_unit_test(test_isolated),
		cmocka_unit_test(test_stop),   cmocka_unit_test(test_reenter),
		cmocka_unit_test(test_calls),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, NULL);
}
