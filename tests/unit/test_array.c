/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_array.c: mm/array.c, arrays of the public interface.
 */
#include "support.h"

#include <sys/mman.h>

/* Arrays know no borders of zones: 4,096 pages are 1, 2, 4 or 8 of them. */
static const char *const machines[] = { "1x1", "2x4", "4x2", "8x1", "64x1" };

/* Marks at both ends of each page. */
static void mark(char *array, u64 nr_pages)
{
	for (u64 n = 0; n < nr_pages; n++) {
		array[BYTES(n)] = (char)(n % 100 + 1);
		array[BYTES(n + 1) - 1] = (char)(n % 100 + 2);
	}
}

static void check_marks(const char *array, u64 nr_pages)
{
	for (u64 n = 0; n < nr_pages; n++) {
		assert_int_equal(array[BYTES(n)], n % 100 + 1);
		assert_int_equal(array[BYTES(n + 1) - 1], n % 100 + 2);
	}
}

static void check_zero(const char *start, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(start[i], 0);
}

static void make(struct test_heap *t, size_t i, u64 nr_pages)
{
	const char *machine = machines[i % ARRAY_LEN(machines)];

	heap_make(t, &(struct heap_spec){ .machine = machine,
					  .nr_pages = nr_pages });
	/* every page is written, which takes fewer faults then */
	madvise(t->memory, t->bytes, MADV_HUGEPAGE);
}

static char *alloc(struct test_heap *t, u64 nr_pages)
{
	char *array = fixheap_array_alloc(t->heap, BYTES(nr_pages), NULL);

	assert_non_null(array);
	return array;
}

/* An array of nr pages at the low end, so many free pages behind it, and pages
 * of another owner in all the rest. */
static char *walled(struct test_heap *t, u64 nr, u64 behind)
{
	const u64 all = t->heap->end_pfn;
	char *array;

	assert_ptr_equal(fixheap_pages_alloc(t->heap, all, 0, NULL), t->base);
	fixheap_pages_free(t->heap, t->base, nr);
	array = alloc(t, nr);
	assert_ptr_equal(array, t->base);
	fixheap_pages_free(t->heap, t->base + BYTES(nr), behind);
	fixheap_reclaim(t->heap);
	mark(array, nr);
	return array;
}

static void test_sizes(void **state)
{
	static const struct {
		size_t bytes;
		u64 nr_pages; /* 0: refused */
	} table[] = {
		{ 0, 1 },
		{ 1, 1 },
		{ PAGE_BYTES, 1 },
		{ PAGE_BYTES + 1, 2 },
		{ PAGE_BYTES * 511, 511 },
		{ PAGE_BYTES * 513 - 1, 513 },
		{ PAGE_BYTES * 2000, 2000 },
		{ PAGE_BYTES * 2000 + 1, 0 },
		{ ~(size_t)0, 0 },
		{ ~(size_t)0 - PAGE_BYTES, 0 },
		{ (size_t)1 << 63, 0 },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 2000, .skew = 3 });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *array;

		errno = 0;
		array = fixheap_array_alloc(t.heap, table[i].bytes, NULL);
		assert_int_equal(errno, table[i].nr_pages ? 0 : ENOMEM);
		assert_int_equal(array != NULL, table[i].nr_pages != 0);
		assert_int_equal(t.heap->used, table[i].nr_pages);
		if (array)
			mark(array, table[i].nr_pages);
		fixheap_array_free(t.heap, array);
		assert_int_equal(t.heap->used, 0);
	}
	heap_end(&t);
}

/* Size 0 gives an array of its own each time. */
static void test_empty(void **state)
{
	struct test_heap t;
	char *array, *other;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 3 });
	array = fixheap_array_alloc(t.heap, 0, NULL);
	other = fixheap_array_alloc(t.heap, 0, NULL);
	assert_non_null(array);
	assert_non_null(other);
	assert_ptr_not_equal(array, other);
	assert_int_equal(fixheap_array_resize(t.heap, array, 0), 0);
	assert_ptr_equal(fixheap_array_realloc(t.heap, array, 0), array);
	assert_int_equal(t.heap->used, 2);
	fixheap_array_free(t.heap, array);
	fixheap_array_free(t.heap, other);
	fixheap_array_free(t.heap, NULL);
	assert_int_equal(t.heap->used, 0);
	heap_end(&t);
}

/* What is left is left in one piece, at the high end. */
static void test_low_end(void **state)
{
	static const u64 sizes[] = { 512, 513, 700, 4000, 4096 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes) * ARRAY_LEN(machines); i++) {
		u64 nr = sizes[i / ARRAY_LEN(machines)];
		struct test_heap t;

		make(&t, i, 4096);
		assert_ptr_equal(alloc(&t, nr), t.base);
		assert_int_equal(t.heap->used, nr);
		assert_int_equal(fixheap_largest_free(t.heap, NULL),
				 BYTES(4096 - nr));
		heap_end(&t);
	}
}

/* Resize in place: what lies behind the array decides. */
static void test_resize(void **state)
{
	static const struct {
		u64 nr, behind; /* pages of it, and free behind it */
		u64 wanted;
		int ret;
	} table[] = {
		{ 10, 0, 10, 0 },
		{ 10, 0, 11, -ENOMEM },
		{ 10, 0, 1, 0 },
		{ 10, 0, 9, 0 },
		{ 10, 5, 15, 0 },
		{ 10, 5, 16, -ENOMEM },
		{ 500, 600, 1100, 0 },
		{ 500, 600, 1101, -ENOMEM },
		{ 500, 600, 513, 0 },
		{ 1100, 0, 512, 0 },
		{ 1100, 0, 511, 0 },
		{ 10, 5, 4097, -ENOMEM },
		{ 10, 5, 1ull << 40, -ENOMEM },
		{ 1000, 1500, 2500, 0 },
		{ 1000, 1500, 2501, -ENOMEM },
		{ 1020, 3076, 4096, 0 },
		{ 4096, 0, 1024, 0 },
		{ 4096, 0, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table) * ARRAY_LEN(machines); i++) {
		size_t row = i / ARRAY_LEN(machines);
		u64 nr = table[row].nr, rest = 4096 - nr - table[row].behind;
		struct test_heap t;
		char *array, *wall;

		make(&t, i, 4096);
		array = walled(&t, nr, table[row].behind);
		wall = t.base + BYTES(4096 - rest);
		mark(wall, rest);
		assert_int_equal(fixheap_array_resize(t.heap, array,
						      BYTES(table[row].wanted)),
				 table[row].ret);
		nr = table[row].ret ? nr : table[row].wanted;
		assert_int_equal(t.heap->used, nr + rest);
		check_marks(array, min_u64(nr, table[row].nr));
		mark(array, nr);
		check_marks(wall, rest);
		heap_valid(&t);
		fixheap_array_free(t.heap, array);
		assert_int_equal(t.heap->used, rest);
		heap_end(&t);
	}
}

/* The tail is free at once: another array fits exactly there. */
static void test_tail(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		struct test_heap t;
		char *array;

		make(&t, i, 2000);
		array = alloc(&t, 2000);
		assert_int_equal(
			fixheap_array_resize(t.heap, array, BYTES(700)), 0);
		assert_ptr_equal(alloc(&t, 1300), array + BYTES(700));
		assert_null(fixheap_array_alloc(t.heap, 1, NULL));
		heap_end(&t);
	}
}

static void test_move(void **state)
{
	static const struct {
		u64 nr, behind, wanted;
		int moves; /* -1: refused */
	} table[] = {
		{ 10, 0, 10, 0 },	{ 10, 0, 5, 0 },
		{ 10, 0, 20, 1 },	{ 10, 10, 20, 0 },
		{ 10, 10, 21, 1 },	{ 700, 0, 1000, 1 },
		{ 700, 0, 1025, -1 },	{ 700, 600, 1300, 0 },
		{ 700, 600, 1301, -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table) * ARRAY_LEN(machines); i++) {
		size_t row = i / ARRAY_LEN(machines);
		u64 nr = table[row].nr, wanted = table[row].wanted, wall;
		struct test_heap t;
		char *array, *moved;

		make(&t, i, 4096);
		array = walled(&t, nr, table[row].behind);
		/* 1,024 pages are free at the other end */
		fixheap_pages_free(t.heap, t.base + BYTES(3072), 1024);
		wall = t.heap->used - nr;
		errno = 0;
		moved = fixheap_array_realloc(t.heap, array, BYTES(wanted));
		if (table[row].moves < 0) {
			assert_null(moved);
			assert_int_equal(errno, ENOMEM);
			check_marks(array, nr);
		} else {
			assert_int_equal(moved != array, table[row].moves);
			check_marks(moved, min_u64(nr, wanted));
			mark(moved, wanted);
			nr = wanted;
		}
		assert_int_equal(t.heap->used, nr + wall);
		heap_end(&t);
	}
}

static void test_realloc_null(void **state)
{
	struct test_heap t;
	char *array;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 100 });
	array = fixheap_array_realloc(t.heap, NULL, BYTES(60));
	assert_non_null(array);
	errno = 0;
	assert_null(fixheap_array_realloc(t.heap, NULL, BYTES(41)));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(fixheap_array_realloc(t.heap, array, ~(size_t)0));
	assert_int_equal(errno, ENOMEM);
	fixheap_array_free(t.heap, array);
	heap_is_empty(&t);
	heap_end(&t);
}

/* An array made with FIXHEAP_ZERO stays zero where it grows; one made without
 * gets what was there. */
static void test_zero(void **state)
{
	static const u64 sizes[] = { 2048, 100, 50, 600, 550, 1500 };
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;

	(void)state;
	for (size_t m = 0; m < 2 * ARRAY_LEN(machines); m++) {
		unsigned flags = m / ARRAY_LEN(machines) ? FIXHEAP_ZERO : 0;
		u64 nr = sizes[0];
		struct test_heap t;
		char *array;

		make(&t, m, 2048);
		memset(t.base, 0x5a, BYTES(2048));
		attr.flags = flags;
		array = fixheap_array_alloc(t.heap, BYTES(nr), &attr);
		if (flags)
			check_zero(array, BYTES(nr));
		for (size_t i = 1; i < ARRAY_LEN(sizes); i++) {
			memset(array, 0x5a, BYTES(nr));
			assert_int_equal(fixheap_array_resize(t.heap, array,
							      BYTES(sizes[i])),
					 0);
			if (sizes[i] > nr && flags)
				check_zero(array + BYTES(nr),
					   BYTES(sizes[i] - nr));
			nr = sizes[i];
		}
		if (!flags)
			assert_int_equal(host_sim_cleared(), 0);
		heap_end(&t);
	}
}

/* The flag moves with the array, and only new pages are cleared. */
static void test_zero_move(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	char *array, *moved;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 2048 });
	memset(t.base, 0x5a, BYTES(2048));
	attr.flags = FIXHEAP_ZERO;
	assert_non_null(fixheap_pages_alloc(t.heap, 2048, 0, NULL));
	fixheap_pages_free(t.heap, t.base + BYTES(20), 10);
	array = fixheap_array_alloc(t.heap, BYTES(10), &attr);
	check_zero(array, BYTES(10));
	mark(array, 10);
	fixheap_pages_free(t.heap, t.base + BYTES(1024), 1024);
	moved = fixheap_array_realloc(t.heap, array, BYTES(300));
	assert_ptr_not_equal(moved, array);
	check_marks(moved, 10);
	check_zero(moved + BYTES(10), BYTES(290));
	/* wherever it is now, all the rest lies around it */
	moved = fixheap_array_realloc(t.heap, moved, BYTES(620));
	assert_non_null(moved);
	check_marks(moved, 10);
	check_zero(moved + BYTES(10), BYTES(610));
	heap_end(&t);
}

/* On the nodes and at the address that the attribute asks for. */
static void test_placed(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes;
		u32 cpu, zone;
	} table[] = {
		{ FIXHEAP_POLICY_DEFAULT, 0, 0, 0 },
		{ FIXHEAP_POLICY_DEFAULT, 0, 2, 2 },
		{ FIXHEAP_POLICY_LOCAL, 0, 3, 3 },
		{ FIXHEAP_POLICY_BIND, 4, 0, 2 },
		{ FIXHEAP_POLICY_PREFERRED, 2, 3, 1 },
	};
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "4x1",
					   .nr_pages = BLOCKS(64) });
	for (size_t i = 0; i < ARRAY_LEN(table) * 11; i++) {
		char *array;
		u64 pfn;

		host_sim_set_cpu(table[i / 11].cpu);
		attr.policy = table[i / 11].policy;
		attr.nodes = table[i / 11].nodes;
		attr.alignment = PAGE_BYTES << i % 11;
		array = fixheap_array_alloc(t.heap, BYTES(5), &attr);
		assert_non_null(array);
		assert_int_equal((uintptr_t)array % attr.alignment, 0);
		pfn = addr_to_pfn(t.heap, array);
		assert_int_equal(zone_of(t.heap, pfn)->index,
				 table[i / 11].zone);
	}
	heap_end(&t);
}

/* One array as large as all nodes together; strict ones as their nodes. */
static void test_several_nodes(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes; /* of eight, with 512 pages each */
		u64 largest, from;
	} table[] = {
		{ FIXHEAP_POLICY_DEFAULT, 0, 4096, 0 },
		{ FIXHEAP_POLICY_LOCAL, 0, 4096, 0 },
		{ FIXHEAP_POLICY_PREFERRED, 8, 4096, 0 },
		{ FIXHEAP_POLICY_BIND, 8, 512, 1536 },
		{ FIXHEAP_POLICY_BIND, 0x18, 1024, 1536 },
		{ FIXHEAP_POLICY_BIND, 0xff, 4096, 0 },
		{ FIXHEAP_POLICY_BIND, 0x73, 1536, 2048 },
		{ FIXHEAP_POLICY_BIND, 0x55, 512, 0 },
	};
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "8x1",
					   .nr_pages = 4096,
					   .unbound = 1 });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 nr = table[i].largest;
		char *array;

		attr.policy = table[i].policy;
		attr.nodes = table[i].nodes;
		assert_int_equal(fixheap_largest_free(t.heap, &attr),
				 BYTES(nr));
		errno = 0;
		assert_null(fixheap_array_alloc(t.heap, BYTES(nr) + 1, &attr));
		assert_int_equal(errno, ENOMEM);
		array = fixheap_array_alloc(t.heap, BYTES(nr), &attr);
		assert_ptr_equal(array, t.base + BYTES(table[i].from));
		mark(array, nr);
		/* in place it does not grow out of nodes it is bound to */
		if (table[i].policy == FIXHEAP_POLICY_BIND && nr < 4096)
			assert_int_equal(fixheap_array_resize(t.heap, array,
							      BYTES(nr) + 1),
					 -ENOMEM);
		check_marks(array, nr);
		assert_int_equal(t.heap->used, nr);
		heap_valid(&t);
		fixheap_array_free(t.heap, array);
		heap_is_empty(&t);
	}
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_low_end),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_tail),
		cmocka_unit_test(test_move),
		cmocka_unit_test(test_realloc_null),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_zero_move),
		cmocka_unit_test(test_placed),
		cmocka_unit_test(test_several_nodes),
	};

	return cmocka_run_group_tests_name("array", tests, NULL, NULL);
}
