/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_comm.c: FIXHEAP_DYNAMIC: what is asked of the comm layer, and when.
 *
 * That each callback is given what it was promised is checked by the layer
 * itself (layer.c), in every test.
 */
#include <sys/mman.h>

#include "support.h"

#define THRESHOLD MIB
#define LAYER_PAGE (64 * KIB)

static struct test_heap heap;

static int setup(void **state)
{
	(void)state;
	heap_prepare_dynamic(&heap, 8 * MIB);
	heap.config.extend_bytes = 8 * MIB;
	heap.layer.comm.alloc_threshold = THRESHOLD;
	heap.layer.comm.page_size = LAYER_PAGE;
	heap.layer.dirty = true;
	return 0;
}

/* Not all tests make it. */
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
static void assert_calls(unsigned nr_alloc, unsigned nr_post_alloc,
			 unsigned nr_free)
{
	assert_int_equal(heap.layer.nr[CALL_ALLOC], nr_alloc);
	assert_int_equal(heap.layer.nr[CALL_POST_ALLOC], nr_post_alloc);
	assert_int_equal(heap.layer.nr[CALL_FREE], nr_free);
	assert_int_equal(heap.layer.nr[CALL_FAILED], 0);
}

/* ---- when a region is asked for ------------------------------------------ */

static const struct {
	size_t length, extend, page; /* of the config and the layer */
	size_t bytes;		     /* asked for at creation */
} beginnings[] = {
	{ 8 * MIB, 16 * MIB, 0, 8 * MIB },
	{ 8 * MIB, 0, 0, 8 * MIB },
	{ 0, 16 * MIB, 0, 16 * MIB },
	{ 0, 0, 0, 32 * MIB },
	{ 5 * MIB + 1, 0, 0, 5 * MIB + 4096 },
	{ 5 * MIB + 1, 0, LAYER_PAGE, 5 * MIB + LAYER_PAGE },
	{ 5 * MIB + 1, 0, 2 * MIB, 6 * MIB },
	{ 40 * KIB, 0, 0, 40 * KIB },
};

static void test_beginning(void **state)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	for (unsigned i = 0; i < ARRAY_LEN(beginnings); i++) {
		setup(state);
		heap.config.length = beginnings[i].length;
		heap.config.extend_bytes = beginnings[i].extend;
		heap.layer.comm.page_size = beginnings[i].page;
		heap_open(&heap);
		assert_calls(1, 1, 0);
		assert_int_equal(heap.layer.nr[CALL_TOUCH], 1);
		assert_int_equal(heap.layer.live_bytes, beginnings[i].bytes);
		assert_int_equal(heap.layer.registered_bytes,
				 beginnings[i].bytes);
		assert_int_equal(fixheap_stats(heap.heap, &stats), 0);
		assert_int_equal(stats.heap_bytes, beginnings[i].bytes);
		assert_int_equal(heap_regions(&heap, 0), 1);
		heap_close(&heap);
		assert_int_equal(heap.layer.nr[CALL_FREE], 1);
	}
}

static const struct {
	size_t bytes;
	bool own;
} thresholds[] = {
	{ 0, false },
	{ 1, false },
	{ THRESHOLD - 4096, false },
	{ THRESHOLD, true },
	{ THRESHOLD + 1, true },
	{ 2 * MIB, true },
	{ 20 * MIB, true },
};

static void test_threshold(void **state)
{
	size_t live = 8 * MIB;

	(void)state;
	open_heap();
	for (unsigned i = 0; i < ARRAY_LEN(thresholds); i++) {
		size_t bytes = thresholds[i].bytes;
		unsigned own = thresholds[i].own;
		size_t whole = (bytes + LAYER_PAGE - 1) & -LAYER_PAGE;
		struct fixheap_region region;
		char *array;

		layer_reset(&heap.layer);
		array = array_make(&heap, bytes, 0);
		assert_non_null(array);
		fill(array, bytes, i);
		assert_calls(own, own, 0);
		region = region_of(&heap, array);
		assert_int_equal(!!(region.flags & FIXHEAP_REGION_OWN), own);
		assert_int_equal(region.key,
				 layer_piece(&heap.layer, array)->key);
		assert_int_equal(heap_regions(&heap, FIXHEAP_REGION_OWN), own);
		if (own) {
			assert_true(pthread_equal(heap.layer.thread,
						  pthread_self()));
			assert_ptr_equal(region.base, array);
			assert_int_equal(region.bytes, whole);
			assert_int_equal(heap.layer.live_bytes, live + whole);
		}
		heap_valid(&heap);
		assert_true(is_filled(array, bytes, i));
		fixheap_array_free(heap.heap, array);
		assert_calls(own, own, own);
		assert_int_equal(heap.layer.live_bytes, live);
		assert_int_equal(heap_regions(&heap, 0), 1);
		heap_valid(&heap);
	}
}

/* Objects and page runs share, however long they are. */
static void test_not_arrays(void **state)
{
	void *object, *pages;

	(void)state;
	open_heap();
	object = fixheap_malloc(heap.heap, 3 * MIB);
	pages = fixheap_pages_alloc(heap.heap, 3 * MIB / fixheap_page_size(), 0,
				    NULL);
	assert_true(object && pages);
	assert_calls(0, 0, 0);
	assert_int_equal(heap_regions(&heap, FIXHEAP_REGION_OWN), 0);
	fixheap_free(heap.heap, object);
	fixheap_pages_free(heap.heap, pages, 3 * MIB / fixheap_page_size());
}

static void test_extend(void **state)
{
	char *array[40], *object;
	unsigned i;

	(void)state;
	open_heap();
	for (i = 0; i < ARRAY_LEN(array); i++) {
		array[i] = array_make(&heap, THRESHOLD / 2, 0);
		assert_non_null(array[i]);
		assert_int_equal(heap.layer.live_bytes % (8 * MIB), 0);
	}
	/* 20 MiB in steps of 8 */
	assert_in_range(heap.layer.live_bytes, 24 * MIB, 32 * MIB);
	layer_reset(&heap.layer);
	object = fixheap_malloc(heap.heap, 20 * MIB);
	assert_non_null(object);
	assert_calls(1, 1, 0);
	assert_true(region_of(&heap, object).bytes >= 20 * MIB);
	for (i = 0; i < ARRAY_LEN(array); i++)
		fixheap_array_free(heap.heap, array[i]);
	fixheap_free(heap.heap, object);
}

/* No threshold: all arrays share. */
static void test_no_threshold(void **state)
{
	void *array;

	(void)state;
	heap.layer.comm.alloc_threshold = 0;
	open_heap();
	array = array_make(&heap, 7 * MIB, 0);
	assert_non_null(array);
	assert_calls(0, 0, 0);
	assert_true(fixheap_array_can_realloc(heap.heap, array, 1));
	assert_true(fixheap_array_can_realloc(heap.heap, array, GIB));
	fixheap_array_free(heap.heap, array);
	array = array_make(&heap, 9 * MIB, 0);
	assert_non_null(array);
	assert_calls(1, 1, 0);
	assert_int_equal(heap_regions(&heap, FIXHEAP_REGION_OWN), 0);
	fixheap_array_free(heap.heap, array);
	assert_calls(1, 1, 0);
}

/* ---- how much at most ---------------------------------------------------- */

static const struct {
	const char *max_heap;
	size_t max_bytes;
	unsigned max_regions;
	size_t bytes[4]; /* of arrays with regions of their own */
	unsigned nr;	 /* of them that succeed */
} limits[] = {
	{ NULL, 16 * MIB, 0, { 6 * MIB, 2 * MIB, MIB }, 2 },
	{ NULL, 16 * MIB, 0, { 9 * MIB }, 0 },
	{ NULL, 16 * MIB, 0, { 8 * MIB, MIB }, 1 },
	{ "16M", 0, 0, { 8 * MIB, MIB }, 1 },
	{ "16M", 64 * MIB, 0, { 8 * MIB, MIB }, 1 },
	{ "64M", 16 * MIB, 0, { 8 * MIB, MIB }, 1 },
	{ "16777216", 0, 0, { 8 * MIB, MIB }, 1 },
	{ "1G", 0, 0, { 8 * MIB, 20 * MIB, 100 * MIB, GIB }, 3 },
	{ "50%", 0, 0, { 8 * MIB, 20 * MIB, 30 * MIB, MIB }, 4 },
	{ NULL, 0, 3, { MIB, MIB, MIB }, 2 },
	{ NULL, 0, 1, { MIB }, 0 },
};

static void check_limit(unsigned i)
{
	void *array[4] = { NULL };

	heap.layer.dirty = false;
	heap.layer.comm.max_heap = limits[i].max_heap;
	heap.config.max_bytes = limits[i].max_bytes;
	heap.config.max_regions = limits[i].max_regions;
	open_heap();
	for (unsigned k = 0; k < 4 && limits[i].bytes[k]; k++) {
		errno = 0;
		array[k] = array_make(&heap, limits[i].bytes[k], 0);
		if (k < limits[i].nr) {
			assert_non_null(array[k]);
			continue;
		}
		/* nobody is asked for what may not be; what is free serves */
		if (array[k])
			assert_int_equal(region_of(&heap, array[k]).flags, 0);
		else
			assert_int_equal(errno, ENOMEM);
		assert_int_equal(heap.layer.nr[CALL_ALLOC], limits[i].nr);
	}
	/* What went back counts no more. */
	if (limits[i].nr) {
		fixheap_array_free(heap.heap, array[0]);
		array[0] = array_make(&heap, limits[i].bytes[0], 0);
		assert_non_null(array[0]);
	}
	for (unsigned k = 0; k < 4; k++)
		fixheap_array_free(heap.heap, array[k]);
	heap_close(&heap);
}

static void test_limits(void **state)
{
	for (unsigned i = 0; i < ARRAY_LEN(limits); i++) {
		setup(state);
		check_limit(i);
	}
}

/* The shared regions keep to it, too. */
static void test_limit_shared(void **state)
{
	void *object[64] = { NULL };
	unsigned i = 0;

	(void)state;
	heap.config.max_bytes = 20 * MIB;
	open_heap();
	while (i < ARRAY_LEN(object) &&
	       (object[i] = fixheap_malloc(heap.heap, 500 * KIB)))
		i++;
	assert_int_equal(errno, ENOMEM);
	assert_in_range(i, 30, 20 * MIB / (500 * KIB));
	assert_true(heap.layer.live_bytes <= 20 * MIB);
	assert_int_equal(heap.layer.nr[CALL_FAILED], 0);
	while (i)
		fixheap_free(heap.heap, object[--i]);
}

/* ---- what cannot be made ------------------------------------------------- */

enum wrong {
	NO_COMM,
	NO_ALLOC,
	BAD_SIZE,
	BAD_PAGE,
	BAD_FLAGS,
	BAD_MAX,
	MAX_BELOW_LENGTH,
	TOO_MANY,
	NR_WRONG
};

static void spoil(enum wrong wrong)
{
	struct fixheap_comm *comm = &heap.layer.comm;

	switch (wrong) {
	case NO_COMM:
		heap.config.comm = NULL;
		return;
	case NO_ALLOC:
		comm->region_alloc = NULL;
		return;
	case BAD_SIZE:
		comm->size = 5;
		return;
	case BAD_PAGE:
		comm->page_size = 3 * 4096;
		return;
	case BAD_FLAGS:
		comm->flags = 0x80;
		return;
	case BAD_MAX:
		comm->max_heap = "much";
		return;
	case MAX_BELOW_LENGTH:
		heap.config.max_bytes = MIB;
		return;
	default:
		heap.config.max_regions = 65535;
	}
}

static void test_bad(void **state)
{
	for (unsigned i = 0; i < NR_WRONG; i++) {
		struct fixheap *none = NULL;
		int err;

		setup(state);
		spoil((enum wrong)i);
		err = fixheap_create(&heap.config, &none);
		if (err != -EINVAL)
			print_message("# row %u: %d\n", i, err);
		assert_int_equal(err, -EINVAL);
		assert_null(none);
		assert_int_equal(heap.layer.nr[CALL_ALLOC], 0);
	}
	setup(state);
}

/* ---- the memory of a fixed heap, from heap_info -------------------------- */

static void *info_base;
static int info_error;

static int heap_info(void *data, void **base, size_t *bytes, size_t *page_size)
{
	(void)data;
	if (info_error)
		return info_error;
	*base = info_base;
	*bytes = 10 * MIB;
	*page_size = fixheap_page_size();
	return 0;
}

static void test_heap_info(void **state)
{
	struct fixheap *none = NULL;
	void *array;

	(void)state;
	info_base = layer_map(&heap.layer, 10 * MIB);
	heap.config.mode = FIXHEAP_FIXED;
	heap.config.length = 0;
	heap.layer.comm.heap_info = heap_info;
	info_error = -EHOSTDOWN;
	assert_int_equal(fixheap_create(&heap.config, &none), -EHOSTDOWN);
	assert_null(none);
	info_error = 0;
	heap.config.key = heap.layer.first_key = 99;
	heap_open(&heap);
	assert_int_equal(heap.layer.nr[CALL_ALLOC], 0);
	array = array_make(&heap, 9 * MIB, 0);
	assert_non_null(array);
	assert_int_equal(region_of(&heap, array).bytes, 10 * MIB);
	assert_ptr_equal(region_of(&heap, array).base, info_base);
	assert_int_equal(region_of(&heap, array).key,
			 layer_piece(&heap.layer, info_base)->key);
	fixheap_array_free(heap.heap, array);
	assert_int_equal(heap_used(&heap), 0);
	fixheap_destroy(heap.heap);
	heap.heap = NULL;
	/* Registered once, with the key of the config; it is the layer's. */
	assert_int_equal(heap.layer.nr[CALL_POST_ALLOC], 1);
	assert_int_equal(heap.layer.nr[CALL_FREE], 0);
	memset(info_base, 1, 10 * MIB);
	assert_true(layer_unmap(&heap.layer, info_base));
}

/* A layer that has alloc only. */
static void test_alloc_only(void **state)
{
	void *array, *object;

	(void)state;
	heap.layer.comm.touch = NULL;
	heap.layer.comm.post_alloc = NULL;
	heap.layer.comm.region_realloc = NULL;
	heap.layer.comm.post_realloc = NULL;
	heap.layer.comm.failed = NULL;
	open_heap();
	array = array_make(&heap, 2 * MIB, FIXHEAP_POST_ALLOC);
	object = fixheap_malloc(heap.heap, 100);
	assert_true(array && object);
	assert_int_equal(fixheap_array_post_alloc(heap.heap, array), 0);
	assert_int_equal(region_of(&heap, array).key, FIXHEAP_KEY_NONE);
	array = fixheap_array_realloc(heap.heap, array, 3 * MIB);
	assert_non_null(array);
	layer_fail(&heap.layer, CALL_ALLOC, heap.layer.nr[CALL_ALLOC] + 1, 1);
	assert_null(array_make(&heap, 5 * MIB, 0));
	fixheap_array_free(heap.heap, array);
	fixheap_free(heap.heap, object);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(beginning),    TEST(threshold), TEST(not_arrays),
		TEST(extend),	    TEST(limits),    TEST(no_threshold),
		TEST(limit_shared), TEST(bad),	     TEST(heap_info),
		TEST(alloc_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
