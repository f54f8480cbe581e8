/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * numa.c: the nodes of the machine, as libnuma reads them from the kernel.
 *
 * The kernel's numbers may have holes: the loop runs to numa_max_node(), never
 * to a count of nodes.  topo has those that there are:
 *   - with memory and perhaps CPUs: node_bytes is not 0;
 *   - memoryless: only CPUs, node_bytes is 0.
 * If they are more than NODES_MAX, those with memory come first.
 *
 * 1. topo->nr_nodes is at least 1 and at least one node has memory.
 * 2. cpu_node[cpu] < nr_nodes for every cpu < nr_cpus.  A CPU whose node is
 *    unknown (it is offline) or not in topo counts as one of the first node
 *    with memory: it costs locality, nothing else.
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

/* What there is, by number. */
struct found {
	u64 bytes[NODE_IDS];
	bool has_cpus[NODE_IDS];
};

/* How many nodes have memory. */
static u32 find_nodes(struct found *found, u32 nr_cpus)
{
	u32 nr = 0, number, cpu;

	for (number = 0; number < NODE_IDS; number++) {
		long long bytes = -1;

		if ((int)number <= numa_max_node())
			bytes = numa_node_size64((int)number, NULL);
		found->bytes[number] = bytes > 0 ? (u64)bytes : 0;
		found->has_cpus[number] = false;
		nr += bytes > 0;
	}
	for (cpu = 0; cpu < nr_cpus; cpu++) {
		int node = numa_node_of_cpu((int)cpu);

		if (node >= 0 && node < NODE_IDS)
			found->has_cpus[node] = true;
	}
	return nr;
}

/* Take those into topo for which there is room. */
static void list_nodes(const struct found *found, u32 nr_memory,
		       struct topology *topo)
{
	u32 number, room;

	room = nr_memory < NODES_MAX ? NODES_MAX - nr_memory : 0;
	for (number = 0; number < NODE_IDS; number++) {
		if (!found->bytes[number] && !found->has_cpus[number])
			continue;
		if (topo->nr_nodes == NODES_MAX ||
		    (!found->bytes[number] && !room))
			continue;
		room -= !found->bytes[number];
		topo->node_bytes[topo->nr_nodes] = found->bytes[number];
		topo->number[topo->nr_nodes++] = (u16)number;
	}
}

static void list_cpus(struct topology *topo)
{
	u32 first = 0, cpu;

	while (!topo->node_bytes[first])
		first++;
	for (cpu = 0; cpu < topo->nr_cpus; cpu++) {
		int number = numa_node_of_cpu((int)cpu);
		u32 node = topology_find(topo, (u32)number);

		topo->cpu_node[cpu] =
			(u8)(node < topo->nr_nodes ? node : first);
	}
}

static u8 numa_between(u32 from, u32 to)
{
	int distance;

	if (from == to)
		return LOCAL_DISTANCE;
	/* 0 means that the firmware did not say. */
	distance = numa_distance((int)from, (int)to);
	if (distance < LOCAL_DISTANCE)
		return REMOTE_DISTANCE;
	return distance < FAR_DISTANCE ? (u8)distance : FAR_DISTANCE;
}

int numa_topology(struct topology *topo)
{
	struct found found;
	u32 nr, a, b;

	if (numa_available() < 0)
		return -ENODEV;
	nr = find_nodes(&found, topo->nr_cpus);
	if (!nr)
		return -ENODEV;
	list_nodes(&found, nr, topo);
	list_cpus(topo);
	for (a = 0; a < topo->nr_nodes; a++)
		for (b = 0; b < topo->nr_nodes; b++)
			topo->distance[a][b] =
				numa_between(topo->number[a], topo->number[b]);
	return 0;
}
