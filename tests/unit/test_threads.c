/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_threads.c: threads and heaps that come and go, by the public functions
 * alone, so with and without jemalloc.
 */
#include "threads_test.h"

#define HEAP_BYTES (128 * MIB)

static void test_threads_free_what_others_made(void **state)
{
	static struct crowd crowd;
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	crowd_start(&crowd, heap, 200000);
	crowd_end(&crowd, heap);
	end_empty_heap(heap);
}

static void test_several_heaps_keep_apart(void **state)
{
	struct fixheap *heap[3];
	void *object[3][500];

	(void)state;
	for (int i = 0; i < 3; i++)
		heap[i] = make_heap(32 * MIB, NULL);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 1500; i++)
			object[i % 3][i / 3] =
				make_object(heap[i % 3], (size_t)(i % 700));
		for (int i = 0; i < 1500; i++)
			end_object(heap[i % 3], object[i % 3][i / 3]);
	}
	assert_int_equal(wrong, 0);
	for (int i = 0; i < 3; i++)
		end_empty_heap(heap[i]);
}

/* One thread works in a heap of its own, while others come and go. */
static void *run_creator(void *arg)
{
	unsigned *stop = arg;

	while (!__atomic_load_n(stop, __ATOMIC_RELAXED)) {
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;
		struct fixheap *heap;

		config.length = 4 * MIB;
		if (fixheap_create(&config, &heap)) {
			check(false);
			break;
		}
		for (size_t bytes = 1; bytes < 20000; bytes *= 3)
			end_object(heap, make_object(heap, bytes));
		make_object(heap, 500);
		fixheap_destroy(heap);
	}
	return NULL;
}

static void test_heaps_come_and_go_beside_threads(void **state)
{
	static struct crowd crowd;
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	unsigned stop = 0;
	pthread_t creator;

	(void)state;
	creator = start_thread(run_creator, &stop);
	crowd_start(&crowd, heap, 100000);
	crowd_end(&crowd, heap);
	set_flag(&stop, 1);
	join_thread(creator);
	assert_int_equal(wrong, 0);
	end_empty_heap(heap);
}

/* ---- near the end of the heap ------------------------------------------- */

struct holder {
	struct fixheap *heap;
	unsigned *go;
	u64 seed, nr_fails;
	u32 cpu, ops, hold;
};

#define HOLD_MAX 4

/* At random take a page or give one back, never more than `hold` of them. */
static void *run_holder(void *arg)
{
	struct holder *holder = arg;
	void *page[HOLD_MAX] = { NULL };

	host_sim_set_cpu(holder->cpu);
	wait_for(holder->go, 1);
	for (u32 i = 0; i < holder->ops; i++) {
		void **slot = &page[next_random(&holder->seed) % holder->hold];

		if (*slot) {
			fixheap_pages_free(holder->heap, *slot, 1);
			*slot = NULL;
			continue;
		}
		*slot = fixheap_pages_alloc(holder->heap, 1, 0, NULL);
		holder->nr_fails += !*slot;
	}
	for (u32 i = 0; i < holder->hold; i++)
		fixheap_pages_free(holder->heap, page[i], 1);
	return NULL;
}

#define HOLDERS 8

/* Failures of all threads on a heap with so many free pages. */
static u64 hold_pages(u32 free_pages, u32 hold, bool roving, u64 seed)
{
	struct holder holder[HOLDERS];
	struct fixheap *heap = make_heap(MIB, NULL);
	pthread_t thread[HOLDERS];
	u64 nr_fails = 0;
	unsigned go = 0;
	void *rest = fixheap_pages_alloc(heap, MIB / PAGE_BYTES - free_pages, 0,
					 NULL);

	assert_non_null(rest);
	for (u32 i = 0; i < HOLDERS; i++) {
		holder[i] =
			(struct holder){ .heap = heap,
					 .go = &go,
					 .seed = seed + i,
					 .cpu = roving ? HOST_SIM_ROVING : i,
					 .ops = TEST_STEPS(20000),
					 .hold = hold };
		thread[i] = start_thread(run_holder, &holder[i]);
	}
	set_flag(&go, 1);
	for (u32 i = 0; i < HOLDERS; i++) {
		join_thread(thread[i]);
		nr_fails += holder[i].nr_fails;
	}
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_pages_free(heap, rest, MIB / PAGE_BYTES - free_pages);
	end_empty_heap(heap);
	return nr_fails;
}

/*
 * While pages are free, in the zone or in a CPU's cache, no page is refused:
 * the threads together never hold all of them.
 */
static void test_no_page_is_refused_too_early(void **state)
{
	static const struct {
		const char *machine;
		u32 free_pages, hold, rounds;
		bool roving;
	} table[] = {
		{ "1x8", 32, 2, 6, false }, { "1x8", 32, 2, 6, true },
		{ "1x2", 32, 2, 6, true },  { "1x1", 32, 2, 6, false },
		{ "1x8", 24, 2, 6, true },  { "1x8", 64, 1, 6, false },
		{ "1x8", 12, 1, 6, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 nr_fails = 0;

		if (table[i].free_pages >= MIB / PAGE_BYTES)
			continue;
		assert_int_equal(host_sim_describe(table[i].machine), 0);
		for (u32 n = 1; n <= table[i].rounds; n++)
			nr_fails += hold_pages(table[i].free_pages,
					       table[i].hold, table[i].roving,
					       n * 1000);
		print_message("%s, %u pages, %u each: %llu refused\n",
			      table[i].machine, table[i].free_pages,
			      table[i].hold, (unsigned long long)nr_fails);
		if (nr_fails)
			wrong++;
	}
	assert_int_equal(wrong, 0);
}

/* ---- the end of threads ------------------------------------------------- */

static void *run_short(void *arg)
{
	struct fixheap *heap = arg;
	void *object[64];

	for (int i = 0; i < 64; i++)
		object[i] = make_object(heap, (size_t)i * 100);
	for (int i = 0; i < 64; i++)
		end_object(heap, object[i]);
	return NULL;
}

static void test_storm_of_short_threads(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	pthread_t thread[8];

	(void)state;
	for (int round = 0; round < TEST_STEPS(200); round++) {
		for (int i = 0; i < 8; i++)
			thread[i] = start_thread(run_short, heap);
		if (round % 20 == 0)
			fixheap_reclaim(heap);
		for (int i = 0; i < 8; i++)
			join_thread(thread[i]);
	}
	assert_int_equal(wrong, 0);
	/* What they had in their caches went back when they ended. */
	if (IS_ENABLED(CONFIG_VMSTAT))
		assert_int_equal(stats_of(heap).live_bytes, 0);
	end_empty_heap(heap);
}

/* Keys made after ours: their destructors run when the thread has no cache. */
static pthread_key_t late_key;
static struct fixheap *late_heap;
static unsigned late_calls;

static void late_destructor(void *arg)
{
	void *object = make_object(late_heap, 100);

	__atomic_add_fetch(&late_calls, 1, __ATOMIC_RELAXED);
	check(object != NULL);
	check(fixheap_usable_size(late_heap, object) >= 100);
	object = fixheap_realloc(late_heap, object, 5000);
	check(object != NULL && *(u64 *)object == 100);
	fixheap_free(late_heap, object);
	end_object(late_heap, arg);
	/* jemalloc's own destructor runs in between; come again. */
	if (__atomic_load_n(&late_calls, __ATOMIC_RELAXED) % 3)
		pthread_setspecific(late_key, make_object(late_heap, 50));
}

static void *run_late(void *arg)
{
	(void)arg;
	end_object(late_heap, make_object(late_heap, 300));
	pthread_setspecific(late_key, make_object(late_heap, 200));
	return NULL;
}

static void test_destructors_after_ours(void **state)
{
	(void)state;
	late_heap = make_heap(HEAP_BYTES, NULL);
	late_calls = 0;
	assert_int_equal(pthread_key_create(&late_key, late_destructor), 0);
	for (int i = 0; i < 50; i++)
		join_thread(start_thread(run_late, NULL));
	assert_int_equal(late_calls, 150);
	assert_int_equal(wrong, 0);
	pthread_key_delete(late_key);
	end_empty_heap(late_heap);
}

/* Only frees, and only late: the thread never had a cache. */
static void late_free(void *arg)
{
	end_object(late_heap, arg);
}

static void *run_late_free(void *arg)
{
	pthread_setspecific(late_key, arg);
	return NULL;
}

static void test_threads_that_only_free(void **state)
{
	(void)state;
	late_heap = make_heap(HEAP_BYTES, NULL);
	assert_int_equal(pthread_key_create(&late_key, late_free), 0);
	for (size_t i = 0; i < 50; i++)
		join_thread(start_thread(run_late_free,
					 make_object(late_heap, i * 100)));
	assert_int_equal(wrong, 0);
	pthread_key_delete(late_key);
	end_empty_heap(late_heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		THREAD_TEST(threads_free_what_others_made),
		THREAD_TEST(several_heaps_keep_apart),
		THREAD_TEST(heaps_come_and_go_beside_threads),
		THREAD_TEST(no_page_is_refused_too_early),
		THREAD_TEST(storm_of_short_threads),
		THREAD_TEST(destructors_after_ours),
		THREAD_TEST(threads_that_only_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
