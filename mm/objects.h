/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.h: what the heap asks of the objects' side (jemalloc).  Without
 * CONFIG_JEMALLOC these are stubs and fixheap_malloc serves page runs only.
 */
#ifndef MM_OBJECTS_H
#define MM_OBJECTS_H

#include "mmzone.h"

#if IS_ENABLED(CONFIG_JEMALLOC)

/* One arena per zone.  0 or -ENOMEM.  heap->objects is set. */
int objects_create(struct fixheap *heap);
/* Empty every thread's cache of this heap's objects, give all slabs back. */
void objects_destroy(struct fixheap *heap);
/* Flush every thread's cache and purge the arenas.  Not from a hook. */
void objects_reclaim(struct fixheap *heap);

#else

static inline int objects_create(struct fixheap *heap)
{
	(void)heap;
	return 0;
}

static inline void objects_destroy(struct fixheap *heap)
{
	(void)heap;
}

static inline void objects_reclaim(struct fixheap *heap)
{
	(void)heap;
}

#endif

#endif
