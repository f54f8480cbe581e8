/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_numa.c: nodes as libnuma tells them, arch/linux/numa.c, on machines that
 * nobody has at hand: with holes among the nodes, without a word about
 * distances, with more nodes than fit.  libnuma's functions are replaced by
 * ones that read a table.  Without CONFIG_NUMA there is one thing to test.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#ifdef CONFIG_NUMA
#include <numa.h>

#define numa_available fake_available
#define numa_max_node fake_max_node
#define numa_node_size64 fake_node_size64
#define numa_node_of_cpu fake_node_of_cpu
#define numa_distance fake_distance

static int fake_available(void);
static int fake_max_node(void);
static long long fake_node_size64(int node, long long *free_bytes);
static int fake_node_of_cpu(int cpu);
static int fake_distance(int from, int to);

#include "linux/numa.c"

#define CPUS 4
#define NODES 4
#define ABSENT (-1ll)

/* What libnuma says; nodes from NODES on are absent. */
static const struct machine {
	int available, max_node;
	long long bytes[NODES];
	int cpu_node[CPUS];
	int distance[NODES][NODES];
	/* What has to come of it. */
	int result;
	u32 nr_nodes;
	u64 wanted_bytes[NODES];
	u8 wanted_cpu[CPUS];
	u8 wanted_distance[NODES][NODES];
} machines[] = {
	/* a kernel without NUMA */
	{ .available = -1, .result = -ENODEV },
	/* no memory anywhere: the answer is no use */
	{ .bytes = { ABSENT }, .result = -ENODEV },
	{ .bytes = { 0 }, .result = -ENODEV },
	/* one node */
	{ .bytes = { 7 },
	  .distance = { { 10 } },
	  .nr_nodes = 1,
	  .wanted_bytes = { 7 },
	  .wanted_distance = { { 10 } } },
	/* two nodes, not symmetric; CPU 3 is offline */
	{ .max_node = 1,
	  .bytes = { 7, 9 },
	  .cpu_node = { 0, 1, 1, -1 },
	  .distance = { { 10, 31 }, { 21, 10 } },
	  .nr_nodes = 2,
	  .wanted_bytes = { 7, 9 },
	  .wanted_cpu = { 0, 1, 1, 0 },
	  .wanted_distance = { { 10, 31 }, { 21, 10 } } },
	/* the firmware says nothing, or nonsense */
	{ .max_node = 1,
	  .bytes = { 7, 9 },
	  .cpu_node = { 0, 0, 1, 1 },
	  .distance = { { 0, 0 }, { 999, 12 } },
	  .nr_nodes = 2,
	  .wanted_bytes = { 7, 9 },
	  .wanted_cpu = { 0, 0, 1, 1 },
	  .wanted_distance = { { 10, 20 }, { 255, 10 } } },
	/* node 0 without memory, node 1 a hole, node 3 without CPUs; the
	 * offline CPU goes to the first node that has memory */
	{ .max_node = 3,
	  .bytes = { ABSENT, ABSENT, 7, 9 },
	  .cpu_node = { 0, 2, -1, 2 },
	  .distance = { { 10, 0, 12, 13 },
			{ 0, 0, 0, 0 },
			{ 12, 0, 10, 14 },
			{ 13, 0, 14, 10 } },
	  .nr_nodes = 4,
	  .wanted_bytes = { 0, 0, 7, 9 },
	  .wanted_cpu = { 0, 2, 2, 2 },
	  .wanted_distance = { { 10, 255, 12, 13 },
			       { 255, 10, 255, 255 },
			       { 12, 255, 10, 14 },
			       { 13, 255, 14, 10 } } },
	/* CPUs on a node beyond those that fit */
	{ .max_node = 200,
	  .bytes = { 7 },
	  .cpu_node = { 0, 64, 200, 0 },
	  .nr_nodes = NODES_MAX,
	  .wanted_bytes = { 7 },
	  .wanted_distance = { { 10, 255, 255, 255 },
			       { 255, 10, 255, 255 },
			       { 255, 255, 10, 255 },
			       { 255, 255, 255, 10 } } },
};

static const struct machine *machine;

static int fake_available(void)
{
	return machine->available;
}

static int fake_max_node(void)
{
	return machine->max_node;
}

static long long fake_node_size64(int node, long long *free_bytes)
{
	assert_null(free_bytes);
	assert_in_range(node, 0, machine->max_node);
	return node < NODES ? machine->bytes[node] : ABSENT;
}

static int fake_node_of_cpu(int cpu)
{
	assert_in_range(cpu, 0, CPUS - 1);
	return machine->cpu_node[cpu];
}

static int fake_distance(int from, int to)
{
	assert_in_range(from, 0, machine->max_node);
	assert_in_range(to, 0, machine->max_node);
	return from < NODES && to < NODES ? machine->distance[from][to] : 0;
}

static void check_machine(void)
{
	static struct topology topo;
	u32 nodes, i, j;

	memset(&topo, 0, sizeof(topo));
	topo.nr_cpus = CPUS;
	assert_int_equal(numa_topology(&topo), machine->result);
	if (machine->result)
		return;
	assert_int_equal(topo.nr_cpus, CPUS);
	assert_int_equal(topo.nr_nodes, machine->nr_nodes);
	nodes = (u32)min_u64(topo.nr_nodes, NODES);
	for (i = 0; i < CPUS; i++)
		assert_int_equal(topo.cpu_node[i], machine->wanted_cpu[i]);
	for (i = 0; i < nodes; i++) {
		assert_int_equal(topo.node_bytes[i], machine->wanted_bytes[i]);
		for (j = 0; j < nodes; j++)
			assert_int_equal(topo.distance[i][j],
					 machine->wanted_distance[i][j]);
	}
	for (; i < topo.nr_nodes; i++)
		assert_int_equal(topo.node_bytes[i], 0);
}

static void test_machines(void **state)
{
	(void)state;
	for (machine = machines; machine < machines + ARRAY_LEN(machines);
	     machine++)
		check_machine();
}

#else

#include "linux/numa_none.c"

/* The stub leaves it all to host.c. */
static void test_machines(void **state)
{
	static struct topology topo;

	(void)state;
	assert_int_equal(numa_topology(&topo), -ENODEV);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
