/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * job.h: what the processes of test_job.c share, and how they store into the
 * arrays of each other.
 *
 * To tell what an array must hold, its words follow from a stamp for each chunk
 * of it, kept in the table of its owner.  A lock for each table keeps an array
 * where it is while a peer stores; who takes one over from a dead holder finds
 * in the table which chunk may be half new, and that nothing else is.
 *
 * The lock is a word and not a robust mutex: with those, survivors were seen to
 * sleep for ever now and then, presumably as a wakeup went to the process that
 * was killed.
 */
#ifndef TESTS_HOST_JOB_H
#define TESTS_HOST_JOB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#define NR 4
#define SLOTS 8
#define WINDOW ((size_t)24 << 20)
#define CHUNK ((size_t)4096)
#define WORDS (CHUNK / sizeof(uint64_t))
#define MAX_CHUNKS 256
#define NO_CHUNK UINT32_MAX

struct slot {
	size_t offset; /* of the array, from the start of the window */
	uint32_t nr;   /* chunks; 0: no array */
	uint64_t stamp[MAX_CHUNKS];
};

/* What the peers know of one process; all is guarded by the lock. */
struct table {
	_Atomic int holder; /* of the lock: 1 + its number; 0: none */
	struct slot slot[SLOTS];
	/* The chunk that the holder stores to, and its stamp afterwards. */
	uint32_t torn_slot, torn_chunk;
	uint64_t torn_stamp;
	bool closed; /* its owner died in the middle of changing it */
	bool changing;
};

struct job {
	struct table table[NR];
	_Atomic uint64_t steps[NR];
	_Atomic int dead; /* which one, once it is known; -1: none */
	_Atomic int resting;
	uint64_t seed;
	char *window[NR];
};

extern struct job *job;

/* Of one process. */
extern int me;
extern uint64_t random_state;

#define CHECK(condition)                                                      \
	do {                                                                  \
		if (!(condition)) {                                           \
			fprintf(stderr, "%s:%d: process %d, seed %llu: %s\n", \
				__FILE__, __LINE__, me,                       \
				(unsigned long long)job->seed, #condition);   \
			_exit(1);                                             \
		}                                                             \
	} while (0)

uint64_t mix(uint64_t x);
uint32_t below(uint32_t n);

uint64_t *chunk_at(int owner, const struct slot *slot, uint32_t chunk);
/* Give a chunk of an own array new words, and a new stamp. */
void fill_chunk(struct slot *slot, uint32_t chunk);
/* All words of the own array in this slot are as its stamps say. */
void check_slot(const struct slot *slot);

struct table *lock(int owner);
void unlock(struct table *table);
/* Store a chunk of a peer's array, if there is one. */
void store(int owner);

/* The memory that they share, before there are any processes; and its end. */
void make_job(uint64_t seed);
void end_job(void);

#endif
