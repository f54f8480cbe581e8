/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print_zones.c: zones as text: buddyinfo, zoneinfo, pagetypeinfo.
 *
 * A free run counts in each zone that it reaches into, with the part that lies
 * there; one of 2^n to 2^(n+1) - 1 pages has order n.
 *
 * Locking: the region lock to look at one run or pageblock, and for the
 * largest run of a zone.  Cost: O(runs).
 */
#include "print.h"

#include "bitmap.h"
#include "contig.h"
#include "pcp.h"
#include "ranges.h"
#include "runmap.h"
#include "shortage.h"
#include "walk.h"

#include <string.h>

static u32 order_of(u64 nr_pages)
{
	return 63 - (u32)__builtin_clzll(nr_pages);
}

/* ---- runs --------------------------------------------------------------- */

static void end_run(struct zone_scan *scan, u64 *nr_pages)
{
	if (*nr_pages)
		scan->nr_runs[order_of(*nr_pages)]++;
	scan->longest = max_u64(scan->longest, *nr_pages);
	*nr_pages = 0;
}

void scan_zone(struct fixheap *heap, const struct zone *zone,
	       struct zone_scan *scan)
{
	struct piece piece = { .end = zone->start_pfn };
	u64 run = 0, before = zone->start_pfn;

	memset(scan, 0, sizeof(*scan));
	while (before < zone->end_pfn && piece_next(heap, before, &piece) &&
	       piece.pfn < zone->end_pfn) {
		u64 end = min_u64(piece.end, zone->end_pfn);
		u64 nr = end - piece.pfn;

		/* runs go on over the border of regions that are one */
		if (!piece.is_free || piece.pfn != before)
			end_run(scan, &run);
		if (piece.is_free)
			run += nr;
		if (piece.is_free || page_use(piece.page) != FIXHEAP_USE_FREE)
			scan->used[page_use(piece.page)] += nr;
		else
			scan->nr_out += nr;
		before = end;
	}
	end_run(scan, &run);
}

void print_buddyinfo(struct printer *p)
{
	const struct zone *zone = NULL;
	struct zone_scan scan;

	while ((zone = print_zone_next(p->heap, zone)) && !p->err) {
		scan_zone(p->heap, zone, &scan);
		print_text(p, "Node %d, zone %8u ", print_node(p->heap, zone),
			   zone->index);
		for (u32 i = 0; i < print_orders(p->heap); i++)
			print_text(p, "%6llu ", (long long)scan.nr_runs[i]);
		print_text(p, "\n");
	}
}

/* ---- zones -------------------------------------------------------------- */

/* The first of its node's zones that is printed. */
static bool is_first(const struct fixheap *heap, const struct zone *zone)
{
	const struct zone *other = NULL;

	while ((other = print_zone_next(heap, other)) != zone) {
		if (other->node == zone->node)
			return false;
	}
	return true;
}

static void line(struct printer *p, const char *name, u64 value)
{
	print_text(p, "      %-12s %llu\n", name, (unsigned long long)value);
}

/* The watermark of a node, of all of its zones together. */
static u64 low_of(const struct fixheap *heap, u32 n)
{
	if (!IS_ENABLED(CONFIG_RECLAIM))
		return 0;
	return __atomic_load_n(&heap->shortage->low[n], __ATOMIC_RELAXED);
}

/* Of the zone's node, which all of its zones share. */
static void print_pagesets(struct printer *p, const struct node *node)
{
	print_text(p, "  pagesets\n");
	for (u32 cpu = 0; cpu < p->heap->topo.nr_cpus; cpu++) {
		u64 nr = pcp_count_cpu(node, cpu);

		if (nr)
			print_text(p,
				   "    cpu: %u\n              count: %llu\n",
				   cpu, (unsigned long long)nr);
	}
}

void print_zoneinfo(struct printer *p)
{
	const struct zone *zone = NULL;
	struct zone_scan scan;

	while ((zone = print_zone_next(p->heap, zone)) && !p->err) {
		scan_zone(p->heap, zone, &scan);
		print_text(p, "Node %d, zone %8u\n  pages free     %llu\n",
			   print_node(p->heap, zone), zone->index,
			   (unsigned long long)scan.used[FIXHEAP_USE_FREE]);
		line(p, "small_min",
		     __atomic_load_n(&zone->small_reserve, __ATOMIC_RELAXED));
		line(p, "local_min",
		     __atomic_load_n(&zone->local_reserve, __ATOMIC_RELAXED));
		line(p, "low", low_of(p->heap, zone->node));
		line(p, "spanned", zone->end_pfn - zone->start_pfn);
		line(p, "present",
		     __atomic_load_n(&zone->nr_pages, __ATOMIC_RELAXED));
		line(p, "nr_free_pages", scan.used[FIXHEAP_USE_FREE]);
		line(p, "nr_small", scan.used[FIXHEAP_USE_SMALL]);
		line(p, "nr_large", scan.used[FIXHEAP_USE_LARGE]);
		line(p, "nr_array", scan.used[FIXHEAP_USE_ARRAY]);
		line(p, "nr_raw", scan.used[FIXHEAP_USE_PAGES]);
		line(p, "nr_cached", scan.used[FIXHEAP_USE_CACHED]);
		line(p, "nr_reserved", scan.used[FIXHEAP_USE_RESERVED]);
		line(p, "nr_isolated", scan.nr_out);
		line(p, "largest_free", scan.longest);
		line(p, "bound", zone->bound);
		if (is_first(p->heap, zone))
			print_pagesets(p, &p->heap->node[zone->node]);
		print_text(p, "  start_pfn:           %llu\n",
			   (unsigned long long)zone->start_pfn);
	}
}

/* ---- pageblocks --------------------------------------------------------- */

/* Placements, and: */
enum {
	TYPE_WHOLE = NR_PLACEMENTS, /* all of its pages are free */
	TYPE_ISOLATED,
	NR_TYPES
};

static const char type_name[NR_TYPES][12] = {
	[PLACE_SMALL] = "Small",      [PLACE_MEDIUM] = "Medium",
	[PLACE_ARRAY] = "Array",      [TYPE_WHOLE] = "Whole",
	[TYPE_ISOLATED] = "Isolated",
};

struct type_scan {
	u64 nr_blocks[NR_TYPES];
	u64 nr_runs[NR_TYPES][FIXHEAP_NR_ORDERS];
	u32 next; /* blocks below are counted */
};

static void count_blocks(struct type_scan *scan, u32 type, u64 pfn, u64 end)
{
	u32 first = (u32)(pfn >> BLOCK_SHIFT);
	u32 last = (u32)((end - 1) >> BLOCK_SHIFT);

	if (first < scan->next)
		first = scan->next;
	if (first > last)
		return;
	scan->nr_blocks[type] += last - first + 1;
	scan->next = last + 1;
}

static void count_open(struct type_scan *scan, const struct pageblock *pb)
{
	u32 i = 0;

	while ((i = bitmap_next_one(pb->free, i)) < BLOCK_PAGES) {
		u32 nr = bitmap_ones_from(pb->free, i);

		scan->nr_runs[pb->placement][order_of(nr)]++;
		i += nr;
	}
}

/* The block that holds pfn, or all that are like it up to end; where the next
 * one begins. */
static u64 look_locked(const struct region *region, u64 pfn, u64 end,
		       struct type_scan *scan)
{
	u32 b = (u32)(pfn >> BLOCK_SHIFT), type = TYPE_ISOLATED;
	u64 to = min_u64((u64)(b + 1) << BLOCK_SHIFT, end), page;
	struct span row;
	struct run run;

	if (block_is_open(&region->block[b])) {
		type = region->block[b].placement;
		if (b >= scan->next)
			count_open(scan, &region->block[b]);
	} else if (span_find(region, b, &row)) {
		type = TYPE_WHOLE;
		to = min_u64((u64)row.end << BLOCK_SHIFT, end);
		scan->nr_runs[type][order_of(to - pfn)]++;
	} else if (runmap_find(region, pfn, &run, &page)) {
		type = page_placement(page);
		to = max_u64(to,
			     round_down(run.pfn + run.nr_pages, BLOCK_PAGES));
		to = min_u64(to, end);
	}
	count_blocks(scan, type, pfn, to);
	return to;
}

static void scan_types(struct fixheap *heap, const struct zone *zone,
		       struct type_scan *scan)
{
	struct bounds pages = { 0, 0 };
	u64 pfn = zone->start_pfn;

	memset(scan, 0, sizeof(*scan));
	while (pfn < zone->end_pfn && range_pages(heap, pfn, &pages) &&
	       pages.pfn < zone->end_pfn) {
		spin_lock(&heap->region.lock);
		pfn = look_locked(&heap->region, pages.pfn,
				  min_u64(pages.end, zone->end_pfn), scan);
		spin_unlock(&heap->region.lock);
	}
}

static void print_types(struct printer *p, const struct zone *zone)
{
	int node = print_node(p->heap, zone);
	struct type_scan scan;

	scan_types(p->heap, zone, &scan);
	for (u32 type = 0; type < TYPE_ISOLATED; type++) {
		print_text(p, "Node %4d, zone %8u, type %12s ", node,
			   zone->index, type_name[type]);
		for (u32 i = 0; i < print_orders(p->heap); i++)
			print_text(p, "%6llu ",
				   (unsigned long long)scan.nr_runs[type][i]);
		print_text(p, "\n");
	}
}

static void print_blocks(struct printer *p, const struct zone *zone)
{
	struct type_scan scan;

	scan_types(p->heap, zone, &scan);
	print_text(p, "Node %d, zone %8u ", print_node(p->heap, zone),
		   zone->index);
	for (u32 type = 0; type < NR_TYPES; type++)
		print_text(p, "%12llu ",
			   (unsigned long long)scan.nr_blocks[type]);
	print_text(p, "\n");
}

void print_pagetypeinfo(struct printer *p)
{
	const struct zone *zone = NULL;

	print_text(p, "Page block order: %d\nPages per block:  %d\n\n",
		   BLOCK_SHIFT, BLOCK_PAGES);
	print_text(p, "Free pages count per placement at order ");
	for (u32 i = 0; i < print_orders(p->heap); i++)
		print_text(p, "%6u ", i);
	print_text(p, "\n");
	while ((zone = print_zone_next(p->heap, zone)) && !p->err)
		print_types(p, zone);
	print_text(p, "\nNumber of blocks type ");
	for (u32 type = 0; type < NR_TYPES; type++)
		print_text(p, "%12s ", type_name[type]);
	print_text(p, "\n");
	while ((zone = print_zone_next(p->heap, zone)) && !p->err)
		print_blocks(p, zone);
}
