/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker.h: this command in a process of its own, to be read from.
 */
#ifndef TOOLS_WORKER_H
#define TOOLS_WORKER_H

#include <stdio.h>
#include <sys/types.h>

/* The distribution's, for the engines of bump.c. */
#define WORKER_JEMALLOC "libjemalloc.so.2"

/*
 * Start `fixheap ARGV` with a library in front of it (NULL: none), and give
 * back its standard output; with one its complaints are lost.  NULL: it cannot
 * be started.
 */
FILE *worker_start(const char *preload, char **argv, pid_t *pid);

#endif
