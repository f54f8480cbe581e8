/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * numa.c: the nodes of the machine, as libnuma reads them from the kernel.
 *
 * Nodes keep the kernel's numbers, which may have holes: the loop runs to
 * numa_max_node(), never to a count of nodes.  A node of topo is one of
 *   - with memory and perhaps CPUs: node_bytes is not 0;
 *   - memoryless: only CPUs, node_bytes is 0;
 *   - a hole: no memory, no CPUs, at distance 255 from all others.
 *
 * 1. topo->nr_nodes is at least 1 and at least one node has memory.
 * 2. cpu_node[cpu] < nr_nodes for every cpu < nr_cpus.  A CPU whose node is
 *    unknown (it is offline) or beyond NODES_MAX counts as one of the first
 *    node with memory: it costs locality, nothing else.
 * 3. distance[i][i] is 10; any other is 10 to 255.
 *
 * Locking: none; it writes only topo.  libnuma reads files and calls malloc,
 * so this runs at creation and never later.  Cost: some file reads a node.
 * What it is not: it says what the machine has, not what a cpuset lets the
 * process use, which can change while the process runs.
 */
#include <numa.h>

#include "topology.h"

#define LOCAL_DISTANCE 10
#define REMOTE_DISTANCE 20
#define FAR_DISTANCE 255

/* Memory of each node; the lowest node that has some, or -ENODEV. */
static int numa_sizes(struct topology *topo)
{
	int first = -ENODEV;
	u32 node;

	for (node = topo->nr_nodes; node-- > 0;) {
		long long bytes = numa_node_size64((int)node, NULL);

		topo->node_bytes[node] = bytes > 0 ? (u64)bytes : 0;
		if (bytes > 0)
			first = (int)node;
	}
	return first;
}

/* The node of each CPU; a bit for each node that has one. */
static u64 numa_cpus(struct topology *topo, u32 fallback)
{
	u64 with_cpus = 0;
	u32 cpu;

	for (cpu = 0; cpu < topo->nr_cpus; cpu++) {
		int node = numa_node_of_cpu((int)cpu);

		if (node < 0 || (u32)node >= topo->nr_nodes) {
			topo->cpu_node[cpu] = (u8)fallback;
			continue;
		}
		topo->cpu_node[cpu] = (u8)node;
		with_cpus |= 1ull << node;
	}
	return with_cpus;
}

static u8 numa_between(u32 from, u32 to, bool hole)
{
	int distance;

	if (from == to)
		return LOCAL_DISTANCE;
	if (hole)
		return FAR_DISTANCE;
	/* 0 means that the firmware did not say. */
	distance = numa_distance((int)from, (int)to);
	if (distance < LOCAL_DISTANCE)
		return REMOTE_DISTANCE;
	return distance < FAR_DISTANCE ? (u8)distance : FAR_DISTANCE;
}

int numa_topology(struct topology *topo)
{
	u64 present = 0;
	u32 from, to;
	int first;

	if (numa_available() < 0)
		return -ENODEV;
	topo->nr_nodes = (u32)min_u64((u64)numa_max_node() + 1, NODES_MAX);
	first = numa_sizes(topo);
	if (first < 0)
		return first;
	present = numa_cpus(topo, (u32)first);
	for (from = 0; from < topo->nr_nodes; from++)
		if (topo->node_bytes[from])
			present |= 1ull << from;
	for (from = 0; from < topo->nr_nodes; from++)
		for (to = 0; to < topo->nr_nodes; to++)
			topo->distance[from][to] = numa_between(
				from, to,
				!(present >> from & 1) || !(present >> to & 1));
	return 0;
}
