/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * demo.h: what the files of `fixheap demo` share
 *
 * cmd_demo.c asks, demo_worker.c answers in a process of its own,
 * demo_cases.c is what is done, bump.c and demo_worker.c are what it is done
 * on.
 */
#ifndef TOOLS_DEMO_H
#define TOOLS_DEMO_H

#include <stdbool.h>
#include <stddef.h>

#include "engine.h"

#define DEMO_TEXT_MAX 64

/* One run of a case on an engine. */
struct trial {
	const struct engine *engine;
	size_t unit; /* bytes of u */
	void *array; /* taken last and live; or NULL */
	size_t array_bytes;
	size_t live_bytes; /* as asked for */
	size_t peak_bytes;
	char failed[DEMO_TEXT_MAX]; /* what was refused; "": nothing */
};

struct demo_case {
	const char *about;
	bool (*run)(struct trial *trial); /* false: something refused */
};

#define NR_DEMO_CASES 5
extern const struct demo_case demo_cases[NR_DEMO_CASES];

#endif
