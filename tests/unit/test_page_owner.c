/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_page_owner.c: mm/page_owner.c, a fault says who allocated and who
 * freed the run.
 */
#include "support.h"

#include "page_owner.h"

/* The addresses in the message: 0 where there is none. */
static void owners_of(const struct test_heap *t, uintptr_t *allocated,
		      uintptr_t *freed)
{
	const char *a = strstr(t->message, "; allocated at 0x");
	const char *f = strstr(t->message, ", freed at 0x");

	*allocated = a ? strtoul(a + 15, NULL, 16) : 0;
	*freed = f ? strtoul(f + 11, NULL, 16) : 0;
}

/* Near: within the function that the call stands in. */
static bool near_to(uintptr_t address, const void *function)
{
	return address - (uintptr_t)function < 200;
}

static void *__attribute__((noinline)) my_alloc(struct test_heap *t, u64 nr)
{
	void *pages = fixheap_pages_alloc(t->heap, nr, 0, NULL);

	assert_non_null(pages);
	return pages;
}

static void __attribute__((noinline))
my_free(struct test_heap *t, void *pages, u64 nr)
{
	fixheap_pages_free(t->heap, pages, nr);
	assert_non_null(t);
}

static void test_pages(void **state)
{
	uintptr_t allocated, freed;
	struct test_heap t;
	char *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	pages = my_alloc(&t, 600);
	/* an interior page is the head's affair */
	fixheap_array_free(t.heap, pages + BYTES(550));
	if (IS_ENABLED(CONFIG_ARRAY)) {
		heap_faulted(&t, "fixheap_array_free",
			     "memory of another kind");
		owners_of(&t, &allocated, &freed);
		assert_true(near_to(allocated, my_alloc));
		assert_int_equal(freed, 0);
	}
	t.nr_faults = 0;
	my_free(&t, pages, 600);
	my_free(&t, pages, 600);
	heap_faulted(&t, "fixheap_pages_free",
		     "double free, or never allocated");
	owners_of(&t, &allocated, &freed);
	assert_true(near_to(allocated, my_alloc));
	assert_true(near_to(freed, my_free));
	/* a page that nobody ever had */
	my_free(&t, t.base + BYTES(700), 1);
	heap_faulted(&t, "fixheap_pages_free",
		     "double free, or never allocated");
	owners_of(&t, &allocated, &freed);
	assert_int_equal(allocated | freed, 0);
	/* handed out again: the old free is forgotten */
	pages = my_alloc(&t, 600);
	my_free(&t, pages + BYTES(1), 700);
	assert_int_equal(t.nr_faults, 1);
	owners_of(&t, &allocated, &freed);
	assert_true(near_to(allocated, my_alloc));
	assert_int_equal(freed, 0);
	t.nr_faults = 0;
	my_free(&t, pages, 600);
	heap_end(&t);
}

static void *__attribute__((noinline))
my_realloc(struct test_heap *t, void *array, u64 nr)
{
	void *moved = fixheap_array_realloc(t->heap, array, BYTES(nr));

	assert_non_null(moved);
	return moved;
}

static void test_arrays(void **state)
{
	uintptr_t allocated, freed;
	struct test_heap t;
	char *array, *moved;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	array = my_realloc(&t, NULL, 10);
	my_alloc(&t, 600);
	moved = my_realloc(&t, array, 300);
	if (moved != array) {
		fixheap_array_free(t.heap, array);
		assert_int_equal(t.nr_faults, 1);
		owners_of(&t, &allocated, &freed);
		assert_true(near_to(allocated, my_realloc));
		assert_true(near_to(freed, my_realloc));
	}
	t.nr_faults = 0;
	fixheap_array_free(t.heap, moved + BYTES(1));
	heap_faulted(&t, "fixheap_array_free", "interior pointer");
	owners_of(&t, &allocated, &freed);
	assert_true(near_to(allocated, my_realloc));
	assert_int_equal(freed, 0);
	heap_end(&t);
}

static void test_bytes(void **state)
{
	(void)state;
	assert_int_equal(page_owner_bytes(0), 0);
	assert_int_equal(page_owner_bytes(1000), 1000 * 2 * sizeof(void *));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests_name("page_owner", tests, NULL, NULL);
}
