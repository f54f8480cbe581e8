/* SPDX-License-Identifier: BSD-2-Clause */
/* placement.h: what host.c tells placement.c. */
#ifndef ARCH_SIM_PLACEMENT_H
#define ARCH_SIM_PLACEMENT_H

#include "nodemask.h"

void placement_reset(void);
/* The node with this number, counted as in the topology; its nr_nodes: none. */
u32 placement_node(u32 number);
/* The machine's nodes with these numbers. */
struct nodemask placement_nodes(const struct nodemask *numbers);
/* The range is no longer mapped. */
void placement_forget(void *start, size_t bytes);
/* The calling thread wrote to all of the range. */
void placement_touched(void *start, size_t bytes);

/* host_run_threads starts as many threads as it is asked for. */
void threads_reset(void);
/* No time has gone, nothing is shared, no worker runs. */
void clock_reset(void);

#endif
