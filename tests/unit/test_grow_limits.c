/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_grow_limits.c: mm/grow.c, how much heaps ask for, and when they do not;
 * what it costs to be able to.
 */
#include "comm_test.h"

#define EXTEND BLOCKS(4) /* pages of each region, if nothing is said */

static void *take(struct test_comm *c, u64 nr)
{
	return fixheap_pages_alloc(c->t.heap, nr, 0, NULL);
}

static void test_limits(void **state)
{
	static const struct {
		u64 max_pages;
		unsigned max_regions;
		const char *max_heap;
		size_t page_size; /* in pages */
		u64 total;	  /* pages, in the end */
	} table[] = {
		{ 3 * EXTEND, 0, NULL, 1, 3 * EXTEND },
		{ 3 * EXTEND + 100, 0, NULL, 1, 3 * EXTEND + 100 },
		{ 3 * EXTEND + 100, 0, NULL, 64, 3 * EXTEND + 64 },
		{ 9 * EXTEND, 2, NULL, 1, 2 * EXTEND },
		{ 9 * EXTEND, 1, NULL, 1, EXTEND },
		{ EXTEND, 0, NULL, 1, EXTEND },
		{ 100, 0, NULL, 1, 100 },
		{ 100, 0, NULL, 64, 64 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		static struct test_comm c;

		comm_make(&c, NULL, 64);
		c.config.length = 0;
		c.config.max_bytes = BYTES(table[i].max_pages);
		c.config.max_regions = table[i].max_regions;
		c.comm.page_size = BYTES(table[i].page_size);
		c.no_key = true;
		comm_start(&c);
		while (take(&c, 2))
			;
		while (take(&c, 1))
			;
		assert_int_equal(stats_now(&c.t).heap_bytes,
				 BYTES(table[i].total));
		assert_int_equal(stats_now(&c.t).used_bytes,
				 BYTES(table[i].total));
		/* nobody is asked for what may not be */
		assert_int_equal(comm_held(&c), c.t.heap->nr_ranges);
		comm_end(&c);
	}
}

static void test_max_heap(void **state)
{
	static struct test_comm c;
	struct fixheap *heap;
	char text[40];

	(void)state;
	comm_make(&c, NULL, 64);
	c.comm.max_heap = text;
	strcpy(text, "12Q");
	assert_int_equal(fixheap_create(&c.config, &heap), -EINVAL);
	strcpy(text, "99999999999G");
	assert_int_equal(fixheap_create(&c.config, &heap), -ERANGE);
	snprintf(text, sizeof(text), "%zu", BYTES(EXTEND + 3));
	comm_start(&c);
	assert_non_null(take(&c, EXTEND));
	assert_non_null(take(&c, 3));
	assert_null(take(&c, 1));
	comm_end(&c);
}

/* A limit of less than the comm layer's page: nobody is asked. */
static void test_no_room(void **state)
{
	static struct test_comm c;
	struct fixheap *heap = NULL;

	(void)state;
	comm_make(&c, NULL, 64);
	c.config.length = 0;
	c.config.max_bytes = PAGE_BYTES - 1;
	assert_int_not_equal(fixheap_create(&c.config, &heap), 0);
	c.config.max_bytes = BYTES(10);
	c.comm.page_size = BYTES(16);
	assert_int_not_equal(fixheap_create(&c.config, &heap), 0);
	assert_int_equal(c.nr_calls[COMM_ALLOC], 0);
	munmap(c.t.memory, c.t.bytes);
}

/* What is isolated comes back: the limit was passed, and no more is asked. */
static void test_over_the_limit(void **state)
{
	static struct test_comm c;

	(void)state;
	comm_make(&c, NULL, 64);
	c.config.max_bytes = BYTES(2 * EXTEND);
	comm_start(&c);
	assert_non_null(take(&c, 600));
	assert_int_equal(fixheap_offline_region(c.t.heap, 0, 0), -EBUSY);
	while (take(&c, 500))
		;
	assert_int_equal(fixheap_online_region(c.t.heap, 0), 0);
	c.nr_calls[COMM_ALLOC] = 0;
	while (take(&c, 500))
		;
	assert_int_equal(c.nr_calls[COMM_ALLOC], 0);
	comm_end(&c);
}

/* The comm layer's memory has no alignment, or touches what came before: one
 * request asks for no more than a few regions. */
static void test_odd_memory(void **state)
{
	static const size_t gap[] = { 0, 16, 5000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(gap); i++) {
		static struct test_comm c;

		comm_make(&c, NULL, 128);
		c.gap = gap[i];
		c.config.length = BYTES(700);
		comm_start(&c);
		assert_non_null(take(&c, 690));
		assert_non_null(take(&c, EXTEND));
		assert_non_null(take(&c, EXTEND + 300));
		assert_non_null(take(&c, 5 * EXTEND + 300));
		assert_true(c.nr_calls[COMM_ALLOC] <= 4);
		heap_valid(&c.t);
		comm_end(&c);
	}
}

/* --- cost ----------------------------------------------------------------- */

/* A heap that may become as large as this build allows. */
static void test_metadata(void **state)
{
	static struct test_comm c;
	u64 touched;

	(void)state;
	comm_make(&c, NULL, 64);
	c.config.max_bytes = 0;
	c.comm.touch = NULL;
	comm_start(&c);
	touched = host_sim_resident(c.t.heap, c.t.heap->meta_bytes);
	print_message("%lu bytes touched\n", (unsigned long)touched);
	assert_true(touched < 1 << 20);
	assert_int_equal(host_sim_resident(c.t.base, c.t.bytes - BLOCK_BYTES),
			 0);
	comm_end(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_max_heap),
		cmocka_unit_test(test_no_room),
		cmocka_unit_test(test_over_the_limit),
		cmocka_unit_test(test_odd_memory),
		cmocka_unit_test(test_metadata),
	};

	return cmocka_run_group_tests_name("grow_limits", tests, NULL, NULL);
}
