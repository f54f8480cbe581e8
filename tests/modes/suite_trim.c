/* SPDX-License-Identifier: BSD-2-Clause */
/* suite_trim.c: free memory goes back to the system, in every mode: of a heap
 * that is pinned or registered none does, and no call says so. */
#include <pthread.h>
#include <sys/mman.h>

#include "suite.h"

#define NR_ARRAYS 6
#define ARRAY_BYTES (OWN_BYTES - 5000) /* they share regions */

/* Bytes of the range, whole pages of the system, that are in memory. */
static size_t resident(void *start, size_t bytes)
{
	static unsigned char in_core[HEAP_BYTES / 4096 + 2];
	size_t page = (size_t)sysconf(_SC_PAGESIZE), nr = 0;
	uintptr_t at = ((uintptr_t)start + page - 1) & -page;
	size_t pages = ((uintptr_t)start + bytes - at) / page;

	assert_int_equal(mincore((void *)at, pages * page, in_core), 0);
	for (size_t i = 0; i < pages; i++)
		nr += in_core[i] & 1;
	return nr * page;
}

static bool is_pinned(void)
{
	return suite.config.flags & FIXHEAP_PINNED;
}

/* Whether anything of the heap may go; the library may have no such thing. */
static bool may_trim(void)
{
	int ret = fixheap_trim(suite.heap, SIZE_MAX, 0, NULL);

	if (is_pinned())
		assert_int_equal(ret, -ENOTSUP);
	else if (ret == -ENOTSUP)
		need(false, "a library without TRIM");
	else
		assert_int_equal(ret, 0);
	return !ret && suite.mode->mode != FIXHEAP_DYNAMIC;
}

static void make_all(char **array)
{
	for (unsigned i = 0; i < NR_ARRAYS; i++) {
		array[i] = array_make(&suite, ARRAY_BYTES, 0);
		assert_non_null(array[i]);
		fill(array[i], ARRAY_BYTES, i);
	}
}

/* Half of the arrays go, the others stay as they are; what goes is in memory
 * no more, and reads as zero. */
static void test_trim(void **state)
{
	bool may = may_trim();
	char *array[NR_ARRAYS], *zero;
	size_t given = 1, before, after;

	(void)state;
	make_all(array);
	before = resident(array[2], ARRAY_BYTES);
	assert_true(before >= ARRAY_BYTES - 2 * 65536);
	for (unsigned i = 1; i < 4; i++)
		fixheap_array_free(suite.heap, array[i]);
	fixheap_trim(suite.heap, 0, 0, &given);
	after = resident(array[2], ARRAY_BYTES);
	if (may) {
		assert_true(given >= 6 * MIB && given <= 12 * MIB);
		assert_true(after <= before - 2 * MIB);
	} else {
		assert_int_equal(given, 0);
		assert_int_equal(after, before);
	}
	fixheap_trim(suite.heap, 0, 0, &given);
	assert_int_equal(given, 0);
	heap_valid(&suite);
	assert_true(is_filled(array[0], ARRAY_BYTES, 0));
	assert_true(is_filled(array[4], ARRAY_BYTES, 4));
	assert_true(is_filled(array[5], ARRAY_BYTES, 5));
	zero = array_make(&suite, 2 * ARRAY_BYTES, FIXHEAP_ZERO);
	assert_non_null(zero);
	assert_true(is_byte(zero, 2 * ARRAY_BYTES, 0));
	fixheap_array_free(suite.heap, zero);
	zero = fixheap_calloc(suite.heap, 3, 3 * MIB);
	assert_non_null(zero);
	assert_true(is_byte(zero, 9 * MIB, 0));
	fixheap_free(suite.heap, zero);
	fixheap_array_free(suite.heap, array[0]);
	fixheap_array_free(suite.heap, array[4]);
	fixheap_array_free(suite.heap, array[5]);
}

/* What went, two pageblocks that the array was in, is not cleared. */
static void test_cleared(void **state)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	bool may = may_trim();
	uint64_t before;
	size_t given;
	char *array;

	(void)state;
	array = array_make(&suite, 3 * MIB, 0);
	assert_non_null(array);
	fill(array, 3 * MIB, 1);
	fixheap_array_free(suite.heap, array);
	fixheap_trim(suite.heap, 0, 0, &given);
	assert_int_equal(given, may ? 4 * MIB : 0);
	fixheap_stats(suite.heap, &stats);
	before = stats.cleared_bytes;
	array = array_make(&suite, 3 * MIB, FIXHEAP_ZERO);
	assert_true(is_byte(array, 3 * MIB, 0));
	fixheap_stats(suite.heap, &stats);
	if (stats.nr_allocs)
		assert_int_equal(stats.cleared_bytes - before,
				 may ? 0 : 3 * MIB);
	fixheap_array_free(suite.heap, array);
}

/* --- others meanwhile ----------------------------------------------------- */

static bool stop;

static void *trim_on(void *unused)
{
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		fixheap_trim(suite.heap, 0, 0, NULL);
	return unused;
}

/* One array after the other takes all but a part of the heap: none fails. */
static void test_meanwhile(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	size_t bytes = fixheap_largest_free(suite.heap, NULL);
	pthread_t thread;

	(void)state;
	may_trim();
	stop = false;
	assert_int_equal(pthread_create(&thread, NULL, trim_on, NULL), 0);
	for (unsigned i = 0; i < TEST_STEPS(60); i++) {
		char *array;

		attr.flags = i % 2 ? FIXHEAP_ZERO : 0;
		array = fixheap_array_alloc(suite.heap, bytes - i * 4096,
					    &attr);
		assert_non_null(array);
		for (size_t at = i % 4096; i % 2 && at < bytes - i * 4096;
		     at += 4096)
			assert_int_equal(array[at], 0);
		memset(array + bytes / 2, 1, 5 * MIB / 2);
		fixheap_array_free(suite.heap, array);
	}
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	heap_valid(&suite);
}

/* --- by itself ------------------------------------------------------------ */

/* A heap of this mode that gives back what is free for 10 ms; false: it may
 * not. */
static bool open_decaying(struct test_heap *t, unsigned flags)
{
	int ret;

	may_trim();
	heap_prepare(t, suite.mode);
	t->config.decay_ms = 10;
	t->config.flags |= flags;
	if (t->config.flags & FIXHEAP_PINNED) {
		ret = fixheap_create(&t->config, &t->heap);
		/* a library without TRIM says something else */
		assert_true(ret == -EINVAL || ret == -ENOTSUP);
		return false;
	}
	heap_open(t);
	return suite.mode->mode != FIXHEAP_DYNAMIC;
}

/* Some time after its free an array is gone, if somebody looks. */
static void wait_gone(struct test_heap *t, bool looks)
{
	char *array = array_make(t, 4 * MIB, 0);
	char *middle = (char *)(((uintptr_t)array + 2 * MIB - 1) & -(2 * MIB));

	assert_non_null(array);
	fill(array, 4 * MIB, 1);
	fixheap_array_free(t->heap, array);
	for (unsigned i = 0; i < 60000 && resident(middle, MIB); i++) {
		if (looks)
			fixheap_free(t->heap, fixheap_malloc(t->heap, 20000));
		usleep(1000);
	}
	assert_int_equal(resident(middle, MIB), 0);
}

static void test_decay(void **state)
{
	struct test_heap t;

	(void)state;
	if (open_decaying(&t, 0))
		wait_gone(&t, true);
	if (t.heap)
		heap_close(&t);
}

static int use_in_child(void *data)
{
	struct test_heap *t = data;

	wait_gone(t, true);
	fixheap_destroy(t->heap);
	return 0;
}

static void test_decay_thread(void **state)
{
	struct test_heap t;

	(void)state;
	if (open_decaying(&t, FIXHEAP_DECAY_THREAD)) {
		wait_gone(&t, false);
		assert_int_equal(in_child(use_in_child, &t, NULL, 0), 0);
	}
	if (t.heap)
		heap_close(&t);
}

static const struct CMUnitTest tests[] = {
	SUITE_TEST(trim),  SUITE_TEST(cleared),	     SUITE_TEST(meanwhile),
	SUITE_TEST(decay), SUITE_TEST(decay_thread),
};
const struct suite_part suite_trim = { tests, ARRAY_LEN(tests) };
