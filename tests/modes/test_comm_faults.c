/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_comm_faults.c: a comm layer that fails, or gives what it should not:
 * nothing changes, nothing leaks, and it is told.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "support.h"

#define THRESHOLD MIB

static struct test_heap heap, other;

static int setup(void **state)
{
	(void)state;
	heap_prepare_dynamic(&heap, 4 * MIB);
	heap.config.extend_bytes = 4 * MIB;
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

/* One failure, of this call. */
static void assert_failed(const char *call, int error)
{
	assert_int_equal(heap.layer.nr[CALL_FAILED], 1);
	assert_string_equal(heap.layer.failure.call, call);
	if (error)
		assert_int_equal(heap.layer.failure.error, error);
}

/* What asks the layer for a region when the shared one is full. */
enum ask {
	ASK_ARRAY,
	ASK_SHARED,
	ASK_OBJECT,
	ASK_PAGES,
	ASK_REALLOC,
	NR_ASKS
};

static const size_t asked_bytes[] = { 2 * MIB, 5 * MIB, 5 * MIB, 5 * MIB,
				      5 * MIB };

static void *ask(enum ask how)
{
	size_t bytes = asked_bytes[how];
	static char *array;

	switch (how) {
	case ASK_ARRAY:
		return array_make(&heap, bytes, 0);
	case ASK_SHARED:
		return fixheap_calloc(heap.heap, 1, bytes);
	case ASK_OBJECT:
		return fixheap_malloc(heap.heap, bytes);
	case ASK_PAGES:
		return fixheap_pages_alloc(
			heap.heap, bytes / fixheap_page_size(), 0, NULL);
	default:
		array = array_make(&heap, 1000, 0);
		must(array);
		bytes = (size_t)(uintptr_t)fixheap_array_realloc(heap.heap,
								 array, bytes);
		if (!bytes)
			fixheap_array_free(heap.heap, array);
		return (void *)(uintptr_t)bytes;
	}
}

static void answer(enum ask how, void *made)
{
	if (how == ASK_ARRAY || how == ASK_REALLOC)
		fixheap_array_free(heap.heap, made);
	else if (how == ASK_PAGES)
		fixheap_pages_free(heap.heap, made,
				   asked_bytes[how] / fixheap_page_size());
	else
		fixheap_free(heap.heap, made);
}

/* The n-th call of a callback fails, however often it is tried: the allocation
 * that needs it fails, and no other. */
static void check_nth(enum call call, const char *name, enum ask how)
{
	struct fixheap_stats before = { .size = sizeof(before) }, after;

	for (unsigned n = 1; n < 4; n++) {
		void *made[4];
		unsigned live, i;

		setup(NULL);
		open_heap();
		for (i = 1; i < n; i++) {
			made[i] = ask(how);
			assert_non_null(made[i]);
		}
		heap_used(&heap);
		fixheap_stats(heap.heap, &before);
		after = before;
		live = heap.layer.nr_live;
		layer_reset(&heap.layer);
		layer_fail(&heap.layer, call, 1, 100);
		errno = 0;
		assert_null(ask(how));
		assert_int_equal(errno, ENOMEM);
		assert_true(heap.layer.nr[CALL_FAILED] >= 1);
		assert_string_equal(heap.layer.failure.call, name);
		assert_int_equal(heap.layer.nr_live, live);
		assert_int_equal(heap_used(&heap), before.used_bytes);
		fixheap_stats(heap.heap, &after);
		assert_int_equal(after.heap_bytes, before.heap_bytes);
		heap_valid(&heap);
		/* It can be had again. */
		layer_reset(&heap.layer);
		made[n] = ask(how);
		assert_non_null(made[n]);
		memset(made[n], 1, asked_bytes[how]);
		for (i = 1; i <= n; i++)
			answer(how, made[i]);
		heap_close(&heap);
	}
}

static void test_alloc_fails(void **state)
{
	(void)state;
	for (unsigned how = 0; how < NR_ASKS; how++)
		check_nth(CALL_ALLOC, "region_alloc", (enum ask)how);
}

static void test_post_alloc_fails(void **state)
{
	(void)state;
	for (unsigned how = 0; how < NR_ASKS; how++)
		check_nth(CALL_POST_ALLOC, "post_alloc", (enum ask)how);
}

/* Told what and where; touched before, given back after. */
static void test_post_alloc_told(void **state)
{
	(void)state;
	open_heap();
	layer_fail(&heap.layer, CALL_POST_ALLOC, 1, 1);
	errno = 0;
	assert_null(array_make(&heap, 2 * MIB, 0));
	assert_int_equal(errno, ENOMEM);
	assert_failed("post_alloc", EIO);
	assert_non_null(heap.layer.failure.base);
	assert_int_equal(heap.layer.failure.bytes, 2 * MIB);
	assert_int_equal(heap.layer.nr[CALL_TOUCH], 1);
	assert_int_equal(heap.layer.nr[CALL_FREE], 1);
	assert_int_equal(heap.layer.nr_live, 1);
}

static void test_creation_fails(void **state)
{
	static const enum call calls[] = { CALL_ALLOC, CALL_POST_ALLOC };

	for (unsigned i = 0; i < ARRAY_LEN(calls); i++) {
		struct fixheap *none = NULL;

		setup(state);
		layer_fail(&heap.layer, calls[i], 1, 100);
		assert_int_equal(fixheap_create(&heap.config, &none),
				 calls[i] == CALL_ALLOC ? -ENOMEM : -EIO);
		assert_null(none);
		assert_true(layer_is_empty(&heap.layer));
		assert_true(heap.layer.nr[CALL_FAILED] >= 1);
		layer_reset(&heap.layer);
		open_heap();
		heap_close(&heap);
	}
}

/* ---- memory that is somebody's ------------------------------------------- */

enum whose {
	MINE,
	MINE_INSIDE,
	OTHERS,
	OTHERS_INSIDE,
	WRAPPING,
	NR_WHOSE
};

static void test_used_memory(void **state)
{
	char *mine, *others, *gives[NR_WHOSE];
	size_t page = fixheap_page_size();

	(void)state;
	memset(&other, 0, sizeof(other));
	heap_prepare_dynamic(&other, 4 * MIB);
	heap_open(&other);
	open_heap();
	mine = fixheap_malloc(heap.heap, 2 * MIB);
	others = fixheap_malloc(other.heap, 2 * MIB);
	fill(mine, 2 * MIB, 1);
	fill(others, 2 * MIB, 2);
	gives[MINE] = region_of(&heap, mine).base;
	gives[MINE_INSIDE] = gives[MINE] + 3 * page;
	gives[OTHERS] = region_of(&other, others).base;
	gives[OTHERS_INSIDE] = gives[OTHERS] + 4 * MIB - page;
	gives[WRAPPING] = (char *)(UINTPTR_MAX & -page);
	for (unsigned i = 0; i < NR_WHOSE; i++) {
		for (unsigned how = 0; how < NR_ASKS; how++) {
			layer_reset(&heap.layer);
			/* a second try fails, too */
			layer_fail(&heap.layer, CALL_ALLOC, 2, 100);
			heap.layer.gives = gives[i];
			errno = 0;
			assert_null(ask((enum ask)how));
			assert_int_equal(errno, ENOMEM);
			assert_true(heap.layer.nr[CALL_FAILED] >= 1);
			assert_string_equal(heap.layer.failure.call,
					    "region_alloc");
			assert_int_equal(heap.layer.nr[CALL_TOUCH], 0);
			assert_int_equal(heap.layer.nr[CALL_POST_ALLOC], 0);
			assert_int_equal(heap.layer.nr[CALL_FREE], 0);
			assert_int_equal(heap_regions(&heap, 0), 1);
			heap_valid(&heap);
			heap_valid(&other);
		}
	}
	assert_true(is_filled(mine, 2 * MIB, 1));
	assert_true(is_filled(others, 2 * MIB, 2));
	fixheap_free(heap.heap, mine);
	fixheap_free(other.heap, others);
	heap_close(&other);
}

static const struct {
	long from, to; /* MiB from the start of the first heap's 8 */
	int err;
} overlaps[] = {
	{ 0, 8, -EINVAL },  { 2, 4, -EINVAL },	{ -2, 1, -EINVAL },
	{ 7, 10, -EINVAL }, { -1, 9, -EINVAL }, { 0, 1, -EINVAL },
	{ 7, 8, -EINVAL },  { -2, 0, 0 },	{ 8, 10, 0 },
};

/* Two heaps over the same memory. */
static void test_overlap(void **state)
{
	char *memory = layer_map(&heap.layer, 32 * MIB);
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *first, *second;
	struct fixheap_region region;

	(void)state;
	config.base = memory + 16 * MIB;
	config.length = 8 * MIB;
	config.max_bytes = 32 * MIB;
	assert_int_equal(fixheap_create(&config, &first), 0);
	for (unsigned i = 0; i < ARRAY_LEN(overlaps); i++) {
		config.base = memory + 16 * MIB + overlaps[i].from * (long)MIB;
		config.length =
			(size_t)(overlaps[i].to - overlaps[i].from) * MIB;
		second = NULL;
		assert_int_equal(fixheap_create(&config, &second),
				 overlaps[i].err);
		assert_true(!second == !!overlaps[i].err);
		fixheap_destroy(second);
		/* and as a region of the first one */
		region = (struct fixheap_region)FIXHEAP_REGION_INIT;
		region.base = config.base;
		region.bytes = config.length;
		assert_int_equal(fixheap_add_region(first, &region),
				 overlaps[i].err);
		if (!overlaps[i].err)
			assert_int_equal(
				fixheap_offline_region(first, region.id, 0), 0);
		assert_int_equal(fixheap_validate(first), 0);
	}
	fixheap_destroy(first);
	assert_true(layer_unmap(&heap.layer, memory));
}

/* ---- free says that it is not the layer's -------------------------------- */

static void test_not_mine(void **state)
{
	char *array, *twice;

	(void)state;
	open_heap();
	array = array_make(&heap, 2 * MIB, 0);
	twice = array_make(&heap, 2 * MIB, 0);
	assert_true(array && twice);
	layer_fail(&heap.layer, CALL_FREE, 1, 1);
	fixheap_array_free(heap.heap, array);
	assert_int_equal(heap.layer.nr[CALL_FREE], 1);
	assert_failed("region_free", 0);
	assert_ptr_equal(heap.layer.failure.base, array);
	assert_int_equal(heap.layer.failure.bytes, 2 * MIB);
	/* The heap has nothing to do with it any more. */
	assert_false(fixheap_owns(heap.heap, array));
	fixheap_array_free(heap.heap, array);
	heap_faulted(&heap, "fixheap_array_free", "foreign pointer");
	heap_valid(&heap);
	fixheap_array_free(heap.heap, twice);
	assert_int_equal(heap.layer.nr_live, 2);
	assert_true(layer_unmap(&heap.layer, array));
	/* And the shared one, at the end. */
	layer_reset(&heap.layer);
	layer_fail(&heap.layer, CALL_FREE, 1, 1);
	fixheap_destroy(heap.heap);
	heap.heap = NULL;
	assert_failed("region_free", 0);
	assert_int_equal(heap.layer.nr_live, 1);
}

/* ---- FIXHEAP_COMM_HALT --------------------------------------------------- */

static int halt(void *data)
{
	const enum call *call = data;

	setup(NULL);
	heap.layer.comm.flags = FIXHEAP_COMM_HALT;
	must(!fixheap_create(&heap.config, &heap.heap));
	layer_fail(&heap.layer, *call, heap.layer.nr[*call] + 1, 1);
	fixheap_array_free(heap.heap, array_make(&heap, 2 * MIB, 0));
	/* not reached */
	return (int)heap.layer.nr[CALL_FAILED];
}

static void test_halt(void **state)
{
	static const struct {
		enum call call;
		const char *name;
	} table[] = { { CALL_ALLOC, "region_alloc" },
		      { CALL_POST_ALLOC, "post_alloc" },
		      { CALL_FREE, "region_free" } };
	char text[1024];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		enum call call = table[i].call;
		int status = in_child(halt, &call, text, sizeof(text));

		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
		assert_non_null(strstr(text, "fixheap"));
		assert_non_null(strstr(text, table[i].name));
		assert_non_null(strchr(text, '\n'));
	}
}

/* ---- nothing leaks ------------------------------------------------------- */

/* A life with everything that can go wrong. */
static void live_once(enum fixheap_mode mode, unsigned i)
{
	struct fixheap *none;
	void *made[3];

	setup(NULL);
	heap.config.mode = mode;
	if (mode == FIXHEAP_FIXED) {
		heap.config.max_bytes = 16 * MIB;
		heap.config.extend_bytes = 0;
	}
	if (mode != FIXHEAP_DYNAMIC)
		heap.config.comm = NULL;
	layer_fail(&heap.layer, CALL_ALLOC, 1, 1);
	if (mode == FIXHEAP_DYNAMIC)
		assert_int_equal(fixheap_create(&heap.config, &none), -ENOMEM);
	open_heap();
	layer_fail(&heap.layer, i % 2 ? CALL_ALLOC : CALL_POST_ALLOC, 2 + i % 3,
		   1);
	layer_fail(&heap.layer, CALL_REALLOC, 1, i % 2);
	layer_fail(&heap.layer, CALL_POST_REALLOC, 1, 1);
	for (unsigned k = 0; k < ARRAY_LEN(made); k++) {
		made[k] = array_make(&heap, (k + 1) * MIB, 0);
		made[k] = fixheap_array_realloc(heap.heap, made[k], 3 * MIB);
		fixheap_free(heap.heap, fixheap_malloc(heap.heap, 100));
	}
	if (i % 2)
		fixheap_array_free(heap.heap, made[0]);
	heap_drop(&heap);
}

static void check_leaks(enum fixheap_mode mode)
{
	struct mapped before, after;
	unsigned i;

	for (i = 0; i < 8; i++)
		live_once(mode, i);
	before = mapped_now();
	for (; i < 72; i++)
		live_once(mode, i);
	after = mapped_now();
	/* what the C library and jemalloc keep for themselves */
	assert_in_range(after.bytes, 0, before.bytes + MIB);
	assert_in_range(after.nr, 0, before.nr + 8);
}

static void test_leaks(void **state)
{
	(void)state;
	check_leaks(FIXHEAP_DYNAMIC);
	check_leaks(FIXHEAP_SIMPLE);
	check_leaks(FIXHEAP_FIXED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(alloc_fails),     TEST(post_alloc_fails),
		TEST(post_alloc_told), TEST(creation_fails),
		TEST(used_memory),     TEST(overlap),
		TEST(not_mine),	       TEST(halt),
		TEST(leaks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
