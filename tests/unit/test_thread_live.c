/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_thread_live.c: mm/thread_live.c, how far from the truth live bytes and
 * their peak may be.
 */
#include "threads_test.h"

#include "thread_cache.h"

#define NR_MAX 4096

static void need_vmstat(void)
{
	if (!IS_ENABLED(CONFIG_VMSTAT))
		skip();
}

static bool near_to(size_t value, size_t truth, u32 nr_threads)
{
	size_t off = value > truth ? value - truth : truth - value;

	return off <= truth / 64 || off <= nr_threads * (80ul << 10);
}

static void check_live(struct fixheap *heap, size_t live, size_t peak)
{
	struct fixheap_stats stats = stats_of(heap);

	if (!near_to(stats.live_bytes, live, 1) ||
	    !near_to(stats.peak_live_bytes, peak, 1))
		fail_msg("live %zu of %zu, peak %zu of %zu", stats.live_bytes,
			 live, stats.peak_live_bytes, peak);
}

/* Up and down again, looking all the time; the down is told less often. */
static void test_one_thread(void **state)
{
	static const struct {
		size_t bytes;
		u32 nr;
	} table[] = {
		{ 16, 1 },    { 512, 1 },    { 640, 1 },     { 14336, 1 },
		{ 16, 4096 }, { 16, 100 },   { 64, 1000 },   { 1024, 60 },
		{ 96, 4096 }, { 2048, 512 }, { 14336, 100 }, { 14336, 1000 },
	};
	static void *object[NR_MAX];

	(void)state;
	need_vmstat();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap *heap = make_heap(64 * MIB, NULL);
		size_t bytes = table[i].bytes;

		for (u32 n = 0; n < table[i].nr; n++) {
			object[n] = fixheap_malloc(heap, bytes);
			assert_non_null(object[n]);
			check_live(heap, (n + 1) * bytes, (n + 1) * bytes);
		}
		for (u32 n = 0; n < table[i].nr; n++)
			fixheap_free(heap, object[n]);
		assert_true(near_to(stats_of(heap).peak_live_bytes,
				    table[i].nr * bytes, 1));
		fixheap_reclaim(heap);
		assert_int_equal(stats_of(heap).live_bytes, 0);
		end_empty_heap(heap);
	}
}

/* A thread that comes from a large heap knows nothing of the next one. */
static void test_next_heap(void **state)
{
	static void *object[2000];
	struct fixheap *heap = make_heap(64 * MIB, NULL);
	void *large = fixheap_malloc(heap, 32 * MIB);

	(void)state;
	need_vmstat();
	for (int i = 0; i < 2000; i++)
		object[i] = fixheap_malloc(heap, 100);
	for (int i = 0; i < 2000; i++)
		fixheap_free(heap, object[i]);
	fixheap_free(heap, large);
	end_empty_heap(heap);
	heap = make_heap(64 * MIB, NULL);
	for (size_t i = 1; i <= 100; i++) {
		object[i] = fixheap_malloc(heap, 112);
		check_live(heap, i * 112, i * 112);
	}
	fixheap_destroy(heap);
}

/* A pair over and over is told once, of any size and in any heap. */
static void test_hot_pair(void **state)
{
	(void)state;
	need_vmstat();
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		struct fixheap *heap = make_heap(64 * MIB, NULL);
		size_t bytes = size_class[class].size, live;

		fixheap_free(heap, fixheap_malloc(heap, bytes));
		live = heap->live_bytes;
		for (int i = 0; i < 100; i++) {
			void *object = fixheap_malloc(heap, bytes);

			assert_int_equal(heap->live_bytes, live);
			fixheap_free(heap, object);
			assert_int_equal(heap->live_bytes, live);
		}
		fixheap_destroy(heap);
	}
}

/* ---- many threads ------------------------------------------------------- */

#define HOLDERS 8

struct holder {
	struct fixheap *heap;
	size_t bytes;
	unsigned *done, *go;
};

/* Hold so many bytes in small objects until told to go. */
static void *run_holder(void *arg)
{
	struct holder *holder = arg;
	void *list = NULL, *next;

	for (size_t held = 0; held < holder->bytes; held += 64) {
		void **object = fixheap_malloc(holder->heap, 64);

		check(object);
		if (!object)
			break;
		*object = list;
		list = object;
	}
	__atomic_add_fetch(holder->done, 1, __ATOMIC_RELEASE);
	wait_for(holder->go, 1);
	for (; list; list = next) {
		next = *(void **)list;
		fixheap_free(holder->heap, list);
	}
	return NULL;
}

/* All of them together hold back no more than one alone. */
static void test_many_threads(void **state)
{
	static const size_t table[] = { 64, 1024, 10 << 10, 100 << 10,
					1 << 20 };

	(void)state;
	need_vmstat();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap *heap = make_heap(64 * MIB, NULL);
		unsigned done = 0, go = 0;
		struct holder holder = { heap, table[i], &done, &go };
		struct fixheap_stats stats;
		pthread_t thread[HOLDERS];

		for (u32 n = 0; n < HOLDERS; n++)
			thread[n] = start_thread(run_holder, &holder);
		wait_for(&done, HOLDERS);
		stats = stats_of(heap);
		set_flag(&go, 1);
		for (u32 n = 0; n < HOLDERS; n++)
			join_thread(thread[n]);
		if (!near_to(stats.live_bytes, HOLDERS * table[i], HOLDERS))
			fail_msg("%zu of %zu", stats.live_bytes,
				 HOLDERS * table[i]);
		assert_int_equal(stats_of(heap).live_bytes, 0);
		assert_int_equal(heap->objects->nr_threads, 0);
		assert_int_equal(wrong, 0);
		end_empty_heap(heap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		THREAD_TEST(one_thread),
		THREAD_TEST(next_heap),
		THREAD_TEST(hot_pair),
		THREAD_TEST(many_threads),
	};

	return cmocka_run_group_tests_name("thread_live", tests, NULL, NULL);
}
