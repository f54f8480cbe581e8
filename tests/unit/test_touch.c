/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_touch.c: mm/touch.c, arrays touched or cleared by threads of the nodes
 * that their parts are on.
 */
#include "nodes.h"

#include <sys/resource.h>

/* A word in each page says which it is. */
static void mark(char *array, u64 nr)
{
	for (u64 p = 0; p < nr; p++)
		memcpy(array + BYTES(p) + 8, &p, sizeof(p));
}

static bool marked(const char *array, u64 nr)
{
	u64 wrong = 0;

	for (u64 p = 0; p < nr; p++)
		wrong |= (u64)memcmp(array + BYTES(p) + 8, &p, sizeof(p));
	return !wrong;
}

static const struct {
	const char *machine;
	enum fixheap_policy policy;
	u64 nodes, nr_pages;
	unsigned nr_threads, flags;
	u32 can_start; /* threads that the host can */
} touches[] = {
	{ "1x1", 0, 0, 1, 0, 0, 99 },
	{ "1x4", 0, 0, 5000, 0, 0, 99 },
	{ "2x2", FIXHEAP_POLICY_BLOCKED, 0, 5001, 0, 0, 99 },
	{ "2x2", FIXHEAP_POLICY_BLOCKED, 0, 5001, 1, 0, 99 },
	{ "2x2", FIXHEAP_POLICY_BLOCKED, 0, 5001, 3, FIXHEAP_TOUCH_ZERO, 99 },
	{ "4x2", FIXHEAP_POLICY_INTERLEAVE, 0, 9000, 0, 0, 99 },
	{ "4x2", FIXHEAP_POLICY_INTERLEAVE, 10, 9000, 7, FIXHEAP_TOUCH_ZERO,
	  99 },
	{ "4x2", FIXHEAP_POLICY_BIND, 8, 3000, 2, 0, 99 },
	{ "8x1", FIXHEAP_POLICY_BLOCKED, 0, 16000, 0, 0, 99 },
	{ "8x1", FIXHEAP_POLICY_BLOCKED, 0, 16000, 3, 0, 99 },
	{ "8x1", FIXHEAP_POLICY_BLOCKED, 0, 16000, 2000, 0, 99 },
	/* fewer than asked for: the caller does the rest */
	{ "8x1", FIXHEAP_POLICY_BLOCKED, 0, 16000, 8, 0, 3 },
	{ "8x1", FIXHEAP_POLICY_BLOCKED, 0, 16000, 8, FIXHEAP_TOUCH_ZERO, 1 },
	/* a node without CPUs is served, too */
	{ "0/-/1", FIXHEAP_POLICY_BIND, 2, 3000, 0, 0, 99 },
	{ "0/-/1", FIXHEAP_POLICY_BLOCKED, 0, 3000, 2, 0, 99 },
};

static void test_touch(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(touches); i++) {
		size_t row = i / 2, bytes = BYTES(touches[row].nr_pages);
		u64 nr = touches[row].nr_pages;
		bool zero = touches[row].flags;
		struct test_heap t;
		char *array;

		nodes_make(&t,
			   &(struct node_spec){ .machine = touches[row].machine,
						.nr_pages = BLOCKS(64) });
		host_sim_set_threads(touches[row].can_start);
		array = nodes_array(t.heap, bytes, touches[row].policy,
				    touches[row].nodes);
		assert_non_null(array);
		if (i % 2)
			mark(array, nr);
		assert_int_equal(fixheap_array_touch(t.heap, array,
						     touches[row].nr_threads,
						     touches[row].flags),
				 0);
		assert_int_equal(host_sim_resident(array, bytes), bytes);
		nodes_as_told(t.heap, array, bytes);
		/* nothing behind it */
		assert_int_equal(host_sim_resident(array + bytes, PAGE_BYTES),
				 0);
		if (i % 2)
			assert_int_equal(marked(array, nr), !zero);
		if (zero) {
			assert_int_equal(host_sim_cleared(), bytes);
			for (size_t b = 8; b < bytes; b += PAGE_BYTES)
				assert_int_equal(array[b], 0);
		}
		fixheap_array_free(t.heap, array);
		heap_end(&t);
	}
}

/* A fresh array is where its threads are: all on the caller's node. */
static void test_fresh(void **state)
{
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);
	struct test_heap t;
	char *array;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .nr_pages = BLOCKS(16) });
	array = fixheap_array_alloc(t.heap, BYTES(2000), &fresh);
	assert_non_null(array);
	host_sim_set_cpu(2);
	assert_int_equal(
		fixheap_array_touch(t.heap, array, 4, FIXHEAP_TOUCH_ZERO), 0);
	nodes_on(array, BYTES(2000), 2);
	fixheap_array_free(t.heap, array);
	heap_end(&t);
}

/* Every mistake is said, and nothing is touched. */
static void test_mistakes(void **state)
{
	static const char api[] = "fixheap_array_touch";
	struct test_heap t;
	char *array, *run, *object;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .nr_pages = BLOCKS(16) });
	array = fixheap_array_alloc(t.heap, BYTES(700), NULL);
	run = fixheap_pages_alloc(t.heap, 3, 0, NULL);
	object = fixheap_malloc(t.heap, 100000);
	assert_int_equal(fixheap_array_touch(t.heap, array, 0, 2), -EINVAL);
	assert_int_equal(t.nr_faults, 0);
	assert_int_equal(fixheap_array_touch(t.heap, &t, 0, 0), -EINVAL);
	assert_int_equal(t.nr_faults, 1);
	t.nr_faults = 0;
	assert_int_equal(fixheap_array_touch(t.heap, array + PAGE_BYTES, 0, 0),
			 -EINVAL);
	heap_faulted(&t, api, "interior pointer");
	assert_int_equal(fixheap_array_touch(t.heap, run, 0, 0), -EINVAL);
	heap_faulted(&t, api, "memory of another kind");
	assert_int_equal(fixheap_array_touch(t.heap, object, 0, 0), -EINVAL);
	heap_faulted(&t, api, "memory of another kind");
	fixheap_array_free(t.heap, array);
	assert_int_equal(fixheap_array_touch(t.heap, array, 0, 0), -EINVAL);
	heap_faulted(&t, api, "double free, or never allocated");
	assert_int_equal(host_sim_calls(HOST_SIM_RUN_THREADS), 0);
	/* no thread at all */
	array = fixheap_array_alloc(t.heap, BYTES(700), NULL);
	host_sim_fail(HOST_SIM_RUN_THREADS, 1);
	assert_int_equal(fixheap_array_touch(t.heap, array, 0, 0), -EAGAIN);
	host_sim_set_threads(0);
	assert_int_equal(fixheap_array_touch(t.heap, array, 0, 0), -EAGAIN);
	if (!IS_ENABLED(CONFIG_PAGE_POISON))
		assert_int_equal(host_sim_resident(array, BYTES(700)), 0);
	fixheap_array_free(t.heap, array);
	fixheap_pages_free(t.heap, run, 3);
	fixheap_free(t.heap, object);
	heap_end(&t);
}

/* Touching races with nobody: the program may write meanwhile. */
static void test_twice(void **state)
{
	struct test_heap t;
	char *array;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .nr_pages = BLOCKS(32) });
	array = nodes_array(t.heap, BYTES(BLOCKS(20)), FIXHEAP_POLICY_BLOCKED,
			    0);
	assert_non_null(array);
	for (u32 i = 0; i < 5; i++) {
		mark(array, BLOCKS(20));
		assert_int_equal(fixheap_array_touch(t.heap, array, 16, 0), 0);
		assert_true(marked(array, BLOCKS(20)));
	}
	nodes_verified(t.heap);
	fixheap_array_free(t.heap, array);
	heap_end(&t);
}

static u64 faults(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
	return (u64)usage.ru_minflt;
}

/*
 * What was only read is in memory, too, but as the page of all zeroes: the
 * first write to it is another fault.
 */
static void test_written(void **state)
{
	const u64 nr = BLOCKS(4);
	struct test_heap t;
	char *array;
	u64 before;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .nr_pages = BLOCKS(16) });
	array = fixheap_array_alloc(t.heap, BYTES(nr), NULL);
	assert_non_null(array);
	assert_int_equal(fixheap_array_touch(t.heap, array, 0, 0), 0);
	mark(array, 1);
	before = faults();
	mark(array, nr);
	/* the program's own pages are few */
	assert_true(faults() - before < nr / 4);
	fixheap_array_free(t.heap, array);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_touch), cmocka_unit_test(test_written),
		cmocka_unit_test(test_fresh), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_twice),
	};

	return cmocka_run_group_tests_name("touch", tests, NULL, NULL);
}
