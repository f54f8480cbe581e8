/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_node.c: the node that a thread's objects come from.
 *
 * A thread that has not said anything gets its objects from the node of the
 * CPU that it runs on; every FOLLOW_PERIOD refills of its cache it is seen
 * whether that is still so.  When its node changes, the thread empties its
 * cache, which holds objects of the node before, and takes the other node's
 * arena.
 *
 * Invariants: those of thread_cache.c; a wish counts for one heap, the last
 * that it was said for.
 *
 * Locking: enters jemalloc as thread_cache.h says.  Cost: to look, the number
 * of the CPU; to move, the emptying of a cache.
 */
#include <errno.h>

#include "direct.h"
#include "objects.h"
#include "page_owner.h"
#include "slab.h"
#include "thread_cache.h"

#define FOLLOW_PERIOD 16

u32 thread_node(const struct thread *t, const struct fixheap *heap)
{
	if (t->wish_key == heap->objects->key)
		return t->wish;
	return heap->nodelist[heap_this_node(heap)][0];
}

u32 objects_near(const struct fixheap *heap)
{
	const struct thread *t = &thread_self;

	if (heap->nr_nodes == 1 || t->wish_key != heap->objects->key)
		return 0;
	return heap->node[t->wish].id + 1;
}

/* The thread is at home in the heap. */
static void move(struct thread *t, u32 node)
{
	const struct binding *binding;

	thread_enter(t);
	binding = objects_binding(t->home, node);
	thread_flush_locked(t);
	/* where jemalloc refuses, the thread stays what it was */
	if (!je_thread_arena(binding->arena))
		thread_set_node(t, node);
	thread_leave(t);
}

void thread_follow(struct thread *t)
{
	const struct fixheap *heap = t->home;
	u32 node;

	if (++t->nr_refills % FOLLOW_PERIOD || heap->nr_nodes == 1)
		return;
	node = thread_node(t, heap);
	if (node != t->home_node)
		move(t, node);
}

int fixheap_bind_thread(struct fixheap *heap, int id)
{
	struct thread *t = &thread_self;
	u32 node = heap_find_node(heap, id);

	if (id != -1 && node == PLACES_MAX)
		return -EINVAL;
	if (id != -1) {
		t->wish_key = heap->objects->key;
		t->wish = node;
	} else if (t->wish_key == heap->objects->key) {
		t->wish_key = 0;
	}
	node = thread_node(t, heap);
	if (thread_at_home(t, heap) && thread_usable(t) && node != t->home_node)
		move(t, node);
	return 0;
}

/* Of a class, from this node's arena, past the thread's cache. */
static void *alloc_class(struct fixheap *heap, u32 class, u32 node)
{
	size_t bytes = size_class[class].size;
	struct thread *t = &thread_self;
	void *object;
	u32 arena;

	thread_enter(t);
	arena = objects_binding(heap, node)->arena;
	object = fhje_mallocx(bytes, JE_ARENA(arena) | JE_TCACHE_NONE);
	thread_leave(t);
	if (!object)
		return NULL;
	slab_check(heap, object, class);
	mark_set(object, 0);
	heap_account(heap, (long)bytes);
	return object;
}

void *fixheap_malloc_node(struct fixheap *heap, size_t bytes, int id)
{
	struct direct_request req = { .bytes = bytes, .caller = CALLER };
	u32 node = heap_find_node(heap, id), class;
	void *object;

	if (node == PLACES_MAX) {
		errno = EINVAL;
		return NULL;
	}
	req.bind = (u128)1 << node;
	if (bytes > SMALL_MAX || !thread_usable(&thread_self))
		return direct_alloc(heap, &req);
	class = size_class_of(bytes);
	object = alloc_class(heap, class, node);
	if (!object) {
		fixheap_reclaim(heap);
		object = alloc_class(heap, class, node);
	}
	if (object)
		return object;
	/* no run is left for a slab, perhaps one for this */
	req.reclaimed = true;
	return direct_alloc(heap, &req);
}
