/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.c: make a heap over somebody's memory, and end it.
 *
 * All metadata lies in one reservation of address space that reads as zero and
 * takes memory where it is touched:
 *
 *   struct fixheap | zones | page descriptors | pageblocks | PAGE_POISON bits
 *   | PAGE_OWNER entries | trees of the region | caches of each node
 *
 * The heap's own memory is never touched here.  layout.c says what the zones
 * are, binding.c tells the kernel.
 *
 * Invariants: the zones cover [start_pfn, end_pfn) without gap or overlap.
 *
 * Locking: none, nobody else knows the heap yet (or any more); registry.c for
 * the list.  Cost: O(zones + nodes), whatever the length.
 */
#include "heap.h"

#include "binding.h"
#include "layout.h"
#include "objects.h"
#include "page_owner.h"
#include "page_poison.h"
#include "pcp.h"
#include "policy.h"
#include "zone.h"

#include <errno.h>
#include <string.h>

#define BLOCK_BYTES (PAGE_BYTES << BLOCK_SHIFT)
#define KNOWN_FLAGS \
	(FIXHEAP_PINNED | FIXHEAP_ZEROED | FIXHEAP_HUGEPAGES | FIXHEAP_SHRINK)

/* Where each part of the metadata begins, in bytes. */
struct offsets {
	size_t zones, pages, policy, nodesets, blocks, poison, owner, region,
		caches;
	size_t bytes;
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
	if (config->policy != FIXHEAP_POLICY_DEFAULT &&
	    config->policy != FIXHEAP_POLICY_LOCAL &&
	    config->policy != FIXHEAP_POLICY_INTERLEAVE &&
	    config->policy != FIXHEAP_POLICY_BLOCKED)
		return -EINVAL;
	if (round_up(base, PAGE_BYTES) + PAGE_BYTES > base + config->length)
		return -EINVAL;
	return 0;
}

static size_t part(size_t *bytes, size_t size)
{
	size_t start = *bytes;

	*bytes = round_up(start + size, 64);
	return start;
}

/* Bytes from one node's caches to the next one's. */
static size_t cache_stride(const struct fixheap *heap)
{
	return round_up(pcp_bytes(heap->topo.nr_cpus), 64);
}

/* Where the pages are. */
static void place_pages(struct fixheap *heap,
			const struct fixheap_config *config, u64 grain)
{
	uintptr_t base = (uintptr_t)config->base;
	uintptr_t origin =
		round_down(round_up(base, PAGE_BYTES), grain << PAGE_SHIFT);
	uintptr_t end = round_down(base + config->length, PAGE_BYTES);

	heap->base = config->base;
	heap->length = config->length;
	heap->origin = (char *)origin;
	heap->start_pfn = (round_up(base, PAGE_BYTES) - origin) >> PAGE_SHIFT;
	heap->end_pfn = (end - origin) >> PAGE_SHIFT;
	heap->flags = config->flags;
	heap->policy = config->policy;
	heap->fault = config->fault;
	heap->fault_data = config->fault_data;
}

/* Size of the metadata, and where its parts begin. */
static void plan(struct fixheap *heap, const struct layout *layout,
		 struct offsets *at)
{
	u64 nr_pages = heap->end_pfn;
	u64 nr_blocks = round_up(nr_pages, BLOCK_PAGES) >> BLOCK_SHIFT;

	at->bytes = 0;
	part(&at->bytes, sizeof(*heap));
	at->zones = part(&at->bytes, layout->nr_zones * sizeof(struct zone));
	at->pages = part(&at->bytes, nr_pages * sizeof(u64));
	at->policy = part(&at->bytes, policy_bytes(nr_pages));
	at->nodesets = part(&at->bytes, NODESETS_MAX * sizeof(struct nodeset));
	at->blocks = part(&at->bytes, nr_blocks * sizeof(struct pageblock));
	at->poison = part(&at->bytes, page_poison_bytes(nr_pages));
	at->owner = part(&at->bytes, page_owner_bytes(nr_pages));
	at->region = part(&at->bytes, region_meta_bytes(nr_blocks));
	at->caches = part(&at->bytes, layout->nr_places * cache_stride(heap));
	heap->meta_bytes = at->bytes;
}

static void make_region(struct fixheap *heap, const struct offsets *at)
{
	const struct bounds pages = { heap->start_pfn, heap->end_pfn };
	char *meta = (char *)heap;

	heap->zone = (struct zone *)(meta + at->zones);
	heap->page = (u64 *)(meta + at->pages);
	heap->policy_of = (u64 *)(meta + at->policy);
	heap->nodeset = (struct nodeset *)(meta + at->nodesets);
	heap->poisoned = (u64 *)(meta + at->poison);
	heap->owner = (struct owner *)(meta + at->owner);
	heap->region.heap = heap;
	heap->region.block = (struct pageblock *)(meta + at->blocks);
	region_init(&heap->region, &pages, meta + at->region);
}

static void make_zone(struct fixheap *heap, const struct layout_zone *from)
{
	struct zone *zone = &heap->zone[heap->nr_zones];

	zone->heap = heap;
	zone->region = &heap->region;
	zone->index = heap->nr_zones++;
	zone->node = from->place;
	zone_init(zone, &from->pages);
}

/* Pages of a zone that are kept back. */
static void set_reserves(struct zone *zone, const struct fixheap_numa *numa)
{
	u64 nr_pages = zone->end_pfn - zone->start_pfn;

	zone->small_reserve = nr_pages * numa->small_reserve / 1000;
	zone->local_reserve = nr_pages * numa->local_reserve / 1000;
}

static void make_zones(struct fixheap *heap, const struct layout *layout,
		       const struct offsets *at)
{
	heap->nr_nodes = layout->nr_places;
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		heap->node[n].heap = heap;
		heap->node[n].index = n;
		heap->node[n].kind = layout->place[n].kind;
		heap->node[n].id = layout->place[n].id;
		pcp_init(&heap->node[n],
			 (char *)heap + at->caches + n * cache_stride(heap));
	}
	for (u32 z = 0; z < layout->nr_zones; z++) {
		make_zone(heap, &layout->zone[z]);
		set_reserves(&heap->zone[z], &layout->numa);
	}
	heap->nr_stripe = layout->nr_stripe;
	memcpy(heap->stripe, layout->stripe, sizeof(heap->stripe));
	heap->reserves = layout->numa.small_reserve ||
			 layout->numa.local_reserve;
	heap->cpuless_as_others = layout->numa.cpuless_as_others;
	memcpy(heap->fallback, layout->fallback, sizeof(heap->fallback));
	zonelist_init(heap);
	region_open(&heap->region, heap->flags & FIXHEAP_ZEROED);
}

/* Everything but the memory itself; config->base is not NULL. */
static int build(const struct fixheap_config *config, struct fixheap **result)
{
	struct layout layout = { .nr_zones = 0 };
	struct fixheap draft, *heap;
	struct offsets at;
	int ret;

	memset(&draft, 0, sizeof(draft));
	layout.topo = &draft.topo;
	ret = topology_get(config, &draft.topo);
	if (!ret)
		ret = layout_begin(config, &layout);
	if (ret)
		return ret;
	place_pages(&draft, config, layout.grain);
	layout.pages = (struct bounds){ draft.start_pfn, draft.end_pfn };
	layout.origin = (uintptr_t)draft.origin;
	ret = layout_make(config, &layout);
	if (ret)
		return ret;
	draft.end_pfn = layout.pages.end;
	plan(&draft, &layout, &at);
	heap = host_reserve(at.bytes);
	if (!heap)
		return -ENOMEM;
	memcpy(heap, &draft, sizeof(draft));
	make_region(heap, &at);
	make_zones(heap, &layout, &at);
	ret = registry_add(heap);
	if (ret)
		goto release;
	ret = heap_bind(heap, &layout);
	if (ret)
		goto unlist;
	ret = objects_create(heap);
	if (ret)
		goto unbind;
	*result = heap;
	return 0;
unbind:
	heap_unbind(heap);
unlist:
	registry_del(heap);
release:
	host_release(heap, at.bytes);
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
	if (!base)
		heap_unbind(heap);
	host_release(heap, heap->meta_bytes);
	if (base)
		host_unmap(base, length);
}
