/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * layout.c: which part of the heap belongs to which node.
 *
 *   | node 0 | node 1 | ... | striped | 0 | 1 | ... | 0 | 1 | ... | ...
 *
 * Each node that is used has a zone in proportion to its share; they follow
 * each other, so that an array can reach over their borders.  What lives long
 * and is small would break such an array in pieces.  So a 16th of each node's
 * part lies apart, at the high end of the heap, and small things go there
 * first: an array of 15/16 of the heap stays possible.  With one node there is
 * one zone, in which small things come down from the high end anyway.
 *
 * The parts that lie apart are cut in layers, each with a slice of every node:
 * so what is small comes down from the high end together, whatever node it is
 * of, and what is not needed for it is free in one piece with the rest.  Were
 * it one slice for each node, the free part of all but the lowest would be
 * lost to large arrays (`bench --nodes=2`, one array that is replaced: 1.03 of
 * its peak instead of 1.01).
 *
 * Invariants
 *  1. The zones cover layout.pages without gap or overlap, by address.
 *  2. They begin at multiples of layout.grain, but for the first.
 *  3. Neighbours of the same place are one zone.
 *
 * Locking: none.  Cost: O(zones), and what survey.c costs.
 */
#include "layout.h"

#include "binding.h"
#include "config.h"

#include <errno.h>
#include <string.h>

#define SMALL_PART 16
#define LAYERS 8 /* fewer where zones would become too many */

u32 layout_place(struct layout *layout, enum node_kind kind, u32 id)
{
	u32 i;

	for (i = 0; i < layout->nr_places; i++) {
		if (layout->place[i].kind == kind && layout->place[i].id == id)
			return i;
	}
	layout->place[i] = (struct layout_place){ kind, id };
	layout->nr_places++;
	return i;
}

bool layout_add(struct layout *layout, u64 pfn, u64 end, u32 place)
{
	struct layout_zone *next = layout->zone + layout->nr_zones;

	if (pfn == end)
		return true;
	if (layout->nr_zones && next[-1].place == place &&
	    next[-1].pages.end == pfn) {
		next[-1].pages.end = end;
		return true;
	}
	if (layout->nr_zones == ZONES_MAX)
		return false;
	layout->zone[layout->nr_zones++] =
		(struct layout_zone){ .pages = { pfn, end }, .place = place };
	return true;
}

/* Pages from the start that the nodes up to id get of nr_pages. */
static u64 cut(const struct layout *layout, u32 id, u64 nr_pages)
{
	unsigned __int128 sum = 0, total = 0;

	for (u32 i = 0; i < NODES_MAX; i++) {
		total += layout->share[i];
		if (i <= id)
			sum += layout->share[i];
	}
	return (u64)(sum * nr_pages / total);
}

/* Pages of each node's part, of which small[] lie apart. */
struct parts {
	u64 nr_pages[NODES_MAX], small[NODES_MAX];
	u64 striped;
};

/* Of a node's part; never more than a tenth of it. */
static u64 small_part(const struct layout *layout, u64 nr_pages)
{
	u64 small = round_down(nr_pages / SMALL_PART, layout->grain);

	if (!small && nr_pages >= 10 * layout->grain)
		return layout->grain;
	return small;
}

static void divide(const struct layout *layout, struct parts *parts)
{
	u64 all = round_up(layout->pages.end, layout->grain);
	u64 before = 0;

	memset(parts, 0, sizeof(*parts));
	parts->striped = round_down(all * layout->numa.stripe_percent / 100,
				    layout->grain);
	all -= parts->striped;
	for (u32 id = 0; id < NODES_MAX; id++) {
		u64 end = round_down(cut(layout, id, all), layout->grain);

		parts->nr_pages[id] = end - before;
		parts->small[id] = small_part(layout, end - before);
		before = end;
	}
}

/* One node needs no zone apart. */
static bool is_single(const struct parts *parts)
{
	u32 nr = 0;

	for (u32 id = 0; id < NODES_MAX; id++)
		nr += parts->nr_pages[id] != 0;
	return nr == 1 && !parts->striped;
}

/* Whether the striped zone is over this node, too. */
static bool is_striped(const struct layout *layout, u32 id)
{
	for (u32 i = 0; i < layout->nr_stripe; i++) {
		if (layout->stripe[i] == id)
			return true;
	}
	return false;
}

/* Pages that each node has, at most, of a striped zone. */
static u64 stripes_each(const struct layout *layout, u64 nr_pages)
{
	u64 stripe = stripe_length(nr_pages, layout->grain);
	u64 turn = stripe * layout->nr_stripe;

	return (nr_pages + turn - 1) / turn * stripe;
}

/* Cut the stripes to what the node with least has free. */
static int shrink_stripes(const struct fixheap_config *config,
			  struct layout *layout, struct parts *parts)
{
	u64 stripe = stripe_length(parts->striped, layout->grain);
	u64 least = ~0ull;
	int ret;

	for (u32 i = 0; i < layout->nr_stripe && parts->striped; i++)
		least = min_u64(least, room_pages(layout, layout->stripe[i]));
	least = least / stripe * layout->nr_stripe;
	if (parts->striped / stripe <= least)
		return 0;
	ret = room_cut(config, layout);
	if (!ret && layout->strict)
		parts->striped = least * stripe;
	return ret;
}

/* Cut each node's part to what it has free; -ENOSPC: it may not be cut. */
static int shrink(const struct fixheap_config *config, struct layout *layout,
		  struct parts *parts)
{
	int ret = shrink_stripes(config, layout, parts);

	for (u32 id = 0; id < NODES_MAX && !ret; id++) {
		u64 free, stripes = 0;

		if (!parts->nr_pages[id])
			continue;
		free = room_pages(layout, id);
		if (parts->striped && is_striped(layout, id))
			stripes = stripes_each(layout, parts->striped);
		free = free > stripes ? free - stripes : 0;
		if (parts->nr_pages[id] <= free)
			continue;
		ret = room_cut(config, layout);
		if (ret || !layout->strict)
			continue;
		parts->nr_pages[id] = round_down(free, layout->grain);
		parts->small[id] = small_part(layout, parts->nr_pages[id]);
	}
	return ret;
}

/* The next nr_pages of the plan. */
static void add_part(struct layout *layout, u64 *pfn, u64 nr_pages, u32 place)
{
	layout_add(layout, max_u64(*pfn, layout->pages.pfn), *pfn + nr_pages,
		   place);
	*pfn += nr_pages;
}

static void add_layers(struct layout *layout, const struct parts *parts,
		       u32 nr_nodes, u64 *pfn)
{
	u32 nr = (ZONES_MAX - 1) / nr_nodes - 1;

	nr = nr < LAYERS ? nr : LAYERS;
	for (u32 i = 0; i < nr * NODES_MAX; i++) {
		u32 id = i % NODES_MAX, layer = i / NODES_MAX;
		u64 small = parts->small[id];
		u64 from = round_down(small * layer / nr, layout->grain);
		u64 to = round_down(small * (layer + 1) / nr, layout->grain);

		if (from < to)
			add_part(layout, pfn, to - from,
				 layout_place(layout, NODE_REAL, id));
	}
}

/* The zones by share. */
static int plan(struct layout *layout, const struct parts *parts)
{
	bool apart = !is_single(parts);
	u32 nr_nodes = 0;
	u64 pfn = 0;

	for (u32 id = 0; id < NODES_MAX; id++) {
		u64 small = apart ? parts->small[id] : 0;

		nr_nodes += parts->nr_pages[id] != 0;
		if (parts->nr_pages[id] > small)
			add_part(layout, &pfn, parts->nr_pages[id] - small,
				 layout_place(layout, NODE_REAL, id));
	}
	if (parts->striped && layout->nr_stripe == 1)
		add_part(layout, &pfn, parts->striped,
			 layout_place(layout, NODE_REAL, layout->stripe[0]));
	else if (parts->striped)
		add_part(layout, &pfn, parts->striped,
			 layout_place(layout, NODE_STRIPED, 0));
	if (apart && nr_nodes)
		add_layers(layout, parts, nr_nodes, &pfn);
	if (!layout->nr_zones)
		return -ENOSPC;
	/* the heap ends within a grain, or has become smaller */
	layout->pages.end = min_u64(layout->pages.end, pfn);
	layout->zone[layout->nr_zones - 1].pages.end = layout->pages.end;
	return 0;
}

static u32 count_memory(const struct topology *topo)
{
	u32 nr = 0;

	for (u32 id = 0; id < topo->nr_nodes; id++)
		nr += topo->node_bytes[id] != 0;
	return nr;
}

/* Whether the kernel has to do with it, and what pages there are. */
static void look(const struct fixheap_config *config, struct layout *layout)
{
	enum fixheap_binding binding = layout->numa.binding;
	bool firm = binding == FIXHEAP_BINDING_STRICT ||
		    binding == FIXHEAP_BINDING_PREFERRED;

	layout->asked = firm ||
			(binding == FIXHEAP_BINDING_AUTO && !config->topology &&
			 count_memory(layout->topo) > 1);
	layout->bind = layout->asked && !(config->flags & FIXHEAP_PINNED);
	layout->strict = binding != FIXHEAP_BINDING_PREFERRED;
	layout->mapping_page = config_unit(config->flags);
	if (layout->asked && !config_pool_page(config->flags))
		layout->mapping_page = host_mapping_page(config->base);
	layout->grain =
		max_u64(BLOCK_PAGES, layout->mapping_page >> PAGE_SHIFT);
}

/*
 * The nodes of the stripes have places of their own, with or without a zone, so
 * that masks can name them; without a striped zone there are no stripes.
 */
static void place_stripes(struct layout *layout)
{
	bool any = false;

	for (u32 i = 0; i < layout->nr_places; i++)
		any |= layout->place[i].kind == NODE_STRIPED;
	if (!any)
		layout->nr_stripe = 0;
	for (u32 i = 0; i < layout->nr_stripe; i++)
		layout_place(layout, NODE_REAL, layout->stripe[i]);
}

static bool goes_before(struct layout_place a, struct layout_place b)
{
	return a.kind != b.kind ? a.kind < b.kind : a.id < b.id;
}

/* Let two neighbours change their places, and their zones with them. */
static void swap_places(struct layout *layout, u32 j)
{
	struct layout_place place = layout->place[j];

	layout->place[j] = layout->place[j - 1];
	layout->place[j - 1] = place;
	for (u32 z = 0; z < layout->nr_zones; z++) {
		if (layout->zone[z].place == j)
			layout->zone[z].place = j - 1;
		else if (layout->zone[z].place == j - 1)
			layout->zone[z].place = j;
	}
}

/* Places in the order of their nodes' numbers. */
static void sort_places(struct layout *layout)
{
	for (u32 i = 1; i < layout->nr_places; i++) {
		u32 j = i;

		while (j && goes_before(layout->place[j], layout->place[j - 1]))
			swap_places(layout, j--);
	}
}

int layout_begin(const struct fixheap_config *config, struct layout *layout)
{
	int ret;

	layout->numa = (struct fixheap_numa)FIXHEAP_NUMA_INIT;
	if (config->numa)
		layout->numa = *config->numa;
	ret = usable_check(&layout->numa);
	if (!ret)
		look(config, layout);
	return ret;
}

int layout_make(const struct fixheap_config *config, struct layout *layout)
{
	struct parts parts;
	int ret = usable_choose(config, layout), touched = 0;

	if (ret)
		return ret;
	divide(layout, &parts);
	if (layout->asked)
		touched = survey_touched(layout);
	if (touched < 0)
		return touched;
	if (layout->bind && layout->strict)
		registry_untouched(NULL, layout->topo, layout->mapping_page,
				   layout->taken);
	if (layout->bind && layout->strict && !touched)
		ret = shrink(config, layout, &parts);
	if (!ret)
		ret = plan(layout, &parts);
	if (!ret && (touched || (layout->asked && !layout->bind)))
		ret = survey_apply(layout);
	if (!ret && touched && layout->bind && layout->strict)
		ret = room_weigh(config, layout);
	/* a kernel that does not tell: as planned, if that will do */
	if (ret == -ENOSYS && layout->numa.binding == FIXHEAP_BINDING_AUTO)
		ret = 0;
	if (!ret)
		place_stripes(layout);
	sort_places(layout);
	return ret;
}
