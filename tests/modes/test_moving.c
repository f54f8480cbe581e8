/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_moving.c: FIXHEAP_DYNAMIC: another length for arrays with regions of
 * their own, or that shall have one.
 */
#include "support.h"

#define THRESHOLD MIB

static struct test_heap heap;

static int setup(void **state)
{
	(void)state;
	heap_prepare_dynamic(&heap, 8 * MIB);
	heap.config.extend_bytes = 8 * MIB;
	heap.layer.comm.alloc_threshold = THRESHOLD;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (heap.heap)
		heap_close(&heap);
	return 0;
}

static void open_heap(void)
{
	heap_open(&heap);
	layer_reset(&heap.layer);
}

/* Calls since the last layer_reset. */
static void assert_moves(unsigned nr_alloc, unsigned nr_realloc,
			 unsigned nr_free)
{
	assert_int_equal(heap.layer.nr[CALL_ALLOC], nr_alloc);
	assert_int_equal(heap.layer.nr[CALL_REALLOC], nr_realloc);
	assert_int_equal(heap.layer.nr[CALL_FREE], nr_free);
}

/* ---- from length to length ----------------------------------------------- */

enum how {
	BY_LAYER,
	LAYER_REFUSES,
	NO_REALLOC
};

/* From length to length; all of it in one region of its own each time. */
static void check_realloc(enum how how)
{
	static const size_t table[] = { 2 * MIB, 4 * MIB,	  3 * MIB,
					MIB,	 5 * MIB + 65536, 0 };
	char *array;

	heap.layer.dirty = true;
	if (how == NO_REALLOC)
		heap.layer.comm.region_realloc = NULL;
	open_heap();
	array = array_make(&heap, MIB + 4096, FIXHEAP_ZERO);
	assert_non_null(array);
	for (unsigned i = 0; table[i]; i++) {
		size_t had = i ? table[i - 1] : MIB + 4096;
		size_t keep = had < table[i] ? had : table[i];

		fill(array, had, i);
		layer_reset(&heap.layer);
		if (how == LAYER_REFUSES)
			layer_fail(&heap.layer, CALL_REALLOC, 1, 1);
		array = fixheap_array_realloc(heap.heap, array, table[i]);
		assert_non_null(array);
		assert_true(is_filled(array, keep, i));
		assert_true(is_byte(array + keep, table[i] - keep, 0));
		if (how == BY_LAYER) {
			assert_moves(0, 1, 0);
			assert_int_equal(heap.layer.nr[CALL_POST_REALLOC], 1);
			assert_int_equal(heap.layer.nr[CALL_FAILED], 0);
			assert_int_equal(heap.layer.live_bytes,
					 8 * MIB + table[i]);
		}
		assert_int_equal(region_of(&heap, array).flags,
				 FIXHEAP_REGION_OWN);
		assert_int_equal(region_of(&heap, array).key,
				 layer_piece(&heap.layer, array)->key);
		assert_int_equal(heap.layer.registered_bytes,
				 heap.layer.live_bytes);
		assert_int_equal(heap.layer.nr_live, 2);
		assert_int_equal(heap_used(&heap), table[i]);
		heap_valid(&heap);
	}
	fixheap_array_free(heap.heap, array);
	assert_int_equal(heap.layer.nr_live, 1);
	heap_close(&heap);
}

static void test_realloc_layer(void **state)
{
	(void)state;
	check_realloc(BY_LAYER);
}

static void test_realloc_refused(void **state)
{
	(void)state;
	check_realloc(LAYER_REFUSES);
}

static void test_realloc_none(void **state)
{
	(void)state;
	check_realloc(NO_REALLOC);
}

/* It was moved, but not registered: the array stays, and that is told. */
static void test_post_realloc_fails(void **state)
{
	char *array;

	(void)state;
	open_heap();
	array = array_make(&heap, 2 * MIB, 0);
	assert_non_null(array);
	fill(array, 2 * MIB, 1);
	layer_fail(&heap.layer, CALL_POST_REALLOC, 1, 1);
	array = fixheap_array_realloc(heap.heap, array, 4 * MIB);
	assert_non_null(array);
	assert_true(is_filled(array, 2 * MIB, 1));
	memset(array, 1, 4 * MIB);
	assert_int_equal(heap.layer.nr[CALL_FAILED], 1);
	assert_string_equal(heap.layer.failure.call, "post_realloc");
	assert_int_equal(heap.layer.failure.error, EIO);
	assert_ptr_equal(heap.layer.failure.base, array);
	heap_valid(&heap);
	fixheap_array_free(heap.heap, array);
}

/* One that the program touches itself is registered again when it says so. */
static void check_pending(enum how how)
{
	char *array;

	if (how == NO_REALLOC)
		heap.layer.comm.region_realloc = NULL;
	heap.layer.comm.touch = NULL;
	open_heap();
	array = array_make(&heap, 2 * MIB, FIXHEAP_POST_ALLOC);
	assert_non_null(array);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array), 0);
	fill(array, 2 * MIB, 1);
	for (unsigned i = 0; i < 3; i++) {
		size_t bytes = (3 + i % 2) * MIB;

		layer_reset(&heap.layer);
		array = fixheap_array_realloc(heap.heap, array, bytes);
		assert_non_null(array);
		assert_int_equal(heap.layer.nr[CALL_POST_REALLOC], 0);
		assert_int_equal(heap.layer.nr[CALL_POST_ALLOC], 0);
		assert_int_equal(region_of(&heap, array).flags,
				 FIXHEAP_REGION_OWN | FIXHEAP_REGION_PENDING);
		assert_true(is_filled(array, 2 * MIB, 1));
		if (i == 1) /* once it fails first */
			layer_fail(&heap.layer,
				   how == BY_LAYER ? CALL_POST_REALLOC
						   : CALL_POST_ALLOC,
				   1, 1);
		if (i == 1)
			assert_int_equal(fixheap_array_post_alloc(heap.heap,
								  array),
					 -EIO);
		layer_reset(&heap.layer);
		assert_int_equal(fixheap_array_post_alloc(heap.heap, array), 0);
		assert_int_equal(heap.layer.nr[CALL_POST_REALLOC],
				 how == BY_LAYER);
		assert_int_equal(heap.layer.nr[CALL_POST_ALLOC],
				 how != BY_LAYER);
		assert_int_equal(region_of(&heap, array).flags,
				 FIXHEAP_REGION_OWN);
		assert_int_equal(heap.layer.registered_bytes, 8 * MIB + bytes);
		assert_int_equal(region_of(&heap, array).key,
				 layer_piece(&heap.layer, array)->key);
		heap_valid(&heap);
	}
	fixheap_array_free(heap.heap, array);
	heap_close(&heap);
}

static void test_pending_layer(void **state)
{
	(void)state;
	check_pending(BY_LAYER);
}

static void test_pending_moved(void **state)
{
	(void)state;
	check_pending(NO_REALLOC);
}

/* In place, a region of its own has no room to grow. */
static void test_resize_own(void **state)
{
	char *array;

	(void)state;
	open_heap();
	array = array_make(&heap, 2 * MIB, 0);
	assert_non_null(array);
	fill(array, 2 * MIB, 1);
	assert_int_equal(fixheap_array_resize(heap.heap, array, 3 * MIB),
			 -ENOMEM);
	assert_int_equal(heap_used(&heap), 2 * MIB);
	assert_int_equal(fixheap_array_resize(heap.heap, array, MIB), 0);
	assert_true(is_filled(array, MIB, 1));
	heap_valid(&heap);
	fixheap_array_free(heap.heap, array);
	assert_int_equal(heap.layer.nr_live, 1);
}

/* ---- crossing ------------------------------------------------------------ */

static const struct {
	size_t from, to;
	bool crosses;
} crossings[] = {
	{ THRESHOLD / 2, THRESHOLD / 4, false },
	{ THRESHOLD / 2, THRESHOLD - 4096, false },
	{ THRESHOLD / 2, THRESHOLD, true },
	{ THRESHOLD / 2, 3 * MIB, true },
	{ THRESHOLD, 3 * MIB, false },
	{ 3 * MIB, THRESHOLD, false },
	{ 3 * MIB, THRESHOLD - 4096, true },
	{ 3 * MIB, 1, true },
};

static void check_crossing(unsigned i, bool allowed)
{
	size_t from = crossings[i].from, to = crossings[i].to;
	char *array = array_make(&heap, from, 0), *moved;
	bool crosses = crossings[i].crosses;

	assert_non_null(array);
	fill(array, from, i);
	assert_int_equal(fixheap_array_can_realloc(heap.heap, array, to),
			 !crosses);
	errno = 0;
	moved = fixheap_array_realloc(heap.heap, array, to);
	if (crosses && !allowed) {
		assert_null(moved);
		assert_int_equal(errno, EXDEV);
		assert_true(is_filled(array, from, i));
		moved = array;
	} else {
		assert_non_null(moved);
		assert_true(is_filled(moved, from < to ? from : to, i));
		/* In place it stays in the region where it is. */
		if (moved != array)
			assert_int_equal(!!(region_of(&heap, moved).flags &
					    FIXHEAP_REGION_OWN),
					 to >= THRESHOLD);
	}
	heap_valid(&heap);
	fixheap_array_free(heap.heap, moved);
	assert_int_equal(heap.layer.nr_live, 1);
}

static void test_crossing(void **state)
{
	(void)state;
	open_heap();
	for (unsigned i = 0; i < ARRAY_LEN(crossings); i++)
		check_crossing(i, true);
}

static void test_no_crossing(void **state)
{
	(void)state;
	heap.layer.comm.flags = FIXHEAP_COMM_NO_CROSSING;
	open_heap();
	for (unsigned i = 0; i < ARRAY_LEN(crossings); i++)
		check_crossing(i, false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(realloc_layer), TEST(realloc_refused),
		TEST(realloc_none),  TEST(post_realloc_fails),
		TEST(pending_layer), TEST(pending_moved),
		TEST(resize_own),    TEST(crossing),
		TEST(no_crossing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
