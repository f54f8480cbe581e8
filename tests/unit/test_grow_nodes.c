/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_grow_nodes.c: mm/grow.c on machines with several nodes: which node a
 * region that is asked for, or added, lands on.
 */
#include "comm_test.h"

/* A bound heap that grows, on four nodes. */
static void simple_make(struct test_heap *t, unsigned flags)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	memset(t, 0, sizeof(*t));
	heap_warm_objects();
	host_sim_reset();
	assert_int_equal(host_sim_describe("4x2"), 0);
	config.mode = FIXHEAP_SIMPLE;
	config.flags = flags;
	config.length = 16 * BLOCK_BYTES;
	config.extend_bytes = 4 * BLOCK_BYTES;
	config.max_bytes = 400 * BLOCK_BYTES;
	regions_create(t, &config);
}

static void simple_end(struct test_heap *t)
{
	heap_valid(t);
	fixheap_destroy(t->heap);
	assert_int_equal(host_sim_held(), t->held);
}

static u32 node_of(const struct test_heap *t, u32 id)
{
	const struct fixheap *heap = t->heap;

	return heap->node[zone_of(heap, heap->range[id].start_pfn)->node].id;
}

/* Arrays bound to a node make the heap larger there, and are there. */
static void test_bind(void **state)
{
	struct test_heap t;
	u64 binds;

	(void)state;
	simple_make(&t, 0);
	binds = host_sim_calls(HOST_SIM_BIND);
	for (u32 n = 0; n < 4; n++) {
		u32 nr = t.heap->nr_ranges;
		char *array;

		do {
			array = nodes_array(t.heap, BLOCK_BYTES,
					    FIXHEAP_POLICY_BIND, 1ull << n);
			assert_non_null(array);
			assert_int_equal(fixheap_node_of(t.heap, array), n);
		} while (t.heap->nr_ranges == nr);
		assert_int_equal(node_of(&t, nr), n);
		assert_int_equal(region_get(&t, nr).node, n);
		nodes_touch(array, BLOCK_BYTES);
		nodes_on(array, BLOCK_BYTES, n);
		heap_valid(&t);
	}
	assert_true(host_sim_calls(HOST_SIM_BIND) >= binds + 4);
	nodes_verified(t.heap);
	simple_end(&t);
}

/* Others grow where the caller is. */
static void test_local(void **state)
{
	struct test_heap t;

	(void)state;
	simple_make(&t, 0);
	assert_non_null(fixheap_pages_alloc(t.heap, BLOCKS(15), 0, NULL));
	for (u32 n = 0; n < 4; n++) {
		u32 nr = t.heap->nr_ranges;
		char *run;

		host_sim_set_cpu(2 * n);
		do {
			run = fixheap_pages_alloc(t.heap, BLOCK_PAGES, 0, NULL);
			assert_non_null(run);
		} while (t.heap->nr_ranges == nr);
		assert_int_equal(node_of(&t, nr), n);
		assert_int_equal(fixheap_node_of(t.heap, run), n);
	}
	host_sim_set_cpu(0);
	simple_end(&t);
}

/* The kernel refuses: the region goes back, and it is asked again later. */
static void test_bind_fails(void **state)
{
	struct test_heap t;
	u64 held;

	(void)state;
	simple_make(&t, 0);
	while (t.heap->nr_ranges == 1 && region_get(&t, 0).bytes &&
	       t.region->nr_free >= BLOCK_PAGES)
		assert_non_null(
			fixheap_pages_alloc(t.heap, BLOCK_PAGES, 0, NULL));
	held = host_sim_held();
	host_sim_fail(HOST_SIM_BIND, 1);
	assert_null(fixheap_pages_alloc(t.heap, BLOCK_PAGES, 0, NULL));
	host_sim_fail(HOST_SIM_BIND, 0);
	assert_int_equal(host_sim_held(), held);
	heap_valid(&t);
	assert_non_null(fixheap_pages_alloc(t.heap, BLOCK_PAGES, 0, NULL));
	simple_end(&t);
}

/* A pinned heap is never bound. */
static void test_pinned(void **state)
{
	struct test_heap t;

	(void)state;
	simple_make(&t, FIXHEAP_PINNED);
	for (u32 i = 0; i < 30; i++)
		assert_non_null(
			fixheap_pages_alloc(t.heap, BLOCK_PAGES, 0, NULL));
	assert_true(t.heap->nr_ranges > 1);
	assert_int_equal(host_sim_mapping_calls(), 0);
	heap_valid(&t);
	simple_end(&t);
	assert_int_equal(host_sim_mapping_calls(), 0);
}

/* The comm layer is told which node. */
static void test_comm_node(void **state)
{
	static struct test_comm c;

	(void)state;
	comm_make(&c, "4x2", 300);
	c.config.length = 16 * BLOCK_BYTES;
	comm_start(&c);
	assert_int_equal(c.node, -1);
	for (u32 n = 4; n-- > 0;) {
		u64 nr_calls = c.nr_calls[COMM_ALLOC];

		while (c.nr_calls[COMM_ALLOC] == nr_calls)
			assert_non_null(nodes_array(c.t.heap, BLOCK_BYTES,
						    FIXHEAP_POLICY_BIND,
						    1ull << n));
		assert_int_equal(c.node, n);
		assert_int_equal(node_of(&c.t, c.t.heap->nr_ranges - 1), n);
	}
	comm_end(&c);
}

/* Arrays with a region of their own. */
static void test_own_node(void **state)
{
	static struct test_comm c;

	(void)state;
	comm_make(&c, "4x2", 300);
	c.comm.alloc_threshold = BYTES(OWN_PAGES);
	c.gap = 2 * BLOCK_BYTES;
	comm_start(&c);
	for (u32 n = 0; n < 4; n++) {
		char *array = nodes_array(c.t.heap, BYTES(OWN_PAGES + n),
					  FIXHEAP_POLICY_BIND, 1ull << n);

		assert_non_null(array);
		assert_int_equal(c.node, n);
		assert_true(region_at(&c, array).flags & FIXHEAP_REGION_OWN);
		assert_int_equal(fixheap_node_of(c.t.heap, array), n);
		nodes_touch(array, BYTES(OWN_PAGES));
		nodes_on(array, BYTES(OWN_PAGES), n);
		/* and still there when it is longer */
		array = fixheap_array_realloc(c.t.heap, array,
					      BYTES(2 * OWN_PAGES));
		assert_non_null(array);
		assert_int_equal(fixheap_node_of(c.t.heap, array), n);
		heap_valid(&c.t);
	}
	comm_end(&c);
}

/* Regions that are added: where they are said to be. */
static void test_added(void **state)
{
	struct test_heap t;

	(void)state;
	heap_warm_objects();
	regions_make(&t, &(struct regions_spec){ .machine = "4x2",
						 .nr_blocks = 64,
						 .nr_pages = BLOCKS(16) });
	for (u32 n = 0; n < 4; n++) {
		struct fixheap_region region = FIXHEAP_REGION_INIT;

		region.base = t.base + (20 + 4 * n) * BLOCK_BYTES;
		region.bytes = 3 * BLOCK_BYTES;
		region.key = n + 1;
		region.node = (int)n;
		assert_int_equal(fixheap_add_region(t.heap, &region), 0);
		assert_int_equal(node_of(&t, region.id), n);
		assert_int_equal(region_get(&t, region.id).node, n);
		nodes_touch(region.base, region.bytes);
		nodes_on(region.base, region.bytes, n);
	}
	regions_count(&t, BLOCKS(16 + 4 * 3), 0);
	nodes_verified(t.heap);
	heap_end(&t);
}

/* The first region, which lies in all zones, is taken out, and used again. */
static void test_offline(void **state)
{
	struct test_heap t;
	char *run;

	(void)state;
	heap_warm_objects();
	regions_make(&t, &(struct regions_spec){ .machine = "4x2",
						 .nr_blocks = 64,
						 .nr_pages = BLOCKS(16) });
	run = fixheap_pages_alloc(t.heap, BLOCKS(6), 0, NULL);
	assert_non_null(run);
	assert_int_equal(fixheap_offline_region(t.heap, 0, 0), -EBUSY);
	regions_count(&t, BLOCKS(6), BLOCKS(6));
	for (u32 z = 0; z < t.heap->nr_zones; z++)
		assert_true(t.heap->zone[z].nr_pages <= BLOCKS(4));
	assert_int_equal(fixheap_online_region(t.heap, 0), 0);
	regions_count(&t, BLOCKS(16), BLOCKS(6));
	assert_int_equal(fixheap_offline_region(t.heap, 0, 0), -EBUSY);
	fixheap_pages_free(t.heap, run, BLOCKS(6));
	assert_int_equal(fixheap_offline_region(t.heap, 0, 0), 0);
	regions_count(&t, 0, 0);
	for (u32 z = 0; z < t.heap->nr_zones; z++)
		assert_int_equal(t.heap->zone[z].nr_pages, 0);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_bind_fails),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_comm_node),
		cmocka_unit_test(test_own_node),
		cmocka_unit_test(test_added),
		cmocka_unit_test(test_offline),
	};

	return cmocka_run_group_tests_name("grow_nodes", tests, NULL, NULL);
}
