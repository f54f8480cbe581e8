/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * validate_block.c: the invariants of pageblocks, rows, lists and trees, as
 * page_alloc.c, span.c, runmap.c, maxtree.c and bittree.c state them.
 *
 * Everything is computed again from the bitmaps and compared.
 *
 * Locking: all locks of the heap are held.  Cost: O(open blocks + rows).
 */
#include "validate.h"

#include "bitmap.h"
#include "sizetree.h"
#include "span.h"
#include "zeromap.h"

static u64 block_pfn(u32 b)
{
	return (u64)b << BLOCK_SHIFT;
}

void check_open(struct check *check, u32 b)
{
	const struct pageblock *pb = &check->region->block[b];
	u32 nr_free = bitmap_count(pb->free);
	u64 pfn = block_pfn(b), stray = 0;

	check->nr_open++;
	check_equal(check, "nr_free of an open block", pfn, pb->nr_free,
		    nr_free);
	check_equal(check, "longest run of an open block", pfn, pb->longest,
		    bitmap_longest(pb->free, 0));
	check_equal(check, "free pages at the start of an open block", pfn,
		    pb->head, bitmap_ones_from(pb->free, 0));
	check_equal(check, "free pages at the end of an open block", pfn,
		    pb->tail, bitmap_ones_before(pb->free, BLOCK_PAGES));
	if (nr_free == BLOCK_PAGES)
		check_fail(check, "a wholly free block is open", pfn, nr_free,
			   0);
	for (u32 w = 0; w < BLOCK_WORDS; w++)
		stray |= pb->zero[w] & ~pb->free[w];
	check_equal(check, "known-zero pages that are not free", pfn, stray, 0);
	if (pb->placement >= NR_PLACEMENTS)
		check_fail(check, "placement of a block", pfn, pb->placement,
			   0);
	check_equal(check, "fullness class of an open block", pfn, pb->listed,
		    pb->nr_free / (BLOCK_PAGES / NR_FULLNESS));
}

/* A block without a page of its own: all are free, or none is. */
void check_closed(struct check *check, u32 b)
{
	const struct pageblock *pb = &check->region->block[b];
	u64 pfn = block_pfn(b);

	check_equal(check, "free pages of a closed block", pfn,
		    bitmap_count(pb->free) + pb->nr_free + pb->head + pb->tail,
		    0);
	check_equal(check, "known-zero pages of a closed block", pfn,
		    bitmap_count(pb->zero), 0);
	check_equal(check, "longest run of a closed block", pfn, pb->longest,
		    0);
	if (pb->next || pb->prev)
		check_fail(check, "a closed block is in a list", pfn, pb->next,
			   0);
}

/* Leaf i of a tree, and the summaries above it. */
static void check_leaf(struct check *check, const char *what,
		       const struct maxtree *tree, u32 b, u64 want)
{
	u64 i = b - check->region->first_block;
	u32 value = maxtree_get(tree, i);

	check_equal(check, what, block_pfn(b), value, want);
	for (u32 l = 1; l < tree->nr_levels; l++) {
		i >>= 4;
		if (tree->level[l][i] < value)
			check_fail(check, "summary of a tree", block_pfn(b),
				   tree->level[l][i], value);
	}
}

static u32 tail_before(const struct region *region, u32 b)
{
	return b > region->first_block
		       ? bitmap_ones_before(region->block[b - 1].free,
					    BLOCK_PAGES)
		       : 0;
}

static u32 head_of(const struct region *region, u32 b)
{
	return b < region->end_block
		       ? bitmap_ones_from(region->block[b].free, 0)
		       : 0;
}

u32 check_row(struct check *check, u32 b)
{
	struct region *region = check->region;
	const struct pageblock *pb = &region->block[b];
	u32 end = pb->span_end;
	u64 pages;

	if (end <= b || end > region->end_block) {
		check_fail(check, "end of a row of free blocks", block_pfn(b),
			   end, b + 1);
		return b + 1;
	}
	check->nr_rows++;
	check->nr_spans++;
	check_equal(check, "first block as its last one knows it", block_pfn(b),
		    region->block[end - 1].span_first, b + 1);
	check_closed(check, b);
	check_closed(check, end - 1);
	if (end - 1 > b && (pb->span_first || region->block[end - 1].span_end))
		check_fail(check, "mark inside a row of free blocks",
			   block_pfn(b), pb->span_first, 0);
	if (end < region->end_block && region->block[end].span_end)
		check_fail(check, "two rows of free blocks touch",
			   block_pfn(end), 1, 0);
	pages = tail_before(region, b) + block_pfn(end - b) +
		head_of(region, end);
	check_leaf(check, "pages of a span", &region->span_pages, b,
		   min_u64(pages, UINT32_MAX));
	check_equal(check, "mark of a span with a row", block_pfn(b),
		    bittree_has(&region->span_rows, b - region->first_block),
		    1);
	if (end - b < LONG_ROW)
		check_equal(check, "mark of a short row", block_pfn(b),
			    bittree_has(&region->short_rows,
					sizetree_short(region, end - b, b)),
			    1);
	return end;
}

void check_border(struct check *check, u32 b)
{
	struct region *region = check->region;
	u32 tail = tail_before(region, b), head = head_of(region, b);
	bool row_before = b > region->first_block &&
			  region->block[b - 1].span_first;
	u32 want = tail && head ? tail + head : 0;

	if (row_before)
		want = 0;
	check->nr_spans += want != 0;
	check_leaf(check, "pages of a border", &region->span_pages, b, want);
	check_equal(check, "mark of a border", block_pfn(b),
		    bittree_has(&region->span_rows, b - region->first_block),
		    0);
}

static u64 check_list(struct check *check, const struct zone *zone,
		      const u32 *list)
{
	u32 place = list[0], full = list[1], longest = list[2];
	const struct free_area *area = &zone->area[place];
	u32 prev = 0, b = area->head[full][longest];
	u64 nr = 0;

	check_equal(check, "mask of a free area", longest,
		    area->mask[full][longest / 64] >> longest % 64 & 1, !!b);
	while (b && nr++ <= check->nr_open) {
		const struct pageblock *pb = &zone->block[b - 1];
		u64 pfn = block_pfn(b - 1);

		if (b <= zone->first_block || b > zone->end_block) {
			check_fail(check, "block of a free area", prev, b, 0);
			break;
		}
		check_equal(check, "link of a free area", pfn, pb->prev, prev);
		check_equal(check, "list of a block: placement", pfn,
			    pb->placement, place);
		check_equal(check, "list of a block: fullness", pfn, pb->listed,
			    full);
		check_equal(check, "list of a block: longest run", pfn,
			    pb->longest, longest);
		prev = b;
		b = pb->next;
	}
	return nr;
}

/* The lists of one zone; blocks in them. */
static u64 check_zone_lists(struct check *check, const struct zone *zone)
{
	u64 total = 0, nr;

	for (u32 i = 0; i < NR_PLACEMENTS * NR_FULLNESS; i++) {
		u32 place = i / NR_FULLNESS, full = i % NR_FULLNESS;

		nr = 0;
		for (u32 l = 0; l < BLOCK_PAGES; l++)
			nr += check_list(check, zone,
					 (const u32[]){ place, full, l });
		check_equal(check, "blocks of a fullness class", full,
			    zone->area[place].nr_blocks[full], nr);
		total += nr;
	}
	return total;
}

void check_lists(struct check *check)
{
	const struct fixheap *heap = check->region->heap;
	u64 total = 0;

	for (u32 i = 0; i < heap->nr_zones; i++)
		total += check_zone_lists(check, &heap->zone[i]);
	check_equal(check, "open blocks in the lists", 0, total,
		    check->nr_open);
}

/* Lines of a max tree, as maxtree.c has them. */
#define FAN_SHIFT 4
#define FAN (1u << FAN_SHIFT)

static void check_line(struct check *check, const struct maxtree *tree, u32 l,
		       u64 i)
{
	const u32 *line = &tree->level[l - 1][i << FAN_SHIFT];
	u32 max = 0;

	for (u32 j = 0; j < FAN; j++)
		max = line[j] > max ? line[j] : max;
	check_equal(check, "summary of a tree",
		    block_pfn(check->region->first_block) +
			    (i << (l * FAN_SHIFT + BLOCK_SHIFT)),
		    tree->level[l][i], max);
}

/* All lines below entries that are not 0, from left to right; the number of
 * values that are not 0. */
static u64 check_lines(struct check *check, const struct maxtree *tree)
{
	u32 top = tree->nr_levels - 1, l = top;
	u64 nr = 0, i = 0;

	do {
		if (l && tree->level[l][i]) {
			check_line(check, tree, l, i);
			l--;
			i <<= FAN_SHIFT;
			continue;
		}
		nr += !l && tree->level[0][i];
		for (i++; l < top && i % FAN == 0; l++)
			i >>= FAN_SHIFT;
	} while (l < top || !i);
	return nr;
}

/* Words of a set, as bittree.c has them. */
#define WORD_SHIFT 6
#define WORD_BITS (1u << WORD_SHIFT)

/* Word w of level l: what it says of the level below, or of members. */
static void check_word(struct check *check, const struct bittree *tree, u32 l,
		       u64 w)
{
	u64 last = (tree->nr - 1) >> WORD_SHIFT * l;

	for (u64 word = tree->level[l][w]; word; word &= word - 1) {
		u64 i = w * WORD_BITS + (u64)__builtin_ctzll(word);

		check_equal(check, l ? "summary of a set" : "member of a set",
			    block_pfn(check->region->first_block) +
				    (i << (WORD_SHIFT * l + BLOCK_SHIFT)),
			    i <= last && (!l || tree->level[l - 1][i]), 1);
	}
}

/* All words to which summaries lead, from left to right; the number of
 * members. */
static u64 check_set(struct check *check, const struct bittree *tree)
{
	u32 top = tree->nr_levels - 1, l = top;
	u64 nr = 0, w = 0;

	do {
		u64 words = ((tree->nr - 1) >> WORD_SHIFT * (l + 1)) + 1;

		if (w < words && tree->level[l][w])
			check_word(check, tree, l, w);
		if (l && w < words && tree->level[l][w]) {
			l--;
			w <<= WORD_SHIFT;
			continue;
		}
		if (!l && w < words)
			nr += (u64)__builtin_popcountll(tree->level[0][w]);
		for (w++; l < top && w % WORD_BITS == 0; l++)
			w >>= WORD_SHIFT;
	} while (l < top || !w);
	return nr;
}

bool check_summaries(struct check *check)
{
	struct region *region = check->region;
	u64 nr_errors = check->nr_errors;

	check_lines(check, &region->span_pages);
	check_set(check, &region->span_rows);
	check_set(check, &region->short_rows);
	check_set(check, &region->cross);
	check_set(check, &region->zeromap);
	return nr_errors == check->nr_errors;
}

void check_zeromap(struct check *check)
{
	const struct region *region = check->region;
	u32 b = region->first_block, before = BLOCK_USED;

	while (b < region->end_block) {
		u32 end = region->end_block;
		u32 kind = zeromap_get(region, b, &end);

		if (!kind || (kind == before && b > region->first_block))
			check_fail(check, "kind of a block that changes",
				   block_pfn(b), kind, 0);
		before = kind;
		b = end;
	}
	b = region->alike.first;
	if (!region->alike.kind)
		return;
	if (b < region->first_block || b >= region->alike.end ||
	    region->alike.end > region->end_block) {
		check_fail(check, "blocks that are alike", block_pfn(b),
			   region->alike.end, region->end_block);
		return;
	}
	before = region->alike.end;
	check_equal(check, "kind of blocks that are alike", block_pfn(b),
		    zeromap_get(region, b, &before), region->alike.kind);
	check_equal(check, "end of blocks that are alike", block_pfn(b), before,
		    region->alike.end);
}

/* A treap of n nodes is hardly ever deeper than 5 log2(n). */
#define DEEPEST 200

/* As sizetree_find, but not led astray by a wrong link. */
static bool find_row(struct check *check, u32 nr_blocks, u32 b, u32 *first)
{
	const struct region *region = check->region;
	u32 at = region->size_root, nr = 0, length;

	*first = region->end_block;
	while (at) {
		const struct pageblock *pb = &region->block[at - 1];

		if (at <= region->first_block || at > region->end_block ||
		    pb->span_end < at - 1 + LONG_ROW || nr++ > DEEPEST) {
			check_fail(check, "link of the tree by length",
				   block_pfn(b), at, 0);
			return false;
		}
		length = pb->span_end - (at - 1);
		if (length < nr_blocks || (length == nr_blocks && at - 1 < b)) {
			at = pb->size_right;
		} else {
			*first = at - 1;
			at = pb->size_left;
		}
	}
	return *first < region->end_block;
}

/* Every long row but that in hand is found by a search, each behind the one
 * before it. */
static u64 count_rows(struct check *check)
{
	const struct region *region = check->region;
	u32 nr_blocks = 0, b = 0, found, hand = region->size_hand;
	u64 nr = check_set(check, &region->short_rows);

	if (hand && (hand <= region->first_block || hand > region->end_block ||
		     region->block[hand - 1].span_end < hand - 1 + LONG_ROW))
		check_fail(check, "row in hand", block_pfn(hand), hand, 0);
	else
		nr += hand != 0;
	while (nr <= check->nr_rows && find_row(check, nr_blocks, b, &found)) {
		if (found + 1 == hand)
			check_fail(check, "row in hand", block_pfn(found), hand,
				   0);
		nr++;
		nr_blocks = check->region->block[found].span_end - found;
		b = found + 1;
	}
	return nr;
}

void check_trees(struct check *check)
{
	struct region *region = check->region;

	check_equal(check, "spans filed by pages", 0,
		    check_lines(check, &region->span_pages), check->nr_spans);
	check_equal(check, "spans with a row", 0,
		    check_set(check, &region->span_rows), check->nr_rows);
	check_equal(check, "rows filed by length", 0, count_rows(check),
		    check->nr_rows);
	check_equal(check, "runs that leave their block", 0,
		    check_set(check, &region->cross), check->nr_cross);
}
