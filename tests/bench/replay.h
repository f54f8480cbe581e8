/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.h: running a load on a heap of some length and number of nodes; see
 * replay.c.
 */
#ifndef BENCH_REPLAY_H
#define BENCH_REPLAY_H

#include "bench.h"
#include "trace.h"

struct replay {
	const struct trace *trace;
	void *base; /* address space for the largest heap */
	size_t bytes;
	void **thing; /* [trace->nr_ids]: what is live */
};

/* Room to replay the trace on heaps of up to `bytes`; false: told. */
bool replay_init(struct replay *replay, const struct trace *trace,
		 size_t bytes);
void replay_fini(struct replay *replay);

/*
 * replay_run - whether the load completes on a heap of `length` bytes
 *
 * With nr_nodes 1 the caller itself does all, on a heap of the machine's
 * nodes; with more, as many threads do, each on its node of a heap that is
 * cut into so many equal parts.
 * *near (or NULL): the share of the bytes of arrays that came from the node
 * of the thread that asked, of all that were allocated.
 * Return: BENCH_MISSED: it does not; BENCH_ERROR: told.  The heap must be in
 * order afterwards, either way.
 */
enum bench_result replay_run(const struct replay *replay, size_t length,
			     unsigned nr_nodes, double *near);

#endif
