/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_run_largest.c: mm/run_largest.c, what fixheap_largest_free says is to be
 * had, and not a page more: with every policy, alignment and reserve.
 */
#include "nodes.h"

#define BLOCKED FIXHEAP_POLICY_BLOCKED
#define NONE FIXHEAP_BINDING_NONE
#define PREFERRED FIXHEAP_BINDING_PREFERRED

/* Nothing longer is to be had. */
static void check_longer(struct fixheap *heap,
			 const struct fixheap_array_attr *attr, size_t most)
{
	size_t bytes = fixheap_largest_free(heap, attr);

	for (size_t more = bytes + PAGE_BYTES; more <= most;
	     more += PAGE_BYTES) {
		if (fixheap_array_alloc(heap, more, attr))
			fail_msg("%zu pages, aligned to %zu, where %zu are the "
				 "largest",
				 more / PAGE_BYTES,
				 attr->alignment / PAGE_BYTES,
				 bytes / PAGE_BYTES);
	}
}

/* BLOCKED over two nodes: pages in use at the start, on both sides of the
 * border, and at the end. */
static void test_pairs(void **state)
{
	static const struct {
		u64 align, low, below, above, high; /* pages */
	} table[] = {
		{ 1, 0, 0, 0, 0 },	 { 1, 100, 0, 0, 0 },
		{ 1, 0, 1, 0, 0 },	 { 1, 0, 0, 1, 0 },
		{ 1, 0, 1, 1, 0 },	 { 512, 0, 0, 0, 0 },
		{ 512, 1, 0, 0, 3 },	 { 2048, 0, 0, 0, 0 },
		{ 2048, 1, 0, 0, 0 },	 { 2048, 0, 0, 0, 1 },
		{ 4096, 0, 0, 0, 0 },	 { 1024, 0, 0, 0, 1000 },
		{ 8192, 0, 0, 0, 0 },	 { 256, 700, 0, 0, 3 },
		{ 1024, 1000, 0, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct fixheap_array_attr attr =
			ATTR(.policy = BLOCKED,
			     .alignment = table[i].align * PAGE_BYTES);
		struct test_heap t;
		u64 border;

		nodes_make(&t, &(struct node_spec){
				       .machine = "2x1",
				       .nr_pages = BLOCKS(16),
				       .numa = NUMA(.binding = NONE) });
		border = t.heap->zone[0].end_pfn;
		if (table[i].low)
			heap_place(&t, PAGE_RAW, 0, table[i].low);
		if (table[i].below)
			heap_place(&t, PAGE_RAW, border - 1, 1);
		if (table[i].above)
			heap_place(&t, PAGE_RAW, border, 1);
		if (table[i].high)
			heap_place(&t, PAGE_RAW, BLOCKS(16) - table[i].high,
				   table[i].high);
		nodes_largest(t.heap, &attr);
		check_longer(t.heap, &attr, BYTES(BLOCKS(16)));
		heap_drop(&t);
	}
}

/* Any pages in use, any alignment: no length above it is to be had. */
static void test_random_pairs(void **state)
{
	u64 seed = nodes_seed("test_run_largest");
	struct test_heap t;

	(void)state;
	for (u32 n = 0; n < TEST_STEPS(60); n++) {
		struct fixheap_array_attr attr = ATTR(.policy = BLOCKED);

		attr.alignment = PAGE_BYTES << random_below(&seed, 12);
		nodes_make(&t, &(struct node_spec){
				       .machine = n % 3 ? "2x1" : "3x1",
				       .nr_pages = BLOCKS(8),
				       .skew = random_below(&seed, 600) *
					       PAGE_BYTES,
				       .numa = NUMA(.binding = NONE) });
		for (u64 i = random_below(&seed, 4); i--;)
			fixheap_pages_alloc(
				t.heap, 1 + random_below(&seed, 300),
				PAGE_BYTES << random_below(&seed, 12), NULL);
		nodes_largest(t.heap, &attr);
		check_longer(t.heap, &attr, BYTES(BLOCKS(8)));
		heap_drop(&t);
	}
}

/* Over three nodes: as long as the zone between, or hardly anything. */
static void test_three(void **state)
{
	const struct fixheap_array_attr attr = ATTR(.policy = BLOCKED);
	struct test_heap t;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .machine = "3x1",
					    .nr_pages = BLOCKS(12),
					    .numa = NUMA(.binding = NONE) });
	nodes_largest(t.heap, &attr);
	assert_int_equal(fixheap_largest_free(t.heap, &attr),
			 BYTES(BLOCKS(12)));
	heap_place(&t, PAGE_RAW, 5, 1);
	nodes_largest(t.heap, &attr);
	assert_int_equal(fixheap_largest_free(t.heap, &attr), BYTES(2));
	heap_place(&t, PAGE_RAW, BLOCKS(8) - 1, 1);
	nodes_largest(t.heap, &attr);
	assert_int_equal(fixheap_largest_free(t.heap, &attr), BYTES(1));
	heap_drop(&t);
}

/* Pages are kept back in zones of which some are in pieces. */
static void test_reserves(void **state)
{
	u64 seed = nodes_seed("test_run_largest");

	(void)state;
	for (u32 n = 0; n < TEST_STEPS(60); n++) {
		struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		struct test_heap t;

		nodes_make(&t,
			   &(struct node_spec){
				   .machine = n % 2 ? "4x1" : "2x1",
				   .nr_pages = BLOCKS(24),
				   .numa = NUMA(.small_reserve =
							(unsigned)random_below(
								&seed, 300),
						.local_reserve =
							(unsigned)random_below(
								&seed, 300)) });
		for (u64 i = random_below(&seed, 20); i--;)
			fixheap_pages_alloc(
				t.heap, 1 + random_below(&seed, 700),
				PAGE_BYTES << random_below(&seed, 12), NULL);
		if (random_below(&seed, 2))
			attr.policy = FIXHEAP_POLICY_LOCAL;
		nodes_largest(t.heap, &attr);
		attr.policy = BLOCKED;
		t.heap->bind = false;
		nodes_largest(t.heap, &attr);
		t.heap->bind = true;
		heap_drop(&t);
	}
}

/* Nodes that are no neighbours: so short that the first part is empty. */
static void test_strangers(void **state)
{
	static const struct {
		size_t mapping; /* pages */
		u64 largest;
	} table[] = { { 1, 1 }, { 512, 1023 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = {
			.machine = "3x1",
			.nr_pages = BLOCKS(12),
			.numa = NUMA(.binding = PREFERRED)
		};
		struct fixheap_array_attr attr =
			ATTR(.policy = BLOCKED, .nodes = 5);
		struct test_heap t;

		nodes_map(&t, &spec);
		host_sim_set_mapping_page(BYTES(table[i].mapping));
		assert_int_equal(nodes_create(&t, &spec), 0);
		/* the mapping is known, but it may not be bound anew */
		t.heap->bind = false;
		nodes_largest(t.heap, &attr);
		assert_int_equal(fixheap_largest_free(t.heap, &attr),
				 BYTES(table[i].largest));
		t.heap->bind = true;
		heap_drop(&t);
	}
}

/* What is kept back on a node with little does not lead the search astray. */
static void test_little(void **state)
{
	const struct fixheap_array_attr bind =
		ATTR(.policy = FIXHEAP_POLICY_BIND, .nodes = 3);
	const struct fixheap_array_attr local =
		ATTR(.policy = FIXHEAP_POLICY_LOCAL);
	const unsigned share[] = { 1, 3 };
	struct node_spec spec = { .machine = "2x1", .nr_pages = BLOCKS(40) };
	struct test_heap t;
	u64 full;

	(void)state;
	spec.numa = NUMA(.small_reserve = 500, .share = share, .nr_share = 2);
	nodes_make(&t, &spec);
	for (u32 z = 0; z < t.heap->nr_zones; z++) {
		const struct zone *zone = &t.heap->zone[z];

		if (zone->node == 1)
			heap_place(&t, PAGE_RAW, zone->start_pfn + 2,
				   zone->end_pfn - zone->start_pfn - 2);
	}
	nodes_largest(t.heap, &bind);
	heap_drop(&t);

	/* one page at the start changes next to nothing */
	spec.nr_pages = BLOCKS(20);
	spec.numa = NUMA(.small_reserve = 400);
	nodes_make(&t, &spec);
	full = fixheap_largest_free(t.heap, &local);
	heap_place(&t, PAGE_ARRAY, 0, 1);
	nodes_largest(t.heap, &local);
	assert_int_equal(fixheap_largest_free(t.heap, &local),
			 full - PAGE_BYTES);
	heap_drop(&t);

	/* over three nodes, each of which keeps its part elsewhere */
	spec.machine = "3x1";
	spec.nr_pages = BLOCKS(96);
	spec.numa = NUMA(.small_reserve = 50, .binding = NONE);
	nodes_make(&t, &spec);
	nodes_largest(t.heap, &ATTR(.policy = BLOCKED));
	assert_int_equal(fixheap_largest_free(t.heap, &ATTR(.policy = BLOCKED)),
			 BYTES(BLOCKS(90)));
	heap_drop(&t);
}

/* To ask is not to use. */
static void test_peak(void **state)
{
	const struct fixheap_array_attr bind =
		ATTR(.policy = FIXHEAP_POLICY_BIND, .nodes = 2);
	struct test_heap t;

	(void)state;
	nodes_make_spare(&t, "2x1", 64);
	assert_int_equal(fixheap_largest_free(t.heap, &bind), BYTES(BLOCKS(8)));
	assert_int_equal(t.heap->peak_used, 0);
	heap_end(&t);
}

/* So many different sets of nodes are in use as there can be. */
static void test_sets(void **state)
{
	static char *array[NODESETS_MAX];
	unsigned char weights[2] = { 0, 1 };
	struct fixheap_array_attr attr =
		ATTR(.policy = FIXHEAP_POLICY_INTERLEAVE, .weights = weights);
	const struct fixheap_array_attr local =
		ATTR(.policy = FIXHEAP_POLICY_LOCAL);
	struct test_heap t;
	u32 nr;

	(void)state;
	nodes_make_spare(&t, "2x1", 64);
	for (nr = 0; nr < NODESETS_MAX; nr++) {
		weights[0] = (unsigned char)(nr % 255);
		weights[1] = (unsigned char)(1 + nr / 255);
		array[nr] = fixheap_array_alloc(t.heap, 1, &attr);
		assert_non_null(array[nr]);
	}
	weights[0] = weights[1] = 99;
	assert_int_equal(fixheap_largest_free(t.heap, &attr), 0);
	assert_null(fixheap_array_alloc(t.heap, 1, &attr));
	/* who names no nodes needs none */
	nodes_largest(t.heap, &local);
	assert_true(fixheap_largest_free(t.heap, &local) > 0);
	while (nr)
		fixheap_array_free(t.heap, array[--nr]);
	nodes_largest(t.heap, &attr);
	heap_is_empty(&t);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_random_pairs),
		cmocka_unit_test(test_three),
		cmocka_unit_test(test_reserves),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_little),
		cmocka_unit_test(test_peak),
		cmocka_unit_test(test_sets),
	};

	return cmocka_run_group_tests_name("run_largest", tests, NULL, NULL);
}
