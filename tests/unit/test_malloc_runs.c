/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_malloc_runs.c: mm/malloc_runs.c, fixheap_malloc without jemalloc: each
 * object is a page run.  What is the same with jemalloc is in test_direct.c.
 */
#include "support.h"

#include "objects.h"

#define NR 1000 /* pages of the heaps here */

static void make(struct test_heap *t, const char *machine)
{
	heap_make(t, &(struct heap_spec){ .machine = machine,
					  .nr_pages = NR,
					  .unbound = 1 });
}

/* Whole pages, and one at least. */
static void test_sizes(void **state)
{
	static const struct {
		size_t bytes;
		u64 pages;
	} table[] = {
		{ 0, 1 },
		{ 1, 1 },
		{ PAGE_BYTES, 1 },
		{ PAGE_BYTES + 1, 2 },
		{ BYTES(999), 999 },
		{ BYTES(999) + 1, 1000 },
	};
	struct test_heap t;

	(void)state;
	make(&t, NULL);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *object = fixheap_malloc(t.heap, table[i].bytes);
		u64 page;

		assert_non_null(object);
		assert_int_equal((uintptr_t)object % PAGE_BYTES, 0);
		page = page_read(&t.heap->page[addr_to_pfn(t.heap, object)]);
		assert_int_equal(page_kind(page), PAGE_DIRECT);
		assert_int_equal(page_len(page), table[i].pages);
		assert_int_equal(t.heap->used, table[i].pages);
		assert_int_equal(fixheap_usable_size(t.heap, object),
				 BYTES(table[i].pages));
		assert_int_equal(fixheap_good_size(table[i].bytes),
				 BYTES(table[i].pages));
		fixheap_free_sized(t.heap, object, table[i].bytes);
		assert_int_equal(t.heap->used, 0);
	}
	assert_null(fixheap_malloc(t.heap, BYTES(NR) + 1));
	assert_int_equal(fixheap_usable_size(t.heap, NULL), 0);
	heap_end(&t);
}

/* The node that is asked for, or none. */
static void test_nodes(void **state)
{
	static const struct {
		int node, err;
	} table[] = {
		{ 0, 0 },	{ 3, 0 },      { 1, EINVAL },
		{ -1, EINVAL }, { 9, EINVAL },
	};
	struct test_heap t;

	(void)state;
	make(&t, "2x1@0,3");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		void *object;

		errno = 0;
		object = fixheap_malloc_node(t.heap, 5, table[i].node);
		assert_int_equal(errno, table[i].err);
		assert_int_equal(!object, table[i].err != 0);
		if (object)
			assert_int_equal(fixheap_node_of(t.heap, object),
					 table[i].node);
		fixheap_free(t.heap, object);
		assert_int_equal(fixheap_bind_thread(t.heap, table[i].node),
				 table[i].node == -1 ? 0 : -table[i].err);
	}
	heap_end(&t);
}

/* calloc, aligned_alloc and realloc where they do not simply go on. */
static void test_odd_requests(void **state)
{
	struct test_heap t;
	char *object, *moved;

	(void)state;
	make(&t, NULL);
	errno = 0;
	assert_null(fixheap_calloc(t.heap, SIZE_MAX / 2, 3));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(fixheap_aligned_alloc(t.heap, 48, 10));
	assert_int_equal(errno, EINVAL);
	assert_null(fixheap_aligned_alloc(t.heap, 0, 10));
	object = fixheap_aligned_alloc(t.heap, BYTES(64), 10);
	assert_int_equal((uintptr_t)object % BYTES(64), 0);
	memset(object, 5, PAGE_BYTES);
	/* nothing is a malloc, to nothing a free */
	moved = fixheap_realloc(t.heap, NULL, 10);
	assert_non_null(moved);
	assert_null(fixheap_realloc(t.heap, moved, 0));
	assert_int_equal(t.heap->used, 1);
	moved = fixheap_realloc(t.heap, object, BYTES(500));
	assert_int_equal(moved[PAGE_BYTES - 1], 5);
	assert_int_equal(t.heap->used, 500);
	fixheap_free(t.heap, moved);
	object = fixheap_calloc(t.heap, 3, PAGE_BYTES);
	for (size_t i = 0; i < BYTES(3); i++)
		assert_int_equal(object[i], 0);
	fixheap_free(t.heap, object);
	fixheap_free(t.heap, NULL);
	fixheap_free_sized(t.heap, NULL, 7);
	heap_end(&t);
}

static void test_mistakes(void **state)
{
	struct test_heap t;
	char *object, *pages;

	(void)state;
	make(&t, NULL);
	object = fixheap_malloc(t.heap, BYTES(2));
	pages = fixheap_pages_alloc(t.heap, 3, 0, NULL);
	fixheap_free_sized(t.heap, object, BYTES(2) + 1);
	heap_faulted(&t, "fixheap_free_sized", "wrong size");
	fixheap_free_sized(t.heap, pages, 1);
	assert_int_equal(t.nr_faults, 1);
	assert_string_equal(t.api, "fixheap_free_sized");
	fixheap_free(t.heap, object + PAGE_BYTES);
	assert_int_equal(t.nr_faults, 2);
	assert_string_equal(t.api, "fixheap_free");
	assert_int_equal(fixheap_usable_size(t.heap, object + 1), 0);
	assert_int_equal(t.nr_faults, 3);
	assert_string_equal(t.api, "fixheap_usable_size");
	errno = 0;
	assert_null(fixheap_realloc(t.heap, pages, 5));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(t.nr_faults, 4);
	assert_string_equal(t.api, "fixheap_realloc");
	assert_int_equal(t.heap->used, 5);
	fixheap_free(t.heap, object);
	fixheap_free(t.heap, object);
	assert_int_equal(t.nr_faults, 5);
	fixheap_pages_free(t.heap, pages, 3);
	t.nr_faults = 0;
	heap_end(&t);
}

static void count_call(struct fixheap *heap, void *data)
{
	assert_non_null(heap);
	++*(u32 *)data;
}

/* There are no threads' caches: what is asked of them is done at once. */
static void test_no_caches(void **state)
{
	struct test_heap t;
	u32 nr = 0;

	(void)state;
	make(&t, NULL);
	objects_call_stopped(t.heap, count_call, &nr);
	assert_int_equal(nr, 1);
	objects_call_flushed(t.heap, count_call, &nr);
	assert_int_equal(nr, 2);
	assert_int_equal(objects_near(t.heap), 0);
	assert_int_equal(objects_cached_pages(t.heap), 0);
	objects_reclaim(t.heap);
	objects_tell(t.heap);
	objects_retire(t.heap);
	objects_restore(t.heap);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_odd_requests),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_no_caches),
	};

	return cmocka_run_group_tests_name("malloc_runs", tests, NULL, NULL);
}
