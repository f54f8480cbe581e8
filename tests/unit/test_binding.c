/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_binding.c: mm/binding.c, what the kernel is told, and what is left when
 * it refuses.
 */
#include "nodes.h"

#include "binding.h"

#define SIZE .size = sizeof(struct fixheap_numa)

/* The pages are bound like this, to this node; LOCAL: not at all. */
static void check_policy(const void *start, enum host_policy wanted, int node)
{
	enum host_policy policy;
	struct nodemask nodes;

	assert_int_equal(host_policy_of(start, &policy, &nodes), 0);
	assert_int_equal(policy, wanted);
	if (wanted == HOST_POLICY_LOCAL)
		return;
	assert_int_equal(nodemask_weight(&nodes), 1);
	assert_int_equal(nodemask_first(&nodes), node);
}

/* Machines, wishes, and calls into the kernel for them; a heap that is mapped
 * and one that is given. */
static const struct {
	const char *machine;
	u64 nr_blocks;
	struct fixheap_numa numa;
	u64 calls;
} binds[] = {
	{ "1x1", 16, { SIZE }, 0 },
	{ "2x1", 16, { SIZE }, 2 },
	{ "4x1", 16, { SIZE }, 4 },
	{ "8x1", 160, { SIZE }, 16 },
	{ "64x1", 1280, { SIZE }, 128 },
	{ "2x1", 16, { SIZE, .binding = FIXHEAP_BINDING_PREFERRED }, 2 },
	{ "2x1", 16, { SIZE, .stripe_percent = 100 }, 16 },
	{ "2x1", 16, { SIZE, .stripe_percent = 50 }, 2 + 8 },
	{ "1x1", 16, { SIZE, .binding = FIXHEAP_BINDING_STRICT }, 1 },
	{ "2x1", 16, { SIZE, .binding = FIXHEAP_BINDING_NONE }, 0 },
};

static void test_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(binds); i++) {
		const struct node_spec spec = { .machine = binds[i].machine,
						.nr_pages = BLOCKS(
							binds[i].nr_blocks),
						.numa = binds[i].numa };
		enum host_policy policy = HOST_POLICY_BIND;
		struct test_heap t;

		if (spec.numa.binding == FIXHEAP_BINDING_PREFERRED)
			policy = HOST_POLICY_PREFERRED;
		if (!binds[i].calls)
			policy = HOST_POLICY_LOCAL;
		nodes_map(&t, &spec);
		assert_int_equal(nodes_create(&t, &spec), 0);
		assert_int_equal(host_sim_mapping_calls(), binds[i].calls);
		for (u64 b = 0; b < binds[i].nr_blocks; b++) {
			const char *block = t.base + BYTES(BLOCKS(b));
			int node = fixheap_node_of(t.heap, block);

			check_policy(block, policy, node);
			check_policy(block + BYTES(BLOCK_PAGES) - 1, policy,
				     node);
		}
		check_policy(t.base - 1, HOST_POLICY_LOCAL, -1);
		check_policy(t.base + BYTES(spec.nr_pages), HOST_POLICY_LOCAL,
			     -1);
		assert_int_equal(t.zone->bound, binds[i].calls != 0);
		/* nothing was touched */
		assert_int_equal(host_sim_resident(t.memory, t.bytes), 0);
		heap_drop(&t);
	}
}

/* Memory that fixheap_create maps: bound, and all of it gone at the end. */
static void test_mapped(void **state)
{
	static const char *const machines[] = { "1x1", "2x1", "8x1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;
		struct fixheap *heap;
		const size_t bytes = BYTES(BLOCKS(20) - 256);
		char *array;

		host_sim_reset();
		assert_int_equal(host_sim_describe(machines[i]), 0);
		config.length = BYTES(BLOCKS(20));
		assert_int_equal(fixheap_create(&config, &heap), 0);
		array = fixheap_array_alloc(heap, bytes, NULL);
		nodes_touch(array, bytes);
		nodes_as_told(heap, array, bytes);
		nodes_verified(heap);
		fixheap_destroy(heap);
		assert_int_equal(host_sim_policies(), 0);
	}
}

/* The same memory is not left over when one of its zones is refused. */
static void test_mapped_refused(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap;
	u64 held;

	(void)state;
	heap_warm_objects();
	host_sim_reset();
	assert_int_equal(host_sim_describe("2x1"), 0);
	config.length = BYTES(BLOCKS(20));
	held = host_sim_held();
	for (long n = 1; n <= 4; n++) {
		host_sim_fail(HOST_SIM_BIND, n);
		assert_int_equal(fixheap_create(&config, &heap), -ENOMEM);
		assert_int_equal(host_sim_policies(), 0);
		assert_int_equal(host_sim_held(), held);
	}
	host_sim_fail(HOST_SIM_BIND, 5);
	assert_int_equal(fixheap_create(&config, &heap), 0);
	fixheap_destroy(heap);
}

/* The n-th call of the host that can fail does, whichever it is. */
static void test_failing(void **state)
{
	static const struct node_spec specs[] = {
		{ .machine = "2x1", .nr_pages = BLOCKS(32) },
		{ .machine = "4x1",
		  .nr_pages = BLOCKS(32),
		  .numa = { SIZE, .stripe_percent = 50 } },
		{ .machine = "2x1",
		  .nr_pages = BLOCKS(32),
		  .flags = FIXHEAP_PINNED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(specs); i++) {
		struct test_heap t;
		long n = 1;

		nodes_make(&t, &specs[i]);
		fixheap_destroy(t.heap);
		nodes_unmap(&t);
		nodes_map(&t, &specs[i]);
		for (;; n++) {
			u64 failed = host_sim_failed();
			u64 held = host_sim_held();
			int ret;

			host_sim_fail_any(n);
			ret = nodes_create(&t, &specs[i]);
			if (!ret)
				fixheap_destroy(t.heap);
			if (host_sim_failed() == failed)
				break;
			/* who may not say what is allowed goes on */
			if (!ret) {
				nodes_unmap(&t);
				nodes_map(&t, &specs[i]);
				continue;
			}
			assert_int_equal(ret, -ENOMEM);
			assert_int_equal(host_sim_held(), held);
			nodes_unbound(&t);
		}
		assert_true(n > 5);
		host_sim_fail_any(0);
		nodes_unmap(&t);
	}
}

/* What host_bind says, and what fixheap_create makes of it. */
static void test_errors(void **state)
{
	static const struct {
		int err, ret;
	} table[] = {
		{ -ENOMEM, -ENOMEM },
		{ -EINVAL, -EACCES },
		{ -EXDEV, -EACCES },
	};
	const struct node_spec spec = { .machine = "4x1",
					.nr_pages = BLOCKS(16) };
	struct test_heap t;

	(void)state;
	nodes_map(&t, &spec);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		for (long n = 1; n <= 4; n++) {
			host_sim_fail_with(HOST_SIM_BIND, n, table[i].err);
			nodes_refused(&t, &spec, table[i].ret);
		}
	}
	nodes_unmap(&t);
}

/* Only whole pages of the mapping are bound. */
static void test_mapping_page(void **state)
{
	const struct node_spec spec = { .machine = "2x1",
					.nr_pages = BLOCKS(16),
					.skew = 3 * PAGE_BYTES };
	struct bounds part = { BLOCKS(4) + 1, BLOCKS(6) - 1 };
	struct test_heap t;
	u64 calls;

	(void)state;
	nodes_map(&t, &spec);
	host_sim_set_mapping_page(BYTES(BLOCK_PAGES));
	assert_int_equal(nodes_create(&t, &spec), 0);
	check_policy(t.heap->origin + BYTES(3), HOST_POLICY_LOCAL, -1);
	check_policy(t.heap->origin + BYTES(BLOCKS(1)) - 1, HOST_POLICY_LOCAL,
		     -1);
	check_policy(t.heap->origin + BYTES(BLOCKS(1)), HOST_POLICY_BIND, 0);
	check_policy(t.heap->origin + BYTES(BLOCKS(16)) - 1, HOST_POLICY_BIND,
		     1);
	check_policy(t.heap->origin + BYTES(BLOCKS(16)), HOST_POLICY_LOCAL, -1);
	/* not a whole one: nothing to do */
	calls = host_sim_mapping_calls();
	assert_int_equal(bind_pages(t.heap, &part, 1), 0);
	assert_int_equal(discard_pages(t.heap, &part), 0);
	assert_int_equal(host_sim_mapping_calls(), calls);
	part.end = BLOCKS(6);
	assert_int_equal(bind_pages(t.heap, &part, 1), 0);
	check_policy(t.heap->origin + BYTES(BLOCKS(5)) - 1, HOST_POLICY_BIND,
		     0);
	check_policy(t.heap->origin + BYTES(BLOCKS(5)), HOST_POLICY_BIND, 1);
	check_policy(t.heap->origin + BYTES(BLOCKS(6)), HOST_POLICY_BIND, 0);
	/* to nobody, and home again */
	part = (struct bounds){ BLOCKS(3), BLOCKS(14) };
	assert_int_equal(bind_pages(t.heap, &part, -1), 0);
	check_policy(t.heap->origin + BYTES(BLOCKS(9)), HOST_POLICY_LOCAL, -1);
	assert_int_equal(bind_home(t.heap, &part), 0);
	assert_int_equal(host_sim_policies(), 2);
	heap_drop(&t);
}

/* Stripes of the zone, with a base that is no pageblock. */
static void test_stripes(void **state)
{
	static const struct {
		const char *machine;
		size_t skew;
		u64 nodes; /* of the stripes; 0: all */
	} table[] = {
		{ "2x1", 0, 0 },
		{ "4x1", 0, 0 },
		{ "4x1", 5 * PAGE_BYTES, 0xa },
		{ "3x1:1G,0,1G", 511 * PAGE_BYTES, 0 },
		{ "64x1", PAGE_BYTES, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = {
			.machine = table[i].machine,
			.nr_pages = 70000,
			.skew = table[i].skew,
			.numa = { SIZE, .stripe_percent = 100,
				  .stripe_nodes = { { table[i].nodes } } }
		};
		struct test_heap t;
		u64 end;

		nodes_make(&t, &spec);
		assert_int_equal(t.heap->stripe_pages, BLOCK_PAGES);
		for (u64 pfn = t.heap->start_pfn; pfn < t.heap->end_pfn;
		     pfn = end) {
			u32 stripe = (u32)(pfn / BLOCK_PAGES);
			int node = home_node(t.heap, pfn, &end);

			assert_int_equal(
				node,
				t.heap->stripe[stripe % t.heap->nr_stripe]);
			assert_true(!table[i].nodes ||
				    table[i].nodes >> node & 1);
			assert_int_equal(end, min_u64(BLOCKS(stripe + 1),
						      t.heap->end_pfn));
			assert_int_equal(home_node(t.heap, end - 1, &end),
					 node);
		}
		heap_end(&t);
	}
}

/* A large striped zone has larger stripes, so that they are not too many. */
static void test_many_stripes(void **state)
{
	static const struct {
		u64 nr_blocks, stripe; /* blocks */
	} table[] = {
		{ 16384, 1 },
		{ 16385, 2 },
		{ 40000, 4 },
		{ 70000, 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = {
			.machine = "2x1:1T",
			.nr_pages = BLOCKS(table[i].nr_blocks),
			.reserved = 1,
			.numa = { SIZE, .stripe_percent = 100 }
		};
		struct test_heap t;

		nodes_map(&t, &spec);
		assert_int_equal(nodes_create(&t, &spec), 0);
		assert_int_equal(t.heap->stripe_pages, BLOCKS(table[i].stripe));
		assert_true(host_sim_policies() <= 16384);
		assert_true(host_sim_policies() >= 8192);
		heap_drop(&t);
	}
}

/* What nodes have beyond the zones. */
static void test_spare(void **state)
{
	static const struct {
		u64 free[2]; /* blocks */
		unsigned stripes;
		long spare[2];
	} table[] = {
		{ { 8, 8 }, 0, { 0, 0 } },    { { 20, 9 }, 0, { 12, 1 } },
		{ { 100, 0 }, 0, { 92, 0 } }, { { 9, 20 }, 100, { 1, 12 } },
		{ { 9, 20 }, 50, { 1, 12 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = {
			.machine = "2x1",
			.nr_pages = BLOCKS(16),
			.numa = { SIZE, .stripe_percent = table[i].stripes }
		};
		struct test_heap t;

		nodes_map(&t, &spec);
		for (u32 n = 0; n < 2; n++)
			host_sim_set_node_free(n,
					       BYTES(BLOCKS(table[i].free[n])));
		assert_int_equal(nodes_create(&t, &spec), 0);
		for (u32 n = 0; n < 2; n++) {
			assert_int_equal(t.heap->spare[n],
					 table[i].spare[n] * BLOCK_PAGES);
			assert_int_equal(t.heap->beyond[n], 0);
		}
		heap_drop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_mapped_refused),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_mapping_page),
		cmocka_unit_test(test_stripes),
		cmocka_unit_test(test_many_stripes),
		cmocka_unit_test(test_spare),
	};

	return cmocka_run_group_tests_name("binding", tests, NULL, NULL);
}
