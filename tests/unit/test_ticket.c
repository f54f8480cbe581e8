/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ticket.c: arrays that are set aside before they are needed,
 * mm/ticket.c, in a heap of 512 pages and with threads that fill it.
 */
#include <pthread.h>

#include "nodes.h"

#define NR 512

static const struct heap_spec spec = { .nr_pages = NR, .flags = 0 };

static size_t reserved_bytes(struct fixheap *heap)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	assert_int_equal(fixheap_stats(heap, &stats), 0);
	return stats.reserved_bytes;
}

static int add_reserved(void *data, const void *start, size_t bytes,
			enum fixheap_use use)
{
	(void)start;
	if (use == FIXHEAP_USE_RESERVED)
		*(size_t *)data += bytes;
	return 0;
}

/* All that is free is set aside; then only the ticket gets it. */
static void test_use(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct test_heap t;
	size_t walked = 0;
	char *array;

	(void)state;
	heap_make(&t, &spec);
	attr.ticket = fixheap_reserve(t.heap, BYTES(NR), NULL);
	assert_true(attr.ticket);
	assert_int_equal(reserved_bytes(t.heap), BYTES(NR));
	assert_int_equal(fixheap_walk(t.heap, add_reserved, &walked), 0);
	assert_int_equal(walked, BYTES(NR));
	assert_int_equal(fixheap_stats(t.heap, &stats), 0);
	assert_int_equal(stats.live_bytes, 0);
	assert_null(fixheap_array_alloc(t.heap, 1, NULL));
	assert_false(fixheap_will_fit(t.heap, 1, NULL));
	heap_valid(&t);

	/* what is not used of it is free again */
	array = fixheap_array_alloc(t.heap, BYTES(NR) - BYTES(100) - 1, &attr);
	assert_non_null(array);
	assert_int_equal(reserved_bytes(t.heap), 0);
	assert_int_equal(fixheap_largest_free(t.heap, NULL), BYTES(100));
	if (IS_ENABLED(CONFIG_VMSTAT)) {
		assert_int_equal(fixheap_stats(t.heap, &stats), 0);
		assert_int_equal(stats.live_bytes, BYTES(NR - 100));
	}
	/* it is an array as any other */
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(NR)), 0);
	fixheap_array_free(t.heap, array);
	heap_is_empty(&t);
	heap_end(&t);
}

/* A ticket that has ended, or never was, frees and gives nothing. */
static void test_mistakes(void **state)
{
	static const u64 bad[] = { 1, NR + 1, ~0ull, 1ull << 40, 77 };
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;
	char *array;
	u64 ticket;

	(void)state;
	heap_make(&t, &spec);
	ticket = attr.ticket = fixheap_reserve(t.heap, BYTES(10), NULL);
	errno = 0;
	assert_int_equal(fixheap_reserve(t.heap, 1, &attr), 0);
	assert_int_equal(errno, EINVAL);
	/* more than there is: the ticket stays */
	errno = 0;
	assert_null(fixheap_array_alloc(t.heap, BYTES(10) + 1, &attr));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(reserved_bytes(t.heap), BYTES(10));
	/* nobody frees it but with the ticket */
	fixheap_array_free(t.heap, (char *)t.heap->base);
	fixheap_pages_free(t.heap, (char *)t.heap->base, 10);
	assert_int_equal(t.nr_faults, 2);
	t.nr_faults = 0;

	array = fixheap_array_alloc(t.heap, BYTES(10), &attr);
	assert_non_null(array);
	assert_null(fixheap_array_alloc(t.heap, 1, &attr));
	heap_faulted(&t, "fixheap_array_alloc", "no such ticket");
	fixheap_release(t.heap, ticket);
	heap_faulted(&t, "fixheap_release", "no such ticket");
	fixheap_array_free(t.heap, array);
	/* the same pages are set aside again: another ticket */
	attr.ticket = fixheap_reserve(t.heap, BYTES(10), NULL);
	assert_int_not_equal(attr.ticket, ticket);
	fixheap_release(t.heap, ticket);
	heap_faulted(&t, "fixheap_release", "no such ticket");
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		fixheap_release(t.heap, bad[i]);
		heap_faulted(&t, "fixheap_release", "no such ticket");
	}
	fixheap_release(t.heap, 0);
	fixheap_release(t.heap, attr.ticket);
	heap_is_empty(&t);
	heap_end(&t);
}

/* It reads as zero if that was asked for at either time. */
static void test_zero(void **state)
{
	(void)state;
	for (u32 i = 0; i < 4; i++) {
		struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		struct test_heap t;
		char *array;

		heap_make(&t, &spec);
		array = fixheap_array_alloc(t.heap, BYTES(NR), NULL);
		memset(array, 1, BYTES(NR));
		fixheap_array_free(t.heap, array);
		attr.flags = i & 1 ? FIXHEAP_ZERO : 0;
		attr.ticket = fixheap_reserve(t.heap, BYTES(20), &attr);
		attr.flags = i & 2 ? FIXHEAP_ZERO : 0;
		array = fixheap_array_alloc(t.heap, BYTES(10), &attr);
		assert_non_null(array);
		for (size_t at = 0; i && at < BYTES(10); at++)
			assert_int_equal(array[at], 0);
		/* and grows with zeroes */
		assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(30)),
				 0);
		for (size_t at = 0; i && at < BYTES(30); at++)
			assert_int_equal(array[at], 0);
		fixheap_array_free(t.heap, array);
		heap_is_empty(&t);
		heap_end(&t);
	}
}

/* --- threads -------------------------------------------------------------- */

#define NR_THREADS 4

struct worker {
	struct fixheap *heap;
	u64 seed;
	u32 used, refused; /* tickets */
	u32 failed;	   /* of what cannot fail */
};

static u32 stop;

/* Take all there is, again and again. */
static void *run_filler(void *arg)
{
	struct worker *worker = arg;
	void *array[64];

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		u32 nr = 0;

		while (nr < 64) {
			array[nr] = fixheap_array_alloc(
				worker->heap,
				BYTES(1 + random_below(&worker->seed, 40)),
				NULL);
			if (!array[nr])
				break;
			nr++;
		}
		host_yield();
		while (nr)
			fixheap_array_free(worker->heap, array[--nr]);
	}
	return NULL;
}

static void *run_holder(void *arg)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct worker *worker = arg;
	u64 nr;
	void *array;

	for (u32 i = 0; i < TEST_STEPS(3000); i++) {
		nr = 1 + random_below(&worker->seed, 60);
		attr.ticket = fixheap_reserve(worker->heap, BYTES(nr), NULL);
		if (!attr.ticket) {
			worker->refused++;
			continue;
		}
		host_yield();
		if (random_below(&worker->seed, 4) == 0) {
			fixheap_release(worker->heap, attr.ticket);
			continue;
		}
		nr -= random_below(&worker->seed, nr);
		array = fixheap_array_alloc(worker->heap, BYTES(nr), &attr);
		worker->used++;
		if (!array)
			worker->failed++;
		fixheap_array_free(worker->heap, array);
	}
	return NULL;
}

/* While others fill the heap, no ticket is in vain. */
static void test_threads(void **state)
{
	struct worker worker[NR_THREADS] = { { NULL, 0, 0, 0, 0 } };
	pthread_t thread[NR_THREADS];
	u32 used = 0, refused = 0;
	struct test_heap t;

	(void)state;
	heap_make(&t, &spec);
	stop = 0;
	for (u32 i = 0; i < NR_THREADS; i++) {
		worker[i].heap = t.heap;
		worker[i].seed = i + 1;
		assert_int_equal(pthread_create(&thread[i], NULL,
						i % 2 ? run_filler : run_holder,
						&worker[i]),
				 0);
	}
	for (u32 i = 0; i < NR_THREADS; i += 2)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (u32 i = 1; i < NR_THREADS; i += 2)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	for (u32 i = 0; i < NR_THREADS; i++) {
		assert_int_equal(worker[i].failed, 0);
		used += worker[i].used;
		refused += worker[i].refused;
	}
	print_message("%u tickets used, %u refused\n", used, refused);
	assert_true(used);
	heap_is_empty(&t);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_use),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("ticket", tests, NULL, NULL);
}
