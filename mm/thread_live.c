/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_live.c: when a thread tells its heap how many bytes are live.
 *
 * Counting each small object would cost as much as handing it out.  But a
 * magazine knows by its own fill what was taken since it was looked at last; so
 * each magazine has some way to go, up and down, after which the thread comes
 * here to count, and tells the sum once that is enough: 4 KiB for each class,
 * but one object at least, so that a thread that takes and gives the same
 * object tells nothing, and for the sum of them 1/1024 of the heap, 256 KiB
 * at most.
 *
 * Invariants
 *  1. What was taken from a magazine and not counted is told - top, of no more
 *     than LIVE_GRANT bytes or one object.
 *  2. untold, which was counted, is no more than most_untold up or down.
 *
 * Locking: by the thread itself between enter and leave, or by whoever has
 * stopped it.  Cost: none for each object; some 20 instructions for 4 KiB, an
 * atomic addition to the heap for 256 KiB.
 *
 * What it is not: exact, but for the thread that asks for the heap's numbers:
 * that tells first.  The peak may be wrong by what all threads hold back.
 */
#include "thread_cache.h"

#include "objects.h"

#define LIVE_PART 1024
#define LIVE_MOST (256 << 10)

static i64 most_untold(const struct fixheap *heap)
{
	u64 pages = __atomic_load_n(&heap->nr_pages, __ATOMIC_RELAXED);

	return (i64)min_u64((pages << PAGE_SHIFT) / LIVE_PART, LIVE_MOST);
}

static void count(struct thread *t, u32 class)
{
	struct magazine_rest *rest = &t->set->rest[class];
	struct magazine *magazine = &t->magazine[class];

	t->untold += (rest->told - magazine->top) * (i64)size_class[class].size;
	rest->told = magazine->top;
}

static void tell(struct thread *t)
{
	heap_account(t->home, t->untold);
	t->untold = 0;
}

void live_count(struct thread *t, u32 class)
{
	i64 most;

	if (!IS_ENABLED(CONFIG_VMSTAT))
		return;
	count(t, class);
	most = most_untold(t->home);
	if (unlikely(t->untold > most || t->untold < -most))
		tell(t);
}

void live_grant(struct thread *t, u32 class)
{
	struct magazine_rest *rest = &t->set->rest[class];
	struct magazine *magazine = &t->magazine[class];
	u32 below = (u32)(magazine->top - rest->base);
	u32 above = 2 * rest->batch - below;
	u32 nr = IS_ENABLED(CONFIG_VMSTAT) ? rest->grant : UINT32_MAX;

	rest->told = magazine->top;
	magazine->empty = magazine->top - min_u64(nr, below);
	magazine->full = magazine->top + min_u64(nr, above);
}

void live_tell(struct thread *t)
{
	if (!IS_ENABLED(CONFIG_VMSTAT))
		return;
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++)
		count(t, class);
	tell(t);
}

void objects_tell(struct fixheap *heap)
{
	struct thread *t = &thread_self;

	if (!thread_at_home(t, heap) || !thread_usable(t))
		return;
	thread_enter(t);
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		count(t, class);
		live_grant(t, class);
	}
	tell(t);
	thread_pages_tell(t);
	thread_leave(t);
}
