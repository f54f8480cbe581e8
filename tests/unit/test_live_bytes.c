/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_live_bytes.c: mm/live_bytes.c, the count of live bytes and its peak.
 */
#include "objects_test.h"
#include "support.h"

static void test_one_after_the_other(void **state)
{
	static const struct {
		long bytes, live, peak;
	} table[] = {
		{ 0, 0, 0 },
		{ 100, 100, 100 },
		{ -60, 40, 100 },
		{ 59, 99, 100 },
		{ 1, 100, 100 },
		{ 1, 101, 101 },
		{ -201, -100, 101 }, /* of one that others have counted */
		{ 150, 50, 101 },
		{ 1l << 40, (1l << 40) + 50, (1l << 40) + 50 },
		{ -(1l << 40), 50, (1l << 40) + 50 },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 8 });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		heap_account(t.heap, table[i].bytes);
		assert_int_equal(t.heap->live_bytes, table[i].live);
		assert_int_equal(t.heap->peak_live, table[i].peak);
	}
	heap_end(&t);
}

#define THREADS 4
#define STEPS 200000

static unsigned nr_ready;

static void *count_up(void *heap)
{
	__atomic_add_fetch(&nr_ready, 1, __ATOMIC_RELEASE);
	wait_for(&nr_ready, THREADS);
	for (u32 i = 0; i < STEPS; i++)
		heap_account(heap, i % 2 ? 48 : -16);
	return NULL;
}

/* Nothing is lost, and the peak is what all of them came to. */
static void test_threads(void **state)
{
	pthread_t thread[THREADS];
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 8 });
	for (u32 i = 0; i < THREADS; i++)
		thread[i] = start_thread(count_up, t.heap);
	for (u32 i = 0; i < THREADS; i++)
		join_thread(thread[i]);
	assert_int_equal(t.heap->live_bytes, 16l * THREADS * STEPS);
	assert_int_equal(t.heap->peak_live, 16l * THREADS * STEPS);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("live_bytes", tests, NULL, NULL);
}
