/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dist.h: a window that is registered once, a fixed heap in it, and arrays
 * that are distributed over the ranks.
 *
 * A distributed array has a block on each rank, as long as that rank likes.  A
 * block is an array of the rank's heap, or any other memory of it: since the
 * heap is in the window, it can be reached from everywhere as soon as its
 * displacement (its address less that of the window) was told to the others.
 * That is all that has to be done when an array is made or moves; MPI is not
 * told, and registers nothing.
 */
#ifndef DIST_H
#define DIST_H

#include <mpi.h>
#include <stdint.h>

#include <fixheap/fixheap.h>

#define RANKS_MAX 64

/* The first words of each block are only added to, the others only put. */
#define SUMS 64

struct window {
	MPI_Win win;
	char *base;
	size_t bytes;
	struct fixheap *heap;
	int rank, ranks;
};
extern struct window window;

struct dist {
	uint64_t *block; /* mine; NULL: the array does not exist */
	size_t len;	 /* of it, in words, at least SUMS */
	/* of every rank's block, the same everywhere */
	struct {
		uint64_t disp, len;
	} at[RANKS_MAX];
	uint64_t stamp; /* what the words hold follows from it */
	uint64_t added; /* and how often was added to the sums */
};

/* How the memory comes about: mapped here, or allocated by MPI. */
enum window_memory {
	WINDOW_MAP,
	WINDOW_ALLOCATE
};

void window_open(size_t bytes, enum window_memory memory);
void window_close(void);
/* Print, and end the job. */
void die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* A random number below n, the same on all ranks; or of this rank alone. */
uint64_t shared_below(uint64_t n);
uint64_t own_below(uint64_t n);
void seed_random(uint64_t seed);

/*
 * Every rank calls these, in the same order.
 *
 * dist_exercise: after the block was made, grown or moved: tell the others
 * where it is, put new words into all blocks, add to all sums, get a part of a
 * neighbour's, and check what came and what was there before.
 */
void dist_exercise(struct dist *dist);
/* Whether the first so many words of my block are what they should be. */
void dist_check(const struct dist *dist, size_t words);

#endif
