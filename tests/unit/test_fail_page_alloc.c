/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_fail_page_alloc.c: mm/fail_page_alloc.c, page allocations that fail on
 * purpose.
 */
#include "support.h"

/* "y" where an allocation succeeds, "n" where it fails. */
static void test_interval(void **state)
{
	static const struct {
		u64 interval;
		const char *result;
	} table[] = {
		{ 0, "yyyyyyyyyy" }, { 1, "nnnnnnnnnn" }, { 2, "ynynynynyn" },
		{ 3, "yynyynyyny" }, { 9, "yyyyyyyyny" },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *want = table[i].result;

		assert_int_equal(fixheap_set_fail_page_alloc(t.heap,
							     table[i].interval),
				 0);
		for (u32 n = 0; want[n]; n++) {
			u64 nr = n % 3 ? 1 : 20, used = t.heap->used;
			void *pages;

			errno = 0;
			pages = fixheap_pages_alloc(t.heap, nr, 0, NULL);
			assert_int_equal(!pages, want[n] == 'n');
			assert_int_equal(errno, pages ? 0 : ENOMEM);
			if (!pages)
				assert_int_equal(t.heap->used, used);
			fixheap_pages_free(t.heap, pages, nr);
		}
	}
	fixheap_set_fail_page_alloc(t.heap, 0);
	heap_is_empty(&t);
	heap_end(&t);
}

/* A failed move leaves the array as it was; in place nothing is asked. */
static void test_array(void **state)
{
	struct test_heap t;
	char *array, *wall;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	array = fixheap_array_alloc(t.heap, BYTES(10), NULL);
	wall = fixheap_array_alloc(t.heap, BYTES(1), NULL);
	memset(array, 0x33, BYTES(10));
	fixheap_set_fail_page_alloc(t.heap, 1);
	errno = 0;
	assert_null(fixheap_array_realloc(t.heap, array, BYTES(20)));
	assert_int_equal(errno, ENOMEM);
	for (size_t b = 0; b < BYTES(10); b++)
		assert_int_equal(array[b], 0x33);
	fixheap_array_free(t.heap, wall);
	assert_ptr_equal(fixheap_array_realloc(t.heap, array, BYTES(20)),
			 array);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interval),
		cmocka_unit_test(test_array),
	};

	return cmocka_run_group_tests_name("fail_page_alloc", tests, NULL,
					   NULL);
}
