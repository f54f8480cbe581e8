/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_size_class.c: the constants of mm/size_class.c against plain division.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "size_class.h"

static void test_smallest_class_that_fits(void **state)
{
	(void)state;
	assert_int_equal(size_class[1].size, 16);
	assert_int_equal(size_class[NR_SIZE_CLASSES].size, SMALL_MAX);
	for (size_t bytes = 0; bytes <= SMALL_MAX; bytes++) {
		u32 class = size_class_of(bytes);

		assert_in_range(class, 1, NR_SIZE_CLASSES);
		assert_true(size_class[class].size >= bytes);
		if (class > 1)
			assert_true(size_class[class - 1].size < bytes);
	}
}

/* At most a fourth is lost from 80 bytes on: sizes are four to a doubling. */
static void test_sizes_ascend_closely(void **state)
{
	(void)state;
	for (u32 class = 2; class <= NR_SIZE_CLASSES; class ++) {
		u32 below = size_class[class - 1].size;
		u32 size = size_class[class].size;

		assert_true(size > below);
		assert_true(size - below <= 16 || (size - below) * 4 <= below);
		assert_int_equal(size % 16, 0);
		assert_int_equal((u32)size_class[class].odd
					 << size_class[class].shift,
				 size);
	}
}

static void test_starts_is_divisibility(void **state)
{
	(void)state;
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		const struct size_class *c = &size_class[class];

		for (u32 n = 0; n < PAGE_BYTES + SMALL_MAX; n++)
			assert_int_equal(size_class_starts(c, n),
					 n % c->size == 0);
	}
}

static void test_no_class_has_no_objects(void **state)
{
	(void)state;
	for (u32 n = 0; n < PAGE_BYTES; n++) {
		assert_false(size_class_starts(&size_class[0], n));
	}
}

/* The least number of whole pages that objects fill. */
static void test_slab_is_least_common_multiple(void **state)
{
	(void)state;
	for (u32 shift = 12; shift <= 16; shift++) {
		for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
			u32 size = size_class[class].size;
			u32 slab = 1u << shift;

			while (slab % size)
				slab += 1u << shift;
			assert_int_equal(size_class_slab(&size_class[class],
							 shift),
					 slab);
		}
	}
}

/* What fixheap_aligned_alloc relies on. */
static void test_multiples_of_an_alignment_stay_aligned(void **state)
{
	(void)state;
	for (size_t align = 1; align <= PAGE_BYTES; align *= 2) {
		for (size_t n = align; n <= SMALL_MAX; n += align)
			assert_int_equal(
				size_class[size_class_of(n)].size % align, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_smallest_class_that_fits),
		cmocka_unit_test(test_sizes_ascend_closely),
		cmocka_unit_test(test_starts_is_divisibility),
		cmocka_unit_test(test_no_class_has_no_objects),
		cmocka_unit_test(test_slab_is_least_common_multiple),
		cmocka_unit_test(test_multiples_of_an_alignment_stay_aligned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
