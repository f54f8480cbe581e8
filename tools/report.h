/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * report.h: the command's side of the figures.  See report.c.
 */
#ifndef TOOLS_REPORT_H
#define TOOLS_REPORT_H

#include <stdio.h>

#include "slots.h"

struct report {
	struct slots *slots;
	int fd; /* inherited by the program and its children */
};

/* Make the shared file and put its place in the environment. 0 or -errno. */
int report_open(struct report *report);
/* The figures of all processes, the largest first. */
void report_print(const struct report *report, FILE *out, const char *program);

#endif
