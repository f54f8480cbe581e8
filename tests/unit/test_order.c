/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_order.c: the order in which a heap's nodes are used up: by distance,
 * those without CPUs last, or as the caller says.  The lists are tested in
 * test_zonelist.c.
 */
#include "nodes.h"

/* The nodes in the order in which arrays of a block fill them. */
static void check_order(const struct node_spec *spec, u32 cpu,
			const char *wanted)
{
	const struct fixheap_array_attr near =
		ATTR(.policy = FIXHEAP_POLICY_LOCAL);
	char order[16] = "";
	struct test_heap t;
	char *array;
	u32 len = 0;

	nodes_make(&t, spec);
	host_sim_set_cpu(cpu);
	while ((array = fixheap_array_alloc(t.heap, BYTES(BLOCK_PAGES),
					    &near))) {
		int node = fixheap_node_of(t.heap, array);

		nodes_touch(array, BYTES(BLOCK_PAGES));
		nodes_on(array, BYTES(BLOCK_PAGES), (u32)node);
		if (!len || order[len - 1] != '0' + node)
			order[len++] = (char)('0' + node);
	}
	assert_string_equal(order, wanted);
	heap_valid(&t);
	heap_drop(&t);
}

static void test_order(void **state)
{
	static const struct {
		const char *machine;
		u32 cpu;
		unsigned as_others;
		const char *order;
	} table[] = {
		{ "0/1/2/3", 2, 0, "2301" },
		{ "0/-/1/2", 0, 0, "0231" },
		{ "0/-/1/2", 0, 1, "0123" },
		{ "0/1/-/-:1G;10,40,11,12;40,10,20,20;11,20,10,20;12,20,20,10",
		  0, 0, "0123" },
		{ "0/1/-/-:1G;10,40,11,12;40,10,20,20;11,20,10,20;12,20,20,10",
		  0, 1, "0231" },
		/* the CPUs of a node without memory */
		{ "0/1/2/-:0,1G,1G,1G", 0, 0, "123" },
		{ "0/1/2/-:0,1G,1G,1G;10,30,20,11;30,10,30,30;20,30,10,30;"
		  "11,30,30,10",
		  0, 0, "213" },
		{ "0/1/2/-:0,1G,1G,1G;10,30,20,11;30,10,30,30;20,30,10,30;"
		  "11,30,30,10",
		  0, 1, "321" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		check_order(
			&(struct node_spec){
				.machine = table[i].machine,
				.nr_pages = BLOCKS(12),
				.numa = NUMA(.cpuless_as_others =
						     table[i].as_others) },
			table[i].cpu, table[i].order);
}

/* The same as the caller says. */
static void test_fallback(void **state)
{
	static const struct {
		const char *machine;
		u32 cpu;
		unsigned nr;
		unsigned fallback[3];
		const char *order;
	} table[] = {
		{ "0/1/2/3", 2, 3, { 1, 0, 3 }, "2103" },
		{ "0/1/2/3", 2, 1, { 0, 0, 0 }, "2031" },
		{ "0/1/2/3", 2, 2, { 2, 1, 0 }, "2130" },
		/* a node that is not there */
		{ "0/1/2/3", 1, 3, { 700, 2, 1 }, "1230" },
		/* slow memory, named */
		{ "0/-/1/2", 0, 2, { 1, 3, 0 }, "0132" },
		{ "0/-/1/2", 0, 1, { 3, 0, 0 }, "0321" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		check_order(
			&(struct node_spec){
				.machine = table[i].machine,
				.nr_pages = BLOCKS(12),
				.numa = NUMA(.fallback = table[i].fallback,
					     .nr_fallback = table[i].nr) },
			table[i].cpu, table[i].order);
}

/* An array that two fast nodes have together does not go to slow memory. */
static void test_neighbours(void **state)
{
	static const enum fixheap_policy policies[] = { FIXHEAP_POLICY_DEFAULT,
							FIXHEAP_POLICY_LOCAL };

	(void)state;
	for (u32 i = 0; i < 4; i++) {
		struct test_heap t;
		char *array;

		nodes_make(&t, &(struct node_spec){ .machine = "0/1/-:1G,1G,4G",
						    .nr_pages = BLOCKS(48) });
		host_sim_set_cpu(i % 2);
		array = nodes_array(t.heap, BYTES(BLOCKS(12)), policies[i / 2],
				    0);
		assert_non_null(array);
		for (u64 b = 0; b < 12; b++)
			assert_in_range(
				fixheap_node_of(t.heap,
						array + BYTES(BLOCKS(b))),
				0, 1);
		/* what is larger than both does */
		array = nodes_array(t.heap, BYTES(BLOCKS(24)), policies[i / 2],
				    0);
		assert_non_null(array);
		assert_int_equal(fixheap_node_of(t.heap, array), 2);
		heap_drop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_fallback),
		cmocka_unit_test(test_neighbours),
	};

	return cmocka_run_group_tests_name("order", tests, NULL, NULL);
}
