/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trial.c: whether a load completes on a fixed heap of somebody else.
 *
 * In a worker's process: each trial is a child of it, so that the heap is new,
 * and so that a peer that crashes or hangs when its memory ends just fails.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "peer.h"
#include "trace.h"

#define SECONDS_MAX 60
#define MORE ((size_t)2 << 20)
#define UNIT 32 /* bytes, of the buddy's blocks */

/* The load of the last trial; the next is mostly of the same. */
static const struct trace *get_trace(const struct job *job)
{
	static struct trace trace;
	static unsigned index;
	static bool made;

	if (made && index == job->trace && trace.seed == job->seed)
		return &trace;
	if (made)
		trace_fini(&trace);
	index = job->trace;
	made = !trace_make(&trace, &trace_specs[index], job->seed);
	return made ? &trace : NULL;
}

static bool replay(const struct trace *trace, const struct allocator *allocator)
{
	void **thing = calloc(trace->nr_ids, sizeof(*thing));

	if (!thing)
		return false;
	for (size_t i = 0; i < trace->nr_ops; i++) {
		const struct trace_op *op = &trace->op[i];
		void **at = &thing[op->id];

		if (op->kind == TRACE_FREE || op->kind == TRACE_FREE_ARRAY) {
			allocator->free(allocator->heap, *at);
			continue;
		}
		*at = allocator->alloc(allocator->heap, op->bytes);
		if (!*at)
			return false;
		if (op->kind == TRACE_OBJECT)
			*(volatile char *)*at = 1;
	}
	return true;
}

bool trial_run(enum peer peer, const struct job *job)
{
	const struct trace *trace = get_trace(job);
	int status = -1;
	pid_t pid = trace ? fork() : -1;

	if (!pid) {
		struct allocator allocator;
		/* one of them rounds up */
		void *base = bench_reserve(job->heap_bytes + MORE);

		alarm(SECONDS_MAX);
		if (allocator_open(&allocator, peer, base, job->heap_bytes,
				   UNIT))
			_exit(1);
		_exit(!replay(trace, &allocator));
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && !status;
}
