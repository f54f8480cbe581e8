/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_page_poison.c: mm/page_poison.c, writes to memory that was freed.
 */
#include "support.h"

#include "page_poison.h"

#define POISON 0xaa

static void test_filled(void **state)
{
	static const u64 sizes[] = { 1, 7, 100, 600 };
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024,
					   .flags = FIXHEAP_ZEROED });
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		unsigned char *pages;

		pages = fixheap_pages_alloc(t.heap, sizes[i], 0, NULL);
		memset(pages, 1, BYTES(sizes[i]));
		fixheap_pages_free(t.heap, pages, sizes[i]);
		for (size_t b = 0; b < BYTES(sizes[i]); b++)
			assert_int_equal(pages[b], POISON);
	}
	heap_end(&t);
}

/* A write behind the owner's back, at each end of each page. */
static void test_found(void **state)
{
	static const struct {
		u64 page;
		size_t byte;
	} table[] = {
		{ 0, 0 },
		{ 0, 1 },
		{ 0, PAGE_BYTES - 1 },
		{ 9, 0 },
		{ 9, PAGE_BYTES - 1 },
		{ 4, PAGE_BYTES / 2 },
	};
	struct test_heap t;
	char *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 10 });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		pages = fixheap_pages_alloc(t.heap, 10, 0, NULL);
		fixheap_pages_free(t.heap, pages, 10);
		/* what comes back untouched is no fault */
		assert_ptr_equal(fixheap_pages_alloc(t.heap, 10, 0, NULL),
				 pages);
		assert_int_equal(t.nr_faults, 0);
		fixheap_pages_free(t.heap, pages, 10);
		pages[BYTES(table[i].page) + table[i].byte] ^= 1;
		assert_ptr_equal(fixheap_pages_alloc(t.heap, 10, 0, NULL),
				 pages);
		heap_faulted(&t, "page allocation", "write after free");
		assert_ptr_equal(t.fault.address, pages + BYTES(table[i].page));
		fixheap_pages_free(t.heap, pages, 10);
	}
	heap_end(&t);
}

/* The pages that an array gains are checked too. */
static void test_grown(void **state)
{
	struct test_heap t;
	char *array;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	heap_make(&t, &(struct heap_spec){ .nr_pages = 20 });
	array = fixheap_array_alloc(t.heap, BYTES(20), NULL);
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(10)), 0);
	array[BYTES(15)] = 1;
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(15)), 0);
	assert_int_equal(t.nr_faults, 0);
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(20)), 0);
	heap_faulted(&t, "page allocation", "write after free");
	assert_ptr_equal(t.fault.address, array + BYTES(15));
	heap_end(&t);
}

/* Memory that was never used holds anything, and is not looked at. */
static void test_fresh(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;
	char *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	memset(t.base, 0x77, BYTES(1024));
	pages = fixheap_pages_alloc(t.heap, 1024, 0, NULL);
	assert_ptr_equal(pages, t.base);
	assert_int_equal(pages[5], 0x77);
	fixheap_pages_free(t.heap, pages, 1024);
	/* and poison is no zero */
	attr.flags = FIXHEAP_ZERO;
	pages = fixheap_pages_alloc(t.heap, 1024, 0, &attr);
	for (size_t b = 0; b < BYTES(1024); b++)
		assert_false(pages[b]);
	assert_int_equal(t.nr_faults, 0);
	heap_end(&t);
}

static void test_bytes(void **state)
{
	static const u64 table[][2] = {
		{ 0, 0 }, { 1, 8 }, { 64, 8 }, { 65, 16 }, { 6400, 800 }
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(page_poison_bytes(table[i][0]), table[i][1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filled), cmocka_unit_test(test_found),
		cmocka_unit_test(test_grown),  cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests_name("page_poison", tests, NULL, NULL);
}
