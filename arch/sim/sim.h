/* SPDX-License-Identifier: BSD-2-Clause */
/* sim.h: what the files of the simulated machine ask of host.c. */
#ifndef ARCH_SIM_SIM_H
#define ARCH_SIM_SIM_H

#include "host_sim.h"

/*
 * sim_enter - a call of a host function came
 *
 * Counts it and calls the hook; no lock of the simulated machine may be held.
 * Return: 0, or the -errno that this call has to fail with.
 */
int sim_enter(enum host_sim_call call);

/* The machine as it is now. */
const struct topology *sim_topology(void);
/* CPU of the calling thread; not counted as a call. */
u32 sim_cpu(void);

/* pools.c: take pages for a mapping, which is made then; false: there are not
 * so many.  Give those of a mapping back, if it has any; the page of the
 * mapping at addr, 0: it is of none. */
bool pools_take(size_t bytes, size_t page);
void pools_add(void *start, size_t bytes, size_t page);
void pools_give(void *start);
size_t pools_page(const void *addr);
void pools_reset(void);

/* The host was misused, nothing that a test could go on from: say it, abort. */
void sim_misuse(const char *what) __attribute__((noreturn));

#endif
