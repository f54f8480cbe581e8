/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.h: what the heap asks of the objects' side (jemalloc).  Without
 * CONFIG_JEMALLOC malloc_runs.c has nothing to do here.
 */
#ifndef MM_OBJECTS_H
#define MM_OBJECTS_H

#include "mmzone.h"

/* One arena per node.  0 or -ENOMEM.  heap->objects is set. */
int objects_create(struct fixheap *heap);
/* The node that the thread's objects shall come from, as run_request.near. */
u32 objects_near(const struct fixheap *heap);
/* Empty every thread's cache of this heap's objects, give all slabs back. */
void objects_destroy(struct fixheap *heap);
/* Flush every thread's cache and purge the arenas.  Not from a hook. */
void objects_reclaim(struct fixheap *heap);
/* No objects from slabs that are there, until objects_restore. */
void objects_retire(struct fixheap *heap);
void objects_restore(struct fixheap *heap);

#endif
