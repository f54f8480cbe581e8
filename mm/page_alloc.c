/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page_alloc.c: the page layer, pageblocks that are in use page by page.
 *
 * An open block has a bitmap of its free pages and is filed in the free area
 * of its placement by fullness (eight classes of 64 pages) and by its longest
 * free run (exact).  A small request takes the fullest block that serves, and
 * there the shortest run: so sparse blocks drain, become whole and return to
 * the block layer.
 *
 * Invariants
 *  1. Open: 0 < nr_free < 512, nr_free = ones in `free`, longest = longest
 *     row of them; the block is in exactly one list, that of its placement,
 *     of fullness nr_free / 64 and of its longest run.
 *  2. Closed: nr_free = 0, `free` and `zero` are all zero, in no list.
 *  3. A bit of `zero` is only set where the bit of `free` is set.
 *  4. A bit of a mask is set exactly where the list has a block.
 *
 * Locking: the region lock.  Cost: a few words of masks and one bitmap for a
 * request at page alignment; larger alignments may look at more blocks.
 */
#include "page_alloc.h"

#include <string.h>

#include "bitmap.h"

static u32 fullness(const struct pageblock *pb)
{
	return pb->nr_free / (BLOCK_PAGES / NR_FULLNESS);
}

static void block_file(struct zone *zone, u32 b)
{
	struct pageblock *pb = &zone->block[b];
	struct free_area *area = &zone->area[pb->placement];
	u32 *head;

	pb->listed = (u8)fullness(pb);
	head = &area->head[pb->listed][pb->longest];
	pb->next = *head;
	pb->prev = 0;
	if (pb->next)
		zone->block[pb->next - 1].prev = b + 1;
	*head = b + 1;
	area->nr_blocks[pb->listed]++;
	bitmap_set(area->mask[pb->listed], pb->longest, 1);
}

/* longest: as it was when the block was filed. */
static void block_unfile(struct zone *zone, u32 b, u32 longest)
{
	struct pageblock *pb = &zone->block[b];
	struct free_area *area = &zone->area[pb->placement];
	u32 *head = &area->head[pb->listed][longest];

	if (pb->next)
		zone->block[pb->next - 1].prev = pb->prev;
	if (pb->prev)
		zone->block[pb->prev - 1].next = pb->next;
	else
		*head = pb->next;
	pb->next = 0;
	pb->prev = 0;
	area->nr_blocks[pb->listed]--;
	if (!*head)
		bitmap_clear(area->mask[pb->listed], longest, 1);
}

/* File the block again after a change of its pages, or close it. */
static void block_refile(struct zone *zone, u32 b, u32 nr_free, u32 longest)
{
	struct pageblock *pb = &zone->block[b];
	bool filed = pb->longest != 0;

	if (filed && pb->longest == longest &&
	    pb->listed == nr_free / (BLOCK_PAGES / NR_FULLNESS) && nr_free) {
		pb->nr_free = (u16)nr_free;
		return;
	}
	if (filed)
		block_unfile(zone, b, pb->longest);
	pb->nr_free = (u16)nr_free;
	pb->longest = (u16)longest;
	if (nr_free)
		block_file(zone, b);
}

void block_open_free(struct zone *zone, u32 b, enum placement place, bool zero)
{
	struct pageblock *pb = &zone->block[b];

	memset(pb->free, 0xff, sizeof(pb->free));
	if (zero)
		memset(pb->zero, 0xff, sizeof(pb->zero));
	pb->nr_free = BLOCK_PAGES;
	pb->longest = 0;
	pb->placement = (u8)place;
}

bool block_take(struct zone *zone, u32 b, u32 i, u32 nr)
{
	struct pageblock *pb = &zone->block[b];
	u32 before = bitmap_ones_before(pb->free, i);
	u32 row = before + bitmap_ones_from(pb->free, i);
	u32 longest = pb->longest;
	bool opened = !longest;
	bool zero = bitmap_ones_from(pb->zero, i) >= nr;

	bitmap_clear(pb->free, i, nr);
	bitmap_clear(pb->zero, i, nr);
	if (opened || row == longest)
		longest = bitmap_longest(pb->free);
	block_refile(zone, b, pb->nr_free - nr, longest);
	if (opened || i == before || i - before + row == BLOCK_PAGES)
		span_touch(zone->region, b);
	return zero;
}

void block_give(struct zone *zone, u32 b, u32 i, u32 nr, enum placement place)
{
	struct pageblock *pb = &zone->block[b];
	u32 before, row, nr_free = pb->nr_free + nr;
	bool opened = !block_is_open(pb);

	if (opened)
		pb->placement = (u8)place;
	before = bitmap_ones_before(pb->free, i);
	bitmap_set(pb->free, i, nr);
	row = before + bitmap_ones_from(pb->free, i);
	if (nr_free == BLOCK_PAGES) {
		bool zero = bitmap_count(pb->zero) == BLOCK_PAGES;

		memset(pb->free, 0, sizeof(pb->free));
		memset(pb->zero, 0, sizeof(pb->zero));
		block_refile(zone, b, 0, 0);
		span_add(zone->region, b, b + 1, zero);
		return;
	}
	block_refile(zone, b, nr_free, row > pb->longest ? row : pb->longest);
	if (opened || i == before || i - before + row == BLOCK_PAGES)
		span_touch(zone->region, b);
}

/* The block's address must be a multiple of the alignment: it is one of a
 * block, but in symmetric heaps. */
static bool block_aligned(const struct zone *zone, u32 b, u64 align)
{
	u64 pfn = (u64)b << BLOCK_SHIFT;
	u64 page = (uintptr_t)pfn_to_addr(zone->heap, pfn) >> PAGE_SHIFT;

	return align <= 1 || !(page & (align - 1));
}

static bool block_try(const struct zone *zone, u32 b,
		      const struct block_request *req, u64 *pfn)
{
	u32 align = (u32)min_u64(req->align, BLOCK_PAGES);
	u32 i;

	if (!block_aligned(zone, b, req->align))
		return false;
	i = bitmap_find(zone->block[b].free, req->nr, align);
	if (i == BITMAP_NONE)
		return false;
	/* medium runs grow down, so that the rest meets the block below */
	if (req->place == PLACE_MEDIUM && align == 1)
		i += bitmap_ones_from(zone->block[b].free, i) - req->nr;
	*pfn = ((u64)b << BLOCK_SHIFT) + i;
	return true;
}

/* A run this long holds the request wherever it starts in its block. */
static u32 sure_length(const struct block_request *req)
{
	return (u32)min_u64(req->nr + req->align - 1, BLOCK_PAGES);
}

static bool find_sure(const struct zone *zone, const struct block_request *req,
		      u32 full, u64 *pfn)
{
	const struct free_area *area = &zone->area[req->place];
	u32 l = BLOCK_PAGES;

	if (area->nr_blocks[full])
		l = bitmap_next_one(area->mask[full], sure_length(req));
	return l < BLOCK_PAGES &&
	       block_try(zone, area->head[full][l] - 1, req, pfn);
}

bool block_find_fullest(const struct zone *zone,
			const struct block_request *req, u64 *pfn)
{
	for (u32 f = 0; f < NR_FULLNESS; f++) {
		if (find_sure(zone, req, f, pfn))
			return true;
	}
	return false;
}

bool block_find_emptiest(const struct zone *zone,
			 const struct block_request *req, u64 *pfn)
{
	for (u32 f = NR_FULLNESS; f--;) {
		if (find_sure(zone, req, f, pfn))
			return true;
	}
	return false;
}

static bool list_try(const struct zone *zone, u32 head,
		     const struct block_request *req, u64 *pfn)
{
	for (u32 b = head; b; b = zone->block[b - 1].next) {
		if (block_try(zone, b - 1, req, pfn))
			return true;
	}
	return false;
}

bool block_find_any(const struct zone *zone, const struct block_request *req,
		    u64 *pfn)
{
	const struct free_area *area = &zone->area[req->place];

	for (u32 f = 0; f < NR_FULLNESS; f++) {
		u32 l = bitmap_next_one(area->mask[f], req->nr);

		while (l < BLOCK_PAGES) {
			if (list_try(zone, area->head[f][l], req, pfn))
				return true;
			l = bitmap_next_one(area->mask[f], l + 1);
		}
	}
	return false;
}

static u32 area_longest(const struct free_area *area)
{
	u32 longest = 0;

	for (u32 f = 0; f < NR_FULLNESS; f++) {
		u32 l = bitmap_last_one(area->mask[f]);

		if (l != BITMAP_NONE && l > longest)
			longest = l;
	}
	return longest;
}

u32 block_largest(const struct zone *zone, u64 align)
{
	u32 fits = 0;
	u64 pfn;

	for (u32 place = 0; place < NR_PLACEMENTS; place++) {
		struct block_request req = { .align = align, .place = place };
		u32 end = area_longest(&zone->area[place]) + 1;

		if (align == 1)
			fits = end - 1 > fits ? end - 1 : fits;
		/* fits pages do, end pages do not */
		while (align > 1 && fits + 1 < end) {
			req.nr = (fits + end) / 2;
			if (block_find_any(zone, &req, &pfn))
				fits = req.nr;
			else
				end = req.nr;
		}
	}
	return fits;
}
