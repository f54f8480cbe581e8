/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_fork.c: a child of a program with threads goes on with its heaps,
 * mm/fork.c.  A deadlock shows as a child that its alarm has to end.
 */
#include "objects_test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_SECONDS 20
#define NR_OBJECTS 40
#define SIZE_STEP 500

static unsigned stop;

/* Objects of all sizes, arrays and pages, from several threads. */
static void *run_load(void *arg)
{
	struct fixheap *heap = arg;
	u64 seed = (uintptr_t)&seed | 1;
	void *object[200] = { NULL };

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		u64 random = next_random(&seed);
		void **slot = &object[random % 200];

		fixheap_free(heap, *slot);
		*slot = fixheap_malloc(heap, (random >> 8) % 30000);
		if (random >> 40 & 15)
			continue;
		if (random >> 45 & 1)
			fixheap_reclaim(heap);
		else
			fixheap_array_free(
				heap, fixheap_array_alloc(heap, 100000, NULL));
	}
	for (int i = 0; i < 200; i++)
		fixheap_free(heap, object[i]);
	return NULL;
}

/* What a child does: 0, or the number of what went wrong. */
static int child_allocates(struct fixheap *heap, bool thorough)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *own;
	char *object[NR_OBJECTS];

	for (size_t i = 0; i < NR_OBJECTS; i++) {
		object[i] = fixheap_malloc(heap, i * SIZE_STEP);
		if (!object[i])
			return 1;
		memset(object[i], 1, i * SIZE_STEP);
	}
	for (int i = 0; i < NR_OBJECTS; i++)
		fixheap_free(heap, object[i]);
	fixheap_array_free(heap, fixheap_array_alloc(heap, 100000, NULL));
	if (!thorough)
		return 0;
	fixheap_reclaim(heap);
	if (fixheap_validate(heap))
		return 2;
	config.length = 4 * MIB;
	if (fixheap_create(&config, &own))
		return 3;
	if (!fixheap_malloc(own, 100))
		return 4;
	fixheap_destroy(own);
	fixheap_destroy(heap);
	return 0;
}

static void fork_once(struct fixheap *heap, bool thorough)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		alarm(CHILD_SECONDS);
		_exit(child_allocates(heap, thorough));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void fork_under_load(struct fixheap *heap)
{
	pthread_t thread[2];

	stop = 0;
	for (int i = 0; i < 2; i++)
		thread[i] = start_thread(run_load, heap);
	for (int i = 0; i < TEST_STEPS(1000); i++)
		fork_once(heap, i % 10 == 0);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 2; i++)
		join_thread(thread[i]);
	end_empty_heap(heap);
}

static void test_many_forks_under_load(void **state)
{
	(void)state;
	fork_under_load(make_heap(256 * MIB, NULL));
}

/* Metadata that fork alone would leave to both. */
static void test_many_forks_of_a_shared_heap(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap;

	(void)state;
	if (!IS_ENABLED(CONFIG_ATTACH))
		skip();
	config.length = 256 * MIB;
	config.flags = FIXHEAP_SHARE;
	assert_int_equal(fixheap_create(&config, &heap), 0);
	fork_under_load(heap);
}

/* Without threads the child has all that the parent had, caches included. */
static void test_child_of_one_thread_loses_nothing(void **state)
{
	struct fixheap *heap = make_heap(256 * MIB, NULL);
	void *object[500];
	int status;
	pid_t child;

	(void)state;
	for (size_t i = 0; i < 500; i++)
		object[i] = fixheap_malloc(heap, i * 30);
	for (size_t i = 0; i < 500; i += 2)
		fixheap_free(heap, object[i]);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		alarm(CHILD_SECONDS);
		for (size_t i = 1; i < 500; i += 2)
			fixheap_free(heap, object[i]);
		_exit(used_after_reclaim(heap) != 0 || fixheap_validate(heap));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	for (size_t i = 1; i < 500; i += 2)
		fixheap_free(heap, object[i]);
	end_empty_heap(heap);
}

/* A thread other than the first one forks, and its child makes threads. */
static void *run_in_child(void *arg)
{
	for (size_t i = 0; i < 500; i++)
		fixheap_free(arg, fixheap_malloc(arg, i * 50));
	return arg;
}

static void *run_forking(void *arg)
{
	struct fixheap *heap = arg;
	uintptr_t good = 0;

	for (int i = 0; i < 50; i++) {
		int status;
		pid_t child = fork();

		if (!child) {
			pthread_t thread;

			alarm(CHILD_SECONDS);
			if (pthread_create(&thread, NULL, run_in_child, heap))
				_exit(1);
			run_in_child(heap);
			pthread_join(thread, NULL);
			fixheap_reclaim(heap);
			_exit(fixheap_validate(heap) != 0);
		}
		good += waitpid(child, &status, 0) == child && !status;
		run_in_child(heap);
	}
	return (void *)good;
}

#ifdef __SANITIZE_THREAD__
#define UNDER_TSAN 1
#else
#define UNDER_TSAN 0
#endif

static void test_threads_fork_and_children_have_threads(void **state)
{
	struct fixheap *heap;
	pthread_t thread[2];

	(void)state;
	if (UNDER_TSAN) {
		print_message("skipped: ThreadSanitizer starts no thread in "
			      "the child of a threaded program\n");
		skip();
	}
	heap = make_heap(256 * MIB, NULL);
	for (int i = 0; i < 2; i++)
		thread[i] = start_thread(run_forking, heap);
	for (int i = 0; i < 2; i++) {
		void *good = NULL;

		assert_int_equal(pthread_join(thread[i], &good), 0);
		assert_int_equal((uintptr_t)good, 50);
	}
	end_empty_heap(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(child_of_one_thread_loses_nothing),
		TEST(threads_fork_and_children_have_threads),
		TEST(many_forks_under_load),
		TEST(many_forks_of_a_shared_heap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
