/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_direct.c: what fixheap_malloc and its family do with and without
 * jemalloc: objects that are a page run of their own, mm/direct.c, and the
 * rules for odd requests, in mm/malloc.c and mm/malloc_runs.c alike.
 */
#include "objects_test.h"

#define HEAP_BYTES (64 * MIB)

static struct faults seen;

static void test_large_objects_are_exact(void **state)
{
	const struct {
		size_t bytes, pages;
	} table[] = {
		{ 4 * PAGE_BYTES, 4 },
		{ 4 * PAGE_BYTES + 1, 5 },
		{ BLOCK_PAGES * PAGE_BYTES - 1, BLOCK_PAGES },
		{ BLOCK_PAGES * PAGE_BYTES, BLOCK_PAGES },
		{ 200 * PAGE_BYTES - 4095, 200 },
		{ HEAP_BYTES, HEAP_BYTES >> PAGE_SHIFT },
	};
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	for (u32 i = 0; i < ARRAY_LEN(table); i++) {
		char *ptr = fixheap_malloc(heap, table[i].bytes);
		size_t bytes = table[i].pages << PAGE_SHIFT;

		assert_non_null(ptr);
		assert_int_equal((uintptr_t)ptr % PAGE_BYTES, 0);
		assert_int_equal(fixheap_usable_size(heap, ptr), bytes);
		assert_int_equal(stats_of(heap).used_bytes, bytes);
		assert_int_equal(stats_of(heap).live_bytes,
				 IS_ENABLED(CONFIG_VMSTAT) ? bytes : 0);
		fixheap_free(heap, ptr);
		fixheap_reclaim(heap);
		assert_int_equal(stats_of(heap).used_bytes, 0);
	}
	end_empty_heap(heap);
}

static void test_size_zero(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	void *ptr[5];

	(void)state;
	ptr[0] = fixheap_malloc(heap, 0);
	ptr[1] = fixheap_malloc(heap, 0);
	ptr[2] = fixheap_calloc(heap, 0, 8);
	ptr[3] = fixheap_aligned_alloc(heap, 64, 0);
	ptr[4] = fixheap_realloc(heap, NULL, 0);
	for (int i = 0; i < 5; i++) {
		assert_non_null(ptr[i]);
		for (int j = 0; j < i; j++)
			assert_ptr_not_equal(ptr[i], ptr[j]);
	}
	for (int i = 0; i < 5; i++)
		fixheap_free(heap, ptr[i]);
	fixheap_free(heap, NULL);
	assert_int_equal(fixheap_usable_size(heap, NULL), 0);
	end_empty_heap(heap);
}

/* NULL and this errno, and nothing was taken. */
#define ASSERT_FAILS(call, error)                     \
	do {                                          \
		errno = 0;                            \
		assert_null(call);                    \
		assert_int_equal(errno, error);       \
		assert_int_equal(used(heap), before); \
	} while (0)

static size_t used(struct fixheap *heap)
{
	return stats_of(heap).used_bytes;
}

static void test_absurd_requests(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	void *small = fixheap_malloc(heap, 100);
	void *large = fixheap_malloc(heap, 100000);
	size_t before;

	(void)state;
	assert_non_null(small);
	assert_non_null(large);
	fill(small, 1, 100);
	fill(large, 2, 100000);
	fixheap_reclaim(heap);
	before = used(heap);
	ASSERT_FAILS(fixheap_malloc(heap, SIZE_MAX), ENOMEM);
	ASSERT_FAILS(fixheap_malloc(heap, (size_t)PTRDIFF_MAX + 1), ENOMEM);
	ASSERT_FAILS(fixheap_malloc(heap, PTRDIFF_MAX), ENOMEM);
	ASSERT_FAILS(fixheap_malloc(heap, HEAP_BYTES + 1), ENOMEM);
	ASSERT_FAILS(fixheap_calloc(heap, SIZE_MAX, 2), ENOMEM);
	ASSERT_FAILS(fixheap_calloc(heap, SIZE_MAX / 2 + 2, 2), ENOMEM);
	ASSERT_FAILS(fixheap_calloc(heap, 1ull << 32, 1ull << 32), ENOMEM);
	ASSERT_FAILS(fixheap_realloc(heap, small, SIZE_MAX), ENOMEM);
	ASSERT_FAILS(fixheap_realloc(heap, large, SIZE_MAX), ENOMEM);
	ASSERT_FAILS(fixheap_realloc(heap, large, HEAP_BYTES), ENOMEM);
	ASSERT_FAILS(fixheap_realloc(heap, NULL, SIZE_MAX), ENOMEM);
	ASSERT_FAILS(fixheap_aligned_alloc(heap, 0, 8), EINVAL);
	ASSERT_FAILS(fixheap_aligned_alloc(heap, 3, 8), EINVAL);
	ASSERT_FAILS(fixheap_aligned_alloc(heap, 24, 8), EINVAL);
	ASSERT_FAILS(fixheap_aligned_alloc(heap, SIZE_MAX, 8), EINVAL);
	ASSERT_FAILS(fixheap_aligned_alloc(heap, 64, SIZE_MAX), ENOMEM);
	ASSERT_FAILS(fixheap_aligned_alloc(heap, 1ull << 63, 8), ENOMEM);
	ASSERT_FAILS(fixheap_aligned_alloc(heap, 1ull << 45, 8), ENOMEM);
	assert_true(filled(small, 1, 100));
	assert_true(filled(large, 2, 100000));
	fixheap_free(heap, small);
	fixheap_free(heap, large);
	end_empty_heap(heap);
}

static void test_every_alignment(void **state)
{
	static const size_t sizes[] = { 1,    16,   17,	   100,	  1000, 4096,
					4097, 9000, 14336, 14337, 70000 };
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	for (size_t align = 1; align <= 16 * MIB; align *= 2) {
		void *ptr[ARRAY_LEN(sizes)][3];

		for (u32 i = 0; i < ARRAY_LEN(sizes) * 3; i++) {
			size_t bytes = sizes[i / 3];
			void *p = fixheap_aligned_alloc(heap, align, bytes);

			ptr[i / 3][i % 3] = p;
			/* There are few places with the largest alignments. */
			if (!p && align > 512 * 1024)
				continue;
			assert_non_null(p);
			assert_int_equal((uintptr_t)p % align, 0);
			assert_true(fixheap_usable_size(heap, p) >= bytes);
			fill(p, 0x77, bytes);
		}
		for (u32 i = 0; i < ARRAY_LEN(sizes) * 3; i++)
			fixheap_free(heap, ptr[i / 3][i % 3]);
	}
	end_empty_heap(heap);
}

/* From memory that others used: small, one page, many, and pages never used. */
static void test_calloc_is_zero(void **state)
{
	static const size_t sizes[] = { 1,    8,     16,    500,   4096,
					9000, 14336, 14337, 50000, 3 * MIB };
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	for (int round = 0; round < 50; round++) {
		for (u32 i = 0; i < ARRAY_LEN(sizes); i++) {
			char *ptr = fixheap_calloc(heap, 1, sizes[i]);

			assert_non_null(ptr);
			assert_true(filled(ptr, 0, sizes[i]));
			fill(ptr, 0xff, fixheap_usable_size(heap, ptr));
			fixheap_free(heap, ptr);
			if (round % 10 == 9)
				fixheap_reclaim(heap);
		}
	}
	end_empty_heap(heap);
}

static void test_realloc_keeps_contents(void **state)
{
	static const size_t sizes[] = {
		1,     16,    17,    64,    63,	     500,     4000,    8192,
		14336, 14337, 30000, 14336, 2 * MIB, 100,     5 * MIB, 16384,
		15000, 1,     40000, 36000, 3 * MIB, 4 * MIB, 20,
	};
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	unsigned char *ptr = fixheap_realloc(heap, NULL, sizes[0]);
	size_t bytes = sizes[0];

	(void)state;
	fill(ptr, 0, bytes);
	for (u32 i = 1; i < ARRAY_LEN(sizes); i++) {
		size_t both = bytes < sizes[i] ? bytes : sizes[i];

		ptr = fixheap_realloc(heap, ptr, sizes[i]);
		assert_non_null(ptr);
		assert_true(filled(ptr, (unsigned char)(i - 1), both));
		bytes = sizes[i];
		assert_true(fixheap_usable_size(heap, ptr) >= bytes);
		fill(ptr, (unsigned char)i, bytes);
	}
	errno = 42;
	assert_null(fixheap_realloc(heap, ptr, 0));
	assert_int_equal(errno, 42);
	end_empty_heap(heap);
}

static void test_realloc_stays_where_it_can(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);
	char *small = fixheap_malloc(heap, 100), *large;

	(void)state;
	assert_ptr_equal(fixheap_realloc(heap, small, 112), small);
	assert_ptr_equal(fixheap_realloc(heap, small, 97), small);
	fixheap_free(heap, small);
	large = fixheap_malloc(heap, 8 * PAGE_BYTES);
	assert_ptr_equal(fixheap_realloc(heap, large, 8 * PAGE_BYTES - 5),
			 large);
	assert_ptr_equal(fixheap_realloc(heap, large, 5 * PAGE_BYTES), large);
	assert_int_equal(fixheap_usable_size(heap, large), 5 * PAGE_BYTES);
	assert_ptr_equal(fixheap_realloc(heap, large, 8 * PAGE_BYTES), large);
	fixheap_free(heap, large);
	end_empty_heap(heap);
}

/* The heap is full of objects of 8 pages; what behind one of them is free? */
static void test_realloc_in_a_full_heap(void **state)
{
	const size_t bytes = 8 * PAGE_BYTES;
	enum {
		NR = (BLOCK_PAGES * 2) / 8
	};
	struct fixheap *heap = make_heap(NR * bytes, NULL);
	char *object[NR], *base = heap->base;

	(void)state;
	for (int i = 0; i < NR; i++) {
		char *ptr = fixheap_malloc(heap, bytes);

		assert_non_null(ptr);
		fill(ptr, (unsigned char)((ptr - base) / bytes), bytes);
		object[(ptr - base) / bytes] = ptr;
	}
	errno = 0;
	assert_null(fixheap_realloc(heap, object[3], bytes + 1));
	assert_int_equal(errno, ENOMEM);
	fixheap_free(heap, object[4]);
	assert_ptr_equal(fixheap_realloc(heap, object[3], 2 * bytes),
			 object[3]);
	/* 3 and 4 are one now.  Room elsewhere: it moves. */
	for (int i = 8; i < 11; i++)
		fixheap_free(heap, object[i]);
	assert_ptr_equal(fixheap_realloc(heap, object[3], 3 * bytes),
			 object[8]);
	assert_true(filled(object[8], 3, bytes));
	assert_int_equal(stats_of(heap).used_bytes, (NR - 2) * bytes);
	fixheap_free(heap, object[8]);
	for (int i = 0; i < NR; i++) {
		if (i == 3 || i == 4 || (i >= 8 && i < 11))
			continue;
		assert_true(filled(object[i], (unsigned char)i, bytes));
		fixheap_free(heap, object[i]);
	}
	end_empty_heap(heap);
}

static void test_foreign_pointers(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, &seen);
	static char data[64];
	char *base = heap->base, local;
	char *foreign[] = { data,
			    &local,
			    (char *)16,
			    (char *)UINTPTR_MAX,
			    base - 1,
			    base - 4096,
			    base + HEAP_BYTES,
			    base + HEAP_BYTES + 4096 };

	(void)state;
	for (u32 i = 0; i < ARRAY_LEN(foreign); i++) {
		expect_fault(heap, foreign[i], "foreign pointer");
		expect_both_faults(heap, foreign[i]);
	}
	end_empty_heap(heap);
}

static void test_interior_pointers_of_runs(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, &seen);
	char *ptr = fixheap_malloc(heap, 10 * PAGE_BYTES);

	(void)state;
	expect_fault(heap, ptr + 1, "interior pointer");
	expect_fault(heap, ptr + PAGE_BYTES, "interior pointer");
	expect_fault(heap, ptr + 9 * PAGE_BYTES + 16, "interior pointer");
	expect_both_faults(heap, ptr + 16);
	expect_both_faults(heap, ptr + PAGE_BYTES);
	fixheap_free(heap, ptr);
	end_empty_heap(heap);
}

/* Memory that another part of the library handed out. */
static void test_other_kinds_of_memory(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, &seen);
	char *pages = fixheap_pages_alloc(heap, 4, 0, NULL);
	char *object = fixheap_malloc(heap, 4 * PAGE_BYTES);
	unsigned nr;

	(void)state;
	expect_fault(heap, pages, "another kind");
	assert_string_equal(seen.state, "pages");
	expect_fault(heap, pages + 2 * PAGE_BYTES, "another kind");
	expect_both_faults(heap, pages);
	nr = seen.nr;
	fixheap_pages_free(heap, object, 4);
	assert_int_equal(seen.nr, nr + 1);
	fixheap_pages_free(heap, pages, 4);
	fixheap_free(heap, object);
	end_empty_heap(heap);
}

static void test_arrays_are_not_objects(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, &seen);
	char *array = fixheap_array_alloc(heap, 3 * MIB, NULL);
	char *object = fixheap_malloc(heap, 3 * MIB);
	unsigned nr;

	(void)state;
	if (!IS_ENABLED(CONFIG_ARRAY))
		skip();
	expect_fault(heap, array, "another kind");
	assert_string_equal(seen.state, "array");
	expect_fault(heap, array + PAGE_BYTES, "another kind");
	expect_both_faults(heap, array);
	nr = seen.nr;
	fixheap_array_free(heap, object);
	assert_int_equal(seen.nr, nr + 1);
	fixheap_array_free(heap, array);
	fixheap_free(heap, object);
	end_empty_heap(heap);
}

/* At once, and after its pages became part of another object. */
static void test_double_free_of_runs(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, &seen);
	char *ptr = fixheap_malloc(heap, 4 * PAGE_BYTES), *all;

	(void)state;
	fixheap_free(heap, ptr);
	expect_fault(heap, ptr, "double free");
	expect_both_faults(heap, ptr);
	all = fixheap_malloc(heap, HEAP_BYTES);
	assert_non_null(all);
	if (ptr != all)
		expect_fault(heap, ptr, "interior pointer");
	fixheap_free(heap, all);
	end_empty_heap(heap);
}

static void test_free_keeps_errno(void **state)
{
	struct fixheap *heap = make_heap(HEAP_BYTES, NULL);

	(void)state;
	for (size_t bytes = 1; bytes < 10 * MIB; bytes *= 2) {
		void *ptr[300];
		int nr = bytes < 100000 ? 300 : 5;

		for (int i = 0; i < nr; i++)
			ptr[i] = fixheap_malloc(heap, bytes);
		errno = 77;
		for (int i = 0; i < nr; i++)
			fixheap_free(heap, ptr[i]);
		assert_int_equal(errno, 77);
	}
	errno = 78;
	fixheap_free(heap, NULL);
	assert_int_equal(errno, 78);
	end_empty_heap(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(large_objects_are_exact),
		TEST(size_zero),
		TEST(absurd_requests),
		TEST(every_alignment),
		TEST(calloc_is_zero),
		TEST(realloc_keeps_contents),
		TEST(realloc_stays_where_it_can),
		TEST(realloc_in_a_full_heap),
		TEST(foreign_pointers),
		TEST(interior_pointers_of_runs),
		TEST(other_kinds_of_memory),
		TEST(arrays_are_not_objects),
		TEST(double_free_of_runs),
		TEST(free_keeps_errno),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
