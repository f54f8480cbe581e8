/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat_json.h: figures of heaps as JSON.  See stat_json.c.
 */
#ifndef TOOLS_STAT_JSON_H
#define TOOLS_STAT_JSON_H

#include "figures.h"

struct stat_json;

enum stat_json_runs {
	STAT_JSON_NO_RUNS,
	STAT_JSON_RUNS /* each run of pages, too */
};

/* NULL where there is no memory, which is good enough for the others. */
struct stat_json *stat_json_begin(void);
/* NULL, or what is wrong. */
const char *stat_json_add(struct stat_json *json, struct segment *segment,
			  const struct figures *figures,
			  enum stat_json_runs runs);
/* Print all of it on standard output, and let it go.  0, or -1: no memory. */
int stat_json_end(struct stat_json *json);

#endif
