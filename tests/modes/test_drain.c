/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_drain.c: a region becomes empty while threads go on with small objects.
 *
 * Each thread keeps some objects, frees the oldest and makes a new one, round
 * after round; most of them begin in the region that is taken out.  Once all
 * threads have been round twice, none of theirs may be left there.
 */
#include <pthread.h>
#include <unistd.h>

#include "spread.h"

#define AT (8 * MIB) /* of the region that is taken out */
#define BYTES (4 * MIB)
#define NR_THREADS 3
#define NR_OBJECTS 500

static struct spread s;
static unsigned id;

struct worker {
	pthread_t thread;
	unsigned nr_rounds; /* (A) */
	unsigned nr_there;  /* (A) made in the region in its last round */
};
static struct worker worker[NR_THREADS];
static unsigned stop; /* (A) */

static int setup(void **state)
{
	(void)state;
	spread_prepare(&s);
	heap_open(&s.t);
	id = spread_must_add(&s, AT, BYTES, 7);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spread_close(&s);
	return 0;
}

static bool is_there(const void *ptr)
{
	return (uintptr_t)ptr - (uintptr_t)(s.memory + AT) < BYTES;
}

static void *go_on(void *data)
{
	struct worker *w = data;
	void *object[NR_OBJECTS] = { NULL };
	uint64_t seed = (uint64_t)(w - worker) + 1;

	while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
		unsigned nr_there = 0;

		for (unsigned i = 0; i < NR_OBJECTS; i++) {
			size_t bytes = 1 + random_below(&seed, 600);

			fixheap_free(s.t.heap, object[i]);
			must((object[i] = fixheap_malloc(s.t.heap, bytes)));
			nr_there += is_there(object[i]);
		}
		__atomic_store_n(&w->nr_there, nr_there, __ATOMIC_RELAXED);
		__atomic_add_fetch(&w->nr_rounds, 1, __ATOMIC_RELEASE);
	}
	for (unsigned i = 0; i < NR_OBJECTS; i++)
		fixheap_free(s.t.heap, object[i]);
	return NULL;
}

/* Every thread has been round so many times from now on. */
static void wait_rounds(unsigned nr)
{
	for (unsigned i = 0; i < NR_THREADS; i++) {
		unsigned from =
			__atomic_load_n(&worker[i].nr_rounds, __ATOMIC_ACQUIRE);

		while (__atomic_load_n(&worker[i].nr_rounds, __ATOMIC_ACQUIRE) -
			       from <
		       nr)
			usleep(100);
	}
}

static unsigned count_there(void)
{
	unsigned nr = 0;

	for (unsigned i = 0; i < NR_THREADS; i++)
		nr += __atomic_load_n(&worker[i].nr_there, __ATOMIC_RELAXED);
	return nr;
}

static void start(void)
{
	__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&worker[i].thread, NULL, go_on,
						&worker[i]),
				 0);
}

static void finish(void)
{
	__atomic_store_n(&stop, 1, __ATOMIC_RELEASE);
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(worker[i].thread, NULL);
}

static void test_drain(void **state)
{
	unsigned nr_there = 0;

	(void)state;
	start();
	for (unsigned i = 0; i < TEST_STEPS(30); i++) {
		int err;

		wait_rounds(2);
		nr_there += count_there();
		err = fixheap_offline_region(s.t.heap, id, 0);
		assert_true(!err || err == -EBUSY);
		wait_rounds(3);
		if (err)
			assert_int_equal(count_there(), 0);
		/* what a thread's cache got at the last moment has gone */
		if (err)
			err = fixheap_offline_region(s.t.heap, id, 0);
		assert_int_equal(err, 0);
		assert_int_equal(spread_must_add(&s, AT, BYTES, 7), id);
	}
	finish();
	print_message("# %u objects were there\n", nr_there);
	assert_true(nr_there > 0);
	heap_valid(&s.t);
}

/* Isolated and let in again: what is free in its slabs is of use. */
static void test_back(void **state)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	size_t before;

	(void)state;
	start();
	wait_rounds(2);
	assert_int_equal(fixheap_stats(s.t.heap, &stats), 0);
	before = stats.used_bytes;
	for (unsigned i = 0; i < TEST_STEPS(30); i++) {
		int err = fixheap_offline_region(s.t.heap, id, 0);

		if (!err)
			spread_must_add(&s, AT, BYTES, 7);
		else
			assert_int_equal(fixheap_online_region(s.t.heap, id),
					 0);
		wait_rounds(1);
	}
	wait_rounds(3);
	assert_int_equal(fixheap_stats(s.t.heap, &stats), 0);
	assert_true(stats.used_bytes < 3 * before + MIB);
	finish();
	heap_valid(&s.t);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(drain), TEST(back) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
