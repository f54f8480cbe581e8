/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * topology.h: what host.c asks of numa.c.  Without numa.c, or on a kernel
 * without NUMA, the machine has one node; host.c describes it then.
 *
 * The file is not called numa.h, so that it cannot be taken for libnuma's.
 */
#ifndef ARCH_LINUX_TOPOLOGY_H
#define ARCH_LINUX_TOPOLOGY_H

#include <errno.h>

#include "host.h"

/*
 * numa_topology - fill in all of topo but nr_cpus, which is given
 *
 * Return: 0; -ENODEV when the kernel or the library does not do NUMA; topo may
 * be written then all the same.
 */
int numa_topology(struct topology *topo);

#endif
