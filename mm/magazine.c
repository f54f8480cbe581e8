/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * magazine.c: a thread's free objects, as they come and go many at a time.
 *
 * malloc.c takes objects from a magazine and puts them there.  When that does
 * not go on, half a magazine, a packet, is exchanged with the depot of the
 * thread's node; half of it, so that who goes up and down around the border
 * does not come here each time.  Below the depot is jemalloc, with a cache of
 * its own for each thread.  It is asked for a few objects at first, and for
 * twice as many each time, up to a packet or 16 KiB: a thread that needs one
 * object of a class shall not take a slab for itself, nor pages to keep.
 *
 * Invariants
 *  1. base <= empty <= top <= full <= base + 2 * batch.
 *  2. Objects in a magazine and in the depot are free and marked, their slabs
 *     described.
 *
 * Locking: the thread itself, between thread_enter and thread_leave, or who has
 * stopped it.  Cost: that of a packet, or of jemalloc.
 */
#include "thread_cache.h"

#include <string.h>

#include "slab.h"
#include "trace.h"

#define WANT_FIRST 4
#define WANT_BYTES (16u << 10) /* or two objects */

static u16 packet_of(u32 class)
{
	return (u16)packet_objects(size_class[class].size);
}

struct magazine_set *magazine_set_create(void)
{
	struct magazine_set *set;
	u32 nr = 0;

	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++)
		nr += 2 * packet_of(class);
	set = host_reserve(sizeof(*set) + nr * sizeof(set->slot[0]));
	nr = 0;
	for (u32 class = 1; set && class <= NR_SIZE_CLASSES; class ++) {
		set->rest[class].batch = packet_of(class);
		set->rest[class].grant =
			(u16)max_u64(LIVE_GRANT / size_class[class].size, 1);
		set->rest[class].base = &set->slot[nr];
		nr += 2 * packet_of(class);
	}
	return set;
}

/* Objects that jemalloc is asked for at a time. */
static u64 want_most(const struct magazine_rest *rest, u32 class)
{
	return min_u64(rest->batch,
		       max_u64(WANT_BYTES / size_class[class].size, 2));
}

void magazine_init(struct thread *t)
{
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		struct magazine_rest *rest = &t->set->rest[class];
		struct magazine *magazine = &t->magazine[class];

		rest->told = rest->base;
		rest->want = (u16)min_u64(WANT_FIRST, want_most(rest, class));
		magazine->top = rest->base;
		magazine->empty = rest->base;
		magazine->full = rest->base;
		magazine->unit = size_class[class].unit;
	}
}

/*
 * Into jemalloc's cache.  It is faster to tell the size, but for an object at
 * a page's start: jemalloc takes that for a sample of its profiler then, and
 * goes a long way to find out that it is not.
 */
static inline void cache_object(void *object, u32 bytes)
{
	if (likely((uintptr_t)object & ((1u << je_page_shift) - 1)))
		fhje_sdallocx(object, bytes, 0);
	else
		fhje_free(object);
}

static u32 generation_of(const struct fixheap *heap)
{
	return __atomic_load_n(&heap->objects->generation, __ATOMIC_ACQUIRE);
}

/* The node's arena is another one now.  Where jemalloc refuses, the thread
 * stays bound to the one before. */
static void bind_again(struct thread *t)
{
	t->generation = generation_of(t->home);
	je_thread_arena(objects_binding(t->home, t->home_node)->arena);
}

static u32 get_from_jemalloc(struct thread *t, u32 class, void **slot)
{
	struct magazine_rest *rest = &t->set->rest[class];
	u32 bytes = size_class[class].size, nr;

	if (unlikely(t->generation != generation_of(t->home)))
		bind_again(t);
	for (nr = 0; nr < rest->want; nr++) {
		slot[nr] = fhje_malloc(bytes);
		if (!slot[nr])
			break;
		slab_check(t->home, slot[nr], class);
	}
	rest->want = (u16)min_u64(2 * rest->want, want_most(rest, class));
	return nr;
}

void magazine_fill(struct thread *t, u32 class)
{
	struct magazine *magazine = &t->magazine[class];
	struct depot *depot = &t->home->objects->depot[t->home_node];
	void **base = magazine->top;
	u32 nr = depot_get(depot, class, base);

	if (!nr)
		nr = get_from_jemalloc(t, class, base);
	magazine->top = base + nr;
	/* what came from jemalloc goes out in the order in which it came */
	for (u32 i = 0; i < nr / 2; i++) {
		void *object = base[i];

		base[i] = base[nr - 1 - i];
		base[nr - 1 - i] = object;
	}
	trace_refill(t->home, t->home_node, size_class[class].size, nr);
}

static void put_in_jemalloc(void *const *slot, u32 nr, u32 class)
{
	for (u32 i = 0; i < nr; i++)
		cache_object(slot[i], size_class[class].size);
}

/* Into the depot; when that is full, another packet leaves it. */
static void put_away(struct thread *t, u32 class, void *const *slot, u32 nr)
{
	struct depot *depot = &t->home->objects->depot[t->home_node];
	void *other[PACKET_SLOTS];
	u32 other_class, other_nr;

	if (depot_put(depot, class, slot, nr))
		return;
	other_nr = depot_evict(depot, other, &other_class);
	put_in_jemalloc(other, other_nr, other_class);
	if (!depot_put(depot, class, slot, nr))
		put_in_jemalloc(slot, nr, class);
}

void magazine_spill(struct thread *t, u32 class)
{
	struct magazine_rest *rest = &t->set->rest[class];
	struct magazine *magazine = &t->magazine[class];
	u32 nr = (u32)(magazine->top - rest->base);
	u32 away = rest->batch;

	put_away(t, class, rest->base, away);
	memmove(rest->base, rest->base + away, (nr - away) * sizeof(void *));
	magazine->top -= away;
}

void magazine_flush(struct thread *t)
{
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		struct magazine_rest *rest = &t->set->rest[class];
		struct magazine *magazine = &t->magazine[class];

		while (magazine->top > rest->base)
			fhje_dallocx(*--magazine->top, JE_TCACHE_NONE);
	}
	magazine_init(t);
}

void magazine_flush_depots(struct fixheap *heap)
{
	void *slot[PACKET_SLOTS];

	for (u32 n = 0; n < heap->nr_nodes; n++) {
		struct depot *depot = &heap->objects->depot[n];
		u32 nr, class;

		while ((nr = depot_evict(depot, slot, &class)))
			while (nr)
				fhje_dallocx(slot[--nr], JE_TCACHE_NONE);
	}
}
