/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.h: running a program on one malloc or another; see program.c.
 */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include <sys/types.h>

#include "bench.h"

enum way {
	WAY_FIXHEAP,  /* fixheap run */
	WAY_HUGE,     /* fixheap run --hugepages */
	WAY_RECORD,   /* fixheap record, to a file of its folder */
	WAY_JEMALLOC, /* preloaded */
	WAY_GLIBC,    /* as it is */
	NR_WAYS
};

const char *way_name(enum way way);

/* What a program that has ended took. */
struct usage {
	double wall, cpu; /* seconds */
	double peak;	  /* MiB of the largest of its processes */
};

/* What it writes is FILE and FILE.PID; remove them. */
#define RECORD_FILE "trace"
void program_forget(const char *folder);

/* Start it in the folder; NULL for the first of argv ends the list.  -1: no. */
pid_t program_start(enum way way, const char *folder, char *const *argv);
/* Wait for its end; -1: it failed. */
int program_wait(pid_t pid, struct usage *usage);
/* Both, with the time in between. */
int program_run(enum way way, const char *folder, char *const *argv,
		struct usage *usage);
/* Whether `true` runs that way, which is not WAY_RECORD. */
bool program_works(enum way way);

#endif
