/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sizes.c: fixheap_good_size, fixheap_free_sized and fixheap_parse_size.
 */
#include "support.h"

static struct test_heap heap;

static int setup(void **state)
{
	(void)state;
	heap_prepare(&heap, &modes[0]);
	heap_open(&heap);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	heap_close(&heap);
	return 0;
}

static void check_size(size_t bytes)
{
	void *object = fixheap_malloc(heap.heap, bytes);
	size_t good = fixheap_good_size(bytes);

	assert_non_null(object);
	assert_true(good >= bytes);
	assert_int_equal(fixheap_usable_size(heap.heap, object), good);
	/* All of it may be asked for, and is no larger then. */
	assert_int_equal(fixheap_good_size(good), good);
	fixheap_free_sized(heap.heap, object, bytes);
	assert_int_equal(heap.nr_faults, 0);
}

static void test_good_size(void **state)
{
	(void)state;
	for (size_t bytes = 0; bytes <= 80000; bytes++)
		check_size(bytes);
	for (size_t bytes = 80000; bytes < 40 * MIB; bytes += bytes / 7 + 1)
		check_size(bytes);
	assert_int_equal(fixheap_good_size(SIZE_MAX), SIZE_MAX);
	assert_int_equal(fixheap_good_size(SIZE_MAX - 1000), SIZE_MAX);
	/* it needs no heap, and never goes down */
	for (size_t bytes = 1; bytes < GIB; bytes += bytes / 9 + 1)
		assert_true(fixheap_good_size(bytes) >=
			    fixheap_good_size(bytes - 1));
}

/* Any size of the same class is right, a larger one is not. */
static const struct {
	size_t bytes, freed_as;
	bool right;
} frees[] = {
	{ 100, 100, true },
	{ 100, 101, true },
	{ 100, 112, true },
	{ 100, 97, true },
	{ 100, 113, false },
	{ 100, 100000, false },
	{ 0, 0, true },
	{ 14336, 14336, true },
	{ 14336, 14337, false },
	{ 1, 8, true },
	{ 14337, 14337, true },
	{ 14337, 16384, true },
	{ 14337, 16385, false },
	{ 100000, 102400, true },
	{ 100000, 102401, false },
	{ 100000, 98305, true },
	{ 100000, SIZE_MAX, false },
};

static void test_free_sized(void **state)
{
	(void)state;
	need(fixheap_page_size() == 4096, "the table is for pages of 4 KiB");
	for (unsigned i = 0; i < ARRAY_LEN(frees); i++) {
		void *object = fixheap_malloc(heap.heap, frees[i].bytes);

		assert_non_null(object);
		errno = 77;
		fixheap_free_sized(heap.heap, object, frees[i].freed_as);
		assert_int_equal(errno, 77);
		if (frees[i].right)
			continue;
		heap_faulted(&heap, "fixheap_free_sized", "wrong size");
		assert_true(fixheap_usable_size(heap.heap, object) >=
			    frees[i].bytes);
		fixheap_free(heap.heap, object);
	}
	heap_valid(&heap);
	fixheap_free_sized(heap.heap, NULL, 5);
	assert_int_equal(heap.nr_faults, 0);
}

static void test_free_sized_wrong(void **state)
{
	char *small = fixheap_malloc(heap.heap, 100);
	char *array = array_make(&heap, 100000, 0);
	char *aligned = fixheap_aligned_alloc(heap.heap, 4096, 100);

	(void)state;
	fixheap_free_sized(heap.heap, small + 16, 100);
	heap_faulted(&heap, "fixheap_free_sized", "interior pointer");
	fixheap_free_sized(heap.heap, array, 100000);
	heap_faulted(&heap, "fixheap_free_sized", "memory of another kind");
	fixheap_free_sized(heap.heap, small, 100);
	fixheap_free_sized(heap.heap, small, 100);
	heap_faulted(&heap, "fixheap_free_sized", "double free");
	fixheap_free(heap.heap, aligned);
	fixheap_array_free(heap.heap, array);
}

#define MEMORY SIZE_MAX /* half of the machine's */

static const struct {
	const char *text;
	int err;
	uint64_t bytes;
} texts[] = {
	{ "0", -EINVAL, 0 },
	{ "1", 0, 1 },
	{ "4096", 0, 4096 },
	{ "1K", 0, KIB },
	{ "1k", 0, KIB },
	{ "64M", 0, 64 * MIB },
	{ "64MiB", 0, 64 * MIB },
	{ "8GB", 0, 8000000000 },
	{ "3KB", 0, 3000 },
	{ "2MB", 0, 2000000 },
	{ "1.5G", 0, GIB + GIB / 2 },
	{ "0.5M", 0, MIB / 2 },
	{ "2T", 0, 2048 * GIB },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "50%", 0, MEMORY },
	{ "18446744073709551616", -ERANGE, 0 },
	{ "99999999999T", -ERANGE, 0 },
	{ "16777216T", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ " ", -EINVAL, 0 },
	{ "M", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+", -EINVAL, 0 },
	{ "12Q", -EINVAL, 0 },
	{ "1M1", -EINVAL, 0 },
	{ "1MM", -EINVAL, 0 },
	{ "much", -EINVAL, 0 },
	{ "%", -EINVAL, 0 },
	{ "1..5G", -EINVAL, 0 },
	{ ".", -EINVAL, 0 },
	{ "1e3", -EINVAL, 0 },
	{ "nan", -EINVAL, 0 },
	{ "inf", -EINVAL, 0 },
};

static void test_parse_size(void **state)
{
	uint64_t half = (uint64_t)sysconf(_SC_PHYS_PAGES) *
			(uint64_t)sysconf(_SC_PAGESIZE) / 2;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
		size_t bytes = 77;
		int err = fixheap_parse_size(texts[i].text, &bytes);

		if (err != texts[i].err)
			print_message("\"%s\": %d\n", texts[i].text, err);
		assert_int_equal(err, texts[i].err);
		if (texts[i].bytes == MEMORY && texts[i].text[2] == '%')
			assert_in_range(bytes, half - half / 10,
					half + half / 10);
		else if (!err)
			assert_int_equal(bytes, texts[i].bytes);
	}
	/* Not of the machine's locale, nor of its length. */
	assert_int_equal(fixheap_parse_size("100%", &(size_t){ 0 }), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(good_size),
		TEST(free_sized),
		TEST(free_sized_wrong),
		TEST(parse_size),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
