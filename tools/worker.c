/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * worker.c: this command in a process of its own, to be read from
 *
 * What the program's malloc is, the loader decides when a process starts.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tool.h"
#include "worker.h"

#define SELF "/proc/self/exe"

static void become_worker(const char *preload, char **argv)
{
	/* What the loader says when there is no jemalloc, we say better. */
	if (preload && !freopen("/dev/null", "w", stderr))
		_exit(EXIT_OURS);
	unsetenv("MALLOC_CONF");
	unsetenv("LD_PRELOAD");
	if (preload)
		setenv("LD_PRELOAD", preload, 1);
	execv(SELF, argv);
	_exit(EXIT_OURS);
}

FILE *worker_start(const char *preload, char **argv, pid_t *pid)
{
	FILE *from = NULL;
	int ends[2];

	fflush(NULL);
	if (pipe(ends))
		return NULL;
	*pid = fork();
	if (!*pid) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		become_worker(preload, argv);
	}
	close(ends[1]);
	if (*pid > 0)
		from = fdopen(ends[0], "r");
	if (!from)
		close(ends[0]);
	return from;
}
