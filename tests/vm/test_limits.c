/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_limits.c: nodes without memory, without CPUs, full, or forbidden.  The
 * library answers with an error, a smaller heap or another node; the process
 * is never killed for touching what it got.
 */
#include "heap.h"

#include <sys/mman.h>
#include <unistd.h>

#define BIT(node) (1ull << (node))

/* What creating a heap on these nodes gives. */
static int try_nodes(uint64_t nodes, unsigned flags, struct fixheap **heap)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;

	numa.nodes = mask_of(nodes);
	config.length = 32 * MIB;
	config.flags = flags;
	config.numa = &numa;
	return fixheap_create(&config, heap);
}

/* --- nodes that lack something ------------------------------------------- */

static void test_memoryless(void **state)
{
	static const uint64_t none[] = { BIT(NODE_BARE), BIT(7),
					 BIT(0) | BIT(NODE_BARE),
					 BIT(0) | BIT(63) };
	struct fixheap *heap = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < NR(none); i++)
		assert_int_equal(try_nodes(none[i], 0, &heap), -ENODEV);
	/* Left out, where the heap may be smaller. */
	assert_int_equal(
		try_nodes(BIT(0) | BIT(NODE_BARE), FIXHEAP_SHRINK, &heap), 0);
	assert_true(zone_bytes(heap, 0) > 0);
	assert_int_equal(zone_bytes(heap, NODE_BARE), 0);
	heap_end(heap);
}

/* The nodes in the order in which the arrays of CPU 1 use them; those that lie
 * on two do not count. */
static void assert_order(struct fixheap *heap, const int *order)
{
	const size_t bytes = 2 * MIB;
	size_t nr[NR_NODES] = { 0 }, rank = 0;
	char *array;

	run_on_cpu(1);
	while ((array = array_of(heap, bytes, FIXHEAP_POLICY_LOCAL, 0))) {
		int node = fixheap_node_of(heap, array);

		touch(array, bytes);
		assert_as_told(heap, array, bytes);
		if (fixheap_node_of(heap, array + bytes - PAGE) != node)
			continue;
		while (rank < 3 && order[rank] != node)
			rank++;
		assert_true(rank < 3);
		nr[node]++;
	}
	for (rank = 0; rank < 3; rank++)
		assert_true(nr[order[rank]] > 3);
	run_on_cpu(-1);
	heap_end(heap);
}

/* The node without CPUs is used last, though the nearest; or like others. */
static void test_cpuless(void **state)
{
	static const int last[] = { 1, 0, NODE_SLOW };
	static const int nearest[] = { 1, NODE_SLOW, 0 };
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	struct fixheap *heap = NULL;
	void *array;

	(void)state;
	assert_order(heap_make(64 * MIB, &numa), last);
	numa.cpuless_as_others = 1;
	assert_order(heap_make(64 * MIB, &numa), nearest);
	/* It can be asked for alone. */
	assert_int_equal(try_nodes(BIT(NODE_SLOW), 0, &heap), 0);
	array = array_touched(heap, 20 * MIB, FIXHEAP_POLICY_DEFAULT, 0);
	assert_on_node(array, 20 * MIB, NODE_SLOW);
	heap_end(heap);
}

/* Shares of the nodes are as the caller says. */
static void test_share(void **state)
{
	static const unsigned share[] = { 1, 2, 0, 1 };
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	struct fixheap *heap;

	(void)state;
	numa.share = share;
	numa.nr_share = NR(share);
	heap = heap_make(64 * MIB, &numa);
	assert_int_equal(zone_bytes(heap, 0), 16 * MIB);
	assert_int_equal(zone_bytes(heap, 1), 32 * MIB);
	assert_int_equal(zone_bytes(heap, NODE_SLOW), 16 * MIB);
	heap_end(heap);
}

/* --- a full node --------------------------------------------------------- */

static int make_on_slow(size_t bytes, enum fixheap_binding binding,
			unsigned flags, struct fixheap **heap)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;

	numa.binding = binding;
	numa.nodes = mask_of(BIT(NODE_SLOW));
	config.length = bytes;
	config.flags = flags;
	config.numa = &numa;
	return fixheap_create(&config, heap);
}

static size_t heap_bytes(struct fixheap *heap)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	MUST(!fixheap_stats(heap, &stats));
	return stats.heap_bytes;
}

/* Touch all that the heap has. */
static void use_all(struct fixheap *heap, struct places *places)
{
	size_t bytes = fixheap_largest_free(heap, NULL);
	void *array = fixheap_array_alloc(heap, bytes, NULL);

	MUST(array);
	touch(array, bytes);
	places_of(array, bytes, places);
	MUST(!places->absent);
}

static void smaller(void *data)
{
	struct fixheap *heap = NULL;
	struct places places;

	(void)data;
	MUST(!make_on_slow(3 * SLOW_LEFT, FIXHEAP_BINDING_STRICT,
			   FIXHEAP_SHRINK, &heap));
	MUST(heap_bytes(heap) > 8 * MIB);
	MUST(heap_bytes(heap) <= SLOW_LEFT + HUGE_PAGE - SLOW_KEPT);
	use_all(heap, &places);
	MUST(places.on[0] + places.on[1] == 0);
	heap_end(heap);
}

static void spilling(void *data)
{
	const enum fixheap_binding *binding = data;
	struct fixheap *heap = NULL;
	struct places places;

	MUST(!make_on_slow(3 * SLOW_LEFT, *binding, 0, &heap));
	MUST(heap_bytes(heap) == 3 * SLOW_LEFT);
	use_all(heap, &places);
	MUST(places.on[NODE_SLOW] > 0);
	MUST(places.on[0] + places.on[1] > 0);
	heap_end(heap);
}

static void test_full(void **state)
{
	enum fixheap_binding binding;
	struct fixheap *heap = NULL;

	(void)state;
	assert_int_equal(make_on_slow(3 * SLOW_LEFT, FIXHEAP_BINDING_STRICT, 0,
				      &heap),
			 -ENOSPC);
	assert_child(smaller, NULL, 0);
	binding = FIXHEAP_BINDING_AUTO;
	assert_child(spilling, &binding, 0);
	binding = FIXHEAP_BINDING_PREFERRED;
	assert_child(spilling, &binding, 0);
}

/* A strict array is refused where its node is full, though the heap is not:
 * its zone on that node has 6 MiB, and others could be taken there. */
static void strict_arrays(void *data)
{
	struct fixheap *heap = heap_make(32 * MIB, NULL);
	size_t nr = 0;
	void *array;

	(void)data;
	while ((array = array_of(heap, 4 * MIB, FIXHEAP_POLICY_BIND,
				 BIT(NODE_SLOW)))) {
		touch(array, 4 * MIB);
		assert_on_node(array, 4 * MIB, NODE_SLOW);
		nr++;
	}
	MUST(errno == ENOMEM);
	MUST(nr >= 1);
	MUST(nr <= (SLOW_LEFT + HUGE_PAGE - SLOW_KEPT) / (4 * MIB));
	heap_end(heap);
}

/* Nor a part of an array where its node is full. */
static void strict_parts(void *data)
{
	const size_t bytes = 56 * MIB;
	struct fixheap *heap = heap_make(64 * MIB, NULL);
	const uint64_t nodes = BIT(1) | BIT(NODE_SLOW);

	(void)data;
	errno = 0;
	MUST(!array_of(heap, bytes, FIXHEAP_POLICY_BLOCKED, nodes));
	MUST(errno == ENOMEM);
	errno = 0;
	MUST(!array_of(heap, bytes, FIXHEAP_POLICY_INTERLEAVE, nodes));
	MUST(errno == ENOMEM);
	array_touched(heap, bytes, FIXHEAP_POLICY_BLOCKED, BIT(0) | BIT(1));
	heap_end(heap);
}

/* What was promised and not yet touched counts, too. */
static void strict_untouched(void *data)
{
	struct fixheap *heap = heap_make(32 * MIB, NULL);
	void *array[16];
	size_t nr = 0;

	(void)data;
	while (nr < NR(array) &&
	       (array[nr] = array_of(heap, 4 * MIB, FIXHEAP_POLICY_BIND,
				     BIT(NODE_SLOW))))
		nr++;
	MUST(nr >= 1 && nr < NR(array));
	while (nr--) {
		touch(array[nr], 4 * MIB);
		assert_on_node(array[nr], 4 * MIB, NODE_SLOW);
	}
	heap_end(heap);
}

static void test_full_later(void **state)
{
	(void)state;
	assert_child(strict_arrays, NULL, 0);
	assert_child(strict_parts, NULL, 0);
}

static void test_promised(void **state)
{
	(void)state;
	assert_child(strict_untouched, NULL, 0);
}

/* --- hugetlb pools ------------------------------------------------------- */

static int over_pool(enum fixheap_binding binding, unsigned flags,
		     struct fixheap **heap)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;

	numa.binding = binding;
	numa.nodes = mask_of(BIT(NODE_SLOW));
	config.length = (node_pool(NODE_SLOW) + 4) * HUGE_PAGE;
	config.base = map_memory(config.length, MAP_HUGETLB);
	config.flags = flags;
	config.numa = &numa;
	return fixheap_create(&config, heap);
}

static void over_pool_strict(void *data)
{
	struct fixheap *heap = NULL;

	(void)data;
	MUST(over_pool(FIXHEAP_BINDING_STRICT, 0, &heap) == -ENOSPC);
}

static void over_pool_smaller(void *data)
{
	struct fixheap *heap = NULL;
	struct places places;

	(void)data;
	MUST(!over_pool(FIXHEAP_BINDING_STRICT, FIXHEAP_SHRINK, &heap));
	MUST(heap_bytes(heap) == node_pool(NODE_SLOW) * HUGE_PAGE);
	use_all(heap, &places);
	heap_end(heap);
}

static void over_pool_auto(void *data)
{
	struct fixheap *heap = NULL;
	struct places places;

	(void)data;
	MUST(!over_pool(FIXHEAP_BINDING_AUTO, 0, &heap));
	use_all(heap, &places);
	heap_end(heap);
}

static void test_pool(void **state)
{
	(void)state;
	assert_child(over_pool_strict, NULL, 0);
	assert_child(over_pool_smaller, NULL, 0);
	assert_child(over_pool_auto, NULL, 0);
}

/* --- nodes that the process may not use ---------------------------------- */

static void forbidden(void *data)
{
	struct fixheap *heap = NULL;
	void *array;

	(void)data;
	cpuset_enter();
	MUST(try_nodes(BIT(NODE_SLOW), 0, &heap) == -EACCES);
	MUST(try_nodes(BIT(1) | BIT(NODE_SLOW), 0, &heap) == -EACCES);
	MUST(!try_nodes(BIT(1) | BIT(NODE_SLOW), FIXHEAP_SHRINK, &heap));
	MUST(zone_bytes(heap, 1) > 0);
	MUST(zone_bytes(heap, NODE_SLOW) == 0);
	heap_end(heap);

	heap = heap_make(64 * MIB, NULL);
	MUST(zone_bytes(heap, 0) + zone_bytes(heap, 1) == 64 * MIB);
	array = array_touched(heap, 16 * MIB, FIXHEAP_POLICY_BLOCKED, 0);
	assert_blocked(array, 16 * MIB, 3);
	MUST(!array_of(heap, PAGE, FIXHEAP_POLICY_BIND, BIT(NODE_SLOW)));
	heap_end(heap);
}

static void test_forbidden(void **state)
{
	(void)state;
	assert_child(forbidden, NULL, 0);
}

struct complaints {
	size_t nr, bytes;
	int wanted, node;
	enum fixheap_misplaced why;
};

static int complain(void *data, const struct fixheap_misplacement *what)
{
	struct complaints *complaints = data;

	complaints->nr++;
	complaints->bytes += what->bytes;
	complaints->wanted = what->wanted;
	complaints->node = what->node;
	complaints->why = what->why;
	return 0;
}

/* The node is lost: pages move, the library finds out when asked, and the heap
 * goes on with what it can get. */
static void taken_away(void *data)
{
	struct complaints complaints = { .nr = 0 };
	struct fixheap_verification seen = { .size = sizeof(seen),
					     .report = complain,
					     .data = &complaints };
	const size_t bytes = 6 * MIB;
	struct fixheap *heap;
	char *array, *other;

	(void)data;
	cpuset_enter();
	heap = heap_make(64 * MIB, NULL);
	array = array_touched(heap, bytes, FIXHEAP_POLICY_BIND, BIT(1));
	assert_on_node(array, bytes, 1);
	MUST(!fixheap_verify_placement(heap, NULL, 0, &seen));
	cpuset_change("0");
	assert_on_node(array, bytes, 0);
	MUST(fixheap_verify_placement(heap, array, bytes, &seen) == 1);
	MUST(complaints.bytes == bytes);
	MUST(complaints.wanted == 1 && complaints.node == 0);
	MUST(complaints.why == FIXHEAP_MISPLACED_CPUSET);
	other = fixheap_array_alloc(heap, 30 * MIB, NULL);
	MUST(other);
	touch(other, 30 * MIB);
	fixheap_array_free(heap, array);
	fixheap_array_free(heap, other);
	heap_end(heap);
}

/* What was bound away from its zone is freed when its node is lost; and what
 * would have to be bound there is refused. */
static void lost_node(void *data)
{
	struct fixheap *heap;
	char *one, *all;

	(void)data;
	cpuset_enter();
	heap = heap_make(64 * MIB, NULL);
	one = array_touched(heap, 40 * MIB, FIXHEAP_POLICY_BIND, BIT(1));
	all = array_touched(heap, 16 * MIB, FIXHEAP_POLICY_BLOCKED, 3);
	assert_blocked(all, 16 * MIB, 3);
	cpuset_change("0");
	fixheap_array_free(heap, one);
	fixheap_array_free(heap, all);
	MUST(!array_of(heap, 40 * MIB, FIXHEAP_POLICY_BIND, BIT(1)));
	MUST(errno == ENOMEM);
	one = array_touched(heap, 40 * MIB, FIXHEAP_POLICY_DEFAULT, 0);
	assert_on_node(one, 40 * MIB, 0);
	heap_end(heap);
}

static void test_taken_away(void **state)
{
	(void)state;
	assert_child(taken_away, NULL, 0);
}

static void test_lost_node(void **state)
{
	(void)state;
	assert_child(lost_node, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memoryless),
		cmocka_unit_test(test_cpuless),
		cmocka_unit_test(test_share),
		cmocka_unit_test_setup_teardown(test_full, fill_slow,
						empty_slow),
		cmocka_unit_test_setup_teardown(test_full_later, fill_slow,
						empty_slow),
		cmocka_unit_test_setup_teardown(test_promised, fill_slow,
						empty_slow),
		cmocka_unit_test(test_pool),
		cmocka_unit_test_setup_teardown(
			test_forbidden, cpuset_without_slow, cpuset_gone),
		cmocka_unit_test_setup_teardown(
			test_taken_away, cpuset_without_slow, cpuset_gone),
		cmocka_unit_test_setup_teardown(
			test_lost_node, cpuset_without_slow, cpuset_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
