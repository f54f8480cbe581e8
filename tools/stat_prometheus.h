/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stat_prometheus.h: figures of heaps for Prometheus.  See stat_prometheus.c.
 */
#ifndef TOOLS_STAT_PROMETHEUS_H
#define TOOLS_STAT_PROMETHEUS_H

#include <stdio.h>

#include "figures.h"

struct stat_prometheus {
	struct prometheus_heap *heap;
	size_t nr;
};

/* Take the figures over, whatever comes of it.  NULL, or what is wrong. */
const char *stat_prometheus_add(struct stat_prometheus *all,
				const struct segment *segment,
				struct figures *figures);
/* Print all of it, and let it go. */
void stat_prometheus_end(struct stat_prometheus *all, FILE *out);

#endif
