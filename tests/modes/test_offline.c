/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_offline.c: taking regions out of a heap, while it is in use, and letting
 * them in again.
 */
#include <pthread.h>
#include <sys/mman.h>

#include "spread.h"

#define AT (8 * MIB) /* of the region that comes and goes */
#define BYTES (4 * MIB)
#define NR_THREADS 3

static struct spread s;
static unsigned id;

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

static int offline(unsigned flags)
{
	int err = fixheap_offline_region(s.t.heap, id, flags);

	heap_valid(&s.t);
	return err;
}

static bool is_there(const void *ptr)
{
	uintptr_t at = (uintptr_t)ptr - (uintptr_t)(s.memory + AT);

	return at < BYTES;
}

static bool is_isolated(void)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	assert_int_equal(fixheap_region_at(s.t.heap, id, &region), 0);
	assert_int_equal(region.id, id);
	return region.flags & FIXHEAP_REGION_ISOLATED;
}

static void assert_gone(void)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	assert_int_equal(fixheap_region_of(s.t.heap, s.memory + AT, &region),
			 -ENOENT);
	assert_false(fixheap_owns(s.t.heap, s.memory + AT));
	assert_int_equal(spread_bytes(&s), SPREAD_FIRST);
	assert_int_equal(heap_regions(&s.t, 0), 1);
	assert_int_equal(fixheap_offline_region(s.t.heap, id, 0), -ENOENT);
	assert_int_equal(fixheap_online_region(s.t.heap, id), -ENOENT);
}

enum kind {
	SMALL,
	LARGE,
	ARRAY,
	PAGES,
	NR_KINDS
};

static void *make(enum kind kind)
{
	switch (kind) {
	case SMALL:
		return fixheap_malloc(s.t.heap, 900);
	case LARGE:
		return fixheap_malloc(s.t.heap, 50000);
	case ARRAY:
		return array_make(&s.t, 50000, 0);
	default:
		return fixheap_pages_alloc(s.t.heap, 13, 0, NULL);
	}
}

static void unmake(enum kind kind, void *made)
{
	if (kind == ARRAY)
		fixheap_array_free(s.t.heap, made);
	else if (kind == PAGES && made)
		fixheap_pages_free(s.t.heap, made, 13);
	else
		fixheap_free(s.t.heap, made);
}

/* One of this kind in the region, and nothing else anywhere. */
static void *make_there(enum kind kind)
{
	static void *made[16384];
	void *there = NULL;
	unsigned nr = 0;

	while (!there && nr < ARRAY_LEN(made)) {
		made[nr] = make(kind);
		assert_non_null(made[nr]);
		if (is_there(made[nr]))
			there = made[nr];
		else
			nr++;
	}
	assert_non_null(there);
	while (nr)
		unmake(kind, made[--nr]);
	return there;
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(offline(0), 0);
	assert_gone();
	/* The memory is the caller's. */
	memset(s.memory + AT, 1, BYTES);
	/* The number is used again. */
	assert_int_equal(spread_must_add(&s, AT, BYTES, 8), id);
	assert_int_equal(region_of(&s.t, s.memory + AT).key, 8);
	spread_fill(&s, 1, true);
	assert_int_equal(offline(0), 0);
	assert_gone();
}

static void check_busy(enum kind kind)
{
	void *made = make_there(kind);

	memset(made, 5, 900);
	assert_int_equal(offline(0), -EBUSY);
	assert_true(is_isolated());
	assert_int_equal(heap_regions(&s.t, FIXHEAP_REGION_ISOLATED), 1);
	spread_avoids(&s, id);
	assert_true(is_byte(made, 900, 5));
	assert_int_equal(offline(0), -EBUSY);
	unmake(kind, made);
	/* It stays isolated until it is asked for again. */
	assert_true(is_isolated());
	spread_avoids(&s, id);
	assert_int_equal(offline(0), 0);
	assert_gone();
	assert_int_equal(spread_must_add(&s, AT, BYTES, 7), id);
}

static void test_busy(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < NR_KINDS; kind++)
		check_busy((enum kind)kind);
}

static void test_online(void **state)
{
	void *array = make_there(ARRAY);

	(void)state;
	assert_int_equal(offline(0), -EBUSY);
	assert_int_equal(fixheap_online_region(s.t.heap, id), 0);
	assert_false(is_isolated());
	heap_valid(&s.t);
	fixheap_array_free(s.t.heap, array);
	array = array_make(&s.t, BYTES, 0);
	assert_non_null(array);
	fixheap_array_free(s.t.heap, array);
	unmake(SMALL, make_there(SMALL));
	/* and once more, if it was not isolated at all */
	assert_int_equal(fixheap_online_region(s.t.heap, id), 0);
	assert_int_equal(spread_fill(&s, 1, true),
			 spread_bytes(&s) / fixheap_page_size());
}

/* An isolated array grows nowhere, but shrinks, moves and is freed. */
static void test_isolated_array(void **state)
{
	size_t page = fixheap_page_size();
	char *array = make_there(ARRAY), *moved;

	(void)state;
	fill(array, 50000, 1);
	assert_int_equal(offline(0), -EBUSY);
	assert_int_equal(fixheap_array_resize(s.t.heap, array, 100 * page),
			 -ENOMEM);
	assert_int_equal(fixheap_array_resize(s.t.heap, array, 40000), 0);
	moved = fixheap_array_realloc(s.t.heap, array, 100 * page);
	assert_non_null(moved);
	assert_false(is_there(moved));
	assert_true(is_filled(moved, 40000, 1));
	assert_int_equal(offline(0), 0);
	fixheap_array_free(s.t.heap, moved);
}

static void *get(size_t bytes)
{
	void *made = bytes < fixheap_page_size()
			     ? fixheap_malloc(s.t.heap, bytes)
			     : fixheap_pages_alloc(s.t.heap, 1, 0, NULL);

	assert_non_null(made);
	return made;
}

static void put(void *made, size_t bytes)
{
	if (bytes < fixheap_page_size())
		fixheap_free(s.t.heap, made);
	else
		fixheap_pages_free(s.t.heap, made, 1);
}

/* What is freed there is not handed out again: not by a cache, and not from a
 * slab of which something else is in use. */
static void check_freed_there(size_t bytes)
{
	void *made[64];
	unsigned i, nr_there = 0;

	for (i = 0; i < ARRAY_LEN(made); i++)
		made[i] = get(bytes);
	assert_true(is_there(made[0]));
	assert_int_equal(offline(0), -EBUSY);
	for (i = 1; i < ARRAY_LEN(made); i++) {
		put(made[i], bytes);
		made[i] = get(bytes);
		nr_there += is_there(made[i]);
	}
	for (i = 0; i < ARRAY_LEN(made); i++)
		put(made[i], bytes);
	assert_int_equal(nr_there, 0);
	assert_int_equal(offline(0), 0);
}

static void test_freed_pages(void **state)
{
	(void)state;
	check_freed_there(fixheap_page_size());
}

static void test_freed_objects(void **state)
{
	(void)state;
	check_freed_there(200);
}

/* What caches hold is no use. */
static void *hold(void *data)
{
	pthread_barrier_t *barrier = data;
	void *object[64];

	for (unsigned i = 0; i < ARRAY_LEN(object); i++)
		must((object[i] = fixheap_malloc(s.t.heap, 16 + i * 40)));
	for (unsigned i = 0; i < ARRAY_LEN(object); i++)
		fixheap_free(s.t.heap, object[i]);
	fixheap_pages_free(s.t.heap, fixheap_pages_alloc(s.t.heap, 1, 0, NULL),
			   1);
	pthread_barrier_wait(barrier);
	pthread_barrier_wait(barrier);
	return NULL;
}

static void test_caches(void **state)
{
	pthread_barrier_t barrier;
	pthread_t thread[NR_THREADS];

	(void)state;
	pthread_barrier_init(&barrier, NULL, NR_THREADS + 1);
	for (unsigned i = 0; i < NR_THREADS; i++)
		assert_int_equal(
			pthread_create(&thread[i], NULL, hold, &barrier), 0);
	for (unsigned i = 0; i < 1000; i++)
		fixheap_free(s.t.heap, fixheap_malloc(s.t.heap, i));
	pthread_barrier_wait(&barrier);
	assert_int_equal(offline(0), 0);
	/* and the first one, too */
	assert_int_equal(fixheap_offline_region(s.t.heap, 0, 0), 0);
	assert_int_equal(spread_bytes(&s), 0);
	heap_valid(&s.t);
	errno = 0;
	assert_null(fixheap_malloc(s.t.heap, 100));
	assert_int_equal(errno, ENOMEM);
	assert_null(array_make(&s.t, 1, 0));
	assert_int_equal(fixheap_largest_free(s.t.heap, NULL), 0);
	/* A heap of nothing can begin again. */
	assert_int_equal(spread_must_add(&s, AT, BYTES, 7), 0);
	fixheap_free(s.t.heap, fixheap_malloc(s.t.heap, 100));
	fixheap_array_free(s.t.heap, array_make(&s.t, BYTES / 2, 0));
	pthread_barrier_wait(&barrier);
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	pthread_barrier_destroy(&barrier);
}

/* ---- while others allocate ----------------------------------------------- */

static int stop;

static void *churn(void *data)
{
	uint64_t seed = (uint64_t)(uintptr_t)data, mark = seed << 32;
	struct {
		enum kind kind;
		uint64_t *made, mark;
	} item[24] = { { SMALL, NULL, 0 } };

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		unsigned i = (unsigned)random_below(&seed, ARRAY_LEN(item));

		if (item[i].made) {
			must(*item[i].made == item[i].mark);
			unmake(item[i].kind, item[i].made);
		}
		item[i].kind = (enum kind)random_below(&seed, NR_KINDS);
		item[i].made = make(item[i].kind);
		item[i].mark = ++mark;
		if (item[i].made)
			*item[i].made = mark;
	}
	for (unsigned i = 0; i < ARRAY_LEN(item); i++)
		unmake(item[i].kind, item[i].made);
	return NULL;
}

/* While it is out, nobody writes there. */
static void check_untouched(unsigned char value)
{
	memset(s.memory + AT, value, BYTES);
	for (unsigned i = 0; i < 3; i++) {
		must(is_byte(s.memory + AT, BYTES, value));
		sched_yield();
	}
}

static void test_threads(void **state)
{
	pthread_t thread[NR_THREADS];
	unsigned nr_gone = 0, nr_busy = 0;

	(void)state;
	__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, churn,
						(void *)(uintptr_t)(i + 1)),
				 0);
	for (unsigned i = 0; i < TEST_STEPS(4000) && nr_gone < TEST_STEPS(200);
	     i++) {
		int err = fixheap_offline_region(s.t.heap, id, 0);

		assert_true(!err || err == -EBUSY);
		if (err && i % 16 < 12) {
			nr_busy++;
			sched_yield();
			continue;
		}
		if (err) {
			assert_int_equal(fixheap_online_region(s.t.heap, id),
					 0);
			continue;
		}
		nr_gone++;
		check_untouched((unsigned char)i);
		assert_int_equal(spread_must_add(&s, AT, BYTES, 7), id);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_true(nr_gone > 0);
	print_message("# gone %u times, busy %u times\n", nr_gone, nr_busy);
	assert_int_equal(fixheap_online_region(s.t.heap, id), 0);
	heap_valid(&s.t);
}

/* ---- lost ---------------------------------------------------------------- */

static void test_lost(void **state)
{
	char *array = make_there(ARRAY), *pages = make_there(PAGES);
	char *large = make_there(LARGE), *kept = make(SMALL);

	(void)state;
	assert_false(is_there(kept));
	fill(kept, 900, 1);
	must(!mprotect(s.memory + AT, BYTES, PROT_NONE));
	assert_int_equal(offline(FIXHEAP_OFFLINE_LOST), 0);
	assert_gone();
	fixheap_array_free(s.t.heap, array);
	heap_faulted(&s.t, "fixheap_array_free", "foreign pointer");
	fixheap_pages_free(s.t.heap, pages, 13);
	heap_faulted(&s.t, "fixheap_pages_free", "foreign pointer");
	fixheap_free(s.t.heap, large);
	heap_faulted(&s.t, "fixheap_free", "foreign pointer");
	assert_true(is_filled(kept, 900, 1));
	fixheap_free(s.t.heap, kept);
	assert_int_equal(heap_used(&s.t), 0);
	must(!mprotect(s.memory + AT, BYTES, PROT_READ | PROT_WRITE));
	assert_int_equal(spread_must_add(&s, AT, BYTES, 7), id);
	spread_fill(&s, 1, true);
}

static void test_lost_objects(void **state)
{
	void *object = make_there(SMALL), *array = make_there(ARRAY);

	(void)state;
	assert_int_equal(offline(FIXHEAP_OFFLINE_LOST), -EBUSY);
	fixheap_array_free(s.t.heap, array);
	fixheap_free(s.t.heap, object);
	assert_int_equal(offline(FIXHEAP_OFFLINE_LOST), 0);
	assert_gone();
}

static void test_bad(void **state)
{
	(void)state;
	assert_int_equal(fixheap_offline_region(s.t.heap, id + 1, 0), -ENOENT);
	assert_int_equal(fixheap_offline_region(s.t.heap, ~0u, 0), -ENOENT);
	assert_int_equal(fixheap_offline_region(s.t.heap, id, 0x100), -EINVAL);
	assert_int_equal(fixheap_online_region(s.t.heap, id + 1), -ENOENT);
	assert_int_equal(fixheap_online_region(s.t.heap, ~0u), -ENOENT);
	assert_int_equal(heap_regions(&s.t, 0), 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(empty),	      TEST(busy),	   TEST(online),
		TEST(isolated_array), TEST(caches),	   TEST(threads),
		TEST(lost),	      TEST(lost_objects),  TEST(bad),
		TEST(freed_pages),    TEST(freed_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
