/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.c: make a heap over somebody's memory, and end it.
 *
 * All metadata lies in one reservation of address space that reads as zero and
 * takes memory where it is touched:
 *
 *   struct fixheap | zones | ranges and their tables | page descriptors
 *   | pageblocks | PAGE_POISON bits | PAGE_OWNER entries | trees of the region
 *   | caches of each node | what was brought into memory
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
#include "config.h"
#include "grow.h"
#include "layout.h"
#include "objects.h"
#include "page_owner.h"
#include "shortage.h"
#include "tag.h"
#include "page_poison.h"
#include "pcp.h"
#include "policy.h"
#include "prefault.h"
#include "ready.h"
#include "trim.h"
#include "share.h"
#include "zone.h"

#include <errno.h>
#include <string.h>

/* Addresses of user space are below this. */
#define ADDRESS_SHIFT 48
/* Pageblocks of page numbers, for each that there can be, and for a region;
 * the trees by pageblock become deeper with them. */
#define BLOCK_NUMBERS 3
#define RANGE_NUMBERS 2
#define NUMBERS_MAX ((1ull << 32) >> BLOCK_SHIFT)

/* Where each part of the metadata begins, in bytes. */
struct offsets {
	size_t zones, pages, policy, nodesets, blocks, poison, owner, tag,
		tag_count, shortage, region, caches, ranges, range_at, block_at,
		delta_at, move_of, shared, ready;
	size_t bytes;
};

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

/* The pages of the first region, counted from its base. */
static void place_pages(struct fixheap *heap, const struct range *first,
			struct layout *layout)
{
	uintptr_t base = (uintptr_t)first->base;
	uintptr_t start = round_up(base, PAGE_BYTES);
	uintptr_t end = round_down(base + first->bytes, PAGE_BYTES);

	layout->origin = round_down(start, layout->grain << PAGE_SHIFT);
	if (heap_is_deterministic(heap))
		layout->origin = start;
	layout->pages.pfn = (start - layout->origin) >> PAGE_SHIFT;
	layout->pages.end = (end - layout->origin) >> PAGE_SHIFT;
}

static void copy_config(struct fixheap *heap,
			const struct fixheap_config *config,
			const struct range *first)
{
	heap->base = first->base;
	heap->length = first->bytes;
	heap->flags = config->flags;
	heap->policy = config->policy;
	heap->fault = config->fault;
	heap->fault_data = config->fault_data;
	heap->mode = config->mode;
	heap->comm = config->comm;
	heap->extend_bytes = config->extend_bytes ? config->extend_bytes
						  : EXTEND_BYTES;
	heap->max_ranges = config_max_ranges(config);
	heap->max_pages = config_max_pages(config);
	heap->ask_lock = (spinlock_t)PTHREAD_MUTEX_INITIALIZER;
	heap->trim_lock = (spinlock_t)PTHREAD_MUTEX_INITIALIZER;
	heap->decay_ms = config->decay_ms;
}

/* A heap of one region: its pages are counted from its base. */
static void number_linear(struct fixheap *heap, const struct layout *layout)
{
	heap->origin = (char *)layout->origin;
	heap->start_pfn = layout->pages.pfn;
	heap->end_pfn = layout->pages.end;
	heap->map_base = layout->origin;
	heap->map_count = round_up(heap->end_pfn, BLOCK_PAGES) >> BLOCK_SHIFT;
	heap->map_slow = 1;
	heap->pfn_none = heap->map_count << BLOCK_SHIFT;
	heap->max_pages = heap->end_pfn - heap->start_pfn;
}

/* Others have page numbers for regions to come: pageblocks [1, nr_blocks). */
static void number_mapped(struct fixheap *heap, struct layout *layout,
			  u64 nr_blocks)
{
	heap->origin = NULL;
	heap->start_pfn = BLOCK_PAGES;
	heap->end_pfn = nr_blocks << BLOCK_SHIFT;
	heap->map_base = 0;
	heap->map_count = 1ull << (ADDRESS_SHIFT - PAGE_SHIFT - BLOCK_SHIFT);
	heap->map_slow = 0;
	heap->pfn_none = 0;
	layout_grow(layout, heap->end_pfn);
}

/* How many there should be of them, and must be: all of the heap may come to
 * lie on one node. */
static u64 wanted_blocks(const struct fixheap *heap,
			 const struct layout *layout)
{
	u64 nr = layout->nr_zones > 1 ? layout->nr_places + 1 : 1;
	u64 blocks = max_u64(nr, BLOCK_NUMBERS) *
			     ((heap->max_pages >> BLOCK_SHIFT) + 1) +
		     nr * RANGE_NUMBERS * heap->max_ranges;

	return min_u64(blocks, NUMBERS_MAX);
}

static u64 least_blocks(const struct layout *layout)
{
	return (layout->pages.end >> BLOCK_SHIFT) + 1024;
}

/* Size of the metadata, and where its parts begin. */
static void plan(struct fixheap *heap, const struct layout *layout,
		 struct offsets *at)
{
	u64 nr_blocks = round_up(heap->end_pfn, BLOCK_PAGES) >> BLOCK_SHIFT;
	/* and those of no page, behind the last or in front */
	u64 nr_pages = (nr_blocks + 1) << BLOCK_SHIFT;

	at->bytes = 0;
	part(&at->bytes, sizeof(*heap));
	at->zones = part(&at->bytes, layout->nr_zones * sizeof(struct zone));
	at->ranges = part(&at->bytes, ranges_bytes(heap->max_ranges));
	at->shared = part(&at->bytes, ranges_shared_bytes(heap->max_ranges));
	at->range_at = part(&at->bytes, (nr_blocks + 1) * sizeof(u16));
	at->delta_at = part(&at->bytes, heap->map_count * sizeof(u64));
	at->block_at = part(&at->bytes, heap_can_grow(heap)
						? heap->map_count * sizeof(u32)
						: 0);
	at->move_of = part(&at->bytes, (nr_blocks + 1) * sizeof(uintptr_t));
	at->pages = part(&at->bytes, nr_pages * sizeof(u64));
	at->policy = part(&at->bytes, policy_bytes(nr_pages));
	at->nodesets = part(&at->bytes, NODESETS_MAX * sizeof(struct nodeset));
	at->blocks = part(&at->bytes, nr_blocks * sizeof(struct pageblock));
	at->poison = part(&at->bytes, page_poison_bytes(nr_pages));
	at->owner = part(&at->bytes, page_owner_bytes(nr_pages));
	at->tag = part(&at->bytes, tag_bytes(nr_pages));
	at->tag_count = part(&at->bytes, tag_count_bytes());
	at->shortage = part(&at->bytes, sizeof(struct shortage));
	at->region = part(&at->bytes, region_meta_bytes(nr_blocks));
	at->caches = part(&at->bytes, layout->nr_places * cache_stride(heap));
	at->ready = part(&at->bytes, ready_bytes(nr_blocks));
	heap->meta_bytes = at->bytes;
}

static void *reserve_bytes(struct fixheap *draft, size_t bytes)
{
	if (draft->flags & FIXHEAP_SHARE)
		return share_reserve(bytes, &draft->share);
	return host_reserve(bytes);
}

static void release(struct fixheap *heap)
{
	if (heap->flags & FIXHEAP_SHARE)
		share_release(heap);
	else
		host_release(heap, heap->meta_bytes);
}

/* Page numbers, and address space for the metadata; NULL and errno. */
static void *reserve(struct fixheap *draft, struct layout *layout,
		     struct offsets *at)
{
	const struct layout as_planned = *layout;
	u64 nr_blocks;
	void *meta = NULL;

	if (!heap_can_grow(draft)) {
		number_linear(draft, layout);
		plan(draft, layout, at);
		return reserve_bytes(draft, at->bytes);
	}
	/* comm->max_heap may say less than what the caller has brought */
	draft->max_pages = max_u64(draft->max_pages,
				   layout->pages.end - layout->pages.pfn);
	/* where address space is scarce, fewer will do */
	nr_blocks = max_u64(wanted_blocks(draft, layout), least_blocks(layout));
	while (!meta && nr_blocks >= least_blocks(&as_planned) &&
	       nr_blocks <= NUMBERS_MAX) {
		*layout = as_planned;
		number_mapped(draft, layout, nr_blocks);
		plan(draft, layout, at);
		meta = reserve_bytes(draft, at->bytes);
		nr_blocks /= 2;
	}
	return meta;
}

static void make_region(struct fixheap *heap, const struct offsets *at)
{
	const struct bounds pages = { heap->start_pfn, heap->end_pfn };
	char *meta = (char *)heap;

	heap->range = (struct range *)(meta + at->ranges);
	heap->shared = (void *)(meta + at->shared);
	heap->range_at = (u16 *)(meta + at->range_at);
	heap->delta_at = (u64 *)(meta + at->delta_at);
	heap->block_at = (u32 *)(meta + at->block_at);
	heap->move_of = (uintptr_t *)(meta + at->move_of);

	heap->ready = (struct ready *)(meta + at->ready);
	heap->zone = (struct zone *)(meta + at->zones);
	heap->page = (u64 *)(meta + at->pages);
	heap->policy_of = (u64 *)(meta + at->policy);
	heap->nodeset = (struct nodeset *)(meta + at->nodesets);
	heap->poisoned = (u64 *)(meta + at->poison);
	heap->owner = (struct owner *)(meta + at->owner);
	heap->tag_of = (u16 *)(meta + at->tag);
	heap->tag_count = (struct tag_count *)(meta + at->tag_count);
	heap->shortage = (struct shortage *)(meta + at->shortage);
	shortage_init(heap);
	heap->region.heap = heap;
	heap->region.block = (struct pageblock *)(meta + at->blocks);
	region_init(&heap->region, &pages, meta + at->region);
}

static void make_zone(struct fixheap *heap, const struct layout_zone *from,
		      const struct bounds *present)
{
	struct zone *zone = &heap->zone[heap->nr_zones];
	u64 start = max_u64(from->pages.pfn, present->pfn);
	u64 end = min_u64(from->pages.end, present->end);

	zone->heap = heap;
	zone->region = &heap->region;
	zone->index = heap->nr_zones++;
	zone->node = from->place;
	zone_init(zone, &from->pages);
	zone_set_pages(zone, start < end ? end - start : 0);
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
	heap->small_reserve = layout->numa.small_reserve;
	heap->local_reserve = layout->numa.local_reserve;
	for (u32 z = 0; z < layout->nr_zones; z++)
		make_zone(heap, &layout->zone[z], &layout->pages);
	if (heap_is_deterministic(heap))
		heap->zone[0].arrays_only = layout->zone[0].arrays_only;
	heap->nr_stripe = layout->nr_stripe;
	memcpy(heap->stripe, layout->stripe, sizeof(heap->stripe));
	heap->reserves = layout->numa.small_reserve ||
			 layout->numa.local_reserve;
	heap->cpuless_as_others = layout->numa.cpuless_as_others;
	memcpy(heap->fallback, layout->fallback, sizeof(heap->fallback));
	zonelist_init(heap);
}

/* The machine, as far as it matters, and the zones. */
static int make_layout(const struct fixheap_config *config,
		       const struct range *first, struct fixheap *draft,
		       struct layout *layout)
{
	struct fixheap_config placed = *config;
	int ret;

	placed.base = first->base;
	placed.length = first->bytes;
	layout->topo = &draft->topo;
	ret = topology_get(config, &draft->topo);
	if (!ret && heap_is_deterministic(draft))
		topology_forget_nodes(&draft->topo);
	if (!ret)
		ret = layout_begin(&placed, layout);
	if (ret)
		return ret;
	place_pages(draft, first, layout);
	ret = layout_make(&placed, layout);
	if (!ret && heap_is_deterministic(draft))
		layout_divide(layout, config->private_bytes >> PAGE_SHIFT);
	return ret;
}

/* Everything but the memory itself; its key is set once it is registered. */
static int build(const struct fixheap_config *config, struct range *memory,
		 struct fixheap **result)
{
	struct layout layout = { .nr_zones = 0 };
	struct range first = *memory;
	struct fixheap draft, *heap;
	struct offsets at;
	int ret;

	memset(&draft, 0, sizeof(draft));
	copy_config(&draft, config, &first);
	ret = make_layout(config, &first, &draft, &layout);
	if (ret)
		return ret;
	heap = reserve(&draft, &layout, &at);
	if (!heap)
		return draft.flags & FIXHEAP_SHARE ? -errno : -ENOMEM;
	memcpy(heap, &draft, sizeof(draft));
	make_region(heap, &at);
	make_zones(heap, &layout, &at);
	first.start_pfn = layout.pages.pfn;
	first.end_pfn = layout.pages.end;
	ranges_init(heap, &first);
	region_open(&heap->region, &layout.pages, first.zeroed);
	ret = registry_add(heap);
	if (ret)
		goto release;
	ret = heap_bind(heap, &layout);
	if (ret)
		goto unlist;
	ret = comm_register(heap->comm, &heap->range[0]);
	if (ret)
		goto unbind;
	memory->key = heap->range[0].key;
	ret = objects_create(heap);
	if (ret)
		goto unbind;
	if (heap->share)
		share_open(heap);
	*result = heap;
	return 0;
unbind:
	heap_unbind(heap);
unlist:
	registry_del(heap);
release:
	release(heap);
	return ret;
}

int fixheap_create(const struct fixheap_config *config, struct fixheap **heap)
{
	struct range first = { .base = NULL };
	int ret;

	if (!config || !heap)
		return -EINVAL;
	ret = config_check(config);
	if (ret)
		return ret;
	ret = config_memory(config, &first);
	if (!ret)
		ret = build(config, &first, heap);
	if (ret && first.base)
		comm_free(config->comm, &first);
	if (ret)
		return ret;
	ret = decay_start(*heap);
	if (ret)
		fixheap_destroy(*heap);
	return ret;
}

/* The memory of all regions that is not the caller's. */
static void give_back(struct fixheap *heap)
{
	const struct range *range = NULL;

	while ((range = range_next_locked(heap, range)))
		comm_free(heap->comm, range);
}

void fixheap_destroy(struct fixheap *heap)
{
	if (!heap)
		return;
	decay_stop(heap);
	prefault_end(heap);
	if (unlikely(heap->flags & FIXHEAP_REPORT_LEAKS))
		leaks_report(heap);
	objects_destroy(heap);
	registry_del(heap);
	heap_unbind(heap);
	give_back(heap);
	release(heap);
}
