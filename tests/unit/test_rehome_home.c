/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_rehome_home.c: mm/rehome.c, the way home of arrays that are bound on
 * their own, which the kernel may refuse.
 */
#include "nodes.h"

#define BIND FIXHEAP_POLICY_BIND
#define INTERLEAVE FIXHEAP_POLICY_INTERLEAVE
#define BLOCKED FIXHEAP_POLICY_BLOCKED

/* ---- the way home, which the kernel refuses ------------------------------ */

static void test_no_way_home(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes, left; /* blocks that a shrunken one keeps */
	} table[] = {
		{ BIND, 1, 0 },
		{ BIND, 8, 3 },
		{ BLOCKED, 0, 0 },
		{ BLOCKED, 0, 2 },
		{ INTERLEAVE, 0, 0 },
		{ INTERLEAVE, 6, 5 },
		{ FIXHEAP_POLICY_LOCAL, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < 6 * ARRAY_LEN(table); i++) {
		size_t row = i / 6;
		const struct fixheap_array_attr attr =
			ATTR(.policy = table[row].policy,
			     .nodes = table[row].nodes,
			     .flags = table[row].policy == FIXHEAP_POLICY_LOCAL
					      ? FIXHEAP_FRESH
					      : 0);
		struct nodes_home home;
		struct test_heap t;
		u64 left = table[row].left;
		char *array;

		nodes_make_spare(&t, "4x1", 16);
		nodes_home_note(&home);
		array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(9)), &attr);
		assert_non_null(array);
		nodes_touch(array, BYTES(BLOCKS(9)));
		host_sim_fail(HOST_SIM_BIND, (long)i % 6 + 1);
		if (left)
			assert_int_equal(
				fixheap_array_resize(t.heap, array,
						     BYTES(BLOCKS(left))),
				0);
		else
			fixheap_array_free(t.heap, array);
		host_sim_fail(HOST_SIM_BIND, 0);
		/* what is not bound again is nobody's */
		heap_valid(&t);
		nodes_touch(t.base, BYTES(BLOCKS(16)));
		assert_int_equal(host_sim_killed(), 0);
		if (left)
			fixheap_array_free(t.heap, array);
		nodes_home_check(&home, &t);
		nodes_touch(t.base, BYTES(BLOCKS(16)));
		nodes_as_told(t.heap, t.base, BYTES(BLOCKS(16)));
		nodes_verified(t.heap);
		assert_int_equal(t.heap->stranded, 0);
		heap_end(&t);
	}
}

/* Not before the node is there again. */
static void test_node_away(void **state)
{
	struct nodemask allowed = nodemask_of_bits(13);
	struct nodes_home home;
	struct test_heap t;
	char *array;

	(void)state;
	nodes_make_spare(&t, "4x1", 16);
	nodes_home_note(&home);
	array = nodes_array(t.heap, BYTES(BLOCKS(6)), BIND, 1);
	assert_non_null(array);
	nodes_touch(array, BYTES(BLOCKS(6)));
	nodes_on(array, BYTES(BLOCKS(6)), 0);
	host_sim_set_allowed(&allowed);
	fixheap_array_free(t.heap, array);
	fixheap_reclaim(t.heap);
	heap_valid(&t);
	allowed = nodemask_of_bits(15);
	host_sim_set_allowed(&allowed);
	/* the whole heap, which has it all */
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(16)), NULL);
	assert_non_null(array);
	nodes_touch(array, BYTES(BLOCKS(16)));
	nodes_as_told(t.heap, array, BYTES(BLOCKS(16)));
	fixheap_array_free(t.heap, array);
	nodes_home_check(&home, &t);
	heap_end(&t);
}

/* Without nodes to be told, an array is as fresh when it grows or moves. */
static void test_fresh_unbound(void **state)
{
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);
	struct node_spec spec = { .machine = "2x1", .nr_pages = BLOCKS(8) };
	struct test_heap t;
	char *array, *moved;

	(void)state;
	spec.numa = NUMA(.binding = FIXHEAP_BINDING_NONE);
	nodes_make(&t, &spec);
	nodes_touch(t.base, BYTES(spec.nr_pages));
	array = fixheap_array_alloc(t.heap, BYTES(100), &fresh);
	assert_non_null(array);
	array[0] = 7;
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(300)),
			 -ENOMEM);
	moved = fixheap_array_realloc(t.heap, array, BYTES(300));
	assert_non_null(moved);
	assert_int_equal(moved[0], 7);
	/* what was copied is there, the rest is not */
	assert_int_equal(host_sim_touched(moved, BYTES(300)), BYTES(100));
	fixheap_array_free(t.heap, moved);
	heap_is_empty(&t);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_way_home),
		cmocka_unit_test(test_node_away),
		cmocka_unit_test(test_fresh_unbound),
	};

	return cmocka_run_group_tests_name("rehome_home", tests, NULL, NULL);
}
