/* SPDX-License-Identifier: BSD-2-Clause */
/* trim.h: giving free memory back to the system; see trim.c, decay.c. */
#ifndef MM_TRIM_H
#define MM_TRIM_H

#include "mmzone.h"

/*
 * Who finds no memory looks again if a piece of it was on its way to the system
 * meanwhile, and so not free:
 *
 *	do {
 *		seq = trim_begin(heap);
 *		look
 *	} while (not found && trim_again(heap, seq));
 *
 * Context of trim_again: no lock but those that nest outside of the waist's.
 * It waits until the piece is free again.  Each piece goes once, so the loop
 * ends.
 */
static inline u64 trim_begin(const struct fixheap *heap)
{
	return IS_ENABLED(CONFIG_TRIM)
		       ? __atomic_load_n(&heap->trim_seq, __ATOMIC_RELAXED)
		       : 0;
}

static inline bool trim_again(struct fixheap *heap, u64 seq)
{
	if (!IS_ENABLED(CONFIG_TRIM) ||
	    likely(!(seq & 1) && trim_begin(heap) == seq))
		return false;
	spin_lock(&heap->trim_lock);
	spin_unlock(&heap->trim_lock);
	return true;
}

/* Ticks of decay.c are counted with so many bits. */
#define DECAY_MASK 0x7fffffffu

/* What goes to the system, and how far that has come. */
struct trim {
	struct fixheap *heap;
	unsigned flags; /* FIXHEAP_TRIM_... */
	u32 b;		/* goes on at this block */
	u32 now, age;	/* decay.c: what was free for so many ticks; 0: all */
	u64 most;	/* bytes at most, of the next piece */
	u32 first, end; /* the piece */
};

enum trim_found {
	TRIM_PIECE, /* it is out of the heap until trim_give */
	TRIM_MORE,  /* nothing yet; call again */
	TRIM_END    /* there is nothing behind b */
};
/* The next piece; with dry it is only found, not taken.  Context: no lock. */
enum trim_found trim_take(struct trim *trim, bool dry);
/* Give the piece to the system, and, whether that worked or not, back to the
 * heap.  0 or -errno. */
int trim_give(struct trim *trim);

/* Ask what the range of block b is mapped with, once.  Context: no lock. */
void trim_learn(struct fixheap *heap, u32 b);

/* --- decay.c -------------------------------------------------------------- */

#if IS_ENABLED(CONFIG_TRIM)

/* 0 or -errno, of host_worker_start. */
int decay_start(struct fixheap *heap);
/* Nothing runs in the background any more. */
void decay_stop(struct fixheap *heap);
/* Something large was freed: if it is time, look what was free for long.
 * Context: no lock. */
void decay_look(struct fixheap *heap);

#else

static inline int decay_start(struct fixheap *heap)
{
	(void)heap;
	return 0;
}

static inline void decay_stop(struct fixheap *heap)
{
	(void)heap;
}

static inline void decay_look(struct fixheap *heap)
{
	(void)heap;
}

#endif

static inline void decay_freed(struct fixheap *heap)
{
	if (IS_ENABLED(CONFIG_TRIM) && unlikely(heap->decay_ms))
		decay_look(heap);
}

#endif
