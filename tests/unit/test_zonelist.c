/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_zonelist.c: mm/zonelist.c, which zones a request may use, in order.
 */
#include "support.h"

/* The list for a request as text: "2 0 1"; host_sim_set_cpu says from where. */
static const char *list_of(const struct fixheap *heap,
			   const struct run_request *req)
{
	static char text[256];
	u8 list[NODES_MAX];
	u32 nr = zonelist_fill(heap, req, list);
	size_t len = 0;

	text[0] = '\0';
	for (u32 i = 0; i < nr; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u",
					i ? " " : "", list[i]);
	return text;
}

/* Numbers are zones, in lists and in requests; nodes in masks. */
static void test_order(void **state)
{
	static const struct {
		const char *machine;
		u32 cpu;
		const char *list;
	} table[] = {
		{ "1x1", 0, "0" },
		{ "2x1", 0, "0 1" },
		{ "2x1", 1, "1 0" },
		{ "2x2", 2, "1 0" },
		/* equally far: round from the own node on */
		{ "4x1", 0, "0 1 2 3" },
		{ "4x1", 2, "2 3 0 1" },
		{ "8x1", 5, "5 6 7 0 1 2 3 4" },
		/* by distance, which need not be the same both ways */
		{ "3x1:1G;10,40,20;21,10,30;50,40,10", 0, "0 2 1" },
		{ "3x1:1G;10,40,20;21,10,30;50,40,10", 1, "1 0 2" },
		{ "3x1:1G;10,40,20;21,10,30;50,40,10", 2, "2 1 0" },
		/* a node without memory has no zone, but its CPUs a list */
		{ "3x1:1G,0,1G;10,20,40;30,10,20;40,20,10", 0, "0 1" },
		{ "3x1:1G,0,1G;10,20,40;30,10,20;40,20,10", 1, "1 0" },
		{ "3x1:1G,0,1G;10,20,40;30,10,20;40,20,10", 2, "1 0" },
		/* a node without CPUs */
		{ "0/-/1:1G", 0, "0 1 2" },
		{ "0/-/1:1G", 1, "2 0 1" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req = { .zone = ZONE_ANY };
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .machine = table[i].machine,
						   .nr_pages = BLOCKS(16) });
		host_sim_set_cpu(table[i].cpu);
		assert_string_equal(list_of(t.heap, &req), table[i].list);
		heap_end(&t);
	}
}

static void test_policies(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes;
		u32 zone, cpu;
		const char *list;
	} table[] = {
		{ FIXHEAP_POLICY_DEFAULT, 0, ZONE_ANY, 2, "2 3 0 1" },
		{ FIXHEAP_POLICY_LOCAL, 0, ZONE_ANY, 2, "2 3 0 1" },
		{ FIXHEAP_POLICY_BIND, 1, ZONE_ANY, 2, "0" },
		{ FIXHEAP_POLICY_BIND, 0xb, ZONE_ANY, 2, "3 0 1" },
		{ FIXHEAP_POLICY_BIND, 0xb, ZONE_ANY, 1, "1 3 0" },
		{ FIXHEAP_POLICY_BIND, 0xf0, ZONE_ANY, 1, "" },
		{ FIXHEAP_POLICY_PREFERRED, 1, ZONE_ANY, 2, "0 2 3 1" },
		{ FIXHEAP_POLICY_PREFERRED, 3, ZONE_ANY, 3, "0 1 3 2" },
		{ FIXHEAP_POLICY_PREFERRED, ~0ull, ZONE_ANY, 3, "3 0 1 2" },
		/* this zone only, whatever the rest says */
		{ FIXHEAP_POLICY_BIND, 1, 3, 0, "3" },
		{ FIXHEAP_POLICY_DEFAULT, 0, 0, 3, "0" },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "4x1",
					   .nr_pages = BLOCKS(16) });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req = { .zone = table[i].zone,
						 .policy = table[i].policy,
						 .nodes = table[i].nodes };

		host_sim_set_cpu(table[i].cpu);
		assert_string_equal(list_of(t.heap, &req), table[i].list);
	}
	heap_end(&t);
}

/* As many nodes as there can be: every list has every zone once, and no zone
 * is nearer than the one before it. */
static void test_largest(void **state)
{
	const struct run_request req = { .zone = ZONE_ANY };
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "64x2",
					   .nr_pages = BLOCKS(64) });
	assert_int_equal(t.heap->nr_zones, NODES_MAX);
	for (u32 node = 0; node < NODES_MAX; node++) {
		u8 list[NODES_MAX];
		u64 seen = 0;

		host_sim_set_cpu(2 * node);
		assert_int_equal(zonelist_fill(t.heap, &req, list), NODES_MAX);
		assert_int_equal(list[0], node);
		for (u32 i = 0; i < NODES_MAX; i++) {
			seen |= 1ull << list[i];
			assert_int_equal(list[i], (node + i) % NODES_MAX);
		}
		assert_int_equal(seen, ~0ull);
	}
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests_name("zonelist", tests, NULL, NULL);
}
