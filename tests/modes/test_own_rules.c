/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_own_rules.c: an array with a region of its own keeps the rules that all
 * arrays have.
 */
#include <pthread.h>
#include <sched.h>

#include "support.h"

#define THRESHOLD MIB

static struct test_heap heap;

static int setup(void **state)
{
	(void)state;
	heap_prepare_dynamic(&heap, 4 * MIB);
	heap.config.extend_bytes = 4 * MIB;
	heap.layer.comm.alloc_threshold = THRESHOLD;
	heap.layer.dirty = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	if (heap.heap)
		heap_close(&heap);
	return 0;
}

static unsigned char *resize(unsigned char *array, size_t bytes)
{
	array = fixheap_array_realloc(heap.heap, array, bytes);
	must(array);
	return array;
}

/* Regions of whole MiB, so that the array has more than was asked for. */
static void check_zero(bool reallocs)
{
	const size_t bytes[] = { 4 * MIB,	3 * MIB + MIB / 2,
				 4 * MIB,	2 * MIB + MIB / 4,
				 3 * MIB,	8 * MIB,
				 MIB + MIB / 2, 5 * MIB };
	unsigned char *array;
	size_t old = 4 * MIB;

	heap.layer.comm.page_size = MIB;
	if (!reallocs)
		heap.layer.comm.region_realloc = NULL;
	heap_open(&heap);
	array = array_make(&heap, old, FIXHEAP_ZERO);
	for (unsigned i = 0; i < ARRAY_LEN(bytes); i++) {
		array = resize(array, bytes[i]);
		if (bytes[i] > old)
			assert_true(is_byte(array + old, bytes[i] - old, 0));
		memset(array, 0x77, bytes[i]);
		old = bytes[i];
	}
	fixheap_array_free(heap.heap, array);
}

static void test_growing_clears(void **state)
{
	(void)state;
	check_zero(true);
}

static void test_growing_clears_what_fixheap_moves(void **state)
{
	(void)state;
	check_zero(false);
}

/* A callback takes the region out of use, as another thread could. */
static void offline(struct layer *layer, enum call call, void *base,
		    size_t bytes)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	(void)layer;
	(void)bytes;
	if (call != CALL_POST_ALLOC)
		return;
	must(!fixheap_region_of(heap.heap, base, &region));
	must(fixheap_offline_region(heap.heap, region.id, 0) == -EBUSY);
}

static void assert_isolated(const void *array)
{
	assert_int_equal(region_of(&heap, array).flags,
			 FIXHEAP_REGION_OWN | FIXHEAP_REGION_ISOLATED);
}

static void test_registering_keeps_isolation(void **state)
{
	char *array;

	(void)state;
	heap.layer.comm.touch = NULL;
	heap_open(&heap);
	array = array_make(&heap, 2 * MIB, FIXHEAP_POST_ALLOC);
	heap.layer.within = offline;
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array), 0);
	heap.layer.within = NULL;
	assert_isolated(array);
	heap_valid(&heap);
	fixheap_array_free(heap.heap, array);
}

static void assert_not_registered(int error)
{
	assert_int_equal(heap.layer.nr[CALL_FAILED], 1);
	assert_string_equal(heap.layer.failure.call, "post_realloc");
	assert_int_equal(heap.layer.failure.error, error);
	layer_reset(&heap.layer);
}

static void test_each_failure_is_told(void **state)
{
	unsigned char *array[2];

	(void)state;
	heap.layer.comm.touch = NULL;
	heap.layer.error = ENOLCK;
	heap_open(&heap);
	array[0] = array_make(&heap, 2 * MIB, 0);
	array[1] = array_make(&heap, 2 * MIB, FIXHEAP_POST_ALLOC);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array[1]), 0);
	layer_fail(&heap.layer, CALL_POST_REALLOC, 1, 1);
	array[0] = resize(array[0], 3 * MIB);
	assert_not_registered(ENOLCK);
	array[1] = resize(array[1], 3 * MIB);
	layer_fail(&heap.layer, CALL_POST_REALLOC, 1, 1);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array[1]),
			 -ENOLCK);
	assert_not_registered(ENOLCK);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array[1]), 0);
	fixheap_array_free(heap.heap, array[0]);
	fixheap_array_free(heap.heap, array[1]);
}

static void test_nothing_is_used_before_it_is_registered(void **state)
{
	struct fixheap_region region;
	char *array, *page;

	(void)state;
	heap.layer.comm.touch = NULL;
	heap_open(&heap);
	array = array_make(&heap, 4 * MIB, FIXHEAP_POST_ALLOC);
	assert_int_equal(fixheap_array_resize(heap.heap, array, MIB), 0);
	assert_ptr_equal(resize((unsigned char *)array, MIB / 2), array);
	region = region_of(&heap, array);
	assert_int_equal(region.flags,
			 FIXHEAP_REGION_OWN | FIXHEAP_REGION_PENDING);
	for (unsigned i = 0; i < 3000; i++) {
		page = array_make(&heap, 1, 0);
		assert_int_not_equal(region_of(&heap, page).id, region.id);
	}
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array), 0);
	assert_int_equal(fixheap_array_resize(heap.heap, array, MIB), 0);
	page = fixheap_malloc(heap.heap, 2 * MIB);
	assert_int_equal(region_of(&heap, page).id, region.id);
	heap_drop(&heap);
}

/* An array that has no region of its own, whatever its size, crosses nothing;
 * nor does one that becomes shorter where it is. */
static void test_only_crossing_is_refused(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	size_t page = fixheap_page_size();
	unsigned char *array;

	(void)state;
	heap.layer.comm.flags |= FIXHEAP_COMM_NO_CROSSING;
	heap_open(&heap);
	attr.alignment = 16 * page;
	array = fixheap_array_alloc(heap.heap, 2 * MIB, &attr);
	assert_int_equal(region_of(&heap, array).flags, 0);
	assert_true(fixheap_array_can_realloc(heap.heap, array, 2 * MIB));
	assert_true(
		fixheap_array_can_realloc(heap.heap, array, 2 * MIB - page));
	assert_true(fixheap_array_can_realloc(heap.heap, array, MIB / 2));
	assert_false(fixheap_array_can_realloc(heap.heap, array, 3 * MIB));
	assert_ptr_equal(resize(array, 2 * MIB), array);
	assert_ptr_equal(resize(array, 2 * MIB - page), array);
	errno = 0;
	assert_null(fixheap_array_realloc(heap.heap, array, 3 * MIB));
	assert_int_equal(errno, EXDEV);
	assert_ptr_equal(resize(array, MIB / 2), array);
	fixheap_array_free(heap.heap, array);
}

static void test_over_several_nodes(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	unsigned char *array;
	unsigned flags;

	(void)state;
	heap.layer.comm.flags |= FIXHEAP_COMM_NO_CROSSING;
	heap_open(&heap);
	attr.policy = FIXHEAP_POLICY_INTERLEAVE;
	attr.nodes = 1;
	array = fixheap_array_alloc(heap.heap, 2 * MIB, &attr);
	must(array);
	flags = region_of(&heap, array).flags;
	assert_true(fixheap_array_can_realloc(heap.heap, array, 3 * MIB));
	array = resize(array, 3 * MIB);
	assert_int_equal(region_of(&heap, array).flags, flags);
	fixheap_array_free(heap.heap, array);
}

static unsigned stop;

static void *make_arrays(void *data)
{
	(void)data;
	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		void *array = fixheap_array_alloc(heap.heap, MIB, NULL);

		must(array);
		fixheap_array_free(heap.heap, array);
	}
	return NULL;
}

static void test_the_heap_is_valid_at_any_time(void **state)
{
	pthread_t thread;

	(void)state;
	heap.layer.comm.touch = NULL;
	heap_open(&heap);
	must(!pthread_create(&thread, NULL, make_arrays, NULL));
	for (unsigned i = 0; i < TEST_STEPS(2000); i++) {
		heap_valid(&heap);
		sched_yield();
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_growing_clears, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			test_growing_clears_what_fixheap_moves, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_registering_keeps_isolation, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each_failure_is_told,
						setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_nothing_is_used_before_it_is_registered, setup,
			teardown),
		cmocka_unit_test_setup_teardown(
			test_the_heap_is_valid_at_any_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_only_crossing_is_refused,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_over_several_nodes, setup,
						teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
