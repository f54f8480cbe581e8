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

/* What libnuma says; nodes that are not listed are absent. */
static const struct machine {
	int available, max_node;
	struct {
		int number; /* 0 behind the first: no more */
		long long bytes;
	} node[NODES];
	int cpu_node[CPUS];
	int distance[NODES][NODES]; /* of those listed */
	/* What has to come of it. */
	int result;
	u32 nr_nodes;
	u16 wanted_number[NODES];
	u64 wanted_bytes[NODES];
	u8 wanted_cpu[CPUS];
	u8 wanted_distance[NODES][NODES];
} machines[] = {
	/* a kernel without NUMA */
	{ .available = -1, .result = -ENODEV },
	/* no memory anywhere: the answer is no use */
	{ .node = { { 0, -1 } }, .result = -ENODEV },
	{ .node = { { 0, 0 } }, .result = -ENODEV },
	/* one node */
	{ .node = { { 0, 7 } },
	  .distance = { { 10 } },
	  .nr_nodes = 1,
	  .wanted_bytes = { 7 },
	  .wanted_distance = { { 10 } } },
	/* two nodes, not symmetric; CPU 3 is offline */
	{ .max_node = 1,
	  .node = { { 0, 7 }, { 1, 9 } },
	  .cpu_node = { 0, 1, 1, -1 },
	  .distance = { { 10, 31 }, { 21, 10 } },
	  .nr_nodes = 2,
	  .wanted_number = { 0, 1 },
	  .wanted_bytes = { 7, 9 },
	  .wanted_cpu = { 0, 1, 1, 0 },
	  .wanted_distance = { { 10, 31 }, { 21, 10 } } },
	/* the firmware says nothing, or nonsense */
	{ .max_node = 1,
	  .node = { { 0, 7 }, { 1, 9 } },
	  .cpu_node = { 0, 0, 1, 1 },
	  .distance = { { 0, 0 }, { 999, 12 } },
	  .nr_nodes = 2,
	  .wanted_number = { 0, 1 },
	  .wanted_bytes = { 7, 9 },
	  .wanted_cpu = { 0, 0, 1, 1 },
	  .wanted_distance = { { 10, 20 }, { 255, 10 } } },
	/* node 0 without memory, 1 a hole, 3 without CPUs; the offline CPU goes
	 * to the first node that has memory */
	{ .max_node = 3,
	  .node = { { 0, -1 }, { 2, 7 }, { 3, 9 } },
	  .cpu_node = { 0, 2, -1, 2 },
	  .distance = { { 10, 12, 13 }, { 12, 10, 14 }, { 13, 14, 10 } },
	  .nr_nodes = 3,
	  .wanted_number = { 0, 2, 3 },
	  .wanted_bytes = { 0, 7, 9 },
	  .wanted_cpu = { 0, 1, 1, 1 },
	  .wanted_distance = { { 10, 12, 13 },
			       { 12, 10, 14 },
			       { 13, 14, 10 } } },
	/* the highest number that there is, and memory of a graphics card */
	{ .max_node = 1023,
	  .node = { { 8, 7 }, { 252, 5 }, { 1023, 9 } },
	  .cpu_node = { 8, 8, 1023, 700 },
	  .distance = { { 10, 80, 40 }, { 80, 10, 80 }, { 40, 80, 10 } },
	  .nr_nodes = 4,
	  .wanted_number = { 8, 252, 700, 1023 },
	  .wanted_bytes = { 7, 5, 0, 9 },
	  .wanted_cpu = { 0, 0, 3, 2 },
	  .wanted_distance = { { 10, 80, 20, 40 },
			       { 80, 10, 20, 80 },
			       { 20, 20, 10, 20 },
			       { 40, 80, 20, 10 } } },
	/* a number that no mask of the kernel has */
	{ .max_node = 5000,
	  .node = { { 1, 7 } },
	  .cpu_node = { 1, 1024, 4999, 1 },
	  .distance = { { 10 } },
	  .nr_nodes = 1,
	  .wanted_number = { 1 },
	  .wanted_bytes = { 7 },
	  .wanted_distance = { { 10 } } },
};

static const struct machine *machine;

/* Instead: memory on every 10th node, CPUs on these. */
static const struct many {
	int nr_memory;
	int cpu_node[CPUS];
	/* What has to come of it. */
	u32 nr_nodes;
	u8 wanted_cpu[CPUS];
} manies[] = {
	{ 63, { 0, 5, 15, 620 }, 64, { 0, 1, 0, 63 } },
	{ 64, { 0, 5, 15, 630 }, 64, { 0, 0, 0, 63 } },
	{ 65, { 0, 640, 1, 630 }, 64, { 0, 0, 0, 63 } },
	{ 103, { 0, 640, 1020, 630 }, 64, { 0, 0, 0, 63 } },
};

static const struct many *many;

static int fake_available(void)
{
	return machine ? machine->available : 0;
}

static int fake_max_node(void)
{
	return machine ? machine->max_node : 1023;
}

/* The place of a node in the table, or NODES. */
static int place_of(int node)
{
	int i = 0;

	while (i < NODES && (machine->node[i].number != node ||
			     (i && !machine->node[i].number)))
		i++;
	return i;
}

static long long fake_node_size64(int node, long long *free_bytes)
{
	int i;

	assert_null(free_bytes);
	assert_in_range(node, 0, fake_max_node());
	if (many)
		return node % 10 || node / 10 >= many->nr_memory ? -1 : 7;
	i = place_of(node);
	return i < NODES ? machine->node[i].bytes : -1;
}

static int fake_node_of_cpu(int cpu)
{
	assert_in_range(cpu, 0, CPUS - 1);
	return many ? many->cpu_node[cpu] : machine->cpu_node[cpu];
}

static int fake_distance(int from, int to)
{
	assert_in_range(from, 0, fake_max_node());
	assert_in_range(to, 0, fake_max_node());
	if (many)
		return 0;
	from = place_of(from);
	to = place_of(to);
	return from < NODES && to < NODES ? machine->distance[from][to] : 0;
}

static void check_machine(void)
{
	static struct topology topo;
	u32 i, j;

	memset(&topo, 0, sizeof(topo));
	topo.nr_cpus = CPUS;
	assert_int_equal(numa_topology(&topo), machine->result);
	if (machine->result)
		return;
	assert_int_equal(topo.nr_cpus, CPUS);
	assert_int_equal(topo.nr_nodes, machine->nr_nodes);
	for (i = 0; i < CPUS; i++)
		assert_int_equal(topo.cpu_node[i], machine->wanted_cpu[i]);
	for (i = 0; i < topo.nr_nodes; i++) {
		assert_int_equal(topo.number[i], machine->wanted_number[i]);
		assert_int_equal(topology_find(&topo, topo.number[i]), i);
		assert_int_equal(topo.node_bytes[i], machine->wanted_bytes[i]);
		for (j = 0; j < topo.nr_nodes; j++)
			assert_int_equal(topo.distance[i][j],
					 machine->wanted_distance[i][j]);
	}
}

/* More nodes than fit: those with memory, and of these the lowest. */
static void check_many(void)
{
	static struct topology topo;
	u32 i;

	memset(&topo, 0, sizeof(topo));
	topo.nr_cpus = CPUS;
	assert_int_equal(numa_topology(&topo), 0);
	assert_int_equal(topo.nr_nodes, many->nr_nodes);
	for (i = 0; i < CPUS; i++)
		assert_int_equal(topo.cpu_node[i], many->wanted_cpu[i]);
	for (i = 1; i < topo.nr_nodes; i++)
		assert_true(topo.number[i] > topo.number[i - 1]);
}

static void test_machines(void **state)
{
	(void)state;
	for (machine = machines; machine < machines + ARRAY_LEN(machines);
	     machine++)
		check_machine();
	machine = NULL;
	for (many = manies; many < manies + ARRAY_LEN(manies); many++)
		check_many();
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
