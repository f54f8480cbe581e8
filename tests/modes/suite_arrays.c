/* SPDX-License-Identifier: BSD-2-Clause */
/* suite_arrays.c: arrays and page runs, in every mode: exact to the page. */
#include "suite.h"

/* Pages; those from 1,024 on are OWN_BYTES or more where a page is 4 KiB. */
static const size_t lengths[] = { 1,	2,    3,    64,	  511,	512, 513,
				  1000, 1023, 1024, 1025, 1500, 2048 };

struct count {
	size_t bytes[FIXHEAP_USE_CACHED + 1];
	const char *end; /* of the range before */
};

static int add_range(void *data, const void *start, size_t bytes,
		     enum fixheap_use use)
{
	struct count *count = data;

	count->bytes[use] += bytes;
	(void)start;
	return 0;
}

static size_t bytes_of(enum fixheap_use use)
{
	struct count count = { .end = NULL };

	assert_int_equal(fixheap_walk(suite.heap, add_range, &count), 0);
	return count.bytes[use];
}

static void test_exact(void **state)
{
	size_t page = fixheap_page_size();
	char *array;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(lengths); i++) {
		size_t bytes = lengths[i] * page;

		/* the last page may be used in part */
		array = array_make(&suite, bytes - i, 0);
		assert_non_null(array);
		assert_int_equal((uintptr_t)array % page, 0);
		assert_int_equal(heap_used(&suite), bytes);
		assert_int_equal(bytes_of(FIXHEAP_USE_ARRAY), bytes);
		assert_true(region_of(&suite, array).bytes >= bytes);
		fill(array, bytes, i);
		heap_valid(&suite);
		assert_true(is_filled(array, bytes, i));
		fixheap_array_free(suite.heap, array);
		assert_int_equal(heap_used(&suite), 0);
	}
	array = array_make(&suite, 0, 0);
	assert_non_null(array);
	assert_int_equal(heap_used(&suite), page);
	fixheap_array_free(suite.heap, array);
}

static void test_resize(void **state)
{
	size_t page = fixheap_page_size();
	char *array = array_make(&suite, 100 * page, 0);

	(void)state;
	assert_non_null(array);
	fill(array, 50 * page, 1);
	assert_int_equal(fixheap_array_resize(suite.heap, array, 200 * page),
			 0);
	assert_int_equal(heap_used(&suite), 200 * page);
	memset(array + 100 * page, 1, 100 * page);
	assert_int_equal(fixheap_array_resize(suite.heap, array, 50 * page), 0);
	assert_int_equal(heap_used(&suite), 50 * page);
	assert_int_equal(fixheap_array_resize(suite.heap, array,
					      2 * HEAP_BYTES),
			 -ENOMEM);
	assert_int_equal(heap_used(&suite), 50 * page);
	assert_true(is_filled(array, 50 * page, 1));
	heap_valid(&suite);
	errno = 0;
	assert_null(fixheap_array_realloc(suite.heap, array, 2 * HEAP_BYTES));
	assert_int_equal(errno, ENOMEM);
	assert_true(is_filled(array, 50 * page, 1));
	fixheap_array_free(suite.heap, array);
}

/* All lengths, up, down and mixed; the arrays in between are in the way. */
static void check_realloc(unsigned flags, unsigned stride)
{
	size_t page = fixheap_page_size(), had = 0;
	char *array = array_make(&suite, 0, flags), *in_the_way = NULL;

	for (unsigned i = 0; i < 3 * ARRAY_LEN(lengths); i++) {
		size_t bytes = page * lengths[i * stride % ARRAY_LEN(lengths)];
		size_t keep = had < bytes ? had : bytes;

		array = fixheap_array_realloc(suite.heap, array, bytes);
		assert_non_null(array);
		assert_true(is_filled(array, keep, i));
		if (flags & FIXHEAP_ZERO)
			assert_true(is_byte(array + keep, bytes - keep, 0));
		had = bytes;
		fill(array, had, i + 1);
		heap_valid(&suite);
		fixheap_array_free(suite.heap, in_the_way);
		in_the_way = array_make(&suite, page, 0);
		assert_int_equal(heap_used(&suite), bytes + page);
	}
	fixheap_array_free(suite.heap, in_the_way);
	fixheap_array_free(suite.heap, array);
	assert_int_equal(heap_used(&suite), 0);
}

static void test_array_realloc(void **state)
{
	(void)state;
	for (unsigned stride = 1; stride < 8; stride += 3) {
		check_realloc(0, stride);
		check_realloc(FIXHEAP_ZERO, stride);
	}
}

static void test_zeroed(void **state)
{
	static const size_t table[] = { 1, 4096, 100000, 3 * MIB, 6 * MIB };
	char *array;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		for (unsigned again = 0; again < 2; again++) {
			array = array_make(&suite, table[i], FIXHEAP_ZERO);
			assert_non_null(array);
			assert_true(is_byte(array, in_pages(table[i]), 0));
			memset(array, 0xff, in_pages(table[i]));
			fixheap_array_free(suite.heap, array);
		}
	}
}

static void test_alignments(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	size_t page = fixheap_page_size();
	char *array, *pages;

	(void)state;
	for (attr.alignment = 1; attr.alignment <= 2 * MIB;
	     attr.alignment *= 2) {
		array = fixheap_array_alloc(suite.heap, 3 * page, &attr);
		pages = fixheap_pages_alloc(suite.heap, 5, attr.alignment,
					    NULL);
		assert_true(array && pages);
		assert_int_equal((uintptr_t)array % attr.alignment, 0);
		assert_int_equal((uintptr_t)pages % attr.alignment, 0);
		assert_int_equal(heap_used(&suite), 8 * page);
		heap_valid(&suite);
		fixheap_array_free(suite.heap, array);
		fixheap_pages_free(suite.heap, pages, 5);
	}
	attr.alignment = 24;
	errno = 0;
	assert_null(fixheap_array_alloc(suite.heap, page, &attr));
	assert_int_equal(errno, EINVAL);
}

/* Runs are freed in parts, every third page first. */
static void test_parts(void **state)
{
	size_t page = fixheap_page_size();
	char *run[8];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(run); i++) {
		run[i] = fixheap_pages_alloc(suite.heap, 60, 0, NULL);
		assert_non_null(run[i]);
		fill(run[i], 60 * page, i);
	}
	assert_int_equal(heap_used(&suite), ARRAY_LEN(run) * 60 * page);
	assert_int_equal(bytes_of(FIXHEAP_USE_PAGES),
			 ARRAY_LEN(run) * 60 * page);
	for (unsigned i = 0; i < ARRAY_LEN(run); i++) {
		for (unsigned k = 0; k < 60; k += 3)
			fixheap_pages_free(suite.heap, run[i] + k * page, 1);
		heap_valid(&suite);
	}
	assert_int_equal(heap_used(&suite), ARRAY_LEN(run) * 40 * page);
	for (unsigned i = 0; i < ARRAY_LEN(run); i++) {
		for (unsigned k = 1; k < 60; k += 3)
			fixheap_pages_free(suite.heap, run[i] + k * page, 2);
		heap_valid(&suite);
	}
}

static int by_address(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* One free for all allocations that lie in a row in one region. */
static void test_several(void **state)
{
	size_t page = fixheap_page_size();
	unsigned first = 0, i;
	char *run[200];

	(void)state;
	for (i = 0; i < ARRAY_LEN(run); i++) {
		run[i] = fixheap_pages_alloc(suite.heap, 7, 0, NULL);
		assert_non_null(run[i]);
	}
	qsort(run, ARRAY_LEN(run), sizeof(run[0]), by_address);
	for (i = 1; i <= ARRAY_LEN(run); i++) {
		if (i < ARRAY_LEN(run) && run[i] == run[i - 1] + 7 * page &&
		    region_of(&suite, run[i]).id ==
			    region_of(&suite, run[first]).id)
			continue;
		fixheap_pages_free(suite.heap, run[first], (i - first) * 7);
		heap_valid(&suite);
		first = i;
	}
}

static const struct CMUnitTest tests[] = {
	SUITE_TEST(exact),   SUITE_TEST(resize),     SUITE_TEST(array_realloc),
	SUITE_TEST(zeroed),  SUITE_TEST(alignments), SUITE_TEST(parts),
	SUITE_TEST(several),
};
const struct suite_part suite_arrays = { tests, ARRAY_LEN(tests) };
