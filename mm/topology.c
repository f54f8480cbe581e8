/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * topology.c: the machine that a heap is made for.
 *
 * What the caller describes, or what the host finds out.  Inside of a heap
 * nodes are counted, in the order of the kernel's numbers, which may be sparse.
 *
 * Locking: none.  Cost: O(nodes^2 + CPUs).
 */
#include "layout.h"

#include <errno.h>

static int copy_numbers(const struct fixheap_topology *from,
			struct topology *topo)
{
	for (u32 node = 0; node < from->nr_nodes; node++) {
		u32 number = from->node_number ? from->node_number[node] : node;

		if (number >= NODE_IDS ||
		    (node && number <= topo->number[node - 1]))
			return -EINVAL;
		topo->number[node] = (u16)number;
	}
	return 0;
}

static int copy_topology(const struct fixheap_topology *from,
			 struct topology *topo)
{
	if (from->size != sizeof(*from) || !from->nr_nodes ||
	    from->nr_nodes > NODES_MAX || !from->nr_cpus ||
	    from->nr_cpus > CPUS_MAX || !from->cpu_node)
		return -EINVAL;
	topo->nr_nodes = from->nr_nodes;
	topo->nr_cpus = from->nr_cpus;
	for (u32 cpu = 0; cpu < from->nr_cpus; cpu++) {
		if (from->cpu_node[cpu] >= from->nr_nodes)
			return -EINVAL;
		topo->cpu_node[cpu] = (u8)from->cpu_node[cpu];
	}
	for (u32 i = 0; i < from->nr_nodes * from->nr_nodes; i++) {
		u32 a = i / from->nr_nodes, b = i % from->nr_nodes;

		topo->distance[a][b] = a == b ? 10 : 20;
		if (from->distance)
			topo->distance[a][b] = from->distance[i];
		if (topo->distance[a][b] < 10)
			return -EINVAL;
	}
	for (u32 node = 0; node < from->nr_nodes; node++)
		topo->node_bytes[node] =
			from->node_bytes ? from->node_bytes[node] : 1;
	return copy_numbers(from, topo);
}

int topology_get(const struct fixheap_config *config, struct topology *topo)
{
	u64 total = 0;
	int ret;

	ret = config->topology ? copy_topology(config->topology, topo)
			       : host_topology(topo);
	for (u32 node = 0; !ret && node < topo->nr_nodes; node++) {
		if (total + topo->node_bytes[node] < total)
			return -EINVAL;
		total += topo->node_bytes[node];
	}
	return ret ? ret : total ? 0 : -EINVAL;
}

void topology_forget_nodes(struct topology *topo)
{
	u64 total = 0;

	for (u32 node = 0; node < topo->nr_nodes; node++)
		total += topo->node_bytes[node];
	topo->nr_nodes = 1;
	topo->node_bytes[0] = total;
	for (u32 cpu = 0; cpu < topo->nr_cpus; cpu++)
		topo->cpu_node[cpu] = 0;
}
