/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_policy.c: every policy, page by page as the kernel says.
 */
#include "heap.h"

#include <sys/mman.h>
#include <unistd.h>

#define HEAP (96 * MIB)
#define BIT(node) (1ull << (node))

static const int memory_node[] = { 0, 1, NODE_SLOW };

/* --- one array of each --------------------------------------------------- */

/* Every zone is bound to its node, and together they are the heap. */
static int check_zone(void *data, const struct fixheap_zone *zone)
{
	size_t *bytes = data;

	MUST(zone->node >= 0 && MEMORY_NODES >> zone->node & 1);
	MUST(zone->bound);
	MUST(zone->free_bytes <= zone->bytes);
	MUST(zone->nodes.bits[0] == BIT(zone->node));
	*bytes += zone->bytes;
	return 0;
}

static void test_zones(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	size_t i, bytes = 0;

	(void)state;
	assert_int_equal(fixheap_zones(heap, check_zone, &bytes), 0);
	assert_int_equal(bytes, HEAP);
	for (i = 0; i < NR(memory_node); i++)
		assert_true(zone_bytes(heap, memory_node[i]) > HEAP / 8);
	heap_end(heap);
}

/* From each CPU: its node; that of CPU 2 has no memory, node 1 is nearest. */
static void test_local(void **state)
{
	static const int wanted[] = { 0, 1, 1 };
	struct fixheap *heap = heap_make(HEAP, NULL);
	int cpu;

	(void)state;
	for (cpu = 0; cpu < 3; cpu++) {
		const size_t bytes = 5 * MIB + cpu * PAGE;
		void *array;

		run_on_cpu(cpu);
		array = array_touched(heap, bytes, FIXHEAP_POLICY_LOCAL, 0);
		assert_on_node(array, bytes, wanted[cpu]);
		array = array_touched(heap, bytes, FIXHEAP_POLICY_DEFAULT, 0);
		assert_on_node(array, bytes, wanted[cpu]);
	}
	run_on_cpu(-1);
	heap_end(heap);
}

static void test_bind(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	size_t i;

	(void)state;
	for (i = 0; i < NR(memory_node); i++) {
		const size_t bytes = 3 * MIB + i * PAGE;
		struct fixheap_nodemask mask = mask_of(BIT(memory_node[i]));
		struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		void *array;

		array = array_touched(heap, bytes, FIXHEAP_POLICY_BIND,
				      BIT(memory_node[i]));
		assert_on_node(array, bytes, memory_node[i]);
		/* The long form of the mask. */
		attr.policy = FIXHEAP_POLICY_BIND;
		attr.nodemask = &mask;
		array = fixheap_array_alloc(heap, bytes, &attr);
		assert_non_null(array);
		touch(array, bytes);
		assert_on_node(array, bytes, memory_node[i]);
	}
	/* Never on a node that has no memory. */
	errno = 0;
	assert_null(array_of(heap, PAGE, FIXHEAP_POLICY_BIND, BIT(NODE_BARE)));
	assert_int_equal(errno, EINVAL);
	heap_end(heap);
}

/* The node while its zone has room, then the nearest, which is 1. */
static void test_preferred(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	const size_t bytes = 2 * MIB;
	size_t nr = 0;
	void *array;

	(void)state;
	do {
		array = array_touched(heap, bytes, FIXHEAP_POLICY_PREFERRED,
				      BIT(NODE_SLOW));
		nr += node_of(array) == NODE_SLOW;
		assert_as_told(heap, array, bytes);
	} while (node_of(array) == NODE_SLOW);
	assert_on_node(array, bytes, 1);
	assert_int_equal(nr, zone_bytes(heap, NODE_SLOW) / bytes);
	heap_end(heap);
}

static void test_blocked(void **state)
{
	static const uint64_t masks[] = { MEMORY_NODES, 3, BIT(1) | BIT(3), 2 };
	static const size_t sizes[] = { 30 * MIB, 12 * MIB, 9 * MIB + PAGE };
	struct fixheap *heap = heap_make(HEAP, NULL);
	size_t i, j;

	(void)state;
	for (i = 0; i < NR(masks); i++)
		for (j = 0; j < NR(sizes); j++) {
			void *array = array_touched(heap, sizes[j],
						    FIXHEAP_POLICY_BLOCKED,
						    masks[i]);

			assert_blocked(array, sizes[j], masks[i]);
			assert_as_told(heap, array, sizes[j]);
			fixheap_array_free(heap, array);
		}
	heap_end(heap);
}

static void test_interleave(void **state)
{
	static const uint64_t masks[] = { MEMORY_NODES, 3, BIT(1) | BIT(3) };
	static const unsigned char weights[] = { 2, 1, 3 };
	struct fixheap *heap = heap_make(HEAP, NULL);
	const size_t bytes = 21 * MIB + 5 * PAGE;
	size_t i, weighted;

	(void)state;
	for (i = 0; i < NR(masks); i++)
		for (weighted = 0; weighted < 2; weighted++) {
			struct fixheap_array_attr attr =
				FIXHEAP_ARRAY_ATTR_INIT;
			void *array;

			attr.policy = FIXHEAP_POLICY_INTERLEAVE;
			attr.nodes = masks[i];
			attr.weights = weighted ? weights : NULL;
			array = fixheap_array_alloc(heap, bytes, &attr);
			assert_non_null(array);
			touch(array, bytes);
			assert_interleaved(array, bytes, masks[i],
					   attr.weights);
			assert_as_told(heap, array, bytes);
			fixheap_array_free(heap, array);
		}
	heap_end(heap);
}

/* In a zone of stripes an interleaved array costs no call into the kernel. */
static void test_striped_zone(void **state)
{
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	struct fixheap *heap;
	const size_t bytes = 20 * MIB;
	size_t before;
	void *array;

	(void)state;
	numa.stripe_percent = 50;
	heap = heap_make(HEAP, &numa);
	assert_int_equal(zone_bytes(heap, FIXHEAP_NODE_STRIPED), HEAP / 2);
	before = nr_mappings();
	array = array_of(heap, bytes, FIXHEAP_POLICY_INTERLEAVE, 0);
	assert_int_equal(nr_mappings(), before);
	assert_non_null(array);
	touch(array, bytes);
	assert_interleaved(array, bytes, MEMORY_NODES, NULL);
	assert_as_told(heap, array, bytes);
	heap_end(heap);
}

/* An array of nearly the whole heap is contiguous over the zones. */
static void test_spanning(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	const size_t bytes = HEAP / 10 * 9 / PAGE * PAGE;
	void *array, *small = fixheap_malloc(heap, 100);

	(void)state;
	assert_non_null(small);
	array = array_touched(heap, bytes, FIXHEAP_POLICY_DEFAULT, 0);
	assert_as_told(heap, array, bytes);
	heap_end(heap);
}

/* An array that is moved, as it cannot grow, stays under its policy. */
static void test_moved(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		uint64_t nodes;
	} table[] = { { FIXHEAP_POLICY_BIND, BIT(NODE_SLOW) },
		      { FIXHEAP_POLICY_BLOCKED, MEMORY_NODES },
		      { FIXHEAP_POLICY_INTERLEAVE, BIT(0) | BIT(1) } };
	struct fixheap *heap = heap_make(HEAP, NULL);
	const size_t bytes = 7 * MIB;
	char *array, *moved;
	size_t i;

	(void)state;
	for (i = 0; i < NR(table); i++) {
		array = array_touched(heap, bytes, table[i].policy,
				      table[i].nodes);
		array[bytes - 1] = 5;
		/* In its way. */
		assert_non_null(
			array_of(heap, PAGE, FIXHEAP_POLICY_DEFAULT, 0));
		moved = fixheap_array_realloc(heap, array, 2 * bytes);
		assert_non_null(moved);
		assert_int_equal(moved[bytes - 1], 5);
		touch(moved, 2 * bytes);
		assert_as_told(heap, moved, 2 * bytes);
		if (table[i].policy == FIXHEAP_POLICY_BIND)
			assert_on_node(moved, 2 * bytes, NODE_SLOW);
		else if (table[i].policy == FIXHEAP_POLICY_BLOCKED)
			assert_blocked(moved, 2 * bytes, table[i].nodes);
		else
			assert_interleaved(moved, 2 * bytes, table[i].nodes,
					   NULL);
		fixheap_array_free(heap, moved);
	}
	heap_end(heap);
}

/* Page runs obey too, and are freed in pieces. */
static void test_pages(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	const size_t nr = 1000;
	size_t i, j;

	(void)state;
	for (i = 0; i < NR(memory_node); i++) {
		struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		char *pages;

		attr.policy = FIXHEAP_POLICY_BIND;
		attr.nodes = BIT(memory_node[i]);
		pages = fixheap_pages_alloc(heap, nr, 0, &attr);
		assert_non_null(pages);
		touch(pages, nr * PAGE);
		assert_on_node(pages, nr * PAGE, memory_node[i]);
		for (j = 0; j < nr; j += 250)
			fixheap_pages_free(heap, pages + j * PAGE, 250);
	}
	heap_end(heap);
}

/* --- pages that change their node ---------------------------------------- */

/* The one who touches decides; and a later strict array gets what it wants. */
static void test_fresh(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	const size_t bytes = 8 * MIB;
	size_t whole;
	char *array;
	int round;

	(void)state;
	attr.flags = FIXHEAP_FRESH;
	for (round = 0; round < 2; round++) {
		array = fixheap_array_alloc(heap, bytes, &attr);
		assert_non_null(array);
		assert_true(node_of(array) < 0);
		run_on_cpu(round);
		touch(array, bytes / 2);
		run_on_cpu(!round);
		touch(array + bytes / 2, bytes / 2);
		run_on_cpu(-1);
		assert_on_node(array, bytes / 2, round);
		assert_on_node(array + bytes / 2, bytes / 2, !round);
		fixheap_array_free(heap, array);
	}
	/* All of node 0's zone, and so what was fresh before. */
	whole = zone_of(heap, 0).free_bytes;
	array = array_touched(heap, whole, FIXHEAP_POLICY_BIND, BIT(0));
	assert_on_node(array, whole, 0);
	heap_end(heap);
}

/* A strict array that is larger than its node's zone takes free memory of the
 * others there, and that is home again when it is freed. */
static void test_rehomed(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	size_t bytes = zone_bytes(heap, NODE_SLOW) + 10 * MIB;
	void *array;
	size_t i;

	(void)state;
	array = array_touched(heap, bytes, FIXHEAP_POLICY_BIND, BIT(NODE_SLOW));
	assert_on_node(array, bytes, NODE_SLOW);
	fixheap_array_free(heap, array);
	assert_int_equal(fixheap_validate(heap), 0);

	/* All that is on these nodes at home is there again. */
	for (i = 0; i < NR(memory_node); i++) {
		bytes = zone_of(heap, memory_node[i]).free_bytes;
		array = array_touched(heap, bytes, FIXHEAP_POLICY_BIND,
				      BIT(memory_node[i]));
		assert_on_node(array, bytes, memory_node[i]);
	}
	heap_end(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_preferred),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_interleave),
		cmocka_unit_test(test_striped_zone),
		cmocka_unit_test(test_spanning),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_rehomed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
