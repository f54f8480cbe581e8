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
 *     row of them, head and tail = those at its start and its end; the block
 *     is in exactly one list, that of its placement, of fullness nr_free / 64
 *     and of its longest run.
 *  2. Closed: all of these are 0, and so are `free` and `zero`; in no list.
 *  3. A bit of `zero` is only set where the bit of `free` is set.
 *  4. A bit of a mask is set exactly where the list has a block.
 *
 * Locking: the region lock.  Cost: a few words of masks and one bitmap for a
 * request at page alignment; larger alignments may look at more blocks.
 */
#include "page_alloc.h"

#include <string.h>

#include "bitmap.h"
#include "zeromap.h"

#define FEW 8 /* rows, to look at each and not at the block */

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
	area->mask[pb->listed][pb->longest / 64] |= 1ull << pb->longest % 64;
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
		area->mask[pb->listed][longest / 64] &= ~(1ull << longest % 64);
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
	pb->head = BLOCK_PAGES;
	pb->tail = BLOCK_PAGES;
	pb->placement = (u8)place;
}

/* Length of the longest row once [i, end) are taken; 0: not known. */
static u32 longest_without(const struct pageblock *pb, u32 i, u32 end)
{
	u32 row;

	/* all of it was free */
	if (!pb->longest)
		return i > BLOCK_PAGES - end ? i : BLOCK_PAGES - end;
	if (i < pb->head)
		row = pb->head;
	else if (i + pb->tail >= BLOCK_PAGES)
		row = pb->tail;
	else
		row = bitmap_ones_before(pb->free, i) +
		      bitmap_ones_from(pb->free, i);
	return row == pb->longest ? 0 : pb->longest;
}

bool block_take(struct zone *zone, u32 b, u32 i, u32 nr)
{
	struct pageblock *pb = &zone->block[b];
	u32 longest = longest_without(pb, i, i + nr);
	u32 nr_zero = bitmap_ones_from(pb->zero, i);

	bitmap_clear(pb->free, i, nr);
	bitmap_clear(pb->zero, i, nr);
	if (i < pb->head)
		pb->head = (u16)i;
	if (i + nr + pb->tail > BLOCK_PAGES)
		pb->tail = (u16)(BLOCK_PAGES - i - nr);
	block_refile(zone, b, pb->nr_free - nr,
		     longest ? longest : bitmap_longest(pb->free, 0));
	return nr_zero >= nr;
}

void block_take_all(struct zone *zone, u32 b)
{
	struct pageblock *pb = &zone->block[b];

	memset(pb->free, 0, sizeof(pb->free));
	memset(pb->zero, 0, sizeof(pb->zero));
	pb->head = 0;
	pb->tail = 0;
	block_refile(zone, b, 0, 0);
}

/* All pages of it are free now. */
static void block_close(struct zone *zone, u32 b)
{
	bool zero = bitmap_is_full(zone->block[b].zero);

	block_take_all(zone, b);
	zeromap_set(zone->region, b, b + 1, zero ? BLOCK_ZERO : BLOCK_USED);
}

bool block_give(struct zone *zone, u32 b, u32 i, u32 nr, enum placement place)
{
	struct pageblock *pb = &zone->block[b];
	u32 first, end, nr_free = pb->nr_free + nr;

	if (!block_is_open(pb))
		pb->placement = (u8)place;
	bitmap_set(pb->free, i, nr);
	if (nr_free == BLOCK_PAGES) {
		block_close(zone, b);
		return true;
	}
	first = i - bitmap_ones_before(pb->free, i);
	end = bitmap_next_zero(pb->free, i);
	if (!first)
		pb->head = (u16)end;
	if (end == BLOCK_PAGES)
		pb->tail = (u16)(end - first);
	block_refile(zone, b, nr_free,
		     end - first > pb->longest ? end - first : pb->longest);
	return false;
}

/* File it again after any change of its pages. */
static void block_measure(struct zone *zone, u32 b, u32 nr_free, u32 longest)
{
	struct pageblock *pb = &zone->block[b];

	pb->head = (u16)bitmap_ones_from(pb->free, 0);
	pb->tail = (u16)bitmap_ones_before(pb->free, BLOCK_PAGES);
	block_refile(zone, b, nr_free, longest);
}

void block_take_bits(struct zone *zone, u32 b, u32 w, u64 bits, u32 nr)
{
	struct pageblock *pb = &zone->block[b];

	pb->free[w] &= ~bits;
	pb->zero[w] &= ~bits;
	block_measure(zone, b, pb->nr_free - nr, bitmap_longest(pb->free, 0));
}

/* Length of the longest row, now that these are free, too. */
static u32 longest_with(const struct pageblock *pb, const u64 *bits, u32 nr)
{
	u32 longest = pb->longest, end = 0;

	if (nr > FEW)
		return bitmap_longest(pb->free, longest);
	while ((end = bitmap_next_one(bits, end)) < BLOCK_PAGES) {
		u32 i = end;

		end = bitmap_next_zero(pb->free, i);
		i -= bitmap_ones_before(pb->free, i);
		longest = end - i > longest ? end - i : longest;
	}
	return longest;
}

bool block_give_bits(struct zone *zone, u32 b, const u64 *bits, u32 nr,
		     enum placement place)
{
	struct pageblock *pb = &zone->block[b];
	u32 nr_free = pb->nr_free + nr;

	if (!block_is_open(pb))
		pb->placement = (u8)place;
	for (u32 w = 0; w < BLOCK_WORDS; w++)
		pb->free[w] |= bits[w];
	if (nr_free == BLOCK_PAGES) {
		block_close(zone, b);
		return true;
	}
	block_measure(zone, b, nr_free, longest_with(pb, bits, nr));
	return false;
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
