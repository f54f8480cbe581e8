/* SPDX-License-Identifier: BSD-2-Clause */
/* machine.h: what a simulated machine may be, and its text form. */
#ifndef ARCH_SIM_MACHINE_H
#define ARCH_SIM_MACHINE_H

#include "host.h"

/* Whether topo describes a machine: see machine.c. */
bool machine_valid(const struct topology *topo);
/* The text that host_sim_describe takes.  0 or -EINVAL. */
int machine_parse(const char *text, struct topology *topo);

#endif
