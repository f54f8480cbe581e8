/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.h: the allocators that we are held against, each in a process of its
 * own; see peer.c and worker.c.
 */
#ifndef BENCH_PEER_H
#define BENCH_PEER_H

#include "bench.h"

enum peer {
	PEER_FIXHEAP,
	PEER_GLIBC,    /* as the process's malloc */
	PEER_JEMALLOC, /* likewise, preloaded */
	PEER_MIMALLOC, /* likewise */
	PEER_MEMKIND,  /* a kind over fixed memory */
	PEER_TBB,      /* a pool over fixed memory */
	PEER_DPDK,     /* an external heap */
	PEER_BUDDY,    /* buddy.c */
	PEER_BUMP,     /* jemalloc on memory that is never given back */
	NR_PEERS
};

const char *peer_name(enum peer peer);

enum load {
	LOAD_HOT,     /* pairs */
	LOAD_BATCH,   /* so many allocated, then all freed */
	LOAD_TRACE,   /* does this of trace.h complete on a heap? */
	LOAD_REPLACE, /* one of so many, chosen at random, freed, another made;
		       * after each round threads take over each other's */
};

/* What a worker is asked for: one round. */
struct job {
	enum load load;
	unsigned nr_threads;
	bool pages;    /* page runs, not objects; they are not touched */
	bool shuffled; /* LOAD_BATCH: freed in random order */
	bool cross;    /* LOAD_BATCH: threads free each other's */
	size_t min_bytes, max_bytes; /* log-uniform */
	size_t batch;
	size_t nr_pairs; /* of each thread, about */
	uint64_t seed;
	unsigned trace;	   /* LOAD_TRACE: in trace_specs */
	size_t heap_bytes; /* likewise */
};

/* What it says. */
struct answer {
	double ns;	/* of a pair, of one thread */
	bool completes; /* LOAD_TRACE */
};

struct worker {
	enum peer peer;
	int pid;
	int ask, answer; /* pipes */
};

/*
 * peer_start - a worker process with that allocator
 *
 * heap_bytes: of those that have a fixed heap; 0: for peer_try only.
 * why: what is missing.
 * Return: BENCH_OK; BENCH_MISSED: it is not to be had here; BENCH_ERROR: told.
 */
enum bench_result peer_start(struct worker *worker, enum peer peer,
			     size_t heap_bytes, const char **why);
void peer_stop(struct worker *worker);
/* One round; negative: told. */
double peer_ask(struct worker *worker, const struct job *job);

/* Whether a load completes; BENCH_MISSED: it does not; BENCH_ERROR: told. */
enum bench_result peer_try(struct worker *worker, unsigned trace, uint64_t seed,
			   size_t heap_bytes);

/* The worker's main function: `bench --worker PEER --heap BYTES`. */
int worker_main(const char *peer, size_t heap_bytes);

/* An allocator with a heap of its own, by functions. */
struct allocator {
	void *(*alloc)(void *heap, size_t bytes);
	void (*free)(void *heap, void *ptr);
	void *heap;
};

/*
 * A fixed heap over `bytes` at base, of one of PEER_MEMKIND and those that
 * follow; unit: of the buddy's blocks.  Return: NULL, or why there is none.
 */
const char *allocator_open(struct allocator *allocator, enum peer peer,
			   void *base, size_t bytes, size_t unit);
/* That of PEER_DPDK; the process calls dpdk_init before, once. */
const char *dpdk_init(void);
const char *dpdk_open(struct allocator *allocator, void *base, size_t bytes);
/* That of PEER_BUMP. */
const char *bump_open(struct allocator *allocator, void *base, size_t bytes);
/* LOAD_TRACE, in this process. */
bool trial_run(enum peer peer, const struct job *job);

/* One round of a job in this process. */
struct round {
	const struct job *job;
	enum peer peer;
	struct fixheap *heap;		   /* PEER_FIXHEAP */
	const struct allocator *allocator; /* those with one */
};
double round_run(const struct round *round);

#endif
