/* SPDX-License-Identifier: BSD-2-Clause */
/* test_shortage.c: the program is told that memory is short, mm/shortage.c. */
#include <pthread.h>

#include "nodes.h"

#define NR 1024 /* pages of the heaps here */
#define CACHED 64

/* A cache of the program's: arrays that it can do without. */
struct cache {
	struct fixheap *heap;
	char *array[CACHED];
	size_t bytes;	/* of each */
	bool stubborn;	/* frees nothing, and says so; */
	bool liar;	/* says the opposite */
	bool at_window; /* only what is in the way */
	u32 nr_calls;
	u32 nr_inside; /* of it, within an allocation of its own */
	struct fixheap_shortage last;
};

static size_t give_back(void *data, const struct fixheap_shortage *shortage)
{
	struct cache *cache = data;
	size_t freed = 0;

	assert_int_equal(shortage->size, sizeof(*shortage));
	cache->nr_calls++;
	cache->last = *shortage;
	if (cache->liar)
		return 1;
	for (u32 i = 0; i < CACHED && !cache->stubborn; i++) {
		const char *array = cache->array[i];
		const char *window = shortage->window;

		if (!array ||
		    (cache->at_window && (array >= window + shortage->bytes ||
					  array + cache->bytes <= window)))
			continue;
		fixheap_array_free(cache->heap, cache->array[i]);
		cache->array[i] = NULL;
		freed += cache->bytes;
	}
	return freed;
}

/* A heap that is full of a cache's arrays. */
static void cache_fill(struct test_heap *t, struct cache *cache)
{
	heap_make(t, &(struct heap_spec){ .nr_pages = NR });
	memset(cache, 0, sizeof(*cache));
	cache->heap = t->heap;
	cache->bytes = BYTES(NR / CACHED);
	for (u32 i = 0; i < CACHED; i++) {
		cache->array[i] =
			fixheap_array_alloc(t->heap, cache->bytes, NULL);
		assert_non_null(cache->array[i]);
	}
	assert_int_equal(fixheap_add_reclaim(t->heap, give_back, cache), 0);
}

static void cache_end(struct test_heap *t, struct cache *cache)
{
	for (u32 i = 0; i < CACHED; i++)
		fixheap_array_free(t->heap, cache->array[i]);
	assert_int_equal(fixheap_del_reclaim(t->heap, give_back, cache), 0);
	heap_is_empty(t);
	heap_end(t);
}

static u32 nr_cached(const struct cache *cache)
{
	u32 nr = 0;

	for (u32 i = 0; i < CACHED; i++)
		nr += cache->array[i] != NULL;
	return nr;
}

static void test_before_it_fails(void **state)
{
	struct cache cache;
	struct test_heap t;
	char *array;

	(void)state;
	cache_fill(&t, &cache);
	array = fixheap_array_alloc(t.heap, BYTES(300), NULL);
	assert_non_null(array);
	assert_int_equal(cache.nr_calls, 1);
	assert_int_equal(cache.last.bytes, BYTES(300));
	assert_int_equal(cache.last.below_bytes, 0);
	/* what cannot be at all is not asked for */
	assert_null(fixheap_array_alloc(t.heap, BYTES(NR + 1), NULL));
	assert_int_equal(cache.nr_calls, 1);
	fixheap_array_free(t.heap, array);
	cache_end(&t, &cache);
}

/* No more than what is in the way goes. */
static void test_window(void **state)
{
	struct cache cache;
	struct test_heap t;
	char *array;

	(void)state;
	need(IS_ENABLED(CONFIG_EXPLAIN), "windows are not looked for");
	heap_warm_objects();
	cache_fill(&t, &cache);
	cache.at_window = true;
	array = fixheap_array_alloc(t.heap, BYTES(5 * NR / CACHED), NULL);
	assert_non_null(array);
	assert_int_equal(nr_cached(&cache), CACHED - 5);
	fixheap_array_free(t.heap, array);
	/* an object, too: of a page where no slab is to be had */
	cache.array[0] =
		fixheap_array_alloc(t.heap, BYTES(5 * NR / CACHED), NULL);
	array = fixheap_malloc(t.heap, 100);
	assert_non_null(array);
	fixheap_free(t.heap, array);
	cache_end(&t, &cache);
}

/* Nothing comes back: it ends, with the error that it would have had. */
static void test_in_vain(void **state)
{
	struct cache cache;
	struct test_heap t;

	(void)state;
	cache_fill(&t, &cache);
	cache.stubborn = true;
	errno = 0;
	assert_null(fixheap_array_alloc(t.heap, 1, NULL));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(cache.nr_calls, 1);
	cache.liar = true;
	assert_null(fixheap_array_alloc(t.heap, 1, NULL));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(cache.nr_calls, 17);
	cache_end(&t, &cache);
}

/* Allocates where memory is short, and takes itself off. */
static size_t allocate(void *data, const struct fixheap_shortage *shortage)
{
	struct cache *cache = data;

	(void)shortage;
	cache->nr_calls++;
	assert_null(fixheap_array_alloc(cache->heap, BYTES(2), NULL));
	assert_int_equal(fixheap_del_reclaim(cache->heap, allocate, data),
			 -EBUSY);
	return 0;
}

static void test_from_within(void **state)
{
	struct cache cache;
	struct test_heap t;
	char *array;

	(void)state;
	cache_fill(&t, &cache);
	assert_int_equal(fixheap_del_reclaim(t.heap, give_back, &cache), 0);
	assert_int_equal(fixheap_del_reclaim(t.heap, give_back, &cache),
			 -ENOENT);
	assert_int_equal(fixheap_add_reclaim(t.heap, NULL, NULL), -EINVAL);
	assert_int_equal(fixheap_add_reclaim(t.heap, allocate, &cache), 0);
	assert_null(fixheap_array_alloc(t.heap, BYTES(2), NULL));
	assert_int_equal(cache.nr_calls, 1);
	/* the next one has something */
	assert_int_equal(fixheap_add_reclaim(t.heap, give_back, &cache), 0);
	array = fixheap_array_alloc(t.heap, BYTES(2), NULL);
	assert_non_null(array);
	fixheap_array_free(t.heap, array);
	assert_int_equal(fixheap_del_reclaim(t.heap, allocate, &cache), 0);
	for (u32 i = 0; i < 15; i++)
		assert_int_equal(fixheap_add_reclaim(t.heap, allocate, &cache),
				 0);
	assert_int_equal(fixheap_add_reclaim(t.heap, allocate, &cache),
			 -ENOSPC);
	cache_end(&t, &cache);
}

static void test_watermark(void **state)
{
	struct cache cache;
	struct test_heap t;
	char *array[3];

	(void)state;
	cache_fill(&t, &cache);
	give_back(&cache,
		  &(struct fixheap_shortage){ .size = sizeof(cache.last) });
	cache.nr_calls = 0;
	assert_int_equal(fixheap_set_watermark(t.heap, 5, 1), -EINVAL);
	assert_int_equal(fixheap_set_watermark(t.heap, 0, BYTES(100)), 0);
	array[0] = fixheap_array_alloc(t.heap, BYTES(NR - 100), NULL);
	assert_int_equal(cache.nr_calls, 0);
	array[1] = fixheap_array_alloc(t.heap, BYTES(30), NULL);
	assert_int_equal(cache.nr_calls, 1);
	assert_int_equal(cache.last.below_bytes, BYTES(30));
	assert_int_equal(cache.last.bytes, 0);
	assert_int_equal(cache.last.node, 0);
	/* once, until it was above it */
	array[2] = fixheap_array_alloc(t.heap, BYTES(30), NULL);
	assert_int_equal(cache.nr_calls, 1);
	fixheap_array_free(t.heap, array[0]);
	array[0] = fixheap_array_alloc(t.heap, BYTES(10), NULL);
	assert_int_equal(cache.nr_calls, 1);
	fixheap_array_free(t.heap, array[0]);
	array[0] = fixheap_array_alloc(t.heap, BYTES(900), NULL);
	assert_int_equal(cache.nr_calls, 2);
	assert_int_equal(fixheap_set_watermark(t.heap, 0, 0), 0);
	for (u32 i = 0; i < 3; i++)
		fixheap_array_free(t.heap, array[i]);
	cache_end(&t, &cache);
}

/* --- threads -------------------------------------------------------------- */

static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;
static char *shelf[CACHED];

static size_t clear_shelf(void *data, const struct fixheap_shortage *shortage)
{
	size_t freed = 0;

	(void)shortage;
	pthread_mutex_lock(&shelf_lock);
	for (u32 i = 0; i < CACHED; i++) {
		freed += shelf[i] ? BYTES(20) : 0;
		fixheap_array_free(data, shelf[i]);
		shelf[i] = NULL;
	}
	pthread_mutex_unlock(&shelf_lock);
	return freed;
}

/* Put arrays onto the shelf as long as there is room, and more. */
static void *run_thread(void *arg)
{
	struct fixheap *heap = arg;

	for (u32 i = 0; i < TEST_STEPS(4000); i++) {
		char *array = NULL;

		/* what one has freed, the other may have put back already */
		for (u32 n = 0; n < 100 && !array; n++)
			array = fixheap_array_alloc(heap, BYTES(20), NULL);
		if (!array)
			return arg;
		pthread_mutex_lock(&shelf_lock);
		fixheap_array_free(heap, shelf[i % CACHED]);
		shelf[i % CACHED] = array;
		pthread_mutex_unlock(&shelf_lock);
	}
	return NULL;
}

static void test_threads(void **state)
{
	pthread_t thread[2];
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	memset(shelf, 0, sizeof(shelf));
	assert_int_equal(fixheap_add_reclaim(t.heap, clear_shelf, t.heap), 0);
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, run_thread,
						t.heap),
				 0);
	for (u32 i = 0; i < 2; i++) {
		void *failed;

		assert_int_equal(pthread_join(thread[i], &failed), 0);
		assert_null(failed);
	}
	clear_shelf(t.heap, NULL);
	heap_is_empty(&t);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_before_it_fails),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_from_within),
		cmocka_unit_test(test_watermark),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("shortage", tests, NULL, NULL);
}
