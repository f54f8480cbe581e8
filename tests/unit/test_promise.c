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
	need(!IS_ENABLED(CONFIG_PAGE_POISON),
	     "PAGE_POISON takes memory for free pages");
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

/* A second heap, and arrays of the first beyond its zones: nothing is promised
 * twice, whichever came first. */
static void test_heaps(void **state)
{
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);

	(void)state;
	for (u32 i = 0; i < 4; i++) {
		const struct node_spec spec = {
			.machine = "2x1",
			.nr_pages = BLOCKS(64),
			.numa = NUMA(.binding = FIXHEAP_BINDING_STRICT,
				     .nodes = { { 2 } })
		};
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;
		struct fixheap *one, *two = NULL;
		struct test_heap t;
		char *array = NULL;
		int ret;

		nodes_map(&t, &spec);
		for (u32 n = 0; n < 2; n++)
			host_sim_set_node_free(n, BYTES(BLOCKS(40)));
		config.base = t.base;
		config.length = BYTES(BLOCKS(32));
		assert_int_equal(fixheap_create(&config, &one), 0);
		config.base = t.base + BYTES(BLOCKS(40));
		config.length = BYTES(BLOCKS(20));
		config.numa = &spec.numa;
		if (i % 2)
			assert_int_equal(fixheap_create(&config, &two), 0);
		/* 16 of node 1 are its zones', 24 are left there */
		host_sim_set_cpu(1);
		if (i < 2)
			array = nodes_array(one, BYTES(BLOCKS(26)), BIND, 2);
		else
			array = fixheap_array_alloc(one, BYTES(BLOCKS(14)),
						    &fresh);
		assert_int_equal(!array, i == 1);
		if (!two) {
			ret = fixheap_create(&config, &two);
			assert_int_equal(ret, i == 2 ? 0 : -ENOSPC);
		}
		nodes_touch(t.base, BYTES(BLOCKS(32)));
		if (two)
			nodes_touch(t.base + BYTES(BLOCKS(40)),
				    BYTES(BLOCKS(20)));
		assert_int_equal(host_sim_killed(), 0);
		fixheap_destroy(two);
		fixheap_destroy(one);
		nodes_unmap(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fresh_promise),
		cmocka_unit_test(test_taken),
		cmocka_unit_test(test_heaps),
	};

	return cmocka_run_group_tests_name("promise", tests, NULL, NULL);
}
