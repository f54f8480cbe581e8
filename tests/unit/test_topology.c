/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_topology.c: mm/topology.c, the machine as a caller describes it, or as
 * the host finds it.
 */
#include "nodes.h"

#include "layout.h"

static const unsigned four_cpus[] = { 0, 1, 1, 0 };
static const unsigned high_cpus[] = { 63, 0, 5 };
static const uint64_t sizes[64] = { 5, 0, 7 };
static const uint64_t nothing[64];
static const uint64_t too_much[64] = { ~0ull, 1 };
static const unsigned char far_apart[] = { 10, 31, 32, 10 };
static const unsigned char too_near[] = { 10, 9, 20, 10 };
static unsigned many_cpus[4097];
static const unsigned sparse[] = { 8, 1023 }, too_high[] = { 8, 1024 },
		      twice[] = { 8, 8 }, descending[] = { 9, 8 };

static void test_given(void **state)
{
	const size_t good = sizeof(struct fixheap_topology);
	const struct {
		struct fixheap_topology from;
		int ret;
	} table[] = {
		{ { good, 2, 4, four_cpus, NULL, NULL, NULL }, 0 },
		{ { good, 2, 4, four_cpus, sizes, far_apart, NULL }, 0 },
		{ { good, 64, 3, high_cpus, sizes, NULL, NULL }, 0 },
		{ { good, 1, 4096, many_cpus, NULL, NULL, NULL }, 0 },
		{ { good, 2, 4, four_cpus, NULL, NULL, sparse }, 0 },
		/* of another version */
		{ { good + 8, 2, 4, four_cpus, NULL, NULL, NULL }, -EINVAL },
		{ { 0, 2, 4, four_cpus, NULL, NULL, NULL }, -EINVAL },
		/* too few or too many */
		{ { good, 0, 4, four_cpus, NULL, NULL, NULL }, -EINVAL },
		{ { good, 65, 4, four_cpus, NULL, NULL, NULL }, -EINVAL },
		{ { good, 2, 0, four_cpus, NULL, NULL, NULL }, -EINVAL },
		{ { good, 1, 4097, many_cpus, NULL, NULL, NULL }, -EINVAL },
		{ { good, 2, 4, NULL, NULL, NULL, NULL }, -EINVAL },
		/* a CPU on a node that is not there */
		{ { good, 1, 4, four_cpus, NULL, NULL, NULL }, -EINVAL },
		{ { good, 63, 3, high_cpus, NULL, NULL, NULL }, -EINVAL },
		/* no memory, more than can be, too near */
		{ { good, 2, 4, four_cpus, nothing, NULL, NULL }, -EINVAL },
		{ { good, 2, 4, four_cpus, too_much, NULL, NULL }, -EINVAL },
		{ { good, 2, 4, four_cpus, NULL, too_near, NULL }, -EINVAL },
		/* numbers that cannot be */
		{ { good, 2, 4, four_cpus, NULL, NULL, too_high }, -EINVAL },
		{ { good, 2, 4, four_cpus, NULL, NULL, twice }, -EINVAL },
		{ { good, 2, 4, four_cpus, NULL, NULL, descending }, -EINVAL },
	};

	(void)state;
	host_sim_reset();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;
		struct topology topo;

		memset(&topo, 0, sizeof(topo));
		config.topology = &table[i].from;
		assert_int_equal(topology_get(&config, &topo), table[i].ret);
		if (table[i].ret)
			continue;
		assert_int_equal(topo.nr_nodes, table[i].from.nr_nodes);
		assert_int_equal(topo.nr_cpus, table[i].from.nr_cpus);
	}
	/* the host was not asked */
	assert_int_equal(host_sim_calls(HOST_SIM_TOPOLOGY), 0);
}

/* Every field arrives, and has its default. */
static void test_fields(void **state)
{
	struct fixheap_topology from = { sizeof(from), 2,    4,	  four_cpus,
					 NULL,	       NULL, NULL };
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct topology topo;

	(void)state;
	host_sim_reset();
	config.topology = &from;
	memset(&topo, 0, sizeof(topo));
	assert_int_equal(topology_get(&config, &topo), 0);
	for (u32 cpu = 0; cpu < 4; cpu++)
		assert_int_equal(topo.cpu_node[cpu], four_cpus[cpu]);
	assert_int_equal(topo.node_bytes[0], topo.node_bytes[1]);
	assert_true(topo.node_bytes[0] > 0);
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(topo.distance[i / 2][i % 2],
				 i / 2 == i % 2 ? 10 : 20);
	assert_int_equal(topo.number[0], 0);
	assert_int_equal(topo.number[1], 1);
	from.node_bytes = sizes;
	from.distance = far_apart;
	from.node_number = sparse;
	memset(&topo, 0, sizeof(topo));
	assert_int_equal(topology_get(&config, &topo), 0);
	for (u32 i = 0; i < 4; i++)
		assert_int_equal(topo.distance[i / 2][i % 2], far_apart[i]);
	assert_int_equal(topo.node_bytes[0], 5);
	assert_int_equal(topo.node_bytes[1], 0);
	assert_int_equal(topo.number[0], 8);
	assert_int_equal(topo.number[1], 1023);
}

static void test_host(void **state)
{
	static const struct {
		const char *machine;
		u32 nr_nodes, nr_cpus;
	} table[] = {
		{ "1x1", 1, 1 },       { "2x4", 2, 8 },
		{ "4x2", 4, 8 },       { "8x3", 8, 24 },
		{ "64x64", 64, 4096 }, { "0-1/2-3/-:1G,0,4G", 3, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;
		struct topology topo;

		host_sim_reset();
		assert_int_equal(host_sim_describe(table[i].machine), 0);
		memset(&topo, 0, sizeof(topo));
		assert_int_equal(topology_get(&config, &topo), 0);
		assert_int_equal(topo.nr_nodes, table[i].nr_nodes);
		assert_int_equal(topo.nr_cpus, table[i].nr_cpus);
		host_sim_fail(HOST_SIM_TOPOLOGY, 1);
		assert_int_equal(topology_get(&config, &topo), -ENOMEM);
	}
}

/* fixheap_create says the same, and nothing is left of it. */
static void test_create(void **state)
{
	static const struct fixheap_topology bad = { sizeof(bad), 65,	4,
						     four_cpus,	  NULL, NULL,
						     NULL };
	struct node_spec spec = { .nr_pages = BLOCKS(4) };
	struct test_heap t;

	(void)state;
	nodes_map(&t, &spec);
	spec.topology = &bad;
	nodes_refused(&t, &spec, -EINVAL);
	spec.topology = NULL;
	host_sim_fail(HOST_SIM_TOPOLOGY, 1);
	nodes_refused(&t, &spec, -ENOMEM);
	nodes_unmap(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_given),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_host),
		cmocka_unit_test(test_create),
	};

	return cmocka_run_group_tests_name("topology", tests, NULL, NULL);
}
