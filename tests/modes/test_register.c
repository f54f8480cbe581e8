/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_register.c: FIXHEAP_DYNAMIC: touching and registering regions, and what
 * callbacks may do.
 */
#include <sys/mman.h>

#include "support.h"

#define THRESHOLD MIB

static struct test_heap heap, other;

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

/* ---- touching ------------------------------------------------------------ */

/* Pages in memory when post_alloc was called, and when it was not. */
static size_t resident_bytes;

static void count_resident(struct layer *layer, enum call call, void *base,
			   size_t bytes)
{
	static unsigned char in_core[8192];
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)layer;
	if (call != CALL_POST_ALLOC)
		return;
	must(bytes / page <= sizeof(in_core));
	must(!mincore(base, bytes, in_core));
	resident_bytes = 0;
	for (size_t i = 0; i < bytes / page; i++)
		resident_bytes += (in_core[i] & 1) * page;
}

static void test_touch_threads(void **state)
{
	for (unsigned nr = 0; nr < 5; nr++) {
		char *array;

		setup(state);
		heap.layer.comm.touch = NULL;
		heap.layer.comm.touch_threads = nr;
		heap.layer.within = count_resident;
		open_heap();
		assert_int_equal(resident_bytes, nr ? 8 * MIB : 0);
		array = array_make(&heap, 3 * MIB, 0);
		assert_non_null(array);
		assert_int_equal(resident_bytes, nr ? 3 * MIB : 0);
		assert_true(is_byte(array, 3 * MIB, 0));
		fixheap_array_free(heap.heap, array);
		heap_close(&heap);
	}
}

/* The layer's own touch is all that is done. */
static void test_touch(void **state)
{
	(void)state;
	heap.layer.comm.touch_threads = 3;
	heap.layer.within = count_resident;
	open_heap();
	assert_int_equal(resident_bytes, 0);
	fixheap_array_free(heap.heap, array_make(&heap, 3 * MIB, 0));
	assert_int_equal(heap.layer.nr[CALL_TOUCH], 1);
	assert_int_equal(heap.layer.bytes[CALL_TOUCH], 3 * MIB);
	assert_int_equal(resident_bytes, 0);
}

/* ---- registering --------------------------------------------------------- */

static void test_post_alloc(void **state)
{
	char *array, *shared;

	(void)state;
	heap.layer.comm.touch = NULL;
	open_heap();
	array = array_make(&heap, 2 * MIB, FIXHEAP_POST_ALLOC);
	shared = array_make(&heap, THRESHOLD / 2, FIXHEAP_POST_ALLOC);
	assert_true(array && shared);
	assert_int_equal(heap.layer.nr[CALL_POST_ALLOC], 0);
	assert_int_equal(heap_regions(&heap, FIXHEAP_REGION_PENDING), 1);
	assert_int_equal(region_of(&heap, array).flags,
			 FIXHEAP_REGION_OWN | FIXHEAP_REGION_PENDING);
	assert_int_equal(region_of(&heap, array).key, FIXHEAP_KEY_NONE);
	fill(array, 2 * MIB, 1);
	heap_valid(&heap);

	assert_int_equal(fixheap_array_post_alloc(heap.heap, array), 0);
	assert_int_equal(heap.layer.nr[CALL_POST_ALLOC], 1);
	assert_int_equal(heap.layer.bytes[CALL_POST_ALLOC], 2 * MIB);
	assert_int_equal(region_of(&heap, array).flags, FIXHEAP_REGION_OWN);
	assert_int_equal(region_of(&heap, array).key,
			 layer_piece(&heap.layer, array)->key);
	/* each byte once; and nothing is left to do */
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array), 0);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, shared), 0);
	assert_int_equal(heap.layer.nr[CALL_POST_ALLOC], 1);
	assert_int_equal(heap.layer.registered_bytes, 10 * MIB);
	assert_true(is_filled(array, 2 * MIB, 1));
	fixheap_array_free(heap.heap, array);
	fixheap_array_free(heap.heap, shared);
}

static void test_post_alloc_bad(void **state)
{
	char *array, *object, local;

	(void)state;
	heap.layer.comm.touch = NULL;
	open_heap();
	array = array_make(&heap, 2 * MIB, FIXHEAP_POST_ALLOC);
	object = fixheap_malloc(heap.heap, 100000);
	assert_true(array && object);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, NULL), -EINVAL);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, &local), -EINVAL);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array + 4096),
			 -EINVAL);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, object), -EINVAL);
	assert_int_equal(heap.layer.nr[CALL_POST_ALLOC], 0);
	heap.nr_faults = 0;
	/* It fails, the array stays, and it is tried again. */
	layer_fail(&heap.layer, CALL_POST_ALLOC, 1, 1);
	fill(array, 2 * MIB, 1);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array), -EIO);
	assert_int_equal(region_of(&heap, array).flags,
			 FIXHEAP_REGION_OWN | FIXHEAP_REGION_PENDING);
	assert_true(is_filled(array, 2 * MIB, 1));
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array), 0);
	assert_int_equal(region_of(&heap, array).flags, FIXHEAP_REGION_OWN);
	fixheap_array_free(heap.heap, array);
	/* Never registered, and given back all the same. */
	array = array_make(&heap, 2 * MIB, FIXHEAP_POST_ALLOC);
	fixheap_array_free(heap.heap, array);
	assert_int_equal(heap.layer.nr_live, 1);
	fixheap_free(heap.heap, object);
}

/* Whatever comes and goes: each byte that was asked for is registered once, and
 * is given back once. */
static void test_bytes(void **state)
{
	uint64_t seed = 5;
	void *array[12] = { NULL };

	(void)state;
	heap.layer.comm.touch = NULL;
	heap_open(&heap);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t k = random_below(&seed, ARRAY_LEN(array));
		size_t bytes = random_below(&seed, 3 * MIB);

		fixheap_array_free(heap.heap, array[k]);
		array[k] = array_make(&heap, bytes,
				      i % 2 ? FIXHEAP_POST_ALLOC : 0);
		assert_non_null(array[k]);
		assert_int_equal(fixheap_array_post_alloc(heap.heap, array[k]),
				 0);
		assert_int_equal(heap.layer.registered_bytes,
				 heap.layer.live_bytes);
		assert_int_equal(heap_regions(&heap, 0), heap.layer.nr_live);
	}
	heap_valid(&heap);
	/* With what is still there. */
	heap_drop(&heap);
	assert_int_equal(heap.layer.bytes[CALL_POST_ALLOC],
			 heap.layer.bytes[CALL_ALLOC]);
	assert_int_equal(heap.layer.bytes[CALL_FREE],
			 heap.layer.bytes[CALL_ALLOC]);
}

/* ---- what callbacks may do ----------------------------------------------- */

static void *to_free[64];
static unsigned nr_to_free;

/* Any malloc, other heaps, and free on this one. */
static void be_busy(struct layer *layer, enum call call, void *base,
		    size_t bytes)
{
	void *theirs = fixheap_malloc(other.heap, 100);
	void *mine = malloc(1000);

	(void)layer;
	(void)call;
	(void)base;
	(void)bytes;
	must(theirs && mine);
	fixheap_free(other.heap, theirs);
	free(mine);
	if (nr_to_free)
		fixheap_free(heap.heap, to_free[--nr_to_free]);
}

static void test_within(void **state)
{
	void *array[8];
	unsigned i;

	(void)state;
	heap_prepare_dynamic(&other, MIB);
	heap_open(&other);
	open_heap();
	for (nr_to_free = 0; nr_to_free < ARRAY_LEN(to_free); nr_to_free++)
		to_free[nr_to_free] =
			fixheap_malloc(heap.heap, nr_to_free % 2 ? 40 : 20000);
	heap.layer.within = be_busy;
	for (i = 0; i < ARRAY_LEN(array); i++) {
		array[i] = array_make(&heap, 2 * MIB, 0);
		array[i] = fixheap_array_realloc(heap.heap, array[i], 3 * MIB);
		assert_non_null(array[i]);
	}
	for (i = 0; i < ARRAY_LEN(array); i++)
		fixheap_array_free(heap.heap, array[i]);
	assert_int_equal(nr_to_free, ARRAY_LEN(to_free) - 6 * ARRAY_LEN(array));
	heap.layer.within = NULL;
	while (nr_to_free)
		fixheap_free(heap.heap, to_free[--nr_to_free]);
	heap_close(&other);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(touch_threads),  TEST(touch), TEST(post_alloc),
		TEST(post_alloc_bad), TEST(bytes), TEST(within),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
