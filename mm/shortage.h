/* SPDX-License-Identifier: BSD-2-Clause */
/* shortage.h: telling the program that memory is short; see shortage.c. */
#ifndef MM_SHORTAGE_H
#define MM_SHORTAGE_H

#include "run.h"

/* Functions that can be told, for each heap. */
#define RECLAIMERS_MAX 16

struct reclaimer {
	fixheap_reclaim_fn fn; /* (L) NULL: not in use */
	void *data;	       /* (L) */
};

/* Of a heap; (L) is its lock. */
struct shortage {
	spinlock_t lock;
	struct reclaimer reclaimer[RECLAIMERS_MAX]; /* (L) */
	u32 nr_reclaimers;	 /* (L) written, (A) read: up to the last */
	u32 nr_running;		 /* (A) calls under way */
	u32 nr_watermarks;	 /* (A) nodes that have one */
	u64 low[PLACES_MAX];	 /* (A) pages, by node of the heap; 0: none */
	u32 is_told[PLACES_MAX]; /* (A) it was below and nothing changed */
};

#if IS_ENABLED(CONFIG_RECLAIM)

void shortage_init(struct fixheap *heap);
/*
 * shortage_tell - the request has failed, everything was taken back
 *
 * Calls who can free something.  Context: no lock; runs the program's code.
 * Return: whether they say that something was freed.
 */
bool shortage_tell(struct fixheap *heap, const struct run_request *req,
		   u32 round);
/* Pages were taken: tell who wants to know of nodes that have too few left. */
void shortage_look(struct fixheap *heap);

static inline bool shortage_has_listeners(const struct fixheap *heap)
{
	return __atomic_load_n(&heap->shortage->nr_reclaimers,
			       __ATOMIC_RELAXED);
}

static inline bool shortage_is_watched(const struct fixheap *heap)
{
	return unlikely(__atomic_load_n(&heap->shortage->nr_watermarks,
					__ATOMIC_RELAXED));
}

#else

static inline void shortage_init(struct fixheap *heap)
{
	(void)heap;
}

static inline bool shortage_tell(struct fixheap *heap,
				 const struct run_request *req, u32 round)
{
	(void)heap;
	(void)req;
	(void)round;
	return false;
}

static inline void shortage_look(struct fixheap *heap)
{
	(void)heap;
}

static inline bool shortage_has_listeners(const struct fixheap *heap)
{
	(void)heap;
	return false;
}

static inline bool shortage_is_watched(const struct fixheap *heap)
{
	(void)heap;
	return false;
}

#endif

#endif
