/* SPDX-License-Identifier: BSD-2-Clause */
/* clear.h: what a run has of others; see clear.c. */
#ifndef MM_CLEAR_H
#define MM_CLEAR_H

#include "contig.h"
#include "run.h"

/*
 * clear_run - let a run that was just taken read as zero
 * @known: what its taking said
 * @flags: FIXHEAP_ZERO_PARALLEL: by threads on the nodes that it is on
 *
 * Context: no lock.
 */
void clear_run(struct fixheap *heap, const struct run *run,
	       struct zero_range known, unsigned flags);

#endif
