/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * numa_none.c: in place of numa.c, without libnuma: the machine is one node.
 *
 * For a library built without CONFIG_NUMA, and for the preload library, whose
 * heap is on one node: there the start of libnuma would allocate from the heap
 * of the program.
 */
#include "topology.h"

int numa_topology(struct topology *topo)
{
	(void)topo;
	return -ENODEV;
}
