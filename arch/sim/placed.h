/* SPDX-License-Identifier: BSD-2-Clause */
/* placed.h: the node of each page that was put on one. */
#ifndef ARCH_SIM_PLACED_H
#define ARCH_SIM_PLACED_H

#include "types.h"

#define PLACED_NOWHERE NODES_MAX

/* Node of a page, or PLACED_NOWHERE. */
u32 placed_get(u64 page);
void placed_set(u64 page, u32 node);

/* Call fn for each page of [first, end) that is on a node; what it returns is
 * the page's node from then on. */
typedef u32 (*placed_fn)(void *data, u64 page, u32 node);
void placed_walk(u64 first, u64 end, placed_fn fn, void *data);

/* Forget everything. */
void placed_reset(void);

#endif
