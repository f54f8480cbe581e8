/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_trim_regions.c: mm/trim.c on heaps of several regions: what is
 * registered stays, and a region that leaves meanwhile does.
 */
#include "comm_test.h"

#include <pthread.h>

#define MORE 8 /* blocks */

static void fill_and_free(struct test_heap *t, u64 nr_blocks)
{
	char *pages[64];
	u64 nr = 0;

	while (nr < ARRAY_LEN(pages)) {
		pages[nr] = fixheap_pages_alloc(t->heap, BLOCK_PAGES, 0, NULL);
		if (!pages[nr])
			break;
		memset(pages[nr++], 0x5a, BLOCK_BYTES);
	}
	assert_int_equal(nr, nr_blocks);
	while (nr--)
		fixheap_pages_free(t->heap, pages[nr], BLOCK_PAGES);
}

/* Regions that touch, by their keys: which of them go. */
static void test_keys(void **state)
{
	static const struct {
		u64 first, second;
		u32 given, calls;
	} table[] = {
		{ 0, 0, 16, 2 },
		{ FIXHEAP_KEY_NONE, FIXHEAP_KEY_NONE, 16, 2 },
		{ 7, 7, 0, 0 },
		{ 0, 7, 8, 1 },
		{ 7, FIXHEAP_KEY_NONE, 8, 1 },
	};

	(void)state;
	need(PAGE_SHIFT == 12, "pageblocks are larger");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;
		size_t given;

		regions_make(&t,
			     &(struct regions_spec){ .nr_blocks = 32,
						     .nr_pages = BLOCKS(MORE),
						     .key = table[i].first });
		assert_true(region_add(&t, BLOCKS(MORE), BLOCKS(MORE),
				       table[i].second) > 0);
		fill_and_free(&t, 2 * MORE);
		assert_int_equal(fixheap_trim(t.heap, 0, 0, &given), 0);
		assert_int_equal(given, table[i].given * BLOCK_BYTES);
		assert_int_equal(host_sim_calls(HOST_SIM_DISCARD),
				 table[i].calls);
		heap_end(&t);
	}
}

/* A block of two regions belongs to neither. */
static void test_shared_block(void **state)
{
	struct test_heap t;
	size_t given;

	(void)state;
	regions_make(&t,
		     &(struct regions_spec){ .nr_blocks = 32,
					     .nr_pages = BLOCKS(MORE) + 100 });
	assert_true(region_add(&t, BLOCKS(MORE) + 100, BLOCKS(MORE) - 100, 0) >
		    0);
	fill_and_free(&t, 2 * MORE);
	assert_int_equal(fixheap_trim(t.heap, 0, 0, &given), 0);
	assert_int_equal(given, (2 * MORE - 1) * BLOCK_BYTES);
	assert_int_equal(fixheap_trim(t.heap, 0, 0, &given), 0);
	assert_int_equal(given, 0);
	heap_end(&t);
}

/* A comm layer that registers what it gives, and one that does not. */
static void test_comm(void **state)
{
	(void)state;
	for (u32 registers = 0; registers < 2; registers++) {
		struct test_comm c;
		size_t given;

		comm_make(&c, NULL, 64);
		c.config.length = MORE * BLOCK_BYTES;
		c.config.max_bytes = 2 * MORE * BLOCK_BYTES;
		if (!registers)
			c.comm.post_alloc = NULL;
		comm_start(&c);
		fill_and_free(&c.t, 2 * MORE);
		assert_int_equal(fixheap_trim(c.t.heap, 0, 0, &given), 0);
		assert_int_equal(given, registers ? 0 : 2 * MORE * BLOCK_BYTES);
		assert_int_equal(host_sim_mapping_calls() > 0, !registers);
		comm_end(&c);
	}
}

struct leave {
	struct test_heap t;
	pthread_t thread;
	bool started;
	int ret;
};

static void *go_offline(void *data)
{
	struct leave *leave = data;

	leave->ret = fixheap_offline_region(leave->t.heap, 1, 0);
	return NULL;
}

static void start_offline(void *data, enum host_sim_call call)
{
	struct leave *leave = data;
	const struct range *range = &leave->t.heap->range[1];

	if (call != HOST_SIM_DISCARD || leave->started)
		return;
	leave->started = true;
	assert_int_equal(
		pthread_create(&leave->thread, NULL, go_offline, leave), 0);
	/* it begins, and cannot end yet */
	while (!__atomic_load_n(&range->isolated, __ATOMIC_RELAXED))
		sched_yield();
}

static void test_offline_meanwhile(void **state)
{
	struct leave leave;

	(void)state;
	memset(&leave, 0, sizeof(leave));
	regions_make(&leave.t, &(struct regions_spec){ .nr_blocks = 32,
						       .nr_pages = BLOCKS(MORE),
						       .key = 7 });
	assert_int_equal(region_add(&leave.t, BLOCKS(16), BLOCKS(MORE), 0), 1);
	fill_and_free(&leave.t, 2 * MORE);
	host_sim_set_hook(start_offline, &leave);
	assert_int_equal(fixheap_trim(leave.t.heap, 0, 0, NULL), 0);
	assert_true(leave.started);
	assert_int_equal(pthread_join(leave.thread, NULL), 0);
	host_sim_set_hook(NULL, NULL);
	assert_int_equal(leave.ret, 0);
	regions_count(&leave.t, BLOCKS(MORE), 0);
	heap_end(&leave.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_shared_block),
		cmocka_unit_test(test_comm),
		cmocka_unit_test(test_offline_meanwhile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
