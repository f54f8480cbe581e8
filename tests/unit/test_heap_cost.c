/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_heap_cost.c: how much metadata a heap touches.
 *
 * The heap's memory is address space without memory behind it wherever that
 * is possible: a byte of it touched would end the test.
 */
#include "lacks.h"
#include "support.h"

#define GIB (1ull << 30)

static u64 resident(const struct test_heap *t)
{
	return host_sim_resident(t->heap, t->heap->meta_bytes);
}

static void make_largest(struct test_heap *t, const char *machine)
{
	const u64 nr_pages = 1ull << (CONFIG_HEAP_SHIFT - PAGE_SHIFT);

	need(BYTES(nr_pages) >= 1024 * GIB, "HEAP_SHIFT is too small");
	heap_make(t, &(struct heap_spec){ .machine = machine,
					  .nr_pages = nr_pages,
					  .reserved = 1 });
}

static void test_create(void **state)
{
	static const char *const machines[] = { "1x1", "2x64", "8x16" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		struct test_heap t;

		make_largest(&t, machines[i]);
		assert_true(resident(&t) < 1 << 20);
		assert_int_equal(host_sim_cleared(), 0);
		heap_end(&t);
	}
}

/* Arrays of a page, a GiB and 100 GiB touch as little: a few lines each. */
static void test_array(void **state)
{
	static const size_t sizes[] = { 1, GIB, 100 * GIB, 900 * GIB };
	struct test_heap t;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	need(!IS_ENABLED(CONFIG_PAGE_POISON), "PAGE_POISON writes all pages");
	make_largest(&t, "1x1");
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		u64 before = resident(&t);
		char *array, *behind;

		array = fixheap_array_alloc(t.heap, sizes[i] + GIB, NULL);
		assert_non_null(array);
		assert_int_equal(fixheap_array_resize(t.heap, array, sizes[i]),
				 0);
		behind = fixheap_array_alloc(t.heap, 1, NULL);
		assert_non_null(behind);
		fixheap_array_free(t.heap, behind);
		assert_int_equal(
			fixheap_array_resize(t.heap, array, sizes[i] + GIB), 0);
		assert_int_equal(
			fixheap_array_resize(t.heap, array, sizes[i] / 2), 0);
		fixheap_array_free(t.heap, array);
		assert_true(resident(&t) - before <= 48 * 4096);
	}
	heap_is_empty(&t);
	heap_end(&t);
}

static void test_largest_array(void **state)
{
	struct test_heap t;
	size_t largest;
	char *array;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	need(!IS_ENABLED(CONFIG_PAGE_POISON), "PAGE_POISON writes all pages");
	make_largest(&t, "1x1");
	largest = fixheap_largest_free(t.heap, NULL);
	assert_int_equal(largest, 1ull << CONFIG_HEAP_SHIFT);
	assert_null(fixheap_array_alloc(t.heap, largest + 1, NULL));
	array = fixheap_array_alloc(t.heap, largest, NULL);
	assert_ptr_equal(array, t.base);
	assert_int_equal(fixheap_largest_free(t.heap, NULL), 0);
	assert_int_equal(fixheap_validate(t.heap), 0);
	/* a pointer far inside is known for what it is */
	fixheap_array_free(t.heap, array + largest / 2);
	heap_faulted(&t, "fixheap_array_free", "interior pointer");
	fixheap_array_free(t.heap, array);
	assert_int_equal(fixheap_largest_free(t.heap, NULL), largest);
	assert_true(resident(&t) < 2 << 20);
	heap_end(&t);
}

/* Every page is a run of its own: the most metadata that there can be. */
static void test_share(void **state)
{
	static const struct {
		const char *machine;
		u64 nr_pages;
	} table[] = { { "1x1", 1 << 17 }, { "4x2", 1 << 18 } };

	(void)state;
	need(!IS_ENABLED(CONFIG_PAGE_OWNER), "PAGE_OWNER takes more");
	need(!IS_ENABLED(CONFIG_PAGE_POISON), "PAGE_POISON writes all pages");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		/* such memory cannot be bound where mincore refuses it */
		int reserved = !lacks("mincore-none");
		struct test_heap t;
		u64 share, n;

		heap_make(&t,
			  &(struct heap_spec){ .machine = table[i].machine,
					       .nr_pages = table[i].nr_pages,
					       .reserved = reserved });
		for (n = 0; fixheap_pages_alloc(t.heap, 1, 0, NULL); n++)
			;
		assert_int_equal(n, table[i].nr_pages);
		heap_valid(&t);
		share = resident(&t) * 1000 / BYTES(n);
		assert_true(share < 4);
		for (; n; n--)
			fixheap_pages_free(t.heap, t.base + BYTES(n - 1), 1);
		heap_is_empty(&t);
		assert_true(resident(&t) * 1000 / BYTES(table[i].nr_pages) < 4);
		heap_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_create),
		cmocka_unit_test(test_array),
		cmocka_unit_test(test_largest_array),
		cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests_name("heap_cost", tests, NULL, NULL);
}
