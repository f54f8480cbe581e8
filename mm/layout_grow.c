/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout_grow.c: zones of heaps that are not one region cut by nodes: those
 * that can get more regions, and symmetric ones.
 *
 * Page numbers are plenty, so regions that come later find room in rows of
 * numbers that nobody has yet: in the only zone, on both sides of the first
 * region, as most systems hand out addresses downwards; else in one zone more
 * for each node.
 *
 * Locking: none.  Cost: O(zones).
 */
#include "layout.h"

/* Hugetlb pages of a GiB are the largest; the first page keeps its place in
 * one. */
#define PAD_UNIT ((u64)1 << 18)

static void move_up(struct layout *layout, u64 pad)
{
	layout->pad = pad;
	layout->pages.pfn += pad;
	layout->pages.end += pad;
	for (u32 z = 0; z < layout->nr_zones; z++) {
		layout->zone[z].pages.pfn += pad;
		layout->zone[z].pages.end += pad;
	}
}

/* A zone for each node, as long as they come to. */
static void add_zones(struct layout *layout, u64 end_pfn)
{
	u64 start = round_up(layout->pages.end, BLOCK_PAGES);
	u32 nr = 0, done = 0;

	for (u32 i = 0; i < layout->nr_places; i++)
		nr += layout->place[i].kind == NODE_REAL;
	layout->zone[layout->nr_zones - 1].pages.end = start;
	for (u32 i = 0; i < layout->nr_places; i++) {
		u64 all = end_pfn - start;
		struct bounds pages;

		if (layout->place[i].kind != NODE_REAL ||
		    layout->nr_zones == ZONES_MAX)
			continue;
		pages.pfn = start + round_down(all / nr * done, BLOCK_PAGES);
		done++;
		pages.end = start + round_down(all / nr * done, BLOCK_PAGES);
		if (done == nr)
			pages.end = end_pfn;
		layout->zone[layout->nr_zones++] =
			(struct layout_zone){ .pages = pages, .place = i };
	}
}

void layout_grow(struct layout *layout, u64 end_pfn)
{
	u64 rest = end_pfn - layout->pages.end;

	if (layout->nr_zones > 1) {
		move_up(layout, max_u64(layout->grain, BLOCK_PAGES));
		add_zones(layout, end_pfn);
		return;
	}
	move_up(layout, max_u64(round_down(rest / 2, PAD_UNIT), BLOCK_PAGES));
	layout->zone[0].pages = (struct bounds){ BLOCK_PAGES, end_pfn };
}

void layout_divide(struct layout *layout, u64 nr_private)
{
	struct layout_zone *zone = &layout->zone[0];
	u64 border;

	nr_private = min_u64(nr_private, layout->pages.end);
	border = round_down(layout->pages.end - nr_private, BLOCK_PAGES);
	if (!nr_private)
		border = layout->pages.end;
	layout->nr_zones = 0;
	if (border) {
		zone[0].pages = (struct bounds){ 0, border };
		zone[0].arrays_only = true;
		layout->nr_zones++;
	}
	if (border < layout->pages.end)
		zone[layout->nr_zones++] = (struct layout_zone){
			.pages = { border, layout->pages.end }
		};
}
