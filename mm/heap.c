/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.c: make a heap over somebody's memory, and end it.
 *
 * All metadata lies in one reservation of address space that reads as zero and
 * takes memory where it is touched:
 *
 *   struct fixheap | zones | page descriptors | pageblocks | trees and caches
 *   of each zone | PAGE_POISON bits | PAGE_OWNER entries
 *
 * The heap's own memory is never touched here.  Zones are slices at pageblock
 * borders, one for each node that has memory, in proportion to it.
 *
 * Invariants: the zones cover [start_pfn, end_pfn) without gap or overlap.
 *
 * Locking: none, nobody else knows the heap yet (or any more); registry.c for
 * the list.  Cost: O(zones + nodes), whatever the length.
 */
#include "heap.h"

#include "objects.h"
#include "page_owner.h"
#include "page_poison.h"
#include "zone.h"

#include <errno.h>
#include <string.h>

#define BLOCK_BYTES (PAGE_BYTES << BLOCK_SHIFT)
#define KNOWN_FLAGS (FIXHEAP_PINNED | FIXHEAP_ZEROED | FIXHEAP_HUGEPAGES)

/* Where each part of the metadata begins, in bytes. */
struct layout {
	size_t zones, pages, blocks, poison, owner, zone_meta, bytes;
};

static int check_config(const struct fixheap_config *config)
{
	uintptr_t base = (uintptr_t)config->base;

	if (config->size != sizeof(*config) || config->flags & ~KNOWN_FLAGS)
		return -EINVAL;
	if (config->mode != FIXHEAP_FIXED)
		return (int)config->mode >= 0 && config->mode <= FIXHEAP_SIMPLE
			       ? -ENOTSUP
			       : -EINVAL;
	if (config->comm || base + config->length < base ||
	    base > UINTPTR_MAX - PAGE_BYTES)
		return -EINVAL;
	if (config->length > 1ull << CONFIG_HEAP_SHIFT)
		return -EINVAL;
	if (round_up(base, PAGE_BYTES) + PAGE_BYTES > base + config->length)
		return -EINVAL;
	return 0;
}

static int copy_topology(const struct fixheap_topology *from,
			 struct topology *topo)
{
	if (from->size != sizeof(*from) || !from->nr_nodes ||
	    from->nr_nodes > NODES_MAX || !from->nr_cpus ||
	    from->nr_cpus > CPUS_MAX || !from->cpu_node)
		return -EINVAL;
	topo->nr_nodes = from->nr_nodes;
	topo->nr_cpus = from->nr_cpus;
	for (u32 cpu = 0; cpu < from->nr_cpus; cpu++) {
		if (from->cpu_node[cpu] >= from->nr_nodes)
			return -EINVAL;
		topo->cpu_node[cpu] = (u8)from->cpu_node[cpu];
	}
	for (u32 i = 0; i < from->nr_nodes * from->nr_nodes; i++) {
		u32 a = i / from->nr_nodes, b = i % from->nr_nodes;

		topo->distance[a][b] = a == b ? 10 : 20;
		if (from->distance)
			topo->distance[a][b] = from->distance[i];
		if (topo->distance[a][b] < 10)
			return -EINVAL;
	}
	for (u32 node = 0; node < from->nr_nodes; node++)
		topo->node_bytes[node] =
			from->node_bytes ? from->node_bytes[node] : 1;
	return 0;
}

static int get_topology(const struct fixheap_config *config,
			struct topology *topo)
{
	u64 total = 0;
	int ret;

	ret = config->topology ? copy_topology(config->topology, topo)
			       : host_topology(topo);
	for (u32 node = 0; !ret && node < topo->nr_nodes; node++) {
		if (total + topo->node_bytes[node] < total)
			return -EINVAL;
		total += topo->node_bytes[node];
	}
	return ret ? ret : total ? 0 : -EINVAL;
}

/* First block behind the zones of nodes 0 to node, of nr_blocks. */
static u32 cut(const struct topology *topo, u32 node, u64 nr_blocks)
{
	unsigned __int128 sum = 0;
	u64 total = 0;

	for (u32 i = 0; i < topo->nr_nodes; i++) {
		total += topo->node_bytes[i];
		if (i <= node)
			sum += topo->node_bytes[i];
	}
	return (u32)(sum * nr_blocks / total);
}

static size_t part(size_t *bytes, size_t size)
{
	size_t start = *bytes;

	*bytes = round_up(start + size, 64);
	return start;
}

/* Address, pages and size of the metadata; all else in *heap stays 0. */
static void plan(struct fixheap *heap, const struct fixheap_config *config,
		 struct layout *layout)
{
	uintptr_t base = (uintptr_t)config->base;
	uintptr_t origin = round_down(round_up(base, PAGE_BYTES), BLOCK_BYTES);
	uintptr_t end = round_down(base + config->length, PAGE_BYTES);
	u64 nr_blocks, nr_pages = (end - origin) >> PAGE_SHIFT;

	heap->base = config->base;
	heap->length = config->length;
	heap->origin = (char *)origin;
	heap->start_pfn = (round_up(base, PAGE_BYTES) - origin) >> PAGE_SHIFT;
	heap->end_pfn = nr_pages;
	heap->flags = config->flags;
	heap->fault = config->fault;
	heap->fault_data = config->fault_data;
	nr_blocks = round_up(nr_pages, BLOCK_PAGES) >> BLOCK_SHIFT;
	layout->bytes = 0;
	part(&layout->bytes, sizeof(*heap));
	layout->zones = part(&layout->bytes, NODES_MAX * sizeof(struct zone));
	layout->pages = part(&layout->bytes, nr_pages * sizeof(u64));
	layout->blocks =
		part(&layout->bytes, nr_blocks * sizeof(struct pageblock));
	layout->poison = part(&layout->bytes, page_poison_bytes(nr_pages));
	layout->owner = part(&layout->bytes, page_owner_bytes(nr_pages));
	layout->zone_meta = layout->bytes;
	for (u32 node = 0; node < heap->topo.nr_nodes; node++) {
		u32 from = node ? cut(&heap->topo, node - 1, nr_blocks) : 0;
		u32 to = cut(&heap->topo, node, nr_blocks);

		if (to > from)
			part(&layout->bytes,
			     zone_meta_bytes(to - from, heap->topo.nr_cpus));
	}
	heap->meta_bytes = layout->bytes;
}

static void make_zones(struct fixheap *heap, const struct layout *layout)
{
	char *meta = (char *)heap;
	size_t at = layout->zone_meta;
	u64 nr_blocks = round_up(heap->end_pfn, BLOCK_PAGES) >> BLOCK_SHIFT;
	bool zero = heap->flags & FIXHEAP_ZEROED;

	heap->zone = (struct zone *)(meta + layout->zones);
	heap->page = (u64 *)(meta + layout->pages);
	heap->poisoned = (u64 *)(meta + layout->poison);
	heap->owner = (struct owner *)(meta + layout->owner);
	for (u32 node = 0; node < heap->topo.nr_nodes; node++) {
		struct zone *zone = &heap->zone[heap->nr_zones];
		u64 from = node ? cut(&heap->topo, node - 1, nr_blocks) : 0;
		u64 to = cut(&heap->topo, node, nr_blocks);
		size_t bytes;

		if (from == to)
			continue;
		bytes = zone_meta_bytes(to - from, heap->topo.nr_cpus);
		zone->heap = heap;
		zone->index = heap->nr_zones++;
		zone->node = node;
		zone->block = (struct pageblock *)(meta + layout->blocks);
		from <<= BLOCK_SHIFT;
		to = min_u64(to << BLOCK_SHIFT, heap->end_pfn);
		zone_init(zone, max_u64(from, heap->start_pfn), to,
			  meta + part(&at, bytes), zero);
	}
	zonelist_init(heap);
}

/* Everything but the memory itself; config->base is not NULL. */
static int build(const struct fixheap_config *config, struct fixheap **result)
{
	struct fixheap draft, *heap;
	struct layout layout;
	int ret;

	memset(&draft, 0, sizeof(draft));
	ret = get_topology(config, &draft.topo);
	if (ret)
		return ret;
	plan(&draft, config, &layout);
	heap = host_reserve(layout.bytes);
	if (!heap)
		return -ENOMEM;
	memcpy(heap, &draft, sizeof(draft));
	make_zones(heap, &layout);
	ret = registry_add(heap);
	if (ret)
		goto release;
	ret = objects_create(heap);
	if (ret)
		goto unlist;
	*result = heap;
	return 0;
unlist:
	registry_del(heap);
release:
	host_release(heap, layout.bytes);
	return ret;
}

int fixheap_create(const struct fixheap_config *config, struct fixheap **heap)
{
	struct fixheap_config mapped;
	int ret;

	if (!config || !heap)
		return -EINVAL;
	ret = check_config(config);
	if (ret || config->base)
		return ret ? ret : build(config, heap);
	mapped = *config;
	mapped.length = round_up(config->length, PAGE_BYTES);
	mapped.base =
		host_map(mapped.length, config->flags & FIXHEAP_HUGEPAGES);
	mapped.flags |= FIXHEAP_ZEROED;
	if (!mapped.base)
		return -ENOMEM;
	ret = build(&mapped, heap);
	if (ret)
		host_unmap(mapped.base, mapped.length);
	else
		(*heap)->mapped = true;
	return ret;
}

void fixheap_destroy(struct fixheap *heap)
{
	void *base;
	size_t length;

	if (!heap)
		return;
	objects_destroy(heap);
	registry_del(heap);
	base = heap->mapped ? heap->base : NULL;
	length = heap->length;
	host_release(heap, heap->meta_bytes);
	if (base)
		host_unmap(base, length);
}
