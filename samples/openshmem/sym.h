/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sym.h: a symmetric heap that is asked for once, and symmetric arrays in it.
 *
 * OpenSHMEM has symmetric memory from a heap of its own, by collective calls.
 * Here that heap is asked once, for all of it, and a deterministic fixed heap
 * is put in it: where every PE makes the same calls for arrays, every PE gets
 * the same offsets, without a word to the others.  So the address of an array
 * is symmetric, and is put to and got from as one of shmem_malloc is.
 *
 * What the PEs do else need not be the same: their threads have objects from
 * private_bytes of the heap, as many as they like.
 */
#ifndef SYM_H
#define SYM_H

#include <stdint.h>

#include <fixheap/fixheap.h>

#define PRIVATE_BYTES ((size_t)2 << 20)

/* The first words of each array are only added to, the others only put. */
#define SUMS 64

struct sym {
	struct fixheap *heap;
	char *base;
	size_t bytes;
	int pe, pes;
};
extern struct sym sym;

struct array {
	long *words; /* NULL: the array does not exist */
	size_t len;
	uint64_t stamp; /* what the words hold follows from it */
	uint64_t added; /* and how often was added to the sums */
};

/* Collective, as shmem_malloc and shmem_free are. */
void sym_open(size_t bytes);
void sym_close(void);
/* Print, and end the job. */
void die(const char *format, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* A random number below n, from a state. */
uint64_t random_below(uint64_t *state, uint64_t n);

/*
 * Every PE calls array_exercise, in the same order, after the array was made,
 * grown or moved: put new words into those of all PEs, add to all sums, get a
 * part of a neighbour's, and check what came.
 */
void array_exercise(struct array *array);
/* Whether the first so many words here are what they should be. */
void array_check(const struct array *array, size_t words);

/* Threads that make and free objects, on each PE in another way, between
 * start and stop; and what they have is checked. */
void objects_start(uint64_t seed);
void objects_stop(void);

/* Note an offset that this PE got; compare the list with those of the others.
 * The list begins anew. */
void note_offset(const void *pointer);
void compare_offsets(void);

#endif
