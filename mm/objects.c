/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects.c: the arenas of a heap, one for each node.
 *
 * Slabs in an isolated region have free objects, which jemalloc would go on
 * handing out, so that the region never became empty.  So while a region is
 * isolated each node has another arena, with slabs elsewhere; the old one is
 * retired, and only takes back.  When no region is isolated any more, the one
 * with most slabs is used again, so that what is free in them is of use, and
 * the other one waits for the next time.
 *
 * Invariants
 *  1. An arena of a node is objects->node of it, or in the list objects->old.
 *  2. generation changes with objects->node, and a thread binds itself to the
 *     arena of now before it takes an object from jemalloc's cache.
 *
 * Locking: the list of threads; but for making them, all threads stopped.
 * Cost: to retire, a membarrier, and the first time an arena for each node,
 * 90 kB; to purge, the slabs that are given back.
 */
#include "objects.h"

#include <errno.h>

#include "thread_cache.h"

/* ---- made and ended ----------------------------------------------------- */

static void detach_nodes(struct fixheap *heap)
{
	for (u32 i = 0; i < heap->nr_nodes; i++) {
		struct binding *binding = heap->objects->old[i], *next;

		for (; binding; binding = next) {
			next = binding->next;
			binding_detach(binding);
		}
		if (heap->objects->node[i])
			binding_detach(heap->objects->node[i]);
	}
}

static int attach_nodes(struct fixheap *heap)
{
	for (u32 i = 0; i < heap->nr_nodes; i++) {
		if (depot_init(&heap->objects->depot[i], heap))
			return -ENOMEM;
		heap->objects->node[i] = binding_attach(&heap->node[i]);
		if (!heap->objects->node[i])
			return -ENOMEM;
	}
	return 0;
}

static size_t objects_bytes(const struct fixheap *heap)
{
	return sizeof(struct objects) + heap->nr_nodes * sizeof(struct depot);
}

static void release(struct fixheap *heap)
{
	for (u32 i = 0; i < heap->nr_nodes; i++)
		depot_fini(&heap->objects->depot[i]);
	host_release(heap->objects, objects_bytes(heap));
	heap->objects = NULL;
}

int objects_create(struct fixheap *heap)
{
	struct thread *self = &thread_self;
	int err = je_boot();

	if (err)
		return err;
	heap->objects = host_reserve(objects_bytes(heap));
	if (!heap->objects)
		return -ENOMEM;
	heap->objects->key = host_random();
	threads_lock(self);
	err = attach_nodes(heap);
	if (err)
		detach_nodes(heap);
	threads_unlock(self);
	if (err)
		release(heap);
	return err;
}

static void end(struct fixheap *heap)
{
	threads_forget(heap);
	detach_nodes(heap);
}

void objects_destroy(struct fixheap *heap)
{
	if (!heap->objects)
		return;
	threads_call_stopped(heap, end);
	release(heap);
}

/* With all threads out of jemalloc, nobody else is purging: jemalloc does
 * nothing when somebody is. */
static void purge_nodes(struct fixheap *heap)
{
	for (u32 i = 0; i < heap->nr_nodes; i++) {
		struct binding *old = heap->objects->old[i];

		for (; old; old = old->next)
			binding_purge(old);
		binding_purge(heap->objects->node[i]);
	}
}

void objects_reclaim(struct fixheap *heap)
{
	threads_call_stopped(heap, purge_nodes);
}

/* ---- retired ------------------------------------------------------------ */

/* An arena of the node that holds no pages; NULL: there is none to be had. */
static struct binding *take_empty(struct fixheap *heap, u32 n)
{
	struct binding **link = &heap->objects->old[n], *binding;

	for (; (binding = *link); link = &binding->next) {
		if (binding->nr_pages)
			continue;
		*link = binding->next;
		return binding;
	}
	return binding_attach(&heap->node[n]);
}

static void use(struct fixheap *heap, u32 n, struct binding *binding)
{
	struct objects *objects = heap->objects;
	struct binding *before = objects->node[n];

	__atomic_store_n(&objects->node[n], binding, __ATOMIC_RELEASE);
	before->next = objects->old[n];
	objects->old[n] = before;
}

static void next_generation(struct fixheap *heap)
{
	__atomic_add_fetch(&heap->objects->generation, 1, __ATOMIC_RELEASE);
}

static void retire(struct fixheap *heap)
{
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		struct binding *binding;

		if (!heap->objects->node[n]->nr_pages)
			continue;
		binding = take_empty(heap, n);
		/* or its slabs are used on: the region may stay busy */
		if (binding)
			use(heap, n, binding);
	}
	next_generation(heap);
}

/* Of the retired ones that with the most pages; NULL: there is none. */
static struct binding *take_largest(struct fixheap *heap, u32 n)
{
	struct binding **link = &heap->objects->old[n], **best = link, *binding;

	for (; (binding = *link); link = &binding->next) {
		if (binding->nr_pages > (*best)->nr_pages)
			best = link;
	}
	binding = *best;
	if (binding)
		*best = binding->next;
	return binding;
}

/* But if another region is isolated still. */
static void restore(struct fixheap *heap)
{
	if (__atomic_load_n(&heap->nr_isolated, __ATOMIC_RELAXED))
		return;
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		struct binding *binding = take_largest(heap, n);

		if (binding)
			use(heap, n, binding);
	}
	next_generation(heap);
}

void objects_retire(struct fixheap *heap)
{
	threads_call_stopped(heap, retire);
}

void objects_restore(struct fixheap *heap)
{
	threads_call_stopped(heap, restore);
}
