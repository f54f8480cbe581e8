/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_layout.c: mm/layout.c, which part of a heap belongs to which node, and
 * what fixheap_create says where that cannot be.
 */
#include "nodes.h"

#include "layout.h"

#define MASK(...)                       \
	{                               \
		.bits = { __VA_ARGS__ } \
	}
#define SIZE .size = sizeof(struct fixheap_numa)
#define NONE FIXHEAP_BINDING_NONE
#define STRICT FIXHEAP_BINDING_STRICT

static const unsigned one_three[] = { 1, 3 };
static const unsigned none_one[] = { 0, 1 };
static const unsigned huge[] = { ~0u, ~0u };

static void check_zones(const struct node_spec *spec, const char *zones)
{
	struct test_heap t;

	nodes_make(&t, spec);
	assert_string_equal(nodes_zones(t.heap), zones);
	heap_end(&t);
}

/* Nothing said: in proportion to memory, a 16th apart at the high end. */
static void test_machines(void **state)
{
	static const struct {
		const char *machine;
		u64 nr_pages;
		size_t skew;
		const char *zones;
	} table[] = {
		{ "1x1", BLOCKS(64), 0, "0:0-64" },
		{ "2x1", BLOCKS(32), 0, "0:0-15 1:15-30 0:30-31 1:31-32" },
		{ "4x1", BLOCKS(64), 0,
		  "0:0-15 1:15-30 2:30-45 3:45-60 0:60-61 1:61-62 2:62-63 "
		  "3:63-64" },
		/* below ten blocks a node nothing lies apart */
		{ "8x1", BLOCKS(64), 0,
		  "0:0-8 1:8-16 2:16-24 3:24-32 4:32-40 5:40-48 6:48-56 "
		  "7:56-64" },
		{ "2x1", BLOCKS(18), 0, "0:0-9 1:9-18" },
		{ "2x1", BLOCKS(20), 0, "0:0-9 1:9-18 0:18-19 1:19-20" },
		/* of the last node it joins, if it comes alone */
		{ "2x1:1G,3G", BLOCKS(32), 0, "0:0-8 1:8-32" },
		{ "2x1:3G,1G", BLOCKS(32), 0, "0:0-23 1:23-31 0:31-32" },
		/* nodes without memory and without CPUs */
		{ "3x1:1G,0,1G", BLOCKS(16), 0, "0:0-8 2:8-16" },
		{ "0/-:1G,1G", BLOCKS(16), 0, "0:0-8 1:8-16" },
		{ "3x1:0,0,1G", BLOCKS(64), 0, "2:0-64" },
		/* parts of blocks at both ends, and less than a block */
		{ "2x1", 1000, 3 * PAGE_BYTES, "0:0-1 1:1-2" },
		{ "2x1", 5, 0, "1:0-1" },
		{ "2x1", 1, 511 * PAGE_BYTES, "1:0-1" },
		{ "2x1", BLOCKS(32), PAGE_BYTES,
		  "0:0-15 1:15-31 0:31-32 1:32-33" },
		/* more nodes than blocks */
		{ "4x1", BLOCKS(2), 0, "1:0-1 3:1-2" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = { .machine = table[i].machine,
						.nr_pages = table[i].nr_pages,
						.skew = table[i].skew };

		check_zones(&spec, table[i].zones);
	}
}

static const struct {
	const char *machine;
	u64 nr_blocks;
	struct fixheap_numa numa;
	const char *zones;
} wishes[] = {
	{ "2x1", 32, { SIZE }, "0:0-15 1:15-30 0:30-31 1:31-32" },
	{ "2x1",
	  32,
	  { SIZE, .share = one_three, .nr_share = 2 },
	  "0:0-8 1:8-32" },
	{ "2x1", 32, { SIZE, .share = none_one, .nr_share = 2 }, "1:0-32" },
	{ "2x1", 32, { SIZE, .share = one_three, .nr_share = 1 }, "0:0-32" },
	{ "2x1", 16, { SIZE, .share = huge, .nr_share = 2 }, "0:0-8 1:8-16" },
	{ "4x1",
	  32,
	  { SIZE, .nodes = MASK(0xa) },
	  "1:0-15 3:15-30 1:30-31 3:31-32" },
	{ "4x1", 16, { SIZE, .nodes = MASK(8) }, "3:0-16" },
	{ "4x1",
	  16,
	  { SIZE, .nodes = MASK(3), .share = one_three, .nr_share = 2 },
	  "0:0-4 1:4-16" },
	/* stripes lie between what is large and what is small */
	{ "2x1", 32, { SIZE, .stripe_percent = 50 }, "0:0-8 1:8-16 S:16-32" },
	{ "2x1", 32, { SIZE, .stripe_percent = 100 }, "S:0-32" },
	{ "1x1", 32, { SIZE, .stripe_percent = 50 }, "0:0-32" },
	{ "4x1",
	  64,
	  { SIZE, .stripe_percent = 25, .stripe_nodes = MASK(0xc) },
	  "0:0-11 1:11-22 2:22-33 3:33-44 S:44-60 0:60-61 1:61-62 2:62-63 "
	  "3:63-64" },
	/* less than a block of it: none */
	{ "2x1", 4, { SIZE, .stripe_percent = 10 }, "0:0-2 1:2-4" },
	/* bindings make no other zones */
	{ "2x1", 16, { SIZE, .binding = STRICT }, "0:0-8 1:8-16" },
	{ "2x1",
	  16,
	  { SIZE, .binding = FIXHEAP_BINDING_PREFERRED },
	  "0:0-8 1:8-16" },
	{ "2x1", 16, { SIZE, .binding = NONE }, "0:0-8 1:8-16" },
};

static void test_wishes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
		const struct node_spec spec = { .machine = wishes[i].machine,
						.nr_pages = BLOCKS(
							wishes[i].nr_blocks),
						.numa = wishes[i].numa };

		check_zones(&spec, wishes[i].zones);
	}
}

/* Blocks that nodes 0 and 1 have free, and what becomes of 32 blocks: zones
 * with _STRICT and FIXHEAP_SHRINK, NULL: -ENOSPC; and without SHRINK where all
 * fits. */
static const struct {
	u64 pages[2];
	unsigned stripes;
	bool fits;
	const char *zones;
} room[] = {
	{ { BLOCKS(16), BLOCKS(16) },
	  0,
	  true,
	  "0:0-15 1:15-30 0:30-31 1:31-32" },
	{ { BLOCKS(99), BLOCKS(16) - 1 },
	  0,
	  false,
	  "0:0-15 1:15-29 0:29-30 1:30-31" },
	{ { BLOCKS(16), BLOCKS(10) },
	  0,
	  false,
	  "0:0-15 1:15-24 0:24-25 1:25-26" },
	{ { BLOCKS(16), BLOCKS(9) + 500 }, 0, false, "0:0-15 1:15-24 0:24-25" },
	{ { BLOCKS(1), BLOCKS(1) }, 0, false, "0:0-1 1:1-2" },
	{ { 511, BLOCKS(1) }, 0, false, "1:0-1" },
	{ { BLOCKS(4), 0 }, 0, false, "0:0-4" },
	{ { 511, 3 }, 0, false, NULL },
	{ { 0, 0 }, 0, false, NULL },
	/* stripes count for each node */
	{ { BLOCKS(16), BLOCKS(16) }, 50, true, "0:0-8 1:8-16 S:16-32" },
	{ { BLOCKS(17), BLOCKS(12) }, 50, false, "0:0-8 1:8-12 S:12-28" },
	{ { BLOCKS(17), BLOCKS(8) }, 50, false, "0:0-8 S:8-24" },
	{ { BLOCKS(16), BLOCKS(16) }, 100, true, "S:0-32" },
	{ { BLOCKS(99), BLOCKS(5) }, 100, false, "S:0-10" },
	{ { BLOCKS(99), BLOCKS(5) }, 50, false, "0:0-8 S:8-18" },
	{ { BLOCKS(99), 100 }, 100, false, NULL },
};

static void test_room(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(room); i++) {
		struct node_spec spec = { .machine = "2x1",
					  .nr_pages = BLOCKS(32),
					  .numa = { SIZE, .binding = STRICT,
						    .stripe_percent =
							    room[i].stripes } };
		struct test_heap t;

		nodes_map(&t, &spec);
		for (u32 node = 0; node < 2; node++)
			host_sim_set_node_free(node,
					       BYTES(room[i].pages[node]));
		nodes_result(&t, &spec, room[i].fits ? 0 : -ENOSPC,
			     room[i].zones);
		spec.flags = FIXHEAP_SHRINK;
		nodes_result(&t, &spec, room[i].zones ? 0 : -ENOSPC,
			     room[i].zones);
		nodes_unmap(&t);
	}
}

/* What does not fit is preferred by _AUTO, and always by _PREFERRED. */
static void test_firmness(void **state)
{
	static const struct {
		enum fixheap_binding binding;
		u64 free;
		unsigned stripes;
		enum host_policy policy;
	} table[] = {
		{ FIXHEAP_BINDING_AUTO, 8, 0, HOST_POLICY_BIND },
		{ FIXHEAP_BINDING_AUTO, 7, 0, HOST_POLICY_PREFERRED },
		{ FIXHEAP_BINDING_AUTO, 0, 0, HOST_POLICY_PREFERRED },
		{ FIXHEAP_BINDING_AUTO, 7, 100, HOST_POLICY_PREFERRED },
		{ FIXHEAP_BINDING_AUTO, 9, 100, HOST_POLICY_BIND },
		{ STRICT, 8, 0, HOST_POLICY_BIND },
		{ FIXHEAP_BINDING_PREFERRED, 99, 0, HOST_POLICY_PREFERRED },
		{ FIXHEAP_BINDING_PREFERRED, 0, 0, HOST_POLICY_PREFERRED },
		{ NONE, 99, 0, HOST_POLICY_LOCAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = {
			.machine = "2x1",
			.nr_pages = BLOCKS(16),
			.numa = { SIZE, .binding = table[i].binding,
				  .stripe_percent = table[i].stripes }
		};
		enum host_policy policy;
		struct nodemask nodes;
		struct test_heap t;

		nodes_map(&t, &spec);
		host_sim_set_node_free(1, BYTES(BLOCKS(table[i].free)));
		assert_int_equal(nodes_create(&t, &spec), 0);
		assert_int_equal(t.heap->end_pfn, BLOCKS(16));
		for (u32 b = 0; b < 16; b++) {
			const void *at = t.base + BYTES(BLOCKS(b));

			assert_int_equal(host_policy_of(at, &policy, &nodes),
					 0);
			assert_int_equal(policy, table[i].policy);
			if (policy != HOST_POLICY_LOCAL)
				assert_true(nodemask_test(
					&nodes,
					(u32)fixheap_node_of(t.heap, at)));
		}
		heap_drop(&t);
	}
}

/* Zones begin at pages of the mapping. */
static void test_mapping_page(void **state)
{
	static const struct {
		size_t mapping;
		u64 nr_blocks;
		const char *zones;
	} table[] = {
		{ BYTES(BLOCK_PAGES), 16, "0:0-8 1:8-16" },
		{ 2 * BYTES(BLOCK_PAGES), 40,
		  "0:0-18 1:18-36 0:36-38 1:38-40" },
		{ 8 * BYTES(BLOCK_PAGES), 40, "0:0-16 1:16-40" },
		{ 8 * BYTES(BLOCK_PAGES), 8, "1:0-8" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = {
			.machine = "2x1", .nr_pages = BLOCKS(table[i].nr_blocks)
		};
		struct test_heap t;

		nodes_map(&t, &spec);
		host_sim_set_mapping_page(table[i].mapping);
		assert_int_equal(nodes_create(&t, &spec), 0);
		assert_string_equal(nodes_zones(t.heap), table[i].zones);
		heap_drop(&t);
	}
}

/* The heap does not begin at such a page: each that is whole is bound, and to
 * the node that the heap says. */
static void test_odd_base(void **state)
{
	const size_t block = BYTES(BLOCK_PAGES), mapping = 4 * block;

	(void)state;
	for (u32 i = 0; i < 12; i++) {
		const struct node_spec spec = {
			.machine = "2x1",
			.nr_pages = BLOCKS(41),
			.skew = (1 + i % 3) * block + i / 3 % 2 * BYTES(3),
			.numa = NUMA(.stripe_percent = i < 6 ? 0 : 100)
		};
		enum host_policy policy;
		struct nodemask nodes;
		struct test_heap t;
		char *at, *end;

		nodes_map(&t, &spec);
		host_sim_set_mapping_page(mapping);
		assert_int_equal(nodes_create(&t, &spec), 0);
		at = (char *)round_up((uintptr_t)t.base, mapping);
		end = (char *)round_down(
			(uintptr_t)t.base + BYTES(spec.nr_pages), mapping);
		assert_true(end - at >= (long)(9 * mapping));
		for (; at < end; at += block) {
			assert_int_equal(host_policy_of(at, &policy, &nodes),
					 0);
			assert_int_equal(policy, HOST_POLICY_BIND);
			assert_true(nodemask_test(
				&nodes, (u32)fixheap_node_of(t.heap, at)));
		}
		nodes_touch(t.base, BYTES(spec.nr_pages));
		heap_valid(&t);
		heap_drop(&t);
	}
}

/* Who has nothing to ask does not ask. */
static void test_not_asked(void **state)
{
	static const unsigned cpus[] = { 0, 1 };
	static const struct fixheap_topology given = {
		sizeof(given), 2, 2, cpus, NULL, NULL, NULL
	};
	const struct node_spec table[] = {
		{ .machine = "1x1" },
		{ .machine = "2x1:1G,0" },
		{ .machine = "2x1", .topology = &given },
		{ .machine = "2x1", .numa = { SIZE, .binding = NONE } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct node_spec spec = table[i];
		struct test_heap t;

		spec.nr_pages = BLOCKS(16);
		nodes_make(&t, &spec);
		for (u32 call = HOST_SIM_BIND; call < HOST_SIM_NR_CALLS; call++)
			assert_int_equal(host_sim_calls(call), 0);
		heap_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machines),
		cmocka_unit_test(test_wishes),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_firmness),
		cmocka_unit_test(test_mapping_page),
		cmocka_unit_test(test_odd_base),
		cmocka_unit_test(test_not_asked),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
