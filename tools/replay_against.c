/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay_against.c: a trace on other allocators
 *
 * They need jemalloc in front of the process, so each is played by
 *
 *	fixheap replay-worker ENGINE HEAP FILE
 *
 * (HEAP in decimal), which prints one line of which this is the other side:
 *
 *	RESULT ERROR DONE PEAK SMALLEST
 *
 * RESULT: enum replay_result; ERROR: errno of a heap that cannot be made;
 * DONE: operations; PEAK: bytes; SMALLEST: bytes of the smallest heap, or 0.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "replay_against.h"
#include "tool.h"
#include "worker.h"

static const struct engine *const others[] = { &bump_engine, &jemalloc_engine };
#define NR_OTHERS (sizeof(others) / sizeof(others[0]))

static const struct engine *find(const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < NR_OTHERS; i++)
		if (strlen(others[i]->name) == length &&
		    !strncmp(others[i]->name, name, length))
			return others[i];
	return NULL;
}

bool against_known(const char *names, size_t length)
{
	return find(names, length);
}

void against_try(const char *file, const char *name, size_t length,
		 size_t heap_bytes, struct verdict *verdict)
{
	struct outcome *outcome = &verdict->outcome;
	char own[] = "fixheap", command[] = "replay-worker";
	char engine[16], heap[24], path[4096], line[256];
	char *argv[] = { own, command, engine, heap, path, NULL };
	FILE *from;
	pid_t pid;
	int result = REPLAY_CRASHED;

	memset(verdict, 0, sizeof(*verdict));
	verdict->name = find(name, length)->name;
	snprintf(engine, sizeof(engine), "%s", verdict->name);
	snprintf(heap, sizeof(heap), "%zu", heap_bytes);
	snprintf(path, sizeof(path), "%s", file);
	from = worker_start(WORKER_JEMALLOC, argv, &pid);
	if (from && fgets(line, sizeof(line), from) &&
	    sscanf(line, "%d %d %zu %" SCNu64 " %zu", &result, &outcome->error,
		   &outcome->nr_done, &outcome->peak_bytes,
		   &verdict->smallest) == 5)
		outcome->result = (enum replay_result)result;
	if (from) {
		fclose(from);
		waitpid(pid, NULL, 0);
	}
	snprintf(verdict->why, sizeof(verdict->why), "%s",
		 outcome->error == ENOENT ? "jemalloc is not installed"
					  : strerror(outcome->error));
}

int cmd_replay_worker(int argc, char **argv)
{
	struct outcome outcome;
	struct replay replay = { 0 };
	struct trace trace;
	size_t heap_bytes, smallest = 0;

	if (argc != 4)
		return bad_usage("", "replay-worker is for fixheap replay "
				     "only");
	replay.engine = find(argv[1], strlen(argv[1]));
	if (!replay.engine || trace_load(&trace, argv[3]))
		return EXIT_OURS;
	replay.trace = &trace;
	heap_bytes = strtoul(argv[2], NULL, 10);
	replay_try(&replay, heap_bytes, &outcome);
	if (outcome.result == REPLAY_DONE || outcome.result == REPLAY_REFUSED)
		smallest = replay_smallest(&replay, heap_bytes);
	printf("%d %d %zu %" PRIu64 " %zu\n", (int)outcome.result,
	       outcome.error, outcome.nr_done, outcome.peak_bytes, smallest);
	trace_fini(&trace);
	return finish_output(EXIT_SUCCESS);
}
