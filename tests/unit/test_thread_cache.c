/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_thread_cache.c: threads, their homes and caches, mm/thread_cache.c.
 *
 * Threads cannot fail a test: they count what is wrong, and the test looks at
 * the count when they are done.
 */
#include "threads_test.h"

#include "objects.h"
#include "thread_cache.h"

#define HEAP_BYTES (128 * MIB)

static void test_threads_on_nodes(void **state)
{
	static struct crowd crowd;
	struct fixheap *heap;

	(void)state;
	assert_int_equal(host_sim_describe("4x1:64M"), 0);
	heap = make_heap(HEAP_BYTES, NULL);
	crowd_start(&crowd, heap, 100000);
	crowd_end(&crowd, heap);
	end_empty_heap(heap);
}

static void test_reclaim_while_threads_work(void **state)
{
	static struct crowd crowd;
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	crowd_start(&crowd, heap, 0);
	for (int i = 0; i < 1000; i++)
		fixheap_reclaim(heap);
	assert_int_equal(fixheap_validate(heap), 0);
	crowd_end(&crowd, heap);
	end_empty_heap(heap);
}

/* Several flushers at a time, all of them out of memory. */
static void test_full_heap_with_threads(void **state)
{
	static struct crowd crowd;
	struct fixheap *heap = make_heap(MIB / 2, NULL);

	(void)state;
	crowd_start(&crowd, heap, 20000);
	crowd_end(&crowd, heap);
	if (IS_ENABLED(CONFIG_VMSTAT))
		assert_true(stats_of(heap).nr_reclaims > 0);
	end_empty_heap(heap);
}

static void *run_fenced(void *arg)
{
	struct load *load = arg;

	/* As if host_membarrier had failed when the library started. */
	__atomic_or_fetch(&thread_self.stop, STOP_FENCE, __ATOMIC_SEQ_CST);
	thread_self.open = NULL;
	return run_load(load);
}

static void test_threads_that_fence_themselves(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	unsigned stop = 0;
	struct load load[2] = { { .heap = heap, .stop = &stop, .seed = 3 },
				{ .heap = heap, .stop = &stop, .seed = 4 } };
	pthread_t thread[2];

	(void)state;
	for (int i = 0; i < 2; i++)
		thread[i] = start_thread(run_fenced, &load[i]);
	for (int i = 0; i < 1000; i++)
		fixheap_reclaim(heap);
	set_flag(&stop, 1);
	for (int i = 0; i < 2; i++)
		join_thread(thread[i]);
	assert_int_equal(wrong, 0);
	end_empty_heap(heap);
}

static void test_membarrier_fails_later(void **state)
{
	static struct crowd crowd;
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	crowd_start(&crowd, heap, 0);
	for (int i = 0; i < 50; i++) {
		host_sim_fail(HOST_SIM_MEMBARRIER, 1);
		fixheap_reclaim(heap);
	}
	assert_int_equal(host_sim_failed(), 50);
	crowd_end(&crowd, heap);
	end_empty_heap(heap);
}

/* ---- idle threads ------------------------------------------------------- */

/* A thread that fills its caches and then sleeps until it is told to end. */
struct idler {
	struct fixheap *heap;
	u32 cpu;
	unsigned ready, end;
};

static void *run_idler(void *arg)
{
	struct idler *idler = arg;
	void *object[2000];

	host_sim_set_cpu(idler->cpu);
	for (int i = 0; i < 2000; i++)
		object[i] = make_object(idler->heap, (size_t)i * 7);
	for (int i = 0; i < 2000; i++)
		end_object(idler->heap, object[i]);
	set_flag(&idler->ready, 1);
	wait_for(&idler->end, 1);
	return NULL;
}

static void test_sleeping_threads_give_all_back(void **state)
{
	struct fixheap *heap = make_heap(32 * MIB, NULL);
	struct idler idler[3] = { { .heap = heap },
				  { .heap = heap },
				  { .heap = heap } };
	pthread_t thread[3];
	void *all;

	(void)state;
	for (int i = 0; i < 3; i++) {
		thread[i] = start_thread(run_idler, &idler[i]);
		wait_for(&idler[i].ready, 1);
	}
	assert_true(stats_of(heap).used_bytes > MIB);
	all = fixheap_pages_alloc(heap, (32 * MIB) >> PAGE_SHIFT, 0, NULL);
	assert_non_null(all);
	fixheap_pages_free(heap, all, (32 * MIB) >> PAGE_SHIFT);
	all = fixheap_malloc(heap, 32 * MIB);
	assert_non_null(all);
	fixheap_free(heap, all);
	assert_int_equal(stats_of(heap).used_bytes, 0);
	for (int i = 0; i < 3; i++) {
		set_flag(&idler[i].end, 1);
		join_thread(thread[i]);
	}
	assert_int_equal(wrong, 0);
	end_empty_heap(heap);
}

/* A small object, where all memory is in another thread's cache. */
static void test_small_object_from_a_sleeping_thread(void **state)
{
	struct fixheap *heap = make_heap(2 * MIB, NULL);
	struct idler idler = { .heap = heap };
	pthread_t thread = start_thread(run_idler, &idler);
	size_t taken = 0;
	void *last = NULL;

	(void)state;
	wait_for(&idler.ready, 1);
	assert_true(stats_of(heap).used_bytes > 256 * 1024);
	for (void **p; (p = fixheap_malloc(heap, 14336)) != NULL; last = p) {
		*p = last;
		taken += 14336;
	}
	/* Nothing is used but by these, of which the last ones have pages of
	 * their own, and nothing left that would serve. */
	assert_in_range(stats_of(heap).used_bytes, taken, taken + 16384);
	assert_true(stats_of(heap).largest_run_bytes < 14336);
	while (last) {
		void *next = *(void **)last;

		fixheap_free(heap, last);
		last = next;
	}
	set_flag(&idler.end, 1);
	join_thread(thread);
	end_empty_heap(heap);
}

/* ---- homes -------------------------------------------------------------- */

struct batch {
	struct fixheap *heap;
	u32 cpu;
	void *object[1000];
};

static void *run_batch(void *arg)
{
	struct batch *batch = arg;

	host_sim_set_cpu(batch->cpu);
	for (int i = 0; i < 1000; i++)
		batch->object[i] =
			make_object(batch->heap, (size_t)(i % 40) * 40);
	return NULL;
}

/* What was made on another node is freed here, and is not met again here. */
static void test_frees_across_nodes_do_not_pollute(void **state)
{
	static struct batch far, near;
	struct fixheap *heap;

	(void)state;
	assert_int_equal(host_sim_describe("2x1:64M"), 0);
	heap = make_heap(HEAP_BYTES, NULL);
	near = (struct batch){ .heap = heap, .cpu = 0 };
	for (int round = 0; round < 20; round++) {
		far = (struct batch){ .heap = heap, .cpu = 1 };
		join_thread(start_thread(run_batch, &far));
		run_batch(&near);
		for (int i = 0; i < 1000; i++) {
			assert_int_equal(node_at(heap, far.object[i]), 1);
			assert_int_equal(node_at(heap, near.object[i]), 0);
			end_object(heap, far.object[i]);
		}
		for (int i = 0; i < 1000; i++)
			end_object(heap, near.object[i]);
	}
	assert_int_equal(wrong, 0);
	end_empty_heap(heap);
}

/* A full home node: the neighbour serves, and its objects return to it. */
static void test_full_node_falls_back(void **state)
{
	struct fixheap *heap;
	u64 nr[2] = { 0, 0 };
	void *last = NULL;

	(void)state;
	assert_int_equal(host_sim_describe("2x1:16M"), 0);
	heap = make_heap(16 * MIB, NULL);
	for (void **p; (p = fixheap_malloc(heap, 1000)) != NULL; last = p) {
		*p = last;
		nr[node_at(heap, p)]++;
		/* The nearer one first. */
		assert_true(node_at(heap, p) == 0 || nr[0] * 1024 > 7 * MIB);
	}
	assert_true(nr[1] * 1024 > 7 * MIB);
	while (last) {
		void *next = *(void **)last;

		fixheap_free(heap, last);
		last = next;
	}
	for (int i = 0; i < 1000; i++) {
		void *ptr = fixheap_malloc(heap, 1000);

		assert_int_equal(node_at(heap, ptr), 0);
		fixheap_free(heap, ptr);
	}
	end_empty_heap(heap);
}

/* Heaps end while a thread that has such a home sleeps; it goes on then. */
struct nomad {
	struct fixheap *heap;
	unsigned turn;
};

static void *run_nomad(void *arg)
{
	struct nomad *nomad = arg;

	for (unsigned i = 1;; i += 2) {
		void *object[300];

		while (__atomic_load_n(&nomad->turn, __ATOMIC_ACQUIRE) < i)
			host_yield();
		if (!nomad->heap)
			return NULL;
		for (int j = 0; j < 300; j++)
			object[j] = make_object(nomad->heap, (size_t)j * 5);
		/* Some are left alive, some in the cache. */
		for (int j = 0; j < 250; j++)
			end_object(nomad->heap, object[j]);
		check(thread_self.home == nomad->heap);
		set_flag(&nomad->turn, i + 1);
	}
}

static void test_heaps_end_before_their_threads(void **state)
{
	struct nomad nomad[2] = { { NULL, 0 }, { NULL, 0 } };
	pthread_t thread[2];
	struct fixheap *heap;
	unsigned turn = 1;

	(void)state;
	for (int i = 0; i < 2; i++)
		thread[i] = start_thread(run_nomad, &nomad[i]);
	for (int round = 0; round < TEST_STEPS(300); round++, turn += 2) {
		heap = make_heap(8 * MIB, NULL);
		for (int i = 0; i < 2; i++) {
			nomad[i].heap = heap;
			set_flag(&nomad[i].turn, turn);
		}
		make_object(heap, 100);
		for (int i = 0; i < 2; i++)
			wait_for(&nomad[i].turn, turn + 1);
		assert_int_equal(fixheap_validate(heap), 0);
		fixheap_destroy(heap);
	}
	for (int i = 0; i < 2; i++) {
		nomad[i].heap = NULL;
		set_flag(&nomad[i].turn, turn);
		join_thread(thread[i]);
	}
	assert_int_equal(wrong, 0);
}

/* A consumer gets a cache too, though it never allocates. */
static void *run_consumer(void *arg)
{
	struct batch *batch = arg;

	for (int i = 0; i < 1000; i++)
		end_object(batch->heap, batch->object[i]);
	check(thread_self.home == batch->heap);
	return NULL;
}

static void test_consumers_have_homes(void **state)
{
	static struct batch batch;
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	batch = (struct batch){ .heap = heap };
	for (int round = 0; round < 10; round++) {
		run_batch(&batch);
		join_thread(start_thread(run_consumer, &batch));
	}
	assert_int_equal(wrong, 0);
	end_empty_heap(heap);
}

/* jemalloc or the C library allocate while we set a thread up. */
static void *run_nested(void *arg)
{
	struct fixheap *heap = arg;
	void *before = make_object(heap, 100), *object;
	struct fixheap *home = thread_self.home;

	check(home == heap);
	thread_self.home = NULL;
	thread_self.open = NULL;
	thread_self.nested = true;
	object = make_object(heap, 50);
	check(object && fixheap_usable_size(heap, object) == PAGE_BYTES);
	end_object(heap, before);
	end_object(heap, object);
	/* Does not wait for the lock that it has. */
	objects_reclaim(heap);
	thread_self.nested = false;
	thread_self.home = home;
	thread_self.open = home;
	end_object(heap, make_object(heap, 100));
	return NULL;
}

static void test_calls_from_within(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	join_thread(start_thread(run_nested, heap));
	assert_int_equal(wrong, 0);
	end_empty_heap(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		THREAD_TEST(threads_on_nodes),
		THREAD_TEST(reclaim_while_threads_work),
		THREAD_TEST(full_heap_with_threads),
		THREAD_TEST(threads_that_fence_themselves),
		THREAD_TEST(sleeping_threads_give_all_back),
		THREAD_TEST(small_object_from_a_sleeping_thread),
		THREAD_TEST(frees_across_nodes_do_not_pollute),
		THREAD_TEST(full_node_falls_back),
		THREAD_TEST(heaps_end_before_their_threads),
		THREAD_TEST(consumers_have_homes),
		THREAD_TEST(calls_from_within),
		/* Last: no membarrier from then on. */
		THREAD_TEST(membarrier_fails_later),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
