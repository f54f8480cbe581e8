/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * zonelist.c: which zones a request may use, nearest first.
 *
 * For each node the zones are ordered by the distance of their node from it;
 * among equals the own index comes first in a round that starts at the node,
 * so that neighbours do not all fall back on zone 0.  Made once at creation.
 *
 * Locking: none, constant after creation.  Cost: one pass over the zones.
 */
#include "zone.h"

static u32 rank(const struct fixheap *heap, u32 node, u32 z)
{
	u32 zone_node = heap->zone[z].node;
	u32 round = (zone_node + NODES_MAX - node) % NODES_MAX;

	return heap->topo.distance[node][zone_node] * NODES_MAX + round;
}

void zonelist_init(struct fixheap *heap)
{
	for (u32 node = 0; node < heap->topo.nr_nodes; node++) {
		u8 *list = heap->zonelist[node];

		for (u32 z = 0; z < heap->nr_zones; z++) {
			u32 i = z;

			for (; i && rank(heap, node, list[i - 1]) >
					    rank(heap, node, z);
			     i--)
				list[i] = list[i - 1];
			list[i] = (u8)z;
		}
	}
}

static u32 fill(const struct fixheap *heap, u64 nodes, u8 *list, u32 nr)
{
	const u8 *order = heap->zonelist[heap_this_node(heap)];

	for (u32 i = 0; i < heap->nr_zones; i++) {
		if (nodes >> heap->zone[order[i]].node & 1)
			list[nr++] = order[i];
	}
	return nr;
}

u32 zonelist_fill(const struct fixheap *heap, const struct run_request *req,
		  u8 *list)
{
	u32 nr;

	if (req->zone != ZONE_ANY || heap->nr_zones == 1) {
		list[0] = req->zone == ZONE_ANY ? 0 : (u8)req->zone;
		return 1;
	}
	switch (req->policy) {
	case FIXHEAP_POLICY_BIND:
		return fill(heap, req->nodes, list, 0);
	case FIXHEAP_POLICY_PREFERRED:
		nr = fill(heap, req->nodes, list, 0);
		return fill(heap, ~req->nodes, list, nr);
	default:
		return fill(heap, ~0ull, list, 0);
	}
}
