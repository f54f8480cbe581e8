/* SPDX-License-Identifier: BSD-2-Clause */
/* share.h: metadata that other processes can read; see share.c.  Without
 * CONFIG_ATTACH no heap has the flag. */
#ifndef MM_SHARE_H
#define MM_SHARE_H

#include "mmzone.h"

/* In front of the heap, for struct fixheap_segment. */
#define SHARE_BYTES HOST_PAGE_MIN

#if IS_ENABLED(CONFIG_ATTACH)

/* Zeroed memory for the metadata of a heap, in a file; NULL and errno. */
void *share_reserve(size_t bytes, struct share **share);
/* The heap is made: say where everything is. */
void share_open(struct fixheap *heap);
/* Take the name away, and give back what share_reserve gave. */
void share_release(struct fixheap *heap);

/* Around fork, with all locks of all heaps held.  In the child, before anything
 * is written to a heap. */
void share_fork_prepare(void);
void share_fork_parent(void);
void share_fork_child(void);

#else

static inline void *share_reserve(size_t bytes, struct share **share)
{
	(void)bytes;
	(void)share;
	return NULL;
}

static inline void share_open(struct fixheap *heap)
{
	(void)heap;
}

static inline void share_release(struct fixheap *heap)
{
	(void)heap;
}

static inline void share_fork_prepare(void)
{
}

static inline void share_fork_parent(void)
{
}

static inline void share_fork_child(void)
{
}

#endif

#endif
