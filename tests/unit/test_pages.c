/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_pages.c: mm/pages.c, page runs of the public interface.
 */
#include "support.h"

static void test_arguments(void **state)
{
	static const struct {
		size_t nr_pages, alignment;
		int error;
	} table[] = {
		{ 1, 0, 0 },
		{ 1, 1, 0 },
		{ 1, PAGE_BYTES, 0 },
		{ 600, PAGE_BYTES * 8, 0 },
		{ 0, 0, EINVAL },
		{ 1, 3, EINVAL },
		{ 1, PAGE_BYTES * 3, EINVAL },
		{ 0, 3, EINVAL },
		{ 4097, 0, ENOMEM },
		{ ~(size_t)0, 0, ENOMEM },
		{ (size_t)1 << (64 - PAGE_SHIFT), 0, ENOMEM },
		{ 1, (size_t)1 << 63, ENOMEM },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;
		char *pages;

		heap_make(&t, &(struct heap_spec){ .nr_pages = 4096,
						   .skew = PAGE_BYTES });
		errno = 0;
		pages = fixheap_pages_alloc(t.heap, table[i].nr_pages,
					    table[i].alignment, NULL);
		assert_int_equal(errno, table[i].error);
		assert_int_equal(!pages, !!table[i].error);
		if (pages)
			assert_int_equal((uintptr_t)pages %
						 (table[i].alignment ?: 1),
					 0);
		fixheap_pages_free(t.heap, pages, table[i].nr_pages);
		heap_is_empty(&t);
		heap_end(&t);
	}
}

/* The larger of the two alignments counts. */
static void test_alignment(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;
	char *pages;

	(void)state;
	heap_make(&t,
		  &(struct heap_spec){ .nr_pages = 4096, .skew = PAGE_BYTES });
	for (u32 shift = 0; shift < 11; shift++) {
		size_t align = PAGE_BYTES << shift;

		attr.alignment = align;
		pages = fixheap_pages_alloc(t.heap, 3, PAGE_BYTES, &attr);
		assert_int_equal((uintptr_t)pages % align, 0);
		attr.alignment = PAGE_BYTES;
		pages = fixheap_pages_alloc(t.heap, 700, align, &attr);
		assert_int_equal((uintptr_t)pages % align, 0);
		fixheap_pages_free(t.heap, pages, 700);
	}
	heap_end(&t);
}

/* Every aligned place of a heap with odd ends is handed out, once. */
static void test_every_aligned(void **state)
{
	static const u64 aligns[] = { 2, 16, 512, 1024 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(aligns); i++) {
		u64 want = 0, have = 0;
		struct test_heap t;

		heap_make(&t,
			  &(struct heap_spec){ .nr_pages = 5000,
					       .skew = 77 * PAGE_BYTES + 5 });
		for (u64 n = 0; n < 5000; n++)
			want += (uintptr_t)(t.base + BYTES(n)) %
					BYTES(aligns[i]) ==
				0;
		while (fixheap_pages_alloc(t.heap, 1, BYTES(aligns[i]), NULL))
			have++;
		assert_int_equal(have, want);
		heap_end(&t);
	}
}

/* Where runs of each size are grouped. */
static void test_placement(void **state)
{
	static const struct {
		u64 nr_pages;
		enum placement place;
	} table[] = {
		{ 1, PLACE_SMALL },   { 7, PLACE_SMALL },
		{ 8, PLACE_MEDIUM },  { 511, PLACE_MEDIUM },
		{ 512, PLACE_ARRAY }, { 3000, PLACE_ARRAY },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 8192 });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *pages =
			fixheap_pages_alloc(t.heap, table[i].nr_pages, 0, NULL);
		struct run run;
		u64 page;

		assert_true(run_find(t.heap, addr_to_pfn(t.heap, pages), &run,
				     &page));
		assert_int_equal(page_kind(page), PAGE_RAW);
		assert_int_equal(page_placement(page), table[i].place);
		assert_int_equal(run.nr_pages, table[i].nr_pages);
	}
	heap_end(&t);
}

/* A range is freed in any pieces and any order, and used again. */
static void test_pieces(void **state)
{
	static const struct {
		u64 from, nr;
	} table[][5] = {
		{ { 0, 1000 } },
		{ { 0, 1 }, { 1, 999 } },
		{ { 999, 1 }, { 0, 999 } },
		{ { 500, 20 }, { 0, 500 }, { 520, 480 } },
		{ { 511, 2 }, { 900, 100 }, { 1, 500 }, { 0, 1 } },
		{ { 600, 1 }, { 602, 1 }, { 601, 1 }, { 100, 500 }, { 0, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 freed = 0;
		struct test_heap t;
		char *pages;

		heap_make(&t, &(struct heap_spec){ .nr_pages = 1000 });
		pages = fixheap_pages_alloc(t.heap, 1000, 0, NULL);
		assert_ptr_equal(pages, t.base);
		for (size_t j = 0; j < 5 && table[i][j].nr; j++) {
			fixheap_pages_free(t.heap,
					   pages + BYTES(table[i][j].from),
					   table[i][j].nr);
			freed += table[i][j].nr;
			fixheap_reclaim(t.heap);
			assert_int_equal(t.heap->used, 1000 - freed);
			heap_valid(&t);
		}
		for (u64 n = 0; n < freed; n++)
			assert_non_null(
				fixheap_pages_alloc(t.heap, 1, 0, NULL));
		assert_null(fixheap_pages_alloc(t.heap, 1, 0, NULL));
		/* one free for all of them */
		fixheap_pages_free(t.heap, pages, 1000);
		heap_is_empty(&t);
		heap_end(&t);
	}
}

/* A whole array is pages that were allocated, too. */
static void test_free_array(void **state)
{
	static const u64 sizes[] = { 1, 3, 511, 512, 1000, 3000 };
	struct fixheap_stats stats = { .size = sizeof(stats) };

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct test_heap t;
		char *array;

		heap_make(&t, &(struct heap_spec){ .nr_pages = 3000 });
		array = fixheap_array_alloc(t.heap, BYTES(sizes[i]) - 7, NULL);
		assert_non_null(array);
		fixheap_pages_free(t.heap, array, sizes[i] + 1);
		assert_int_equal(t.nr_faults, 1);
		t.nr_faults = 0;
		errno = E2BIG;
		fixheap_pages_free(t.heap, array, sizes[i]);
		assert_int_equal(errno, E2BIG);
		assert_int_equal(t.nr_faults, 0);
		assert_int_equal(fixheap_stats(t.heap, &stats), 0);
		assert_int_equal(stats.live_bytes, 0);
		fixheap_array_free(t.heap, array);
		heap_faulted(&t, "fixheap_array_free",
			     "double free, or never allocated");
		heap_is_empty(&t);
		heap_end(&t);
	}
}

/* Nothing to free is no mistake, and free keeps errno. */
static void test_free_nothing(void **state)
{
	struct test_heap t;
	char *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 100 });
	pages = fixheap_pages_alloc(t.heap, 10, 0, NULL);
	errno = E2BIG;
	fixheap_pages_free(t.heap, NULL, 5);
	fixheap_pages_free(t.heap, pages, 0);
	fixheap_pages_free(t.heap, pages, 10);
	assert_int_equal(errno, E2BIG);
	heap_is_empty(&t);
	heap_end(&t);
}

static void test_largest_free(void **state)
{
	static const struct {
		u64 taken[3]; /* pages, one after another from the low end */
		u64 align, largest;
	} table[] = {
		{ { 0 }, 1, 3000 },
		{ { 600 }, 1, 2400 },
		{ { 600 }, 512, 3000 - 1024 },
		{ { 600 }, 4096, 0 },
		{ { 1, 1000 }, 1, 1999 },
		{ { 3000 }, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		struct test_heap t;
		u64 at = 0;

		heap_make(&t, &(struct heap_spec){ .nr_pages = 3000 });
		/* all of it, then back what is not taken */
		assert_non_null(fixheap_pages_alloc(t.heap, 3000, 0, NULL));
		for (u32 n = 0; n < 3; n++)
			at += table[i].taken[n];
		fixheap_pages_free(t.heap, t.base + BYTES(at), 3000 - at);
		attr.alignment = BYTES(table[i].align);
		assert_int_equal(fixheap_largest_free(t.heap, &attr),
				 BYTES(table[i].largest));
		assert_null(fixheap_pages_alloc(t.heap, table[i].largest + 1, 0,
						&attr));
		if (table[i].largest)
			assert_non_null(fixheap_pages_alloc(
				t.heap, table[i].largest, 0, &attr));
		heap_end(&t);
	}
}

/* A page that was written does not read as zero, whichever cache it went
 * through; those beside it, which nobody had, still do. */
static void test_zero(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;
	char *page[8];

	(void)state;
	attr.flags = FIXHEAP_ZERO;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 4096,
					   .flags = FIXHEAP_ZEROED });
	memset(t.base, 0, BYTES(4096));
	for (u32 i = 0; i < 8; i++) {
		page[i] = fixheap_pages_alloc(t.heap, 1, 0, NULL);
		memset(page[i], 1, PAGE_BYTES);
	}
	for (u32 i = 0; i < 7; i++)
		fixheap_pages_free(t.heap, page[i], 1);
	fixheap_reclaim(t.heap);
	for (u32 i = 0; i < 100; i++) {
		char *zero = fixheap_pages_alloc(t.heap, 1, 0, &attr);

		for (u32 k = 0; k < PAGE_BYTES; k += 8)
			assert_int_equal(zero[k], 0);
	}
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_alignment),
		cmocka_unit_test(test_every_aligned),
		cmocka_unit_test(test_placement),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_free_array),
		cmocka_unit_test(test_free_nothing),
		cmocka_unit_test(test_largest_free),
		cmocka_unit_test(test_zero),
	};

	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
