/* SPDX-License-Identifier: BSD-2-Clause */
/* suite_limits.c: a full heap, the largest array, and mistakes, in every
 * mode. */
#include "suite.h"

/* Things that were allocated, each with its successor in its first bytes. */
struct chain {
	void *first;
	size_t nr;
};

static bool push(struct chain *chain, void *new)
{
	if (!new)
		return false;
	memcpy(new, &chain->first, sizeof(chain->first));
	chain->first = new;
	chain->nr++;
	return true;
}

static void *pop(struct chain *chain)
{
	void *last = chain->first;

	memcpy(&chain->first, last, sizeof(chain->first));
	chain->nr--;
	return last;
}

enum kind {
	PAGES,
	OBJECTS,
	LARGE,
	ARRAYS,
	OWN,
	NR_KINDS
};

static const size_t kind_bytes[] = { 0, 4000, 100000, MIB, OWN_BYTES };

static void *make(enum kind kind)
{
	switch (kind) {
	case PAGES:
		return fixheap_pages_alloc(suite.heap, 1, 0, NULL);
	case OBJECTS:
	case LARGE:
		return fixheap_malloc(suite.heap, kind_bytes[kind]);
	default:
		return array_make(&suite, kind_bytes[kind], 0);
	}
}

static void unmake(enum kind kind, void *made)
{
	switch (kind) {
	case PAGES:
		fixheap_pages_free(suite.heap, made, 1);
		return;
	case OBJECTS:
	case LARGE:
		fixheap_free(suite.heap, made);
		return;
	default:
		fixheap_array_free(suite.heap, made);
	}
}

/* Fill the heap with one kind; half of it back, and it can be filled again. */
static size_t fill_up(enum kind kind)
{
	struct chain chain = { NULL, 0 };
	size_t nr, half;

	errno = 0;
	while (push(&chain, make(kind)))
		errno = 0;
	assert_int_equal(errno, ENOMEM);
	heap_valid(&suite);
	nr = chain.nr;
	for (half = nr / 2; chain.nr > half;)
		unmake(kind, pop(&chain));
	heap_valid(&suite);
	while (push(&chain, make(kind)))
		;
	assert_in_range(chain.nr, nr - nr / 100, nr + nr / 100);
	while (chain.nr)
		unmake(kind, pop(&chain));
	assert_int_equal(heap_used(&suite), 0);
	heap_valid(&suite);
	return nr;
}

static void test_full(void **state)
{
	size_t page = fixheap_page_size(), all = HEAP_BYTES / page;
	size_t nr = fill_up(PAGES);

	(void)state;
	/* a base off a page's border costs one */
	assert_in_range(nr, all - suite.mode->lost_pages - suite.mode->blob,
			all - suite.mode->blob);
	/* And nothing was lost by it. */
	assert_int_equal(fill_up(PAGES), nr);
}

static void check_full(enum kind kind, unsigned percent)
{
	size_t bytes = fill_up(kind) * kind_bytes[kind];

	assert_in_range(bytes, HEAP_BYTES / 100 * percent, HEAP_BYTES);
}

static void test_full_objects(void **state)
{
	(void)state;
	check_full(OBJECTS, 90);
}

static void test_full_large(void **state)
{
	(void)state;
	check_full(LARGE, 90);
}

static void test_full_arrays(void **state)
{
	(void)state;
	check_full(ARRAYS, 90);
}

static void test_full_own(void **state)
{
	(void)state;
	check_full(OWN, 75);
}

/* An array of what it says succeeds, and one a page larger does not. */
static void check_largest(size_t alignment)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	size_t bytes;
	void *array;

	attr.alignment = alignment;
	bytes = fixheap_largest_free(suite.heap, &attr);
	errno = 0;
	array = fixheap_array_alloc(suite.heap, bytes + 1, &attr);
	/* but if there is room for a region more, of which it does not know */
	assert_true(!array == !suite.mode->grows || errno == ENOMEM);
	fixheap_array_free(suite.heap, array);
	if (suite.mode->grows)
		bytes = fixheap_largest_free(suite.heap, &attr);
	assert_int_equal(fixheap_largest_free(suite.heap, &attr), bytes);
	if (!bytes)
		return;
	array = fixheap_array_alloc(suite.heap, bytes, &attr);
	assert_non_null(array);
	fixheap_array_free(suite.heap, array);
	heap_valid(&suite);
}

static void test_largest(void **state)
{
	uint64_t seed = suite_seed;
	void *array[40] = { NULL };

	(void)state;
	print_message("largest: seed %llu\n", (unsigned long long)seed);
	check_largest(0);
	for (unsigned i = 0; i < TEST_STEPS(400); i++) {
		uint64_t k = random_below(&seed, ARRAY_LEN(array));
		size_t pages = 1 + random_below(&seed, i % 9 ? 600 : 2000);

		fixheap_array_free(suite.heap, array[k]);
		array[k] = array_make(&suite, pages * fixheap_page_size(), 0);
		if (i % 8 == 0)
			check_largest(i % 3 ? 0 : 64 * KIB);
	}
	for (unsigned k = 0; k < ARRAY_LEN(array); k++)
		fixheap_array_free(suite.heap, array[k]);
	check_largest(0);
}

/* ---- mistakes ------------------------------------------------------------ */

#define TWICE "double free, or never allocated"
#define FOREIGN "foreign pointer"
#define INSIDE "interior pointer"
#define OTHER "memory of another kind"

static void test_double_free(void **state)
{
	void *small = fixheap_malloc(suite.heap, 100);
	void *large = fixheap_malloc(suite.heap, 50000);
	void *pages = fixheap_pages_alloc(suite.heap, 5, 0, NULL);
	void *array = array_make(&suite, 50000, 0);
	void *own = array_make(&suite, OWN_BYTES, 0);

	(void)state;
	fixheap_free(suite.heap, small);
	fixheap_free(suite.heap, small);
	heap_faulted(&suite, "fixheap_free", "double free");
	fixheap_free(suite.heap, large);
	fixheap_free(suite.heap, large);
	heap_faulted(&suite, "fixheap_free", TWICE);
	fixheap_pages_free(suite.heap, pages, 5);
	fixheap_pages_free(suite.heap, pages, 5);
	heap_faulted(&suite, "fixheap_pages_free", TWICE);
	fixheap_array_free(suite.heap, array);
	fixheap_array_free(suite.heap, array);
	heap_faulted(&suite, "fixheap_array_free", TWICE);
	fixheap_array_free(suite.heap, own);
	fixheap_array_free(suite.heap, own);
	heap_faulted(&suite, "fixheap_array_free", suite.mode->freed_twice);
	heap_valid(&suite);
}

static void check_foreign(void *ptr)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	fixheap_free(suite.heap, ptr);
	heap_faulted(&suite, "fixheap_free", FOREIGN);
	fixheap_free_sized(suite.heap, ptr, 100);
	heap_faulted(&suite, "fixheap_free_sized", FOREIGN);
	fixheap_array_free(suite.heap, ptr);
	heap_faulted(&suite, "fixheap_array_free", FOREIGN);
	fixheap_pages_free(suite.heap, ptr, 1);
	heap_faulted(&suite, "fixheap_pages_free", FOREIGN);
	errno = 0;
	assert_null(fixheap_realloc(suite.heap, ptr, 5));
	assert_int_equal(errno, EINVAL);
	heap_faulted(&suite, "fixheap_realloc", FOREIGN);
	assert_int_equal(fixheap_array_resize(suite.heap, ptr, 5), -EINVAL);
	heap_faulted(&suite, "fixheap_array_resize", FOREIGN);
	assert_int_equal(fixheap_region_of(suite.heap, ptr, &region), -ENOENT);
	assert_false(fixheap_owns(suite.heap, ptr));
}

static void test_foreign(void **state)
{
	struct fixheap_region region;
	static char mine[64];
	void *theirs = malloc(100);
	void *array = array_make(&suite, 100, 0);

	(void)state;
	check_foreign(mine);
	check_foreign(&region);
	check_foreign(theirs);
	check_foreign((void *)(uintptr_t)16);
	check_foreign((void *)(UINTPTR_MAX - 15));
	region = region_of(&suite, array);
	if (suite.mode->mode != FIXHEAP_SIMPLE) {
		check_foreign((char *)region.base - fixheap_page_size());
		check_foreign((char *)region.base + region.bytes);
	}
	fixheap_array_free(suite.heap, array);
	free(theirs);
	heap_valid(&suite);
}

static void test_interior(void **state)
{
	char *small = fixheap_malloc(suite.heap, 100);
	char *large = fixheap_malloc(suite.heap, 50000);
	char *array = array_make(&suite, 50000, 0);
	size_t page = fixheap_page_size();

	(void)state;
	fixheap_free(suite.heap, small + 16);
	heap_faulted(&suite, "fixheap_free", INSIDE);
	fixheap_free(suite.heap, large + page);
	heap_faulted(&suite, "fixheap_free", INSIDE);
	fixheap_array_free(suite.heap, array + page);
	heap_faulted(&suite, "fixheap_array_free", INSIDE);
	fixheap_array_free(suite.heap, array + 8);
	heap_faulted(&suite, "fixheap_array_free", INSIDE);
	fixheap_free(suite.heap, array);
	heap_faulted(&suite, "fixheap_free", OTHER);
	fixheap_array_free(suite.heap, large);
	heap_faulted(&suite, "fixheap_array_free", OTHER);
	fixheap_pages_free(suite.heap, array, 2);
	heap_faulted(&suite, "fixheap_pages_free", "wrong length");
	fixheap_free_sized(suite.heap, large, 60000);
	heap_faulted(&suite, "fixheap_free_sized", "wrong size");
	fixheap_free_sized(suite.heap, small, 5000);
	heap_faulted(&suite, "fixheap_free_sized", "wrong size");
	heap_valid(&suite);
	fixheap_free(suite.heap, small);
	fixheap_free(suite.heap, large);
	fixheap_array_free(suite.heap, array);
}

static const struct CMUnitTest tests[] = {
	SUITE_TEST(full),	 SUITE_TEST(full_objects),
	SUITE_TEST(full_large),	 SUITE_TEST(full_arrays),
	SUITE_TEST(full_own),	 SUITE_TEST(largest),
	SUITE_TEST(double_free), SUITE_TEST(foreign),
	SUITE_TEST(interior),
};
const struct suite_part suite_limits = { tests, ARRAY_LEN(tests) };
