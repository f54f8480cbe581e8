/* SPDX-License-Identifier: BSD-2-Clause */
/* layer.h: a comm layer over mmap that counts and checks every callback; see
 * layer.c. */
#ifndef TESTS_MODES_LAYER_H
#define TESTS_MODES_LAYER_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fixheap/fixheap.h>

#define MAX_PIECES 2048

enum call {
	CALL_ALLOC,
	CALL_TOUCH,
	CALL_POST_ALLOC,
	CALL_REALLOC,
	CALL_POST_REALLOC,
	CALL_FREE,
	CALL_FAILED,
	NR_CALLS
};

/* Memory that the heap has, or, without a base, a place for some. */
struct piece {
	char *base;
	size_t bytes;
	char *mapping; /* with what is around it */
	size_t mapping_bytes;
	bool touched;	 /* by the callback */
	bool registered; /* by post_alloc or post_realloc */
	uint64_t key;
};

struct layer {
	struct fixheap_comm comm;
	/* what it shall do; calls are counted since layer_reset */
	unsigned fails_from[NR_CALLS]; /* this call and ... */
	unsigned fails_for[NR_CALLS];  /* ... so many in all fail */
	int error;		       /* of a failing post_alloc */
	void *gives;		       /* alloc: this, once */
	uint64_t first_key;	       /* what post_alloc is given */
	bool dirty;		       /* memory is not zero */
	/* called inside of every callback but failed */
	void (*within)(struct layer *layer, enum call call, void *base,
		       size_t bytes);
	/* what it did */
	unsigned nr[NR_CALLS];	/* calls */
	size_t bytes[NR_CALLS]; /* of those that succeeded */
	unsigned nr_live;	/* pieces */
	size_t live_bytes;
	size_t registered_bytes; /* now */
	pthread_t thread;	 /* of the last call but free */
	struct fixheap_comm_failure failure;
	char failed_call[32], failed_what[96];
	/* (private) */
	struct piece piece[MAX_PIECES];
	uint64_t next_key;
	unsigned inside; /* calls that may not overlap */
	unsigned lock;
};

/* All callbacks but heap_info; whatever is not wanted is set to NULL then. */
void layer_init(struct layer *layer);
/* Forget the counts and the failures asked for. */
void layer_reset(struct layer *layer);
/* In the child of a fork: no other thread is in a callback. */
void layer_in_child(struct layer *layer);
/* The call with this number, from 1, fails, and those behind it: nr in all. */
void layer_fail(struct layer *layer, enum call call, unsigned from,
		unsigned nr);
/* Memory as it would give it, without telling a heap; and its end. */
void *layer_map(struct layer *layer, size_t bytes);
bool layer_unmap(struct layer *layer, void *base);
/* The piece that holds ptr, or NULL. */
struct piece *layer_piece(struct layer *layer, const void *ptr);
/* Everything was given back. */
bool layer_is_empty(const struct layer *layer);

#endif
