/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * room.c: whether nodes have the memory that a layout promises.
 *
 * Who touches more memory bound to a node than the node has is killed.  So a
 * heap is bound strictly only where all that it promises and that is not in
 * memory yet has room on its nodes, less what other heaps of the process, bound
 * strictly too, have promised and not touched.
 *
 * Where memory was touched, the zones are where its pages are.  If the rest has
 * no room, a heap that may be smaller ends where the room does.
 *
 * Locking: none.  Cost: some file reads for each node, see host_node_free.
 */
#include "layout.h"

#include "binding.h"

#include <errno.h>

u64 room_pages(const struct layout *layout, u32 id)
{
	u64 bytes =
		host_node_free(layout->topo->number[id], layout->mapping_page);
	u64 nr = bytes >> PAGE_SHIFT;

	return nr - min_u64(nr, layout->taken[id]);
}

int room_cut(const struct fixheap_config *config, struct layout *layout)
{
	if (layout->numa.binding != FIXHEAP_BINDING_STRICT) {
		layout->strict = false;
		return 0;
	}
	return config->flags & FIXHEAP_SHRINK ? 0 : -ENOSPC;
}

/* Pages that nodes can still give. */
struct room {
	u64 nr_pages[NODES_MAX];
};

static void look(const struct layout *layout, struct room *room)
{
	for (u32 p = 0; p < layout->nr_places; p++) {
		u32 id = layout->place[p].id;

		if (layout->place[p].kind == NODE_REAL)
			room->nr_pages[id] = room_pages(layout, id);
	}
	for (u32 i = 0; i < layout->nr_stripe; i++)
		room->nr_pages[layout->stripe[i]] =
			room_pages(layout, layout->stripe[i]);
}

/* Pages from the start of a striped zone; each node gives as many stripes. */
static u64 fit_stripes(const struct layout *layout,
		       const struct layout_zone *zone, struct room *room)
{
	u64 nr_pages =
		zone->pages.end - round_down(zone->pages.pfn, layout->grain);
	u64 stripe = stripe_length(nr_pages, layout->grain);
	u64 turn = stripe * layout->nr_stripe;
	u64 each = (nr_pages + turn - 1) / turn * stripe, least = ~0ull;

	for (u32 i = 0; i < layout->nr_stripe; i++)
		least = min_u64(least, room->nr_pages[layout->stripe[i]]);
	if (each > least)
		return least / stripe * turn;
	for (u32 i = 0; i < layout->nr_stripe; i++)
		room->nr_pages[layout->stripe[i]] -= each;
	return nr_pages;
}

/* Pages from the zone's start for which there is room, which they take. */
static u64 fit(const struct layout *layout, const struct layout_zone *zone,
	       struct room *room)
{
	const struct layout_place *place = &layout->place[zone->place];
	u64 nr_pages = zone->pages.end - zone->pages.pfn, need;

	if (place->kind == NODE_MIXED)
		return nr_pages;
	if (place->kind == NODE_STRIPED)
		return fit_stripes(layout, zone, room);
	need = nr_pages - min_u64(nr_pages, zone->present);
	if (need > room->nr_pages[place->id])
		return room->nr_pages[place->id];
	room->nr_pages[place->id] -= need;
	return nr_pages;
}

/* The heap ends at this page of zone z, or at the last grain before it. */
static int end_at(struct layout *layout, u32 z, u64 pfn)
{
	struct layout_zone *zone = &layout->zone[z];

	pfn = round_down(pfn, layout->grain);
	layout->nr_zones = z;
	if (pfn > zone->pages.pfn) {
		zone->pages.end = pfn;
		layout->nr_zones++;
	}
	if (!layout->nr_zones)
		return -ENOSPC;
	layout->pages.end = layout->zone[layout->nr_zones - 1].pages.end;
	return 0;
}

int room_weigh(const struct fixheap_config *config, struct layout *layout)
{
	struct room room = { { 0 } };
	int ret;

	look(layout, &room);
	for (u32 z = 0; z < layout->nr_zones; z++) {
		const struct layout_zone *zone = &layout->zone[z];
		u64 nr = fit(layout, zone, &room);

		if (nr >= zone->pages.end - zone->pages.pfn)
			continue;
		ret = room_cut(config, layout);
		if (!ret && layout->strict)
			ret = end_at(layout, z, zone->pages.pfn + nr);
		return ret;
	}
	return 0;
}
