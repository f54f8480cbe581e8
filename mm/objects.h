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
/* Count what the caller has taken and given. */
void objects_tell(struct fixheap *heap);
/* fn(heap, data) while no thread is in its cache, or waits for a lock there. */
void objects_call_stopped(struct fixheap *heap,
			  void (*fn)(struct fixheap *heap, void *data),
			  void *data);
/* The same with all their caches empty. */
void objects_call_flushed(struct fixheap *heap,
			  void (*fn)(struct fixheap *heap, void *data),
			  void *data);
/* Pages in caches of threads, but for objects of a class; they stand still if
 * the threads are stopped. */
u64 objects_cached_pages(const struct fixheap *heap);
/* No objects from slabs that are there, until objects_restore. */
void objects_retire(struct fixheap *heap);
void objects_restore(struct fixheap *heap);

#endif
