/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_policy_zones.c: mm/policy.c, where each policy puts the pages of an
 * array that the zones fit.
 */
#include "nodes.h"

#include "policy.h"

#define SIZE .size = sizeof(struct fixheap_numa)
#define DEFAULT FIXHEAP_POLICY_DEFAULT
#define LOCAL FIXHEAP_POLICY_LOCAL
#define BIND FIXHEAP_POLICY_BIND
#define PREFERRED FIXHEAP_POLICY_PREFERRED
#define INTERLEAVE FIXHEAP_POLICY_INTERLEAVE
#define BLOCKED FIXHEAP_POLICY_BLOCKED

/* On machines of up to 64 nodes: no call into the kernel, and each part on its
 * node.  Over two nodes any size fits, over more what fills those between. */
static void test_blocked_fits(void **state)
{
	static const struct {
		const char *machine;
		u32 nr_nodes;
		u64 nodes; /* 0: all */
		u64 nr_pages;
	} table[] = {
		{ "1x1", 1, 0, 1001 },
		{ "2x1", 2, 0, 1001 },
		{ "2x1", 2, 0, BLOCKS(120) }, /* of 128, 8 of them small */
		{ "4x1", 4, 0, BLOCKS(120) },
		{ "4x1", 4, 6, BLOCKS(60) },
		{ "4x1", 4, 0xe, BLOCKS(90) },
		{ "8x1", 8, 0, BLOCKS(120) },
		{ "64x1", 64, 0, BLOCKS(128) },
		{ "64x1", 64, 0xff0, BLOCKS(16) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 nr = table[i].nr_pages, start = 0, end;
		u64 nodes = table[i].nodes;
		u32 k = 0, node = 0;
		struct test_heap t;
		u64 calls;
		char *array;

		nodes_make(&t, &(struct node_spec){ .machine = table[i].machine,
						    .nr_pages = BLOCKS(128) });
		nodes = nodes ?: ~0ull >> (64 - table[i].nr_nodes);
		calls = host_sim_mapping_calls();
		array = nodes_array(t.heap, BYTES(nr), BLOCKED, table[i].nodes);
		assert_non_null(array);
		assert_int_equal(host_sim_mapping_calls(), calls);
		nodes_touch(array, BYTES(nr));
		for (k = 1; nodes; nodes &= nodes - 1, k++, start = end) {
			u32 all = (u32)__builtin_popcountll(
				table[i].nodes
					?: ~0ull >> (64 - table[i].nr_nodes));

			node = (u32)__builtin_ctzll(nodes);
			end = nr * k / all;
			nodes_on(array + BYTES(start), BYTES(end - start),
				 node);
		}
		assert_int_equal(start, nr);
		nodes_as_told(t.heap, array, BYTES(nr));
		fixheap_array_free(t.heap, array);
		heap_end(&t);
	}
}

/* Stripes of the striped zone: in turn, no call. */
static void test_interleave_fits(void **state)
{
	static const struct {
		const char *machine;
		u64 over; /* 0: all */
		unsigned percent;
		u64 nodes; /* of the array; 0: all */
		u64 nr_pages;
	} table[] = {
		{ "2x1", 0, 50, 0, BLOCKS(64) },
		{ "2x1", 0, 50, 3, 1 },
		{ "2x1", 0, 100, 0, BLOCKS(128) },
		{ "4x1", 0, 100, 15, BLOCKS(100) + 7 },
		{ "4x1", 0xa, 50, 0xa, BLOCKS(30) },
		{ "8x1", 0, 25, 0, BLOCKS(32) },
		{ "64x1", 0, 50, ~0ull, BLOCKS(64) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = {
			.machine = table[i].machine,
			.nr_pages = BLOCKS(128),
			.numa = { SIZE, .stripe_percent = table[i].percent,
				  .stripe_nodes = { { table[i].over } } }
		};
		u64 nr = table[i].nr_pages, calls;
		struct test_heap t;
		u32 turn = 0;
		char *array;

		nodes_make(&t, &spec);
		calls = host_sim_mapping_calls();
		array = nodes_array(t.heap, BYTES(nr), INTERLEAVE,
				    table[i].nodes);
		assert_non_null(array);
		assert_int_equal(host_sim_mapping_calls(), calls);
		nodes_touch(array, BYTES(nr));
		for (u64 p = 0; p < nr; p += BLOCK_PAGES, turn++) {
			u64 part = min_u64(nr - p, BLOCK_PAGES);

			/* the zone begins with the first of its nodes */
			while (!p &&
			       t.heap->stripe[turn] !=
				       (u32)fixheap_node_of(t.heap, array))
				turn++;
			nodes_on(array + BYTES(p), BYTES(part),
				 t.heap->stripe[turn % t.heap->nr_stripe]);
		}
		fixheap_array_free(t.heap, array);
		heap_end(&t);
	}
}

/* LOCAL, BIND and PREFERRED from each CPU, an eighth of a node at a time. */
static void test_near(void **state)
{
	static const char *const machines[] = { "1x1", "2x1", "4x1", "8x1" };

	(void)state;
	for (size_t i = 0; i < 4 * ARRAY_LEN(machines); i++) {
		u32 nr_nodes = 1u << i / 4;
		size_t bytes = BYTES(BLOCKS(2));
		struct test_heap t;
		u64 calls;

		nodes_make(&t, &(struct node_spec){
				       .machine = machines[i / 4],
				       .nr_pages = BLOCKS(16 * nr_nodes) });
		calls = host_sim_mapping_calls();
		for (u32 cpu = 0; cpu < nr_nodes; cpu++) {
			u32 other = (cpu + 1) % nr_nodes, node = other;
			enum fixheap_policy policy = DEFAULT + (u32)i % 4;
			void *array;

			host_sim_set_cpu(cpu);
			if (policy == DEFAULT || policy == LOCAL)
				node = cpu;
			array = nodes_array(t.heap, bytes, policy,
					    1ull << other);
			assert_non_null(array);
			nodes_touch(array, bytes);
			nodes_on(array, bytes, node);
			assert_int_equal(fixheap_node_of(t.heap, array), node);
		}
		assert_int_equal(host_sim_mapping_calls(), calls);
		nodes_verified(t.heap);
		heap_end(&t);
	}
}

/* How far arrays grow in place: zones are 4 blocks each, 0 to 3, of 16. */
static void test_grow(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes;
		u64 limit; /* blocks */
	} table[] = {
		{ DEFAULT, 0, 16 },
		{ LOCAL, 0, 16 },
		{ BIND, 1, 4 },
		{ BIND, 3, 8 },
		{ BIND, 5, 4 },
		{ BIND, 15, 16 },
		{ PREFERRED, 1, 16 },
		{ BLOCKED, 1, 4 },
		{ INTERLEAVE, 1, 4 },
		/* what lies on several nodes would have to be divided anew */
		{ BLOCKED, 15, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 limit = BLOCKS(table[i].limit);
		struct test_heap t;
		char *array;

		nodes_make(&t, &(struct node_spec){ .nr_pages = BLOCKS(16) });
		array = nodes_array(t.heap, BYTES(400), table[i].policy,
				    table[i].nodes);
		assert_non_null(array);
		if (limit) {
			assert_ptr_equal(array, t.base);
			assert_int_equal(fixheap_array_resize(t.heap, array,
							      BYTES(limit)),
					 0);
		}
		assert_int_equal(
			fixheap_array_resize(t.heap, array,
					     BYTES(limit ? limit + 1 : 401)),
			-ENOMEM);
		nodes_touch(array, BYTES(limit ? limit : 400));
		nodes_as_told(t.heap, array, BYTES(limit ? limit : 400));
		/* and never fails to shrink */
		assert_int_equal(fixheap_array_resize(t.heap, array, 1), 0);
		assert_int_equal(t.heap->used, 1);
		fixheap_array_free(t.heap, array);
		heap_end(&t);
	}
}

/* The heap's policy is that of arrays that say nothing; not of page runs and
 * objects, which are too small to be divided. */
static void test_heap_policy(void **state)
{
	static const enum fixheap_policy table[] = { LOCAL, INTERLEAVE,
						     BLOCKED };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = { .machine = "2x1",
						.nr_pages = BLOCKS(32),
						.policy = table[i] };
		size_t half = BYTES(BLOCKS(1));
		struct test_heap t;
		char *array;

		nodes_make(&t, &spec);
		for (u32 how = 0; how < 2; how++) {
			array = how ? fixheap_array_realloc(t.heap, NULL,
							    2 * half)
				    : fixheap_array_alloc(t.heap, 2 * half,
							  NULL);
			assert_non_null(array);
			nodes_touch(array, 2 * half);
			nodes_on(array, half, 0);
			nodes_on(array + half, half, table[i] != LOCAL);
			fixheap_array_free(t.heap, array);
		}
		array = fixheap_pages_alloc(t.heap, 3, 0, NULL);
		assert_non_null(array);
		fixheap_pages_free(t.heap, array, 3);
		array = fixheap_malloc(t.heap, 100);
		assert_non_null(array);
		fixheap_free(t.heap, array);
		array = fixheap_malloc(t.heap, 100000);
		assert_non_null(array);
		fixheap_free(t.heap, array);
		heap_end(&t);
	}
}

/* A heap without a striped zone although one was wished for, and one with
 * nothing else. */
static void test_odd_stripes(void **state)
{
	static const unsigned percents[] = { 1, 100 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(percents); i++) {
		const struct node_spec spec = {
			.machine = "2x1",
			.nr_pages = BLOCKS(4),
			.numa = { SIZE, .stripe_percent = percents[i] }
		};
		struct test_heap t;
		char *array;

		nodes_make(&t, &spec);
		array = nodes_array(t.heap, BYTES(BLOCKS(4)), INTERLEAVE, 0);
		assert_non_null(array);
		nodes_touch(array, BYTES(BLOCKS(4)));
		for (u32 b = 0; b < 4; b++)
			nodes_on(array + BYTES(BLOCKS(b)), BYTES(BLOCKS(1)),
				 b % 2);
		fixheap_array_free(t.heap, array);
		/* objects find their way whatever zones there are */
		array = fixheap_malloc(t.heap, 100);
		assert_non_null(array);
		fixheap_free(t.heap, array);
		assert_int_equal(fixheap_bind_thread(t.heap, 1),
				 percents[i] == 100 ? -EINVAL : 0);
		fixheap_bind_thread(t.heap, -1);
		heap_end(&t);
	}
}

/* A striped zone is on its nodes and no others: what is bound to them may be
 * there, and one over one node is that node's. */
static void test_bind_stripes(void **state)
{
	struct node_spec spec = { .machine = "4x1", .nr_pages = BLOCKS(16) };
	struct test_heap t;
	char *array;

	(void)state;
	spec.numa = NUMA(.stripe_percent = 100, .stripe_nodes = { { 6 } });
	nodes_make(&t, &spec);
	array = nodes_array(t.heap, BYTES(BLOCKS(9)), FIXHEAP_POLICY_BIND, 6);
	assert_non_null(array);
	assert_int_equal(t.heap->nr_rehomed, 0);
	nodes_touch(array, BYTES(BLOCKS(9)));
	nodes_as_told(t.heap, array, BYTES(BLOCKS(9)));
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(BLOCKS(16))),
			 0);
	fixheap_array_free(t.heap, array);
	assert_non_null(fixheap_pages_alloc(t.heap, 1, 0,
					    &ATTR(.policy = FIXHEAP_POLICY_BIND,
						  .nodes = 7)));
	assert_null(fixheap_pages_alloc(t.heap, 1, 0,
					&ATTR(.policy = FIXHEAP_POLICY_BIND,
					      .nodes = 2)));
	heap_drop(&t);

	spec.machine = "1x1";
	spec.numa = NUMA(.stripe_percent = 100);
	nodes_make(&t, &spec);
	assert_string_equal(nodes_zones(t.heap), "0:0-16");
	assert_non_null(nodes_array(t.heap, 1, FIXHEAP_POLICY_INTERLEAVE, 0));
	assert_non_null(fixheap_pages_alloc(
		t.heap, 1, 0, &ATTR(.policy = FIXHEAP_POLICY_INTERLEAVE)));
	assert_int_equal(fixheap_bind_thread(t.heap, 0), 0);
	heap_drop(&t);
}

/* All is mixed, so no policy can name a node: EINVAL, also of a default. */
static void test_mixed(void **state)
{
	struct node_spec spec = { .machine = "2x1",
				  .nr_pages = BLOCKS(8),
				  .policy = FIXHEAP_POLICY_INTERLEAVE };
	struct test_heap t;

	(void)state;
	nodes_map(&t, &spec);
	nodes_touch(t.base, BYTES(spec.nr_pages));
	for (u64 p = 0; p < spec.nr_pages; p += 2)
		host_sim_move(t.base + BYTES(p), PAGE_BYTES, 1);
	assert_int_equal(nodes_create(&t, &spec), 0);
	assert_string_equal(nodes_zones(t.heap), "M:0-8");
	assert_null(fixheap_array_alloc(t.heap, 1, NULL));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(fixheap_array_realloc(t.heap, NULL, 1));
	assert_int_equal(errno, EINVAL);
	assert_non_null(nodes_array(t.heap, 1, FIXHEAP_POLICY_LOCAL, 0));
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blocked_fits),
		cmocka_unit_test(test_interleave_fits),
		cmocka_unit_test(test_near),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_heap_policy),
		cmocka_unit_test(test_odd_stripes),
		cmocka_unit_test(test_bind_stripes),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests_name("policy_zones", tests, NULL, NULL);
}
