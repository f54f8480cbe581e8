/* SPDX-License-Identifier: BSD-2-Clause */
/* suite_objects.c: objects of all sizes, in every mode. */
#include "suite.h"

#define NR_KEPT 64

static const size_t sizes[] = {
	14335,	 14336,	      14337,	     16384,	20000,	 28672,
	65536,	 65537,	      200000,	     524288,	1000000, 2 * MIB - 1,
	2 * MIB, 3 * MIB + 5, OWN_BYTES - 1, OWN_BYTES, 5 * MIB,
};

static void *kept[NR_KEPT];
static size_t kept_bytes[NR_KEPT];

static void drop(unsigned i)
{
	if (!kept[i])
		return;
	assert_true(is_filled(kept[i], kept_bytes[i], i));
	if (i % 2)
		fixheap_free_sized(suite.heap, kept[i], kept_bytes[i]);
	else
		fixheap_free(suite.heap, kept[i]);
	kept[i] = NULL;
}

static void check_size(unsigned i, size_t bytes)
{
	size_t usable;
	char *object;

	drop(i);
	object = fixheap_malloc(suite.heap, bytes);
	assert_non_null(object);
	usable = fixheap_usable_size(suite.heap, object);
	assert_true(usable >= bytes);
	assert_int_equal(usable, fixheap_good_size(bytes));
	assert_int_equal((uintptr_t)object % (bytes < 16 ? 8 : 16), 0);
	assert_true(fixheap_owns(suite.heap, object));
	assert_true(fixheap_owns(suite.heap, object + usable - 1));
	assert_true(region_of(&suite, object).bytes >= usable);
	fill(object, bytes, i);
	kept[i] = object;
	kept_bytes[i] = bytes;
}

static void test_sizes(void **state)
{
	unsigned n = 0;

	(void)state;
	for (size_t bytes = 0; bytes < 15000; bytes += bytes < 300 ? 1 : 37) {
		check_size(n++ % NR_KEPT, bytes);
		if (n % 32 == 0)
			heap_valid(&suite);
	}
	for (unsigned i = 0; i < NR_KEPT; i++)
		drop(i);
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		check_size(i, sizes[i]);
		heap_valid(&suite);
	}
	for (unsigned i = 0; i < NR_KEPT; i++)
		drop(i);
}

/* What was used before reads as zero. */
static void test_zeroed_objects(void **state)
{
	static const size_t table[] = {
		1, 8, 100, 4096, 14336, 100000, 3 * MIB
	};
	char *object[16];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		for (unsigned k = 0; k < 8; k++) {
			object[k] = fixheap_malloc(suite.heap, table[i]);
			assert_non_null(object[k]);
			memset(object[k], 0xff, table[i]);
		}
		for (unsigned k = 0; k < 8; k++)
			fixheap_free(suite.heap, object[k]);
		for (unsigned k = 0; k < 8; k++) {
			object[k] = fixheap_calloc(suite.heap, 1, table[i]);
			assert_non_null(object[k]);
			assert_true(is_byte(object[k], table[i], 0));
		}
		for (unsigned k = 0; k < 8; k++)
			fixheap_free(suite.heap, object[k]);
		heap_valid(&suite);
	}
	errno = 0;
	assert_null(fixheap_calloc(suite.heap, SIZE_MAX / 2, 3));
	assert_int_equal(errno, ENOMEM);
	assert_null(fixheap_malloc(suite.heap, SIZE_MAX - 5));
	assert_int_equal(errno, ENOMEM);
	assert_null(fixheap_malloc(suite.heap, HEAP_BYTES + 1));
	assert_int_equal(errno, ENOMEM);
}

static void test_aligned(void **state)
{
	static const size_t table[] = { 0, 1, 100, 5000, 14337, 100000, MIB };
	char *object;

	(void)state;
	for (size_t align = 1; align <= 2 * MIB; align *= 2) {
		for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
			object = fixheap_aligned_alloc(suite.heap, align,
						       table[i]);
			assert_non_null(object);
			assert_int_equal((uintptr_t)object % align, 0);
			assert_true(fixheap_usable_size(suite.heap, object) >=
				    table[i]);
			fill(object, table[i], align);
			assert_true(is_filled(object, table[i], align));
			fixheap_free(suite.heap, object);
		}
		heap_valid(&suite);
	}
	errno = 0;
	assert_null(fixheap_aligned_alloc(suite.heap, 24, 100));
	assert_int_equal(errno, EINVAL);
}

static void test_moved(void **state)
{
	static const size_t table[] = { 10,    1,	100,	 5000, 4999,
					14336, 14337,	1000000, 20,   70000,
					69000, 2 * MIB, 20000,	 8,    14336,
					5000,  3000000, 0 };
	char *object = fixheap_realloc(suite.heap, NULL, 5);
	size_t had = 5;

	(void)state;
	assert_non_null(object);
	fill(object, had, 0);
	for (unsigned i = 0; table[i]; i++) {
		size_t keep = had < table[i] ? had : table[i];

		object = fixheap_realloc(suite.heap, object, table[i]);
		assert_non_null(object);
		assert_true(is_filled(object, keep, i));
		had = table[i];
		fill(object, had, i + 1);
		heap_valid(&suite);
	}
	errno = 0;
	assert_null(fixheap_realloc(suite.heap, object, HEAP_BYTES * 2));
	assert_int_equal(errno, ENOMEM);
	assert_true(is_filled(object, had, 17));
	errno = 77;
	assert_null(fixheap_realloc(suite.heap, object, 0));
	assert_int_equal(errno, 77);
}

static void test_nothing(void **state)
{
	static void *none[200];

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(none); i++) {
		none[i] = fixheap_malloc(suite.heap, 0);
		assert_non_null(none[i]);
		for (unsigned k = 0; k < i; k++)
			assert_ptr_not_equal(none[i], none[k]);
	}
	for (unsigned i = 0; i < ARRAY_LEN(none); i++)
		fixheap_free(suite.heap, none[i]);
	errno = 77;
	fixheap_free(suite.heap, NULL);
	fixheap_free_sized(suite.heap, NULL, 100);
	fixheap_array_free(suite.heap, NULL);
	fixheap_pages_free(suite.heap, NULL, 5);
	assert_int_equal(errno, 77);
	assert_int_equal(fixheap_usable_size(suite.heap, NULL), 0);
	assert_false(fixheap_owns(suite.heap, NULL));
	assert_false(fixheap_owns(suite.heap, none));
}

static const struct CMUnitTest tests[] = {
	SUITE_TEST(sizes), SUITE_TEST(zeroed_objects), SUITE_TEST(aligned),
	SUITE_TEST(moved), SUITE_TEST(nothing),
};
const struct suite_part suite_objects = { tests, ARRAY_LEN(tests) };
