/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_promise.c: mm/promise.c, what nodes promise to arrays beyond their
 * zones.  More is in test_rehome.c.
 */
#include "nodes.h"

#define BIND FIXHEAP_POLICY_BIND

/* Pages that anybody may touch are promised by every node. */
static void test_fresh_promise(void **state)
{
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);
	struct nodes_home home;
	struct test_heap t;
	char *array, *all;

	(void)state;
	nodes_make_spare(&t, "2x1", 3);
	nodes_home_note(&home);
	/* 3 blocks of another node's part at most */
	assert_null(fixheap_array_alloc(t.heap, BYTES(BLOCKS(4)), &fresh));
	assert_int_equal(errno, ENOMEM);
	nodes_largest(t.heap, &fresh);
	assert_int_equal(fixheap_largest_free(t.heap, &fresh),
			 BYTES(BLOCKS(3)));
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(3)), &fresh);
	assert_non_null(array);
	all = fixheap_array_alloc(t.heap, fixheap_largest_free(t.heap, NULL),
				  NULL);
	assert_non_null(all);
	for (u32 cpu = 0; cpu < 2; cpu++) {
		host_sim_set_cpu(cpu);
		nodes_touch(array + BYTES(BLOCKS(2 * cpu)),
			    BYTES(BLOCKS(2 - cpu)));
	}
	nodes_touch(t.base, BYTES(BLOCKS(8)));
	assert_int_equal(host_sim_killed(), 0);
	fixheap_array_free(t.heap, array);
	fixheap_array_free(t.heap, all);
	nodes_home_check(&home, &t);
	heap_end(&t);
}

/* Others have taken what was there at first. */
static void test_taken(void **state)
{
	const struct fixheap_array_attr bind = ATTR(.policy = BIND, .nodes = 1);
	struct test_heap t;
	char *array;

	(void)state;
	need(!IS_ENABLED(CONFIG_PAGE_POISON),
	     "PAGE_POISON takes memory for free pages");
	nodes_make_spare(&t, "2x1", 16);
	host_sim_set_node_free(0, BYTES(BLOCKS(2)));
	nodes_largest(t.heap, &bind);
	assert_null(fixheap_array_alloc(t.heap, BYTES(BLOCKS(7)), &bind));
	host_sim_set_node_free(0, BYTES(BLOCKS(12)));
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(7)), &bind);
	assert_non_null(array);
	nodes_check_away(&t, array, BLOCKS(7));
	fixheap_array_free(t.heap, array);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_promise),
		cmocka_unit_test(test_taken),
	};

	return cmocka_run_group_tests_name("promise", tests, NULL, NULL);
}
