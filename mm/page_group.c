/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * page_group.c: single pages, many at a time.
 *
 * What caches of single pages do with zones.  They take free pages out of the
 * fullest blocks: all that a block has, or those of 64 neighbours, which is one
 * word of its bitmap.  And they give pages back sorted by block, if these are
 * not so already, and those of one block in a row in one step.
 *
 * Descriptors are written without a lock: those of pages that were just claimed
 * or are about to be given back are of nobody else's business.  For a moment
 * such a page is neither free nor known to be in use.
 *
 * Locking: the region lock, for no more than LOCK_BLOCKS blocks at a time.
 * Cost: one change of each block, and some nanoseconds for each page.
 */
#include "page_group.h"

#include "contig.h"
#include "page_alloc.h"
#include "zeromap.h"
#include "zone.h"

#include <string.h>

#define LOCK_BLOCKS 8
#define DIGIT_BITS 8 /* of a radix sort, at most */
#define DIGIT_BITS_MANY 10
#define MANY 1024  /* pages */
#define GROUPED 32 /* pages in a row of one block, on average: no sort */
#define SAMPLE 8   /* one of so many is looked at for that */

static u32 count(u64 word)
{
	return (u32)__builtin_popcountll(word);
}

/* In the first zone of the node that has one; open: in a block of small things
 * that has others in use. */
static bool find_page(const struct node *node, bool open, u64 *pfn)
{
	const struct region *region = &node->heap->region;
	const u16 *order = &node->heap->order[ORDER_SMALL][node->first];
	const struct block_request block = { .nr = 1,
					     .align = 1,
					     .place = PLACE_SMALL };
	struct contig_request req = { .nr_pages = 1,
				      .align = 1,
				      .placement = PLACE_SMALL };

	for (u32 i = 0; i < node->nr_zones; i++) {
		contig_set_zone(&req, &node->heap->zone[order[i]]);
		if (req.zone->arrays_only)
			continue;
		if (open ? block_find_fullest(req.zone, &block, pfn)
			 : contig_find(region, &req, pfn))
			return true;
	}
	return false;
}

/* Those of a block that is free. */
static u32 claim_fresh(struct region *region, u64 pfn, u32 want,
		       struct page_group *group)
{
	u32 nr = want < BLOCK_PAGES ? 64 : BLOCK_PAGES;
	const struct run run = { round_down(pfn, nr), nr };
	bool zero = zeromap_is_zero(region, (u32)(pfn >> BLOCK_SHIFT));

	region_take_locked(region, &run, PLACE_SMALL);
	for (u32 i = 0; i < nr / 64; i++) {
		group[i].word = ~0ull;
		group[i].zero = zero ? ~0ull : 0;
		group[i].base = run.pfn + 64ull * i;
	}
	return nr / 64;
}

/* All of an open block, if these are not too many. */
static u32 claim_open(struct region *region, u64 pfn, u32 want,
		      struct page_group *group)
{
	u32 b = (u32)(pfn >> BLOCK_SHIFT), nr_groups = 0;
	const struct pageblock *pb = &region->block[b];
	bool all = pb->nr_free <= want && pb->placement == PLACE_SMALL;
	u32 w = all ? 0 : pfn % BLOCK_PAGES / 64;
	u32 end = all ? BLOCK_WORDS : w + 1, nr = 0;

	for (; w < end; w++) {
		if (!pb->free[w])
			continue;
		group[nr_groups].word = pb->free[w];
		group[nr_groups].zero = pb->zero[w];
		group[nr_groups].base = ((u64)b << BLOCK_SHIFT) + 64 * w;
		nr += count(pb->free[w]);
		nr_groups++;
	}
	if (all)
		contig_take_all(region, b);
	else
		contig_take_bits(region, group->base, group->word, nr);
	region_claim(region, nr);
	return nr_groups;
}

static u32 claim_block(struct region *region, u64 pfn, u32 want,
		       struct page_group *group)
{
	if (block_is_open(&region->block[pfn >> BLOCK_SHIFT]))
		return claim_open(region, pfn, want, group);
	return claim_fresh(region, pfn, want, group);
}

static void mark(struct node *node, const struct page_group *group, u64 page)
{
	u64 *pages = node->heap->page;

	for (u64 word = group->word; word; word &= word - 1)
		page_write(&pages[group->base + (u64)__builtin_ctzll(word)],
			   page);
}

void page_group_mark(struct node *node, const struct page_group *group)
{
	mark(node, group, page_cached(node));
}

u32 page_groups_claim(struct node *node, u32 want, struct page_group *group)
{
	struct region *region = &node->heap->region;
	u32 nr = 0, nr_pages = 0;
	u64 pfn;

	for (u32 i = 0; i < LOCK_BLOCKS && nr_pages < want; i++) {
		u32 end = nr;

		if (!find_page(node, nr > 0, &pfn))
			break;
		end += claim_block(region, pfn, want - nr_pages, group + nr);
		for (; nr < end; nr++)
			nr_pages += count(group[nr].word);
	}
	if (nr)
		__atomic_store_n(&region->had_small, true, __ATOMIC_RELAXED);
	return nr;
}

/* Where a region is isolated: page by page, as some are not free then. */
static void give_slowly(struct region *region, u32 b, const u64 *bits)
{
	for (u32 i = 0; i < BLOCK_PAGES; i++) {
		struct run run = { ((u64)b << BLOCK_SHIFT) + i, 1 };

		if (bits[i / 64] >> i % 64 & 1)
			region_give_locked(region, &run, PLACE_SMALL);
	}
}

static void give_bits(struct region *region, u32 b, const u64 *bits, u32 nr)
{
	if (unlikely(region->heap->nr_isolated)) {
		give_slowly(region, b, bits);
	} else {
		contig_give_bits(region, b, bits, nr, PLACE_SMALL);
		region_unclaim(region, nr);
	}
}

void page_group_give(struct node *node, const struct page_group *group)
{
	struct region *region = &node->heap->region;
	u32 b = (u32)(group->base >> BLOCK_SHIFT);
	u32 w = group->base % BLOCK_PAGES / 64;
	u64 bits[BLOCK_WORDS] = { 0 };

	mark(node, group, 0);
	bits[w] = group->word;
	if (likely(!region->heap->nr_isolated))
		region->block[b].zero[w] |= group->zero & group->word;
	give_bits(region, b, bits, count(group->word));
}

/* ---- any pages ----------------------------------------------------------- */

/* Whether many in a row are of the same block as they are; of a large number, a
 * look at some. */
static bool is_grouped(const u32 *pfn, u32 nr)
{
	u32 step = nr < SAMPLE * GROUPED ? 1 : SAMPLE, nr_changes = 0;

	for (u32 i = 1; i < nr; i += step)
		nr_changes += (pfn[i] ^ pfn[i - 1]) >> BLOCK_SHIFT != 0;
	return nr_changes * step < nr / GROUPED;
}

/* By the bits of mask, once shifted. */
static void sort_digit(const u32 *from, u32 *to, u32 nr, u32 shift, u32 mask)
{
	u32 start[1 << DIGIT_BITS_MANY], sum = 0;

	memset(start, 0, (mask + 1) * sizeof(*start));
	for (u32 i = 0; i < nr; i++)
		start[from[i] >> shift & mask]++;
	for (u32 d = 0; d <= mask; d++) {
		u32 here = start[d];

		start[d] = sum;
		sum += here;
	}
	for (u32 i = 0; i < nr; i++)
		to[start[from[i] >> shift & mask]++] = from[i];
}

/* By block; within a block the order does not matter. */
static const u32 *sort(u32 *pfn, u32 *spare, u32 nr)
{
	u32 most = nr < MANY ? DIGIT_BITS : DIGIT_BITS_MANY;
	u32 *from = pfn, *to = spare, differ = 0, nr_bits, nr_digits, bits;

	if (is_grouped(pfn, nr))
		return pfn;
	for (u32 i = 1; i < nr; i++)
		differ |= pfn[i] ^ pfn[0];
	differ >>= BLOCK_SHIFT;
	if (!differ)
		return pfn;
	nr_bits = 32 - (u32)__builtin_clz(differ);
	nr_digits = (nr_bits + most - 1) / most;
	bits = (nr_bits + nr_digits - 1) / nr_digits;
	for (u32 d = 0; d < nr_digits; d++) {
		u32 *sorted = to;

		sort_digit(from, to, nr, BLOCK_SHIFT + d * bits,
			   (1u << bits) - 1);
		to = from;
		from = sorted;
	}
	return from;
}

/* Pages of one block that are about to be free. */
struct part {
	u64 bits[BLOCK_WORDS];
	u32 b, nr;
};

/* Those of the first block, whose descriptors go. */
static void take_part(struct node *node, const u32 *pfn, u32 nr,
		      struct part *part)
{
	u32 b = pfn[0] >> BLOCK_SHIFT, w = pfn[0] % BLOCK_PAGES / 64, i;
	u64 *page = node->heap->page, word = 0;

	memset(part->bits, 0, sizeof(part->bits));
	for (i = 0; i < nr && pfn[i] >> BLOCK_SHIFT == b; i++) {
		if (pfn[i] % BLOCK_PAGES / 64 != w) {
			part->bits[w] |= word;
			word = 0;
			w = pfn[i] % BLOCK_PAGES / 64;
		}
		word |= 1ull << pfn[i] % 64;
		page_write(&page[pfn[i]], 0);
	}
	part->bits[w] |= word;
	part->b = b;
	part->nr = i;
}

void pages_give_locked(struct node *node, u32 *pfn, u32 *spare, u32 nr)
{
	const u32 *sorted = sort(pfn, spare, nr);
	struct part part;

	for (u32 i = 0; i < nr; i += part.nr) {
		take_part(node, sorted + i, nr - i, &part);
		give_bits(&node->heap->region, part.b, part.bits, part.nr);
	}
}

void pages_give(struct node *node, u32 *pfn, u32 *spare, u32 nr)
{
	const u32 *sorted = sort(pfn, spare, nr);
	u32 i = 0;

	while (i < nr) {
		struct part part[LOCK_BLOCKS];
		u32 nr_parts = 0;

		for (; nr_parts < LOCK_BLOCKS && i < nr; nr_parts++) {
			take_part(node, sorted + i, nr - i, &part[nr_parts]);
			i += part[nr_parts].nr;
		}
		spin_lock(&node->heap->region.lock);
		for (u32 k = 0; k < nr_parts; k++)
			give_bits(&node->heap->region, part[k].b, part[k].bits,
				  part[k].nr);
		spin_unlock(&node->heap->region.lock);
	}
}
