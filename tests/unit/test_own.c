/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_own.c: mm/own.c, arrays with a region of their own.
 */
#include "comm_test.h"
#include "objects_test.h"

#define OVER OWN_PAGES

static bool is_own(struct test_comm *c, const void *ptr)
{
	return region_at(c, ptr).flags & FIXHEAP_REGION_OWN;
}

static void test_threshold(void **state)
{
	static const struct {
		u64 nr;
		unsigned flags;
		size_t align; /* pages */
		bool own;
	} table[] = {
		{ OVER - 1, 0, 0, false },
		{ OVER, 0, 0, true },
		{ OVER + 1, FIXHEAP_ZERO, 0, true },
		{ 3 * OVER, 0, 1, true },
		/* the comm layer need not know of alignments */
		{ OVER, 0, 2, false },
	};
	static struct test_comm c;

	(void)state;
	own_make(&c);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_array_attr attr =
			ATTR(.flags = table[i].flags,
			     .alignment = BYTES(table[i].align));
		struct fixheap_region region;
		u32 held = comm_held(&c);
		char *array = fixheap_array_alloc(c.t.heap, BYTES(table[i].nr),
						  &attr);

		assert_non_null(array);
		region = region_at(&c, array);
		assert_int_equal(is_own(&c, array), table[i].own);
		heap_valid(&c.t);
		if (table[i].own) {
			assert_ptr_equal(region.base, array);
			assert_int_equal(region.bytes, BYTES(table[i].nr));
			assert_int_equal(region.key, c.key - 1);
			assert_int_equal(comm_held(&c), held + 1);
		}
		array[0] = array[BYTES(table[i].nr) - 1] = 1;
		fixheap_array_free(c.t.heap, array);
		if (table[i].own)
			assert_int_equal(comm_held(&c), held);
		heap_valid(&c.t);
	}
	heap_is_empty(&c.t);
	/* page runs have none */
	assert_non_null(fixheap_pages_alloc(c.t.heap, 2 * OVER, 0, NULL));
	assert_int_equal(c.t.heap->nr_own, 0);
	comm_end(&c);
}

/* Arrays of their own lie beside each other, and keep all their pages. */
static void test_neighbours(void **state)
{
	static const u64 gap[] = { 0, 1, 100 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gap); i++) {
		static struct test_comm c;
		char *array[6];

		comm_make(&c, NULL, 200);
		c.comm.alloc_threshold = BYTES(OVER);
		c.gap = BYTES(gap[i]);
		c.config.length = BYTES(700);
		comm_start(&c);
		for (u32 j = 0; j < ARRAY_LEN(array); j++) {
			array[j] = array_of(&c, OVER + j, FIXHEAP_ZERO);
			assert_non_null(array[j]);
			memset(array[j], (int)j + 1, BYTES(OVER + j));
			heap_valid(&c.t);
		}
		for (u32 j = 0; j < ARRAY_LEN(array); j++) {
			assert_true(filled(array[j], (unsigned char)(j + 1),
					   BYTES(OVER + j)));
			array[j] = fixheap_array_realloc(c.t.heap, array[j],
							 BYTES(OVER + 50 + j));
			assert_non_null(array[j]);
			assert_true(filled(array[j], (unsigned char)(j + 1),
					   BYTES(OVER + j)));
			memset(array[j], (int)j + 1, BYTES(OVER + 50 + j));
			heap_valid(&c.t);
		}
		for (u32 j = 0; j < ARRAY_LEN(array); j++) {
			assert_true(filled(array[j], (unsigned char)(j + 1),
					   BYTES(OVER + 50 + j)));
			fixheap_array_free(c.t.heap, array[j]);
			heap_valid(&c.t);
		}
		heap_is_empty(&c.t);
		c.nr_failed = 0;
		comm_end(&c);
	}
}

static void test_failures(void **state)
{
	static const struct {
		enum comm_call call;
		const char *name, *what;
		int error;
	} table[] = {
		{ COMM_ALLOC, "region_alloc", "no memory", ENOMEM },
		{ COMM_POST, "post_alloc", "not registered", EREMOTEIO },
	};
	static struct test_comm c;
	void *array;

	(void)state;
	own_make(&c);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		c.fail[table[i].call] = 1;
		errno = 0;
		assert_null(array_of(&c, OVER, 0));
		assert_int_equal(errno, ENOMEM);
		comm_told(&c, table[i].name, table[i].what, table[i].error);
		assert_int_equal(comm_held(&c), 1);
		regions_count(&c.t, BLOCKS(4), 0);
	}
	c.give = region_get(&c.t, 0).base;
	assert_null(array_of(&c, OVER, 0));
	comm_told(&c, "region_alloc", "memory that is in use already", EEXIST);
	array = array_of(&c, OVER, 0);
	c.fail[COMM_FREE] = 1;
	fixheap_array_free(c.t.heap, array);
	comm_told(&c, "region_free", "not taken back", EINVAL);
	comm_find(&c, array)->base = NULL;
	regions_count(&c.t, BLOCKS(4), 0);
	comm_end(&c);
}

static void test_limit(void **state)
{
	static struct test_comm c;
	char *array;

	(void)state;
	comm_make(&c, NULL, 200);
	c.comm.alloc_threshold = BYTES(OVER);
	c.gap = 2 * BLOCK_BYTES;
	c.config.max_bytes = BYTES(BLOCKS(4) + 2 * OVER);
	c.config.max_regions = 2;
	comm_start(&c);
	/* more than there may be */
	assert_null(array_of(&c, BLOCKS(4) + 2 * OVER + 1, 0));
	assert_int_equal(c.nr_calls[COMM_ALLOC], 0);
	array = array_of(&c, OVER, 0);
	assert_non_null(array);
	assert_true(is_own(&c, array));
	/* there is no region for another: it is where others are */
	array = array_of(&c, OVER, 0);
	assert_non_null(array);
	assert_false(is_own(&c, array));
	assert_int_equal(c.nr_calls[COMM_ALLOC], 1);
	heap_valid(&c.t);
	assert_int_equal(c.nr_failed, 0);
	comm_end(&c);
}

/* --- resize and realloc --------------------------------------------------- */

/* What a shrunken array does not have any more is everybody's. */
static void test_shrink(void **state)
{
	static struct test_comm c;
	char *array, *other;

	(void)state;
	own_make(&c);
	array = array_of(&c, 2 * OVER, 0);
	assert_int_equal(fixheap_array_resize(c.t.heap, array, BYTES(500)), 0);
	regions_count(&c.t, BLOCKS(4) + 2 * OVER, 500);
	assert_non_null(fixheap_pages_alloc(c.t.heap, BLOCKS(4), 0, NULL));
	other = fixheap_pages_alloc(c.t.heap, 2 * OVER - 500, 0, NULL);
	assert_ptr_equal(other, array + BYTES(500));
	fixheap_pages_free(c.t.heap, other, 2 * OVER - 500);
	assert_int_equal(comm_held(&c), 2);
	/* all of it is free, and goes back */
	fixheap_array_free(c.t.heap, array);
	assert_int_equal(comm_held(&c), 1);
	assert_int_equal(c.t.heap->nr_own, 0);
	regions_count(&c.t, BLOCKS(4), BLOCKS(4));
	comm_end(&c);
}

/* Not while something is there. */
static void test_shrink_busy(void **state)
{
	static struct test_comm c;
	char *array, *other;

	(void)state;
	own_make(&c);
	array = array_of(&c, 2 * OVER, 0);
	assert_int_equal(fixheap_array_resize(c.t.heap, array, BYTES(500)), 0);
	assert_non_null(fixheap_pages_alloc(c.t.heap, BLOCKS(4), 0, NULL));
	other = fixheap_pages_alloc(c.t.heap, 100, 0, NULL);
	assert_int_equal(region_at(&c, other).id, region_at(&c, array).id);
	fixheap_array_free(c.t.heap, array);
	assert_int_equal(comm_held(&c), 2);
	regions_count(&c.t, BLOCKS(4) + 2 * OVER, BLOCKS(4) + 100);
	fixheap_pages_free(c.t.heap, other, 100);
	assert_int_equal(fixheap_offline_region(c.t.heap,
						region_at(&c, other).id, 0),
			 0);
	assert_int_equal(comm_held(&c), 1);
	comm_end(&c);
}

static void test_realloc_region(void **state)
{
	static const u64 sizes[] = { OVER + 300, OVER,	   OVER + 1,
				     3 * OVER,	 4 * OVER, OVER + 7 };
	static struct test_comm c;
	u64 nr = OVER + 10;
	char *array;

	(void)state;
	own_make(&c);
	array = array_of(&c, nr, FIXHEAP_ZERO);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		u64 calls = c.nr_calls[COMM_REALLOC];

		assert_true(filled(array, 0, BYTES(nr)));
		array = fixheap_array_realloc(c.t.heap, array, BYTES(sizes[i]));
		assert_non_null(array);
		assert_int_equal(c.nr_calls[COMM_REALLOC], calls + 1);
		assert_int_equal(c.nr_calls[COMM_POST_AGAIN], calls + 1);
		assert_true(is_own(&c, array));
		assert_int_equal(region_at(&c, array).bytes, BYTES(sizes[i]));
		assert_int_equal(region_at(&c, array).key, c.key - 1);
		nr = sizes[i];
		if (IS_ENABLED(CONFIG_VMSTAT))
			assert_int_equal(stats_now(&c.t).live_bytes, BYTES(nr));
		regions_count(&c.t, BLOCKS(4) + nr, nr);
	}
	assert_true(filled(array, 0, BYTES(nr)));
	/* the same length again: nobody is asked */
	assert_ptr_equal(fixheap_array_realloc(c.t.heap, array, BYTES(nr) - 5),
			 array);
	assert_int_equal(c.nr_calls[COMM_REALLOC], ARRAY_LEN(sizes));
	fixheap_array_free(c.t.heap, array);
	regions_count(&c.t, BLOCKS(4), 0);
	comm_end(&c);
}

/* region_realloc cannot; post_realloc fails. */
static void test_realloc_fails(void **state)
{
	static struct test_comm c;
	char *array, *moved;

	(void)state;
	own_make(&c);
	array = array_of(&c, OVER, 0);
	memset(array, 7, BYTES(OVER));
	c.fail[COMM_REALLOC] = 1;
	moved = fixheap_array_realloc(c.t.heap, array, BYTES(OVER + 50));
	assert_non_null(moved);
	assert_true(filled(moved, 7, BYTES(OVER)));
	assert_true(is_own(&c, moved));
	assert_int_equal(c.nr_calls[COMM_ALLOC], 2);
	assert_int_equal(comm_held(&c), 2);
	c.fail[COMM_POST_AGAIN] = 1;
	moved = fixheap_array_realloc(c.t.heap, moved, BYTES(OVER + 99));
	assert_non_null(moved);
	assert_int_equal(c.nr_failed, 1);
	assert_string_equal(c.call, "post_realloc");
	c.nr_failed = 0;
	assert_true(filled(moved, 7, BYTES(OVER)));
	/* neither does there come another at once */
	c.fail[COMM_REALLOC] = 1;
	c.fail[COMM_ALLOC] = 1;
	moved = fixheap_array_realloc(c.t.heap, moved, BYTES(OVER + 200));
	assert_non_null(moved);
	comm_told(&c, "region_alloc", "no memory", ENOMEM);
	assert_true(filled(moved, 7, BYTES(OVER)));
	heap_valid(&c.t);
	fixheap_array_free(c.t.heap, moved);
	comm_end(&c);
}

/* Over the threshold and back. */
static void test_crossing(void **state)
{
	static const struct {
		u64 from, to;
		bool can;
	} table[] = {
		{ OVER - 1, OVER, false }, { OVER, OVER - 1, false },
		{ 10, OVER - 1, true },	   { OVER, 2 * OVER, true },
		{ 10, 5 * OVER, false },   { 5 * OVER, 1, false },
	};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(table); i++) {
		u64 from = table[i / 2].from, to = table[i / 2].to;
		bool can = table[i / 2].can;
		static struct test_comm c;
		char *array, *moved;

		own_make(&c);
		if (i % 2)
			c.comm.flags = FIXHEAP_COMM_NO_CROSSING;
		array = array_of(&c, from, 0);
		memset(array, 3, BYTES(from));
		assert_int_equal(fixheap_array_can_realloc(c.t.heap, array,
							   BYTES(to)),
				 can);
		errno = 0;
		moved = fixheap_array_realloc(c.t.heap, array, BYTES(to));
		if (i % 2 && !can) {
			assert_null(moved);
			assert_int_equal(errno, EXDEV);
			moved = array;
			to = from;
		}
		assert_non_null(moved);
		assert_true(filled(moved, 3, BYTES(min_u64(from, to))));
		heap_valid(&c.t);
		fixheap_array_free(c.t.heap, moved);
		heap_is_empty(&c.t);
		assert_int_equal(comm_held(&c), c.t.heap->nr_ranges);
		comm_end(&c);
	}
}

/* An array in an isolated region is made longer: it leaves the region. */
static void test_isolated(void **state)
{
	static struct test_comm c;
	char *array;
	u32 id;

	(void)state;
	own_make(&c);
	array = array_of(&c, OVER, 0);
	memset(array, 9, BYTES(OVER));
	id = region_at(&c, array).id;
	assert_int_equal(fixheap_offline_region(c.t.heap, id, 0), -EBUSY);
	array = fixheap_array_realloc(c.t.heap, array, BYTES(2 * OVER));
	assert_non_null(array);
	assert_true(filled(array, 9, BYTES(OVER)));
	heap_valid(&c.t);
	assert_int_equal(
		fixheap_online_region(c.t.heap, region_at(&c, array).id), 0);
	heap_valid(&c.t);
	/* one that is freed there takes its region with it */
	id = region_at(&c, array).id;
	assert_int_equal(fixheap_offline_region(c.t.heap, id, 0), -EBUSY);
	fixheap_array_free(c.t.heap, array);
	assert_int_equal(fixheap_offline_region(c.t.heap, id, 0), -ENOENT);
	regions_count(&c.t, BLOCKS(4), 0);
	comm_end(&c);
}

/* The comm layer's pages are larger: what is live is what is freed. */
static void test_large_pages(void **state)
{
	static struct test_comm c;
	char *array;

	(void)state;
	own_make(&c);
	c.comm.page_size = BYTES(64);
	array = array_of(&c, OVER + 1, 0);
	assert_non_null(array);
	assert_int_equal(region_at(&c, array).bytes,
			 BYTES(round_up(OVER + 1, 64)));
	array = fixheap_array_realloc(c.t.heap, array, BYTES(2 * OVER + 1));
	assert_non_null(array);
	fixheap_array_free(c.t.heap, array);
	regions_count(&c.t, BLOCKS(4), 0);
	assert_int_equal(stats_now(&c.t).live_bytes, 0);
	comm_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_neighbours),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_shrink_busy),
		cmocka_unit_test(test_realloc_region),
		cmocka_unit_test(test_realloc_fails),
		cmocka_unit_test(test_crossing),
		cmocka_unit_test(test_isolated),
		cmocka_unit_test(test_large_pages),
	};

	return cmocka_run_group_tests_name("own", tests, NULL, NULL);
}
