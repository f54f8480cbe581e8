/* SPDX-License-Identifier: BSD-2-Clause */
/* placement.h: what host.c tells placement.c. */
#ifndef ARCH_SIM_PLACEMENT_H
#define ARCH_SIM_PLACEMENT_H

#include "types.h"

void placement_reset(void);
/* The range is no longer mapped. */
void placement_forget(void *start, size_t bytes);
/* The calling thread wrote to all of the range. */
void placement_touched(void *start, size_t bytes);

/* host_run_threads starts as many threads as it is asked for. */
void threads_reset(void);

#endif
