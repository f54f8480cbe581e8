/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.h: a trace played on an engine's heap.  See replay.c.
 */
#ifndef TOOLS_REPLAY_H
#define TOOLS_REPLAY_H

#include "engine.h"
#include "trace.h"

enum replay_result {
	REPLAY_CRASHED, /* all-zero: the process died */
	REPLAY_DONE,
	REPLAY_REFUSED, /* an allocation that was recorded as given */
	REPLAY_NO_HEAP	/* error says why */
};

struct outcome {
	enum replay_result result;
	int error;	     /* of create, or of look's; positive */
	size_t nr_done;	     /* operations */
	uint64_t live_bytes; /* as asked for, in the end */
	uint64_t peak_bytes;
	size_t largest_bytes; /* free run; replay_engine only, as the hash */
	uint64_t hash;
};

struct replay {
	const struct trace *trace;
	const struct engine *engine;
	/* Called in the process that plays, before operation nr_done, every
	 * `step` operations and in the end; NULL: nobody. */
	void (*look)(void *data, struct outcome *now);
	void *data;
	size_t step;
	bool progress; /* a bar on standard error */
};

/* Play it in a new process. */
void replay_try(const struct replay *replay, size_t heap_bytes,
		struct outcome *outcome);
/*
 * Bytes of the smallest heap that will do, to a thousandth; 0: none up to
 * 256 times `high` does.  Bisects: it takes a dozen tries, and where a larger
 * heap fails and a smaller does not, it finds one of the borders.
 */
size_t replay_smallest(const struct replay *replay, size_t high);

#endif
