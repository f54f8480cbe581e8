/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * stats.c: small answers about a heap and about the library.
 *
 * Locking: the region lock for the largest run, atomic reads otherwise; figures
 * of a heap in use are each true at some moment, not all at the same.
 * Cost: O(zones * CPUs).
 */
#include "heap.h"

#include "contig.h"
#include "objects.h"
#include "pcp.h"

#include <errno.h>
#include <string.h>

static u64 read_counter(const u64 *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

static size_t read_bytes(const long *bytes)
{
	long value = __atomic_load_n(bytes, __ATOMIC_RELAXED);

	return value > 0 ? (size_t)value : 0;
}

int fixheap_stats(struct fixheap *heap, struct fixheap_stats *stats)
{
	struct contig_request find = { .align = 1, .placement = PLACE_ARRAY };
	struct region *region = &heap->region;
	u64 largest = 0;

	if (!stats || stats->size != sizeof(*stats))
		return -EINVAL;
	objects_tell(heap);
	memset(stats, 0, sizeof(*stats));
	stats->size = sizeof(*stats);
	stats->heap_bytes = read_counter(&heap->nr_pages) << PAGE_SHIFT;
	stats->used_bytes = read_counter(&heap->used) << PAGE_SHIFT;
	stats->peak_used_bytes = read_counter(&heap->peak_used) << PAGE_SHIFT;
	stats->metadata_bytes = heap->meta_bytes;
	stats->live_bytes = read_bytes(&heap->live_bytes);
	stats->peak_live_bytes = read_bytes(&heap->peak_live);
	stats->nr_allocs = read_counter(&region->nr_allocs);
	stats->nr_frees = read_counter(&region->nr_frees);
	stats->cleared_bytes = read_counter(&region->cleared);
	stats->nr_fails = read_counter(&heap->nr_fails);
	stats->nr_reclaims = read_counter(&heap->nr_reclaims);
	stats->nr_rehomes = read_counter(&heap->nr_rehomed);
	stats->rehomed_bytes = read_counter(&heap->rehomed_pages) << PAGE_SHIFT;
	stats->reserved_bytes = read_counter(&heap->reserved) << PAGE_SHIFT;
	stats->nr_zones = heap->nr_zones;
	for (u32 i = 0; i < heap->nr_zones; i++) {
		struct zone *zone = &heap->zone[i];

		contig_set_zone(&find, zone);
		spin_lock(&region->lock);
		largest = max_u64(largest, contig_largest(region, &find));
		spin_unlock(&region->lock);
	}
	for (u32 n = 0; n < heap->nr_nodes; n++)
		stats->cached_bytes += pcp_count(&heap->node[n]) << PAGE_SHIFT;
	stats->cached_bytes += objects_cached_pages(heap) << PAGE_SHIFT;
	find.zone = NULL;
	find.in = (struct bounds){ region->start_pfn, region->end_pfn };
	spin_lock(&region->lock);
	largest = max_u64(largest, contig_largest(region, &find));
	spin_unlock(&region->lock);
	stats->largest_run_bytes = largest << PAGE_SHIFT;
	return 0;
}

bool fixheap_owns(const struct fixheap *heap, const void *ptr)
{
	return pfn_valid(heap, addr_to_pfn(heap, ptr));
}

int fixheap_set_fail_page_alloc(struct fixheap *heap, uint64_t interval)
{
	if (!IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC))
		return -ENOTSUP;
	__atomic_store_n(&heap->fail_count, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&heap->fail_interval, interval, __ATOMIC_RELAXED);
	return 0;
}

const char *fixheap_reason_name(enum fixheap_reason reason)
{
	static const char name[][12] = {
		[FIXHEAP_REASON_NONE] = "NONE",
		[FIXHEAP_REASON_TOTAL] = "TOTAL",
		[FIXHEAP_REASON_FRAGMENTED] = "FRAGMENTED",
		[FIXHEAP_REASON_NODE] = "NODE",
		[FIXHEAP_REASON_ALIGNMENT] = "ALIGNMENT",
		[FIXHEAP_REASON_LIMIT] = "LIMIT",
		[FIXHEAP_REASON_RESERVED] = "RESERVED",
		[FIXHEAP_REASON_REGION] = "REGION",
	};

	return (size_t)reason < sizeof(name) / sizeof(name[0]) ? name[reason]
							       : NULL;
}

size_t fixheap_page_size(void)
{
	return PAGE_BYTES;
}

#define VERSION_TEXT(major, minor, patch) #major "." #minor "." #patch
#define VERSION(major, minor, patch) VERSION_TEXT(major, minor, patch)

const char *fixheap_version(void)
{
	return VERSION(FIXHEAP_VERSION_MAJOR, FIXHEAP_VERSION_MINOR,
		       FIXHEAP_VERSION_PATCH);
}
