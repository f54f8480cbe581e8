/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat_runs.h: the runs of a heap as JSON.  See stat_runs.c.
 */
#ifndef TOOLS_STAT_RUNS_H
#define TOOLS_STAT_RUNS_H

#include <jansson.h>

#include "figures.h"

/* A new array of all runs; NULL, or what is wrong, and then there is none. */
const char *stat_runs(const struct figures *figures, struct segment *segment,
		      json_t **runs);

#endif
