/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_rehome_host.c: mm/rehome.c and the kernel: arrays whose node the next
 * touch decides, calls that fail, heaps that may not be bound, large pages.
 */
#include "nodes.h"

#define SIZE .size = sizeof(struct fixheap_numa)
#define BIND FIXHEAP_POLICY_BIND
#define INTERLEAVE FIXHEAP_POLICY_INTERLEAVE
#define BLOCKED FIXHEAP_POLICY_BLOCKED

/* ---- fresh --------------------------------------------------------------- */

/* Who touches decides, whatever was there. */
static void test_fresh(void **state)
{
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);
	u64 nr = BLOCKS(3) + 5;
	struct nodes_home home;
	struct test_heap t;
	char *array;

	(void)state;
	nodes_make_spare(&t, "4x1", 16);
	nodes_touch(t.base, BYTES(BLOCKS(16)));
	nodes_home_note(&home);
	array = fixheap_array_alloc(t.heap, BYTES(nr), &fresh);
	assert_non_null(array);
	assert_int_equal(host_sim_resident(array, BYTES(nr)), 0);
	assert_int_equal(fixheap_node_of(t.heap, array), FIXHEAP_NODE_MIXED);
	for (u32 b = 0; b < 4; b++) {
		host_sim_set_cpu(3 - b);
		nodes_touch(array + BYTES(BLOCKS(b)), BYTES(b < 3 ? 512 : 5));
		nodes_on(array + BYTES(BLOCKS(b)), BYTES(b < 3 ? 512 : 5),
			 3 - b);
	}
	nodes_verified(t.heap);
	/* no page of it is of any zone, so it does not grow in place; it
	 * moves, still without a node */
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(nr + 1)),
			 -ENOMEM);
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(700)), 0);
	assert_int_equal(fixheap_node_of(t.heap, array + BYTES(BLOCKS(2))), 0);
	array = fixheap_array_realloc(t.heap, array, BYTES(nr));
	assert_non_null(array);
	assert_int_equal(fixheap_node_of(t.heap, array), FIXHEAP_NODE_MIXED);
	fixheap_array_free(t.heap, array);
	nodes_home_check(&home, &t);
	nodes_touch(t.base, BYTES(BLOCKS(16)));
	nodes_as_told(t.heap, t.base, BYTES(BLOCKS(16)));
	heap_end(&t);
}

/* Where nothing is bound, the pages are dropped; where nothing may change, it
 * is refused. */
static void test_fresh_elsewhere(void **state)
{
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);
	struct node_spec spec = { .machine = "2x1", .nr_pages = BLOCKS(8) };
	struct test_heap t;
	char *array;

	(void)state;
	spec.numa = NUMA(.binding = FIXHEAP_BINDING_NONE);
	nodes_make(&t, &spec);
	nodes_touch(t.base, BYTES(spec.nr_pages));
	array = fixheap_array_alloc(t.heap, BYTES(700), &fresh);
	assert_non_null(array);
	assert_int_equal(host_sim_resident(array, BYTES(700)), 0);
	assert_int_equal(host_sim_calls(HOST_SIM_BIND), 0);
	fixheap_array_free(t.heap, array);
	heap_end(&t);
	spec.flags = FIXHEAP_PINNED;
	nodes_make(&t, &spec);
	errno = 0;
	assert_null(fixheap_array_alloc(t.heap, BYTES(700), &fresh));
	assert_int_equal(errno, ENOTSUP);
	errno = 0;
	assert_int_equal(fixheap_largest_free(t.heap, &fresh), 0);
	assert_int_equal(errno, ENOTSUP);
	assert_int_equal(host_sim_mapping_calls(), 0);
	heap_end(&t);
}

/* ---- a kernel that refuses ----------------------------------------------- */

/* The n-th call for an array fails; once, or from then on: it is made at a
 * second attempt, or refused, and all is as it was. */
static void test_failing(void **state)
{
	static const struct {
		enum host_sim_call call;
		enum fixheap_policy policy;
		unsigned flags;
	} table[] = {
		{ HOST_SIM_BIND, BIND, 0 },
		{ HOST_SIM_BIND, BLOCKED, 0 },
		{ HOST_SIM_BIND, INTERLEAVE, 0 },
		{ HOST_SIM_BIND, FIXHEAP_POLICY_LOCAL, FIXHEAP_FRESH },
		{ HOST_SIM_DISCARD, BIND, 0 },
		{ HOST_SIM_DISCARD, BLOCKED, 0 },
		{ HOST_SIM_DISCARD, FIXHEAP_POLICY_LOCAL, FIXHEAP_FRESH },
	};

	(void)state;
	for (size_t i = 0; i < 8 * ARRAY_LEN(table); i++) {
		size_t row = i / 8;
		const struct fixheap_array_attr attr =
			ATTR(.policy = table[row].policy,
			     .nodes = table[row].policy == BIND,
			     .flags = table[row].flags);
		struct nodes_home home;
		struct test_heap t;
		char *array;

		nodes_make_spare(&t, "4x1", 16);
		nodes_touch(t.base, BYTES(BLOCKS(16)));
		nodes_home_note(&home);
		host_sim_fail(table[row].call, (long)i % 8 + 1);
		array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(5)), &attr);
		host_sim_fail(table[row].call, 0);
		assert_non_null(array);
		nodes_check_away(&t, array, BLOCKS(5));
		fixheap_array_free(t.heap, array);
		nodes_home_check(&home, &t);
		nodes_touch(t.base, BYTES(BLOCKS(16)));
		nodes_as_told(t.heap, t.base, BYTES(BLOCKS(16)));
		heap_end(&t);
	}
}

static enum host_sim_call refused_call;

/* Every call of one kind fails. */
static void refuse(void *data, enum host_sim_call call)
{
	(void)data;
	if (call == refused_call)
		host_sim_fail(call, 1);
}

static void test_failing_always(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		unsigned flags;
		enum host_sim_call call;
	} table[] = {
		{ BIND, 0, HOST_SIM_DISCARD },
		{ BLOCKED, 0, HOST_SIM_DISCARD },
		{ FIXHEAP_POLICY_LOCAL, FIXHEAP_FRESH, HOST_SIM_DISCARD },
		{ BIND, 0, HOST_SIM_BIND },
		{ INTERLEAVE, 0, HOST_SIM_BIND },
		{ FIXHEAP_POLICY_LOCAL, FIXHEAP_FRESH, HOST_SIM_BIND },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct fixheap_array_attr attr =
			ATTR(.policy = table[i].policy,
			     .nodes = table[i].policy == BIND,
			     .flags = table[i].flags);
		struct nodes_home home;
		struct test_heap t;

		nodes_make_spare(&t, "4x1", 16);
		nodes_touch(t.base, BYTES(BLOCKS(16)));
		nodes_home_note(&home);
		refused_call = table[i].call;
		host_sim_set_hook(refuse, NULL);
		errno = 0;
		assert_null(
			fixheap_array_alloc(t.heap, BYTES(BLOCKS(5)), &attr));
		assert_int_equal(errno, ENOMEM);
		host_sim_set_hook(NULL, NULL);
		host_sim_fail(table[i].call, 0);
		nodes_home_check(&home, &t);
		nodes_touch(t.base, BYTES(BLOCKS(16)));
		nodes_as_told(t.heap, t.base, BYTES(BLOCKS(16)));
		heap_end(&t);
	}
}

/* ---- who may not --------------------------------------------------------- */

/* A heap that may not be bound has what its zones fit, and makes no call. */
static void test_not_bound(void **state)
{
	static const struct node_spec specs[] = {
		{ .machine = "2x1",
		  .nr_pages = BLOCKS(8),
		  .numa = { SIZE, .binding = FIXHEAP_BINDING_NONE } },
		{ .machine = "2x1",
		  .nr_pages = BLOCKS(8),
		  .flags = FIXHEAP_PINNED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		const struct fixheap_array_attr bind =
			ATTR(.policy = BIND, .nodes = 2);
		struct test_heap t;
		void *array;

		nodes_map(&t, &specs[i]);
		nodes_touch(t.base, BYTES(BLOCKS(8)));
		host_sim_move(t.base, BYTES(BLOCKS(4)), 0);
		host_sim_move(t.base + BYTES(BLOCKS(4)), BYTES(BLOCKS(4)), 1);
		assert_int_equal(nodes_create(&t, &specs[i]), 0);
		assert_string_equal(nodes_zones(t.heap), "0:0-4 1:4-8");
		nodes_largest(t.heap, &bind);
		assert_int_equal(fixheap_largest_free(t.heap, &bind),
				 BYTES(BLOCKS(4)));
		array = nodes_array(t.heap, BYTES(BLOCKS(8)), BLOCKED, 0);
		assert_non_null(array);
		nodes_as_told(t.heap, array, BYTES(BLOCKS(8)));
		fixheap_array_free(t.heap, array);
		assert_null(
			nodes_array(t.heap, BYTES(BLOCKS(2)), INTERLEAVE, 0));
		assert_int_equal(host_sim_mapping_calls(), 0);
		assert_int_equal(host_sim_touched(t.base, BYTES(BLOCKS(8))),
				 BYTES(BLOCKS(8)));
		heap_drop(&t);
	}
}

/* Large pages: whole ones only. */
static void test_mapping_page(void **state)
{
	struct node_spec spec = { .machine = "2x1", .nr_pages = BLOCKS(16) };
	const struct fixheap_array_attr bind = ATTR(.policy = BIND, .nodes = 1);
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);
	struct nodes_home home;
	struct test_heap t;
	char *array, *odd;

	(void)state;
	nodes_map(&t, &spec);
	host_sim_set_mapping_page(BYTES(BLOCK_PAGES));
	assert_int_equal(nodes_create(&t, &spec), 0);
	nodes_home_note(&home);
	/* one page in the way, so that nothing begins at the start */
	odd = fixheap_array_alloc(t.heap, 1, NULL);
	assert_ptr_equal(odd, t.base);
	nodes_largest(t.heap, &bind);
	assert_int_equal(fixheap_largest_free(t.heap, &bind),
			 BYTES(BLOCKS(15)));
	assert_null(fixheap_array_alloc(t.heap, BYTES(BLOCKS(10) + 1), &bind));
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(10)), &bind);
	assert_non_null(array);
	assert_int_equal((uintptr_t)array % BYTES(BLOCK_PAGES), 0);
	nodes_touch(array, BYTES(BLOCKS(10)));
	nodes_on(array, BYTES(BLOCKS(10)), 0);
	/* a part of a large page cannot go home: it keeps the whole */
	assert_int_equal(
		fixheap_array_resize(t.heap, array, BYTES(BLOCKS(8) + 100)), 0);
	assert_int_equal(t.heap->used, BLOCKS(9) + 1);
	nodes_as_told(t.heap, array, BYTES(BLOCKS(9)));
	heap_valid(&t);
	fixheap_array_free(t.heap, array);
	fixheap_array_free(t.heap, odd);
	nodes_home_check(&home, &t);
	/* likewise where the next touch decides */
	assert_null(fixheap_array_alloc(t.heap, BYTES(BLOCKS(1) + 1), &fresh));
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(3)), &fresh);
	assert_non_null(array);
	assert_int_equal((uintptr_t)array % BYTES(BLOCK_PAGES), 0);
	assert_int_equal(fixheap_array_resize(t.heap, array, 1), 0);
	assert_int_equal(t.heap->used, BLOCK_PAGES);
	nodes_largest(t.heap, &fresh);
	fixheap_array_free(t.heap, array);
	nodes_home_check(&home, &t);
	nodes_touch(t.base, BYTES(spec.nr_pages));
	nodes_as_told(t.heap, t.base, BYTES(spec.nr_pages));
	heap_drop(&t);
}

/* What such an array keeps beyond its length reads as zero when it grows. */
static void test_zero(void **state)
{
	const struct fixheap_array_attr zero =
		ATTR(.policy = INTERLEAVE, .flags = FIXHEAP_ZERO);
	struct node_spec spec = { .machine = "2x1", .nr_pages = BLOCKS(16) };
	struct test_heap t;
	char *array;

	(void)state;
	nodes_map(&t, &spec);
	host_sim_set_mapping_page(BYTES(BLOCK_PAGES));
	assert_int_equal(nodes_create(&t, &spec), 0);
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(2)), &zero);
	assert_non_null(array);
	for (u32 round = 0; round < 2; round++) {
		memset(array, 7, BYTES(300));
		assert_int_equal(
			fixheap_array_resize(t.heap, array, BYTES(100)), 0);
		assert_int_equal(
			fixheap_array_resize(t.heap, array, BYTES(300)), 0);
		assert_int_equal(array[BYTES(100) - 1], 7);
		for (u64 b = BYTES(100); b < BYTES(300); b += 64)
			assert_int_equal(array[b], 0);
	}
	memset(array, 7, BYTES(300));
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(100)), 0);
	array = fixheap_array_realloc(t.heap, array, BYTES(BLOCKS(4)));
	assert_non_null(array);
	assert_int_equal(array[BYTES(100) - 1], 7);
	for (u64 b = BYTES(100); b < BYTES(BLOCKS(4)); b += 64)
		assert_int_equal(array[b], 0);
	fixheap_array_free(t.heap, array);
	heap_is_empty(&t);
	heap_drop(&t);
}

/* On large pages of a heap that is not bound, too, whole ones are dropped. */
static void test_fresh_large(void **state)
{
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);
	const struct node_spec spec = { .machine = "1x1",
					.nr_pages = BLOCKS(16) };
	struct test_heap t;
	char *array;

	(void)state;
	nodes_map(&t, &spec);
	host_sim_set_mapping_page(BYTES(BLOCK_PAGES));
	assert_int_equal(nodes_create(&t, &spec), 0);
	assert_ptr_equal(fixheap_array_alloc(t.heap, 1, NULL), t.base);
	nodes_largest(t.heap, &fresh);
	assert_int_equal(fixheap_largest_free(t.heap, &fresh),
			 BYTES(BLOCKS(15)));
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(2)), &fresh);
	assert_non_null(array);
	assert_int_equal((uintptr_t)array % BYTES(BLOCK_PAGES), 0);
	assert_null(fixheap_array_alloc(t.heap, BYTES(BLOCKS(2) + 1), &fresh));
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_fresh_elsewhere),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_failing_always),
		cmocka_unit_test(test_not_bound),
		cmocka_unit_test(test_mapping_page),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_fresh_large),
	};

	return cmocka_run_group_tests_name("rehome_host", tests, NULL, NULL);
}
