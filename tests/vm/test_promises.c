/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_promises.c: a node is not promised more than it has: by arrays whose
 * node the next touch decides, by several heaps, where others took memory later
 * or some was touched before; and what is promised is kept where the kernel
 * refused for a while.  Nobody is killed for touching what he got.
 */
#include "heap.h"

#include <sys/mman.h>

#define BIT(node) (1ull << (node))

static int make_strict(size_t bytes, uint64_t nodes, unsigned flags,
		       struct fixheap **heap)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	static const unsigned share[] = { 1, 1, 0, 1 };

	numa.binding = FIXHEAP_BINDING_STRICT;
	numa.nodes = mask_of(nodes);
	numa.share = share;
	numa.nr_share = NR(share);
	config.length = bytes;
	config.flags = flags;
	config.numa = &numa;
	return fixheap_create(&config, heap);
}

/* Touch all that is left of the heap. */
static void use_all(struct fixheap *heap)
{
	size_t bytes;

	while ((bytes = fixheap_largest_free(heap, NULL)) > 0) {
		void *array = fixheap_array_alloc(heap, bytes, NULL);

		MUST(array);
		touch(array, bytes);
	}
}

/* --- who touches decides -------------------------------------------------- */

#define NODE_LEFT (64 * MIB)

static int fill_first(void **state)
{
	static size_t before;

	before = node_fill(0, NODE_LEFT);
	*state = &before;
	return 0;
}

static int empty_first(void **state)
{
	node_set_pool(0, *(size_t *)*state);
	return 0;
}

/* Node 0 has a few MiB more than its zone: so much of the memory of node 1 may
 * be touched by its threads. */
static void fresh(void *data)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct fixheap *heap = NULL;
	size_t nr = 0;
	void *array;

	(void)data;
	MUST(!make_strict(80 * MIB, BIT(0) | BIT(1), FIXHEAP_SHRINK, &heap));
	MUST(zone_bytes(heap, 1) == 40 * MIB);
	attr.flags = FIXHEAP_FRESH;
	run_on_cpu(1);
	MUST(!fixheap_array_alloc(heap, 32 * MIB, &attr));
	MUST(errno == ENOMEM);
	while ((array = fixheap_array_alloc(heap, 2 * MIB, &attr))) {
		MUST(nr++ < 16);
		run_on_cpu(0);
		touch(array, 2 * MIB);
		assert_on_node(array, 2 * MIB, 0);
		run_on_cpu(1);
	}
	use_all(heap);
	heap_end(heap);
}

static void test_fresh(void **state)
{
	(void)state;
	assert_child(fresh, NULL, 0);
}

/* --- others took it ------------------------------------------------------- */

/* What was free when the heap was made is not when it is asked for. */
static void taken_later(void *data)
{
	struct fixheap *heap = heap_make(64 * MIB, NULL);

	(void)data;
	array_touched(heap, 4 * MIB, FIXHEAP_POLICY_BIND, BIT(NODE_SLOW));
	node_fill(NODE_SLOW, SLOW_LEFT);
	MUST(!array_of(heap, 56 * MIB, FIXHEAP_POLICY_BIND, BIT(NODE_SLOW)));
	MUST(errno == ENOMEM);
	MUST(fixheap_validate(heap) == 0);
	use_all(heap);
	heap_end(heap);
}

static void test_taken_later(void **state)
{
	size_t before = node_pool(NODE_SLOW);

	(void)state;
	assert_child(taken_later, NULL, 0);
	node_set_pool(NODE_SLOW, before);
}

/* The second heap is not promised what the first one is. */
static void two_heaps(void *data)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	struct fixheap *one = NULL, *two = NULL;

	(void)data;
	MUST(!make_strict(12 * MIB, BIT(NODE_SLOW), 0, &one));
	MUST(make_strict(12 * MIB, BIT(NODE_SLOW), 0, &two) == -ENOSPC);
	/* gently it can be made; it takes what is left, and then others */
	numa.nodes = mask_of(BIT(NODE_SLOW));
	config.length = 12 * MIB;
	config.numa = &numa;
	two = heap_create(&config);
	use_all(one);
	use_all(two);
	heap_end(two);
	heap_end(one);
}

/* Stripes count, where memory was touched before, too. */
static void touched_stripes(void *data)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	struct fixheap *heap = NULL;
	struct fixheap_stats stats = { .size = sizeof(stats) };

	(void)data;
	numa.binding = FIXHEAP_BINDING_STRICT;
	numa.nodes = numa.stripe_nodes = mask_of(BIT(1) | BIT(NODE_SLOW));
	numa.stripe_percent = 100;
	config.length = 64 * MIB;
	config.base = map_memory(config.length, 0);
	config.numa = &numa;
	touch(config.base, HUGE_PAGE);
	MUST(fixheap_create(&config, &heap) == -ENOSPC);
	config.flags = FIXHEAP_SHRINK;
	MUST(!fixheap_create(&config, &heap));
	MUST(!fixheap_stats(heap, &stats));
	MUST(stats.heap_bytes >= 16 * MIB);
	MUST(stats.heap_bytes <= 2 * SLOW_LEFT);
	use_all(heap);
	heap_end(heap);
}

static void test_full(void **state)
{
	(void)state;
	assert_child(two_heaps, NULL, 0);
	assert_child(touched_stripes, NULL, 0);
}

/* --- the way home --------------------------------------------------------- */

/* Pages that could not go home while their node was lost do when it is back. */
static void node_returns(void *data)
{
	struct fixheap *heap;
	char *array;

	(void)data;
	cpuset_enter();
	heap = heap_make(64 * MIB, NULL);
	array = array_touched(heap, 44 * MIB, FIXHEAP_POLICY_BIND, BIT(0));
	assert_on_node(array, 44 * MIB, 0);
	cpuset_change("0");
	fixheap_array_free(heap, array);
	cpuset_change("0-1");
	array = array_touched(heap, 24 * MIB, FIXHEAP_POLICY_BIND, BIT(1));
	assert_on_node(array, 24 * MIB, 1);
	assert_as_told(heap, array, 24 * MIB);
	fixheap_array_free(heap, array);
	/* all of it */
	array = array_touched(heap, 64 * MIB, FIXHEAP_POLICY_LOCAL, 0);
	assert_as_told(heap, array, 64 * MIB);
	heap_end(heap);
}

static void test_node_returns(void **state)
{
	(void)state;
	assert_child(node_returns, NULL, 0);
}

/* A part of a huge page that an array gives back stays with it. */
static void test_huge_shrink(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_verification seen = { .size = sizeof(seen) };
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	struct fixheap *heap;
	char *array;

	(void)state;
	numa.nodes = mask_of(BIT(0) | BIT(1));
	config.length = 12 * HUGE_PAGE;
	config.base = map_memory(config.length, MAP_HUGETLB);
	config.numa = &numa;
	heap = heap_create(&config);
	array = array_touched(heap, 9 * HUGE_PAGE, FIXHEAP_POLICY_BIND, BIT(1));
	assert_on_node(array, 9 * HUGE_PAGE, 1);
	assert_int_equal(fixheap_array_resize(heap, array,
					      3 * HUGE_PAGE + 10 * PAGE),
			 0);
	assert_on_node(array, 3 * HUGE_PAGE + 10 * PAGE, 1);
	fixheap_array_free(heap, array);
	array = array_touched(heap, 5 * HUGE_PAGE, FIXHEAP_POLICY_BIND, BIT(0));
	assert_on_node(array, 5 * HUGE_PAGE, 0);
	fixheap_array_free(heap, array);
	array = array_touched(heap, 12 * HUGE_PAGE, FIXHEAP_POLICY_LOCAL, 0);
	assert_int_equal(fixheap_verify_placement(heap, NULL, 0, &seen), 0);
	assert_int_equal(seen.right_bytes, config.length);
	heap_end(heap);
	unmap_memory(config.base, config.length);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_fresh, fill_first,
						empty_first),
		cmocka_unit_test(test_taken_later),
		cmocka_unit_test_setup_teardown(test_full, fill_slow,
						empty_slow),
		cmocka_unit_test_setup_teardown(
			test_node_returns, cpuset_without_slow, cpuset_gone),
		cmocka_unit_test(test_huge_shrink),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
