/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trim.c: give free memory back to the system.
 *
 * Whole free pageblocks whose contents somebody wrote are dropped and known to
 * read as zero from then on; those that are known to read as zero already were
 * never touched, or went before, and are left alone.  So no huge page is split,
 * a second time costs next to nothing, and what is zeroed later need not be
 * cleared.  Free pages of blocks that are in use stay.
 *
 * The kernel is called without a lock.  Meanwhile the pages are a run of kind
 * PAGE_FREEING and count neither as free nor as used.  That is a piece of 64
 * MiB, or of one page of the mapping, at a time; who finds no memory while one
 * is out waits for it and looks again (trim.h).
 *
 * Memory that is registered is never dropped, nor what others may have mapped
 * unless it is asked for, as it would be gone for them, too.
 *
 * Invariants
 *  1. heap->trim_seq is odd while a piece is out; trim_lock is held then.
 *
 * Locking: trim_lock around one piece, between the locks of slabs and those of
 * caches; the region lock to find, take and put back.  Cost: O(log blocks) for
 * each row of free blocks and each change of their kind; the kernel's for each
 * page that is in memory.
 */
#include "trim.h"

#include "contig.h"
#include "grow.h"
#include "heap.h"
#include "page_poison.h"
#include "ranges.h"
#include "ready.h"
#include "runmap.h"
#include "zeromap.h"
#include "zone.h"

#include <errno.h>

#define PIECE_BYTES ((u64)64 << 20)
/* Stretches that are looked at before the lock is let go. */
#define LOOKS 64

/* --- what may go ---------------------------------------------------------- */

static bool is_registered(const struct fixheap *heap, const struct range *range)
{
	return (heap->comm && heap->comm->post_alloc) ||
	       (range->key && range->key != FIXHEAP_KEY_NONE);
}

static bool may_go(const struct trim *trim, const struct range *range)
{
	return !is_registered(trim->heap, range) && !range->mixed &&
	       (!range->shared || trim->flags & FIXHEAP_TRIM_SHARED);
}

void trim_learn(struct fixheap *heap, u32 b)
{
	u64 pfn = (u64)b << BLOCK_SHIFT;
	struct range range, *now;
	struct bounds whole;
	bool alike = true;
	u32 id;

	if (!range_read(heap, pfn, &range, &id))
		return;
	range.unit = max_u64(host_mapping_page(range.base), BLOCK_BYTES);
	/* the blocks that are all of it: only these can go */
	whole.pfn = round_up(range.start_pfn, BLOCK_PAGES);
	whole.end = max_u64(round_down(range.end_pfn, BLOCK_PAGES), whole.pfn);
	range.shared = range.source != RANGE_HOST &&
		       host_is_shared(pfn_to_addr(heap, whole.pfn),
				      (whole.end - whole.pfn) << PAGE_SHIFT,
				      &alike);
	spin_lock(&heap->region.lock);
	now = range_find_locked(heap, pfn);
	if (now && now->base == range.base) {
		struct range changed = *now;

		changed.unit = range.unit;
		changed.shared = range.shared;
		changed.mixed = !alike;
		range_change_locked(heap, range_id(heap, now), &changed);
	}
	spin_unlock(&heap->region.lock);
}

/* --- find ----------------------------------------------------------------- */

/* The row that holds block b, or the next one, from b on. */
static bool row_from(const struct region *region, u32 b, struct span *row)
{
	u64 i;

	if (b >= region->end_block)
		return false;
	if (span_find(region, b, row)) {
		row->first = b;
		return true;
	}
	i = bittree_first(&region->span_rows, b - region->first_block);
	if (i == BITTREE_NONE)
		return false;
	row->first = region->first_block + (u32)i;
	row->end = region->block[row->first].span_end;
	return true;
}

/* Whether what is of this kind shall go. */
static bool is_wanted(const struct trim *trim, u32 kind)
{
	if (kind == BLOCK_ZERO)
		return false;
	return !trim->age ||
	       (kind >= BLOCK_AGED &&
		((trim->now - (kind - BLOCK_AGED)) & DECAY_MASK) >= trim->age);
}

/* Blocks from b on that shall all go, or all not; what was not seen before is
 * seen now. */
static bool stretch_locked(struct trim *trim, u32 b, u32 *end)
{
	struct region *region = &trim->heap->region;
	u32 kind = zeromap_get(region, b, end);

	if (trim->age && kind == BLOCK_USED)
		zeromap_set(region, b, *end, BLOCK_AGED + trim->now);
	return is_wanted(trim, kind);
}

/* Whether blocks [first, end) can go with others: they shall, or are zero. */
static bool can_go(struct trim *trim, u32 first, u32 end)
{
	u32 kind, stop;

	for (; first < end; first = stop) {
		stop = end;
		kind = zeromap_get(&trim->heap->region, first, &stop);
		if (kind != BLOCK_ZERO && !is_wanted(trim, kind))
			return false;
	}
	return true;
}

/*
 * The piece as whole pages of the mapping, which can be larger than a block,
 * and then hold other free blocks in front of and behind it.
 */
static bool cut_locked(struct trim *trim, const struct range *range,
		       u32 row_end)
{
	struct region *region = &trim->heap->region;
	u64 most = min_u64(trim->most, max_u64(PIECE_BYTES, range->unit));
	u32 unit = (u32)(range->unit / BLOCK_BYTES), least;
	uintptr_t at = (uintptr_t)pfn_to_addr(trim->heap,
					      (u64)trim->first << BLOCK_SHIFT);
	u32 over = (u32)(at / BLOCK_BYTES) & (unit - 1);
	struct span row;

	if (unit > 1) {
		least = (u32)(round_up(range->start_pfn, BLOCK_PAGES) >>
			      BLOCK_SHIFT);
		span_find(region, trim->first, &row);
		least = max_u64(least, row.first);
		if (over && trim->first - least >= over &&
		    can_go(trim, trim->first - over, trim->first))
			trim->first -= over;
		else if (over)
			trim->first += unit - over;
		/* and as much behind it as fills the last one */
		over = (trim->end - trim->first) & (unit - 1);
		if (over && trim->end > trim->first &&
		    row_end - trim->end >= unit - over &&
		    can_go(trim, trim->end, trim->end + unit - over))
			trim->end += unit - over;
	}
	if (trim->end <= trim->first)
		return false;
	most = min_u64(round_down(most, range->unit) / BLOCK_BYTES,
		       (trim->end - trim->first) & ~(unit - 1));
	trim->end = trim->first + (u32)most;
	return most != 0;
}

/* The next stretch of the row; *asks: its range is to be learnt of. */
static bool find_in_row(struct trim *trim, const struct span *row, bool *asks)
{
	struct fixheap *heap = trim->heap;
	u64 pfn = (u64)row->first << BLOCK_SHIFT;
	const struct range *range = range_find_locked(heap, pfn);
	u32 end = (u32)(min_u64((u64)row->end << BLOCK_SHIFT, range->end_pfn) >>
			BLOCK_SHIFT);

	trim->b = row->first + 1;
	if (end <= row->first)
		return false; /* the block is of two ranges */
	trim->b = end;
	*asks = !range->unit && !is_registered(heap, range);
	if (*asks || !may_go(trim, range)) {
		trim->b = *asks ? row->first : end;
		return false;
	}
	trim->first = row->first;
	trim->end = end;
	if (!stretch_locked(trim, trim->first, &trim->end)) {
		trim->b = trim->end;
		return false;
	}
	/* with those of another age behind it */
	for (trim->b = trim->end; trim->b < end; trim->end = trim->b) {
		trim->b = end;
		if (!stretch_locked(trim, trim->end, &trim->b))
			break;
	}
	trim->b = trim->end;
	if (!cut_locked(trim, range, end))
		return false;
	trim->b = max_u64(trim->end, row->first + 1);
	return true;
}

static void take_locked(struct trim *trim)
{
	struct fixheap *heap = trim->heap;
	const struct bounds pages = { (u64)trim->first << BLOCK_SHIFT,
				      (u64)trim->end << BLOCK_SHIFT };
	const struct run run = { pages.pfn, pages.end - pages.pfn };

	contig_take(&heap->region, &pages, PLACE_ARRAY);
	runmap_set(&heap->region, &run,
		   page_make(PAGE_FREEING, PLACE_ARRAY,
			     zone_of(heap, pages.pfn)->node));
	__atomic_store_n(&heap->trim_seq, heap->trim_seq + 1, __ATOMIC_RELAXED);
}

enum trim_found trim_take(struct trim *trim, bool dry)
{
	struct fixheap *heap = trim->heap;
	enum trim_found found = TRIM_MORE;
	bool asks = false;
	struct span row;

	if (!dry)
		spin_lock(&heap->trim_lock);
	spin_lock(&heap->region.lock);
	for (u32 i = 0; i < LOOKS && found == TRIM_MORE && !asks; i++) {
		if (!row_from(&heap->region, trim->b, &row))
			found = TRIM_END;
		else if (find_in_row(trim, &row, &asks))
			found = TRIM_PIECE;
	}
	if (found == TRIM_PIECE && !dry)
		take_locked(trim);
	spin_unlock(&heap->region.lock);
	if (!dry && found != TRIM_PIECE)
		spin_unlock(&heap->trim_lock);
	if (asks)
		trim_learn(heap, trim->b);
	return found;
}

/* --- give ----------------------------------------------------------------- */

int trim_give(struct trim *trim)
{
	struct fixheap *heap = trim->heap;
	struct region *region = &heap->region;
	const struct run run = { (u64)trim->first << BLOCK_SHIFT,
				 (u64)(trim->end - trim->first)
					 << BLOCK_SHIFT };
	int ret = host_discard(pfn_to_addr(heap, run.pfn),
			       run.nr_pages << PAGE_SHIFT);

	if (!ret)
		page_poison_forget(heap, &run);
	ready_clear(heap, &(struct bounds){ run.pfn, run.pfn + run.nr_pages });
	spin_lock(&region->lock);
	runmap_clear(region, &run);
	region_put_locked(region, &run, PLACE_ARRAY, !ret);
	__atomic_store_n(&heap->trim_seq, heap->trim_seq + 1, __ATOMIC_RELAXED);
	spin_unlock(&region->lock);
	spin_unlock(&heap->trim_lock);
	/* a region that was left empty meanwhile */
	if (unlikely(__atomic_load_n(&heap->nr_own, __ATOMIC_RELAXED)))
		isolate_give_back(heap, run.pfn);
	return ret;
}

/* --- public --------------------------------------------------------------- */

/* Bytes that would go. */
static u64 count(struct fixheap *heap, unsigned flags)
{
	struct trim trim = { .heap = heap, .flags = flags, .most = UINT64_MAX };
	enum trim_found found;
	u64 bytes = 0;

	trim.b = heap->region.first_block;
	while ((found = trim_take(&trim, true)) != TRIM_END) {
		if (found == TRIM_PIECE)
			bytes += (u64)(trim.end - trim.first) * BLOCK_BYTES;
	}
	return bytes;
}

/* Of what can go, all but keep bytes. */
static int trim_all(struct fixheap *heap, u64 keep, unsigned flags,
		    size_t *given)
{
	struct trim trim = { .heap = heap, .flags = flags };
	u64 all = count(heap, flags), nr;
	enum trim_found found = TRIM_MORE;
	int ret = 0;

	trim.b = heap->region.first_block;
	while (!ret && found != TRIM_END && all >= keep + BLOCK_BYTES) {
		trim.most = round_down(all - keep, BLOCK_BYTES);
		found = trim_take(&trim, false);
		if (found != TRIM_PIECE)
			continue;
		nr = (u64)(trim.end - trim.first) * BLOCK_BYTES;
		ret = trim_give(&trim);
		*given += ret ? 0 : nr;
		all -= min_u64(nr, all);
	}
	return ret;
}

int fixheap_trim(struct fixheap *heap, size_t keep, unsigned flags,
		 size_t *given)
{
	size_t bytes = 0;
	int ret = 0;

	if (given)
		*given = 0;
	if (flags & ~FIXHEAP_TRIM_SHARED)
		return -EINVAL;
	if (heap->flags & FIXHEAP_PINNED || heap_is_deterministic(heap))
		return -ENOTSUP;
	fixheap_reclaim(heap);
	if (keep < heap->max_pages << PAGE_SHIFT)
		ret = trim_all(heap, keep, flags, &bytes);
	if (given)
		*given = bytes;
	return ret;
}
