/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sparse.c: nodes whose numbers have holes and go up to 1,023, as large
 * machines and graphics cards with memory of their own have them.  Everything
 * that takes or gives a node does so by number.
 */
#include "nodes.h"

/* Node 65 has no memory, 252 no CPUs. */
#define MACHINE "0/1/2/-@8,65,130,252:1G,0,1G,1G"
#define NR_BLOCKS 48

static const u32 numbers[] = { 8, 130, 252 };

static struct fixheap_nodemask mask_of(const u32 *number, u32 nr)
{
	struct fixheap_nodemask mask = { { 0 } };

	for (u32 i = 0; i < nr; i++)
		mask.bits[number[i] / 64] |= 1ull << number[i] % 64;
	return mask;
}

static void *make_array(struct fixheap *heap, u64 nr_pages,
			enum fixheap_policy policy,
			const struct fixheap_nodemask *mask)
{
	struct fixheap_array_attr attr =
		ATTR(.policy = policy, .nodemask = mask);
	char *array = fixheap_array_alloc(heap, BYTES(nr_pages), &attr);

	assert_non_null(array);
	nodes_touch(array, BYTES(nr_pages));
	return array;
}

static void test_zones(void **state)
{
	const unsigned share[253] = { [8] = 1, [252] = 3 };
	const u32 unknown[] = { 8, 1023 }, memoryless[] = { 65 };
	struct node_spec spec = { .machine = MACHINE,
				  .nr_pages = BLOCKS(NR_BLOCKS) };
	struct test_heap t;

	(void)state;
	nodes_make(&t, &spec);
	assert_string_equal(nodes_zones(t.heap), "8:0-15 130:15-30 252:30-45 "
						 "8:45-46 130:46-47 252:47-48");
	nodes_touch(t.base, BYTES(spec.nr_pages));
	nodes_on(t.base, BYTES(BLOCKS(15)), 8);
	nodes_on(t.base + BYTES(BLOCKS(30)), BYTES(BLOCKS(15)), 252);
	nodes_as_told(t.heap, t.base, BYTES(spec.nr_pages));
	nodes_verified(t.heap);
	fixheap_destroy(t.heap);
	/* its pages are there now: what is seen is where they are */
	spec.flags = FIXHEAP_PINNED;
	assert_int_equal(nodes_create(&t, &spec), 0);
	assert_string_equal(nodes_zones(t.heap), "8:0-15 130:15-30 252:30-45 "
						 "8:45-46 130:46-47 252:47-48");
	fixheap_destroy(t.heap);
	nodes_unmap(&t);

	spec.flags = 0;
	spec.numa = NUMA(.share = share, .nr_share = 253);
	nodes_make(&t, &spec);
	assert_string_equal(nodes_zones(t.heap),
			    "8:0-11 252:11-46 8:46-47 252:47-48");
	heap_drop(&t);
	spec.numa = NUMA(.nodes = mask_of(numbers + 1, 1));
	nodes_make(&t, &spec);
	assert_string_equal(nodes_zones(t.heap), "130:0-48");
	heap_drop(&t);
	spec.numa = NUMA(.stripe_percent = 100,
			 .stripe_nodes = mask_of(numbers + 1, 2));
	nodes_make(&t, &spec);
	assert_string_equal(nodes_zones(t.heap), "S:0-48");
	assert_int_equal(fixheap_node_of(t.heap, t.base), 130);
	assert_int_equal(fixheap_node_of(t.heap, t.base + BYTES(BLOCK_PAGES)),
			 252);
	nodes_touch(t.base, BYTES(spec.nr_pages));
	nodes_verified(t.heap);
	heap_drop(&t);

	nodes_map(&t, &spec);
	spec.numa = NUMA(.nodes = mask_of(unknown, 2));
	nodes_refused(&t, &spec, -ENODEV);
	spec.numa = NUMA(.nodes = mask_of(memoryless, 1));
	nodes_refused(&t, &spec, -ENODEV);
	spec.numa =
		NUMA(.stripe_percent = 50, .stripe_nodes = mask_of(unknown, 2));
	nodes_refused(&t, &spec, -ENODEV);
	/* with a hint that less will do, those that there are */
	spec.flags = FIXHEAP_SHRINK;
	spec.numa = NUMA(.nodes = mask_of(unknown, 2));
	assert_int_equal(nodes_create(&t, &spec), 0);
	assert_string_equal(nodes_zones(t.heap), "8:0-48");
	heap_drop(&t);
}

/* Arrays of every policy, at home and bound anew. */
static void test_arrays(void **state)
{
	const struct fixheap_nodemask all = mask_of(numbers, 3);
	const struct fixheap_nodemask high = mask_of(numbers + 2, 1);
	const struct fixheap_nodemask none = mask_of((u32[]){ 9, 1000 }, 2);
	struct fixheap_array_attr attr =
		ATTR(.policy = FIXHEAP_POLICY_BIND, .nodemask = &none);
	struct test_heap t;
	char *array;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .machine = MACHINE,
					    .nr_pages = BLOCKS(NR_BLOCKS) });
	array = make_array(t.heap, 700, FIXHEAP_POLICY_BIND, &high);
	nodes_on(array, BYTES(700), 252);
	fixheap_array_free(t.heap, array);
	array = make_array(t.heap, 700, FIXHEAP_POLICY_PREFERRED, &high);
	nodes_on(array, BYTES(700), 252);
	fixheap_array_free(t.heap, array);
	array = make_array(t.heap, 3 * 600, FIXHEAP_POLICY_BLOCKED, &all);
	for (u32 i = 0; i < 3; i++)
		nodes_on(array + BYTES(600 * i), BYTES(600), numbers[i]);
	fixheap_array_free(t.heap, array);
	array = make_array(t.heap, BLOCKS(6), FIXHEAP_POLICY_INTERLEAVE, &all);
	for (u32 i = 0; i < 6; i++) {
		nodes_on(array + BYTES(BLOCKS(i)), BYTES(BLOCK_PAGES),
			 numbers[i % 3]);
		assert_int_equal(fixheap_node_of(t.heap,
						 array + BYTES(BLOCKS(i))),
				 numbers[i % 3]);
	}
	nodes_verified(t.heap);
	fixheap_array_free(t.heap, array);
	/* more than its zones have */
	array = make_array(t.heap, BLOCKS(30), FIXHEAP_POLICY_BIND, &high);
	nodes_on(array, BYTES(BLOCKS(30)), 252);
	nodes_check_away(&t, array, BLOCKS(30));
	fixheap_array_free(t.heap, array);
	assert_null(fixheap_array_alloc(t.heap, 1, &attr));
	assert_int_equal(errno, EINVAL);
	/* and by the threads of these nodes */
	attr = ATTR(.policy = FIXHEAP_POLICY_BLOCKED);
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(6)), &attr);
	assert_int_equal(fixheap_array_touch(t.heap, array, 3, 0), 0);
	for (u32 i = 0; i < 3; i++)
		nodes_on(array + BYTES(BLOCKS(2 * i)), BYTES(BLOCKS(2)),
			 numbers[i]);
	fixheap_array_free(t.heap, array);
	heap_is_empty(&t);
	heap_end(&t);
}

static void test_objects(void **state)
{
	struct test_heap t;

	(void)state;
	need(IS_ENABLED(CONFIG_JEMALLOC), "JEMALLOC is off");
	nodes_make(&t, &(struct node_spec){ .machine = MACHINE,
					    .nr_pages = BLOCKS(NR_BLOCKS) });
	for (u32 i = 0; i < 3; i++) {
		char *named, *near;

		named = fixheap_malloc_node(t.heap, 100, (int)numbers[i]);
		assert_int_equal(fixheap_bind_thread(t.heap, (int)numbers[i]),
				 0);
		near = fixheap_malloc(t.heap, 100);
		assert_int_equal(fixheap_node_of(t.heap, named), numbers[i]);
		assert_int_equal(fixheap_node_of(t.heap, near), numbers[i]);
		fixheap_free(t.heap, named);
		fixheap_free(t.heap, near);
	}
	assert_int_equal(fixheap_bind_thread(t.heap, 0), -EINVAL);
	assert_int_equal(fixheap_bind_thread(t.heap, 65), -EINVAL);
	assert_int_equal(fixheap_bind_thread(t.heap, 1023), -EINVAL);
	assert_null(fixheap_malloc_node(t.heap, 100, 2));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(fixheap_bind_thread(t.heap, -1), 0);
	/* the CPUs of a node without memory */
	host_sim_set_cpu(1);
	assert_non_null(fixheap_malloc(t.heap, 100));
	heap_drop(&t);
}

static int keep(void *data, const struct fixheap_misplacement *what)
{
	*(struct fixheap_misplacement *)data = *what;
	return 0;
}

/* A page that has moved, a node that the cpuset takes away. */
static void test_moved(void **state)
{
	struct fixheap_misplacement seen;
	struct fixheap_verification v = { .size = sizeof(v),
					  .report = keep,
					  .data = &seen };
	struct nodemask allowed = nodemask_of(8);
	struct test_heap t;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .machine = MACHINE,
					    .nr_pages = BLOCKS(NR_BLOCKS) });
	nodes_touch(t.base, BYTES(BLOCKS(NR_BLOCKS)));
	host_sim_move(t.base + BYTES(3), PAGE_BYTES, 252);
	assert_int_equal(fixheap_verify_placement(t.heap, NULL, 0, &v), 1);
	assert_int_equal(seen.wanted, 8);
	assert_int_equal(seen.node, 252);
	assert_int_equal(seen.why, FIXHEAP_MISPLACED_MOVED);
	nodemask_set(&allowed, 252);
	host_sim_set_allowed(&allowed);
	assert_int_equal(fixheap_verify_placement(
				 t.heap, t.base + BYTES(BLOCKS(20)), 1, &v),
			 1);
	assert_int_equal(seen.wanted, 130);
	assert_int_equal(seen.why, FIXHEAP_MISPLACED_CPUSET);
	heap_drop(&t);
}

/* The same from a caller that describes the machine. */
static void test_given(void **state)
{
	static const unsigned cpus[] = { 0, 1 }, given[] = { 3, 700 };
	const struct fixheap_topology topology = { .size = sizeof(topology),
						   .nr_nodes = 2,
						   .nr_cpus = 2,
						   .cpu_node = cpus,
						   .node_number = given };
	struct test_heap t;

	(void)state;
	nodes_make(&t,
		   &(struct node_spec){
			   .machine = "2x1@3,700",
			   .nr_pages = BLOCKS(16),
			   .topology = &topology,
			   .numa = NUMA(.binding = FIXHEAP_BINDING_STRICT) });
	assert_string_equal(nodes_zones(t.heap), "3:0-8 700:8-16");
	nodes_touch(t.base, BYTES(BLOCKS(16)));
	nodes_on(t.base + BYTES(BLOCKS(8)), BYTES(BLOCKS(8)), 700);
	nodes_verified(t.heap);
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_zones),	cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_objects), cmocka_unit_test(test_moved),
		cmocka_unit_test(test_given),
	};

	return cmocka_run_group_tests_name("sparse", tests, NULL, NULL);
}
