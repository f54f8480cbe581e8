/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * run.h: programs on fixed heaps, for the commands that start them.  See
 * cmd_run.c.
 */
#ifndef TOOLS_RUN_H
#define TOOLS_RUN_H

#include <stdbool.h>
#include <stddef.h>

struct run_options {
	size_t heap_bytes;
	unsigned decay_ms; /* 0: never */
	const char *pages; /* huge ones; NULL: none */
	bool prefault;
	bool share;
	bool report;
	const char *report_file; /* NULL: standard error */
	char **program;
};

/* What the commands have in common: for long_options, in the help, and what is
 * to be done with one; -1: it was one of these and is good; 0: it is another;
 * else the status to end with. */
#define RUN_OPTIONS                                            \
	{ "heap", required_argument, NULL, 's' },              \
		{ "decay", required_argument, NULL, 'd' },     \
		{ "hugepages", optional_argument, NULL, 'g' }, \
		{ "prefault", no_argument, NULL, 'p' },        \
	{                                                      \
		"share", no_argument, NULL, 'a'                \
	}
#define RUN_HELP                                                             \
	"      --heap=SIZE      size of a heap (default: 50%)\n"             \
	"      --decay=MS       give memory back to the system once it was " \
	"free for MS\n"                                                      \
	"                         milliseconds (default: 0, never)\n"        \
	"      --hugepages[=PAGES]\n"                                        \
	"                       ask for transparent huge pages (thp), or "   \
	"take pages of\n"                                                    \
	"                         2M or 1G from the system's pool\n"         \
	"      --prefault       touch the heap of PROGRAM before it "        \
	"starts\n"                                                           \
	"      --share          let fixheap stat, top and map look at the "  \
	"heaps\n"
int run_option(const char *command, int option, struct run_options *options);

/* Each of these: 0, or the status to end with, after saying why. */
/* Find the preload library and tell it by the environment what to do. */
int run_prepare(const struct run_options *options);
/* Run the program and wait; *started: it could be, *status: its own. */
int run_and_wait(const struct run_options *options, bool *started, int *status);
/* End as the program did. */
int run_end_as(int status);

#endif
