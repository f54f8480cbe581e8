/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_grow_all.c: a heap gets as large as it may wherever its memory is, and
 * no larger than it must.
 */
#include "nodes.h"

static struct fixheap *make(const char *machine, u64 max_blocks)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap = NULL;

	heap_warm_objects();
	host_sim_reset();
	assert_int_equal(host_sim_describe(machine), 0);
	config.mode = FIXHEAP_SIMPLE;
	config.length = 8 * BLOCK_BYTES;
	config.extend_bytes = 8 * BLOCK_BYTES;
	config.max_bytes = max_blocks * BLOCK_BYTES;
	config.max_regions = (u32)max_blocks / 8 + 2;
	assert_int_equal(fixheap_create(&config, &heap), 0);
	return heap;
}

/* All but the first region on the node of the one that asks. */
static void fill(const char *machine)
{
	const u64 max_blocks = 1024;
	struct fixheap *heap = make(machine, max_blocks);
	u64 nr = 0;

	while (fixheap_pages_alloc(heap, 8 * BLOCK_PAGES, 0, NULL))
		nr++;
	assert_in_range(nr, max_blocks / 8 - 1, max_blocks / 8);
	assert_int_equal(heap->nr_pages, BLOCKS(max_blocks));
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
}

static void test_one_node_has_it_all(void **state)
{
	(void)state;
	need(IS_ENABLED(CONFIG_NUMA), "this library knows no nodes");
	fill("1x2");
	fill("2x2");
	fill("4x2");
	fill("16x1");
}

/* Each array has other nodes and weights, until these cannot be remembered. */
static void test_more_memory_would_not_help(void **state)
{
	struct fixheap *heap = make("4x1", 200);
	unsigned char weights[4] = { 1, 1, 1, 1 };
	struct fixheap_array_attr attr =
		ATTR(.policy = FIXHEAP_POLICY_INTERLEAVE, .nodes = 15,
		     .weights = weights);
	u64 nr_pages;
	u32 i = 0;

	(void)state;
	need(IS_ENABLED(CONFIG_NUMA), "this library knows no nodes");
	do {
		nr_pages = heap->nr_pages;
		weights[0] = (u8)(1 + i % 200);
		weights[1] = (u8)(1 + i / 200);
		i++;
	} while (fixheap_array_alloc(heap, PAGE_BYTES, &attr));
	assert_int_equal(i, NODESETS_MAX + 1);
	assert_int_equal(heap->nr_pages, nr_pages);
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_node_has_it_all),
		cmocka_unit_test(test_more_memory_would_not_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
