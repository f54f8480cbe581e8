/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * decay.c: what was free for long goes back to the system.
 *
 * Time is counted in ticks, of a quarter of config.decay_ms.  A free knows
 * nothing of it: who looks at the free blocks once in a tick notes when it has
 * seen a block that was freed since the last look (its kind in zeromap.c), and
 * gives back what it saw free long enough ago.  So a block goes once it was
 * free for decay_ms, at a look not more than two ticks later.
 *
 * Who looks is the thread that frees something large, if it is time, and then
 * no more than LOOKS rows and PIECES pieces (trim.c); it goes on at the next
 * such free.  Or, if it is asked for, a thread in the background, all at once.
 *
 * Ticks wrap after 2^31: a block that nobody has looked at for so long counts
 * as younger than it is.
 *
 * Locking: none of its own; decay_due decides who of several looks.  Cost: the
 * clock for each large free; else as trim.c.
 */
#include "trim.h"

#include "ranges.h"

#define TICKS 4
#define TICK_LEAST 1000000ull /* ns */
#define LOOKS 16	      /* of 64 rows */
#define PIECES 4

static u64 tick_length(const struct fixheap *heap)
{
	return max_u64(heap->decay_ms * (1000000ull / TICKS), TICK_LEAST);
}

/* Ticks that something must have been seen free: it was so long, surely. */
static u32 ticks_of(const struct fixheap *heap)
{
	u64 tick = tick_length(heap);

	return (u32)((heap->decay_ms * 1000000ull + tick - 1) / tick) + 1;
}

/* Go on where the last look has ended; false: it is not through. */
static bool look(struct fixheap *heap, u64 now, u32 looks, u32 pieces)
{
	struct trim trim = { .heap = heap,
			     .now = (now / tick_length(heap)) & DECAY_MASK,
			     .age = ticks_of(heap),
			     .most = UINT64_MAX };
	enum trim_found found = TRIM_MORE;

	trim.b = __atomic_load_n(&heap->decay_next, __ATOMIC_RELAXED);
	if (trim.b < heap->region.first_block)
		trim.b = heap->region.first_block;
	while (looks-- && pieces && found != TRIM_END) {
		found = trim_take(&trim, false);
		if (found != TRIM_PIECE)
			continue;
		pieces--;
		/* memory that cannot be dropped: not again in this round */
		if (trim_give(&trim))
			found = TRIM_END;
	}
	if (found == TRIM_END)
		trim.b = 0;
	__atomic_store_n(&heap->decay_next, trim.b, __ATOMIC_RELAXED);
	return found == TRIM_END;
}

void decay_look(struct fixheap *heap)
{
	u64 due = __atomic_load_n(&heap->decay_due, __ATOMIC_RELAXED), now;

	if (heap->decay_worker)
		return;
	now = host_clock();
	if (now < due ||
	    !__atomic_compare_exchange_n(&heap->decay_due, &due,
					 now + tick_length(heap), false,
					 __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		return;
	if (!look(heap, now, LOOKS, PIECES))
		__atomic_store_n(&heap->decay_due, now, __ATOMIC_RELAXED);
}

static void look_at_all(void *data)
{
	struct fixheap *heap = data;

	look(heap, host_clock(), UINT32_MAX, UINT32_MAX);
}

int decay_start(struct fixheap *heap)
{
	/* now, as a file may be read for it, rather than in a free */
	if (heap->decay_ms)
		trim_learn(heap,
			   (u32)((heap->range[0].end_pfn - 1) >> BLOCK_SHIFT));
	if (!(heap->flags & FIXHEAP_DECAY_THREAD))
		return 0;
	return host_worker_start(&heap->decay_worker, tick_length(heap),
				 look_at_all, heap);
}

void decay_stop(struct fixheap *heap)
{
	if (heap->decay_worker)
		host_worker_stop(heap->decay_worker);
	heap->decay_worker = NULL;
}
