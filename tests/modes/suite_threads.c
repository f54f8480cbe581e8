/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * suite_threads.c: threads, also of the library's own, and fork, in every mode.
 *
 * What a thread makes begins with its own description, and is filled; it is put
 * into a slot that all share, and what was there is checked and freed: mostly
 * by another thread than the one that made it.
 */
#include <pthread.h>
#include <sys/wait.h>

#include "suite.h"

#define NR_THREADS 4
#define NR_SLOTS 64

enum kind {
	OBJECT,
	ARRAY,
	PAGES
};

struct made {
	enum kind kind;
	size_t bytes;
	uint64_t seed;
	char contents[];
};

/* ThreadSanitizer starts no thread in the child of a threaded program. */
#ifdef __SANITIZE_THREAD__
#define CHILD_HAS_THREADS 0
#else
#define CHILD_HAS_THREADS 1
#endif

static struct made *slot[NR_SLOTS];
static int stop;

static size_t contents_of(size_t bytes)
{
	return bytes - offsetof(struct made, contents);
}

static struct made *make(uint64_t *seed)
{
	static const size_t most[] = { 100, 100, 2000, 2000, 20000, 200000 };
	size_t bytes = sizeof(struct made) +
		       random_below(seed, most[random_below(seed, 6)]);
	uint64_t kind = random_below(seed, 40);
	struct made *made;

	if (kind == 0) {
		bytes += random_below(seed, OWN_BYTES + MIB);
		made = fixheap_array_alloc(suite.heap, bytes, NULL);
	} else if (kind < 5) {
		made = fixheap_pages_alloc(
			suite.heap, in_pages(bytes) / fixheap_page_size(), 0,
			NULL);
	} else {
		made = fixheap_malloc(suite.heap, bytes);
	}
	if (!made) {
		must(errno == ENOMEM);
		return NULL;
	}
	made->kind = kind == 0 ? ARRAY : kind < 5 ? PAGES : OBJECT;
	made->bytes = bytes;
	made->seed = random_below(seed, UINT64_MAX);
	fill(made->contents, contents_of(bytes), made->seed);
	return made;
}

static void unmake(struct made *made)
{
	size_t page = fixheap_page_size();

	if (!made)
		return;
	must(is_filled(made->contents, contents_of(made->bytes), made->seed));
	if (made->kind == ARRAY)
		fixheap_array_free(suite.heap, made);
	else if (made->kind == PAGES)
		fixheap_pages_free(suite.heap, made,
				   in_pages(made->bytes) / page);
	else if (made->seed % 2)
		fixheap_free_sized(suite.heap, made, made->bytes);
	else
		fixheap_free(suite.heap, made);
}

static void exchange(uint64_t *seed)
{
	struct made *made = make(seed);
	uint64_t i = random_below(seed, NR_SLOTS);

	unmake(__atomic_exchange_n(&slot[i], made, __ATOMIC_ACQ_REL));
}

static void empty_slots(void)
{
	for (unsigned i = 0; i < NR_SLOTS; i++) {
		unmake(slot[i]);
		slot[i] = NULL;
	}
}

static void *work(void *data)
{
	uint64_t seed = (uint64_t)(uintptr_t)data;

	for (unsigned i = 0; i < TEST_STEPS(8000); i++) {
		exchange(&seed);
		if (i % 1000 == 0)
			must(!fixheap_validate(suite.heap));
		if (i % 1500 == 0)
			fixheap_largest_free(suite.heap, NULL);
	}
	return NULL;
}

static void start(pthread_t *thread, void *(*fn)(void *data), uint64_t seed)
{
	assert_int_equal(
		pthread_create(thread, NULL, fn, (void *)(uintptr_t)seed), 0);
}

static void test_threads(void **state)
{
	pthread_t thread[NR_THREADS];

	(void)state;
	for (unsigned i = 0; i < NR_THREADS; i++)
		start(&thread[i], work, suite_seed + i);
	for (unsigned i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	heap_valid(&suite);
	empty_slots();
}

/* The heap is brought into memory, stopped and brought again while it is in use
 * and regions come and go; in the end nothing is left to do. */
static void test_prefault(void **state)
{
	struct fixheap_prefault how = FIXHEAP_PREFAULT_INIT;
	uint64_t seed = suite_seed;
	pthread_t thread;
	int ret;

	(void)state;
	need(CHILD_HAS_THREADS || !(suite.config.flags & FIXHEAP_PINNED),
	     "ThreadSanitizer sees a race where a page is touched");
	how.nr_threads = 2;
	how.flags = FIXHEAP_PREFAULT_BACKGROUND;
	start(&thread, work, suite_seed + 1);
	for (unsigned i = 0; i < TEST_STEPS(2000); i++) {
		if (i % 250 == 0)
			fixheap_prefault(suite.heap, &how);
		if (i % 250 == 125)
			fixheap_prefault_cancel(suite.heap);
		exchange(&seed);
	}
	pthread_join(thread, NULL);
	ret = fixheap_prefault_wait(suite.heap);
	assert_true(ret == 0 || ret == -ECANCELED);
	assert_int_equal(fixheap_prefault(suite.heap, NULL), 0);
	heap_valid(&suite);
	empty_slots();
}

/* One thread makes, another frees, all that there is. */
static struct made *handed[512];

static void *free_all(void *data)
{
	(void)data;
	for (unsigned i = 0; i < ARRAY_LEN(handed); i++)
		unmake(handed[i]);
	return NULL;
}

static void test_other_frees(void **state)
{
	uint64_t seed = suite_seed;
	pthread_t thread;

	(void)state;
	for (unsigned round = 0; round < 6; round++) {
		for (unsigned i = 0; i < ARRAY_LEN(handed); i++)
			handed[i] = make(&seed);
		start(&thread, free_all, 0);
		pthread_join(thread, NULL);
		assert_int_equal(heap_used(&suite), 0);
		heap_valid(&suite);
	}
}

/* ---- fork ---------------------------------------------------------------- */

static void *work_in_child(void *data)
{
	uint64_t seed = (uint64_t)(uintptr_t)data;

	for (unsigned i = 0; i < 200; i++)
		exchange(&seed);
	return NULL;
}

struct before {
	char *small, *large, *array, *own;
};

static bool is_whole(const struct before *b)
{
	return is_filled(b->small, 100, 1) && is_filled(b->large, 50000, 2) &&
	       is_filled(b->array, 100000, 3) &&
	       is_filled(b->own, OWN_BYTES, 4);
}

static void free_before(const struct before *b)
{
	fixheap_free(suite.heap, b->small);
	fixheap_free(suite.heap, b->large);
	fixheap_array_free(suite.heap, b->array);
	fixheap_array_free(suite.heap, b->own);
}

/* The child goes on with its copy.  The slots are as threads of the parent left
 * them: something may be in the middle of being made. */
static int child(void *data)
{
	const struct before *before = data;
	pthread_t thread;

	layer_in_child(&suite.layer);
	memset(slot, 0, sizeof(slot));
	must(!fixheap_validate(suite.heap));
	must(is_whole(before));
	work_in_child((void *)(uintptr_t)suite_seed);
	if (CHILD_HAS_THREADS) {
		must(!pthread_create(&thread, NULL, work_in_child, (void *)77));
		must(!pthread_join(thread, NULL));
	}
	must(is_whole(before));
	empty_slots();
	free_before(before);
	must(!fixheap_validate(suite.heap));
	must(!suite.nr_faults);
	return 0;
}

static void *work_until(void *data)
{
	uint64_t seed = (uint64_t)(uintptr_t)data;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		exchange(&seed);
	return NULL;
}

static void check_fork(unsigned nr_threads, unsigned nr_children)
{
	pthread_t thread[NR_THREADS];
	unsigned nr_good = 0;
	struct before before = {
		.small = fixheap_malloc(suite.heap, 100),
		.large = fixheap_malloc(suite.heap, 50000),
		.array = array_make(&suite, 100000, 0),
		.own = array_make(&suite, OWN_BYTES, 0),
	};

	assert_true(before.small && before.large && before.array && before.own);
	fill(before.small, 100, 1);
	fill(before.large, 50000, 2);
	fill(before.array, 100000, 3);
	fill(before.own, OWN_BYTES, 4);
	__atomic_store_n(&stop, 0, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < nr_threads; i++)
		start(&thread[i], work_until, suite_seed + i);
	for (unsigned i = 0; i < nr_children; i++)
		nr_good += !in_child(child, &before, NULL, 0) &&
			   is_whole(&before);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < nr_threads; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(nr_good, nr_children);
	heap_valid(&suite);
	empty_slots();
	free_before(&before);
}

static void test_fork(void **state)
{
	(void)state;
	check_fork(0, 2);
}

static void test_fork_threads(void **state)
{
	(void)state;
	check_fork(2, 6);
}

static const struct CMUnitTest tests[] = {
	SUITE_TEST(threads), SUITE_TEST(prefault),     SUITE_TEST(other_frees),
	SUITE_TEST(fork),    SUITE_TEST(fork_threads),
};
const struct suite_part suite_threads = { tests, ARRAY_LEN(tests) };
