/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * regions_test.h: heaps of several regions on the simulated host.
 *
 * The caller's regions lie in one window of memory that a test maps; a place
 * there is a number of pages from the first pageblock's border in it.
 */
#ifndef TESTS_UNIT_REGIONS_TEST_H
#define TESTS_UNIT_REGIONS_TEST_H

#include "nodes.h"

#include <sys/mman.h>

#include "ranges.h"

struct regions_spec {
	const char *machine; /* for host_sim_describe; NULL: "1x1" */
	u64 nr_blocks;	     /* of the window */
	u64 start, nr_pages; /* of the first region */
	u64 key;
	size_t max_bytes; /* 0: 1,000 pageblocks */
	unsigned max_regions;
	unsigned flags;
	uintptr_t hint; /* where the window should be */
};

static inline void regions_fault(void *data, const struct fixheap_fault *fault)
{
	struct test_heap *t = data;

	t->nr_faults++;
	snprintf(t->api, sizeof(t->api), "%s", fault->api);
	snprintf(t->what, sizeof(t->what), "%s", fault->what);
	snprintf(t->message, sizeof(t->message), "%s", fault->message);
}

/* So many pageblocks of memory that nobody has touched. */
static inline char *regions_map(struct test_heap *t, u64 nr_blocks,
				uintptr_t hint)
{
	t->bytes = (nr_blocks + 1) * BLOCK_BYTES;
	t->memory = mmap((void *)hint, t->bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	need(t->memory != MAP_FAILED, "there is not so much address space");
	madvise(t->memory, t->bytes, MADV_NOHUGEPAGE);
	t->base = (char *)round_up((uintptr_t)t->memory, BLOCK_BYTES);
	return t->base;
}

static inline void regions_create(struct test_heap *t,
				  struct fixheap_config *config)
{
	config->fault = regions_fault;
	config->fault_data = t;
	/* what the library keeps for the next heap is there after the first */
	assert_int_equal(fixheap_create(config, &t->heap), 0);
	heap_warm_pages(t->heap);
	fixheap_destroy(t->heap);
	t->heap = NULL;
	t->held = host_sim_held();
	assert_int_equal(fixheap_create(config, &t->heap), 0);
	t->region = &t->heap->region;
	t->zone = &t->heap->zone[0];
}

static inline void regions_make(struct test_heap *t,
				const struct regions_spec *spec)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	memset(t, 0, sizeof(*t));
	host_sim_reset();
	assert_int_equal(host_sim_describe(spec->machine ?: "1x1"), 0);
	regions_map(t, spec->nr_blocks, spec->hint);
	config.base = t->base + BYTES(spec->start);
	config.length = BYTES(spec->nr_pages);
	config.key = spec->key;
	config.flags = spec->flags;
	config.max_bytes = spec->max_bytes ?: 1000 * BLOCK_BYTES;
	config.max_regions = spec->max_regions;
	regions_create(t, &config);
}

/* The id of a new region, or -errno. */
static inline int region_add_at(struct test_heap *t, void *base, size_t bytes,
				u64 key)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	int ret;

	region.base = base;
	region.bytes = bytes;
	region.key = key;
	ret = fixheap_add_region(t->heap, &region);
	return ret ? ret : (int)region.id;
}

static inline int region_add(struct test_heap *t, u64 page, u64 nr, u64 key)
{
	return region_add_at(t, t->base + BYTES(page), BYTES(nr), key);
}

static inline struct fixheap_region region_get(struct test_heap *t, u32 id)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	assert_int_equal(fixheap_region_at(t->heap, id, &region), 0);
	assert_int_equal(region.id, id);
	return region;
}

/* The id of the region with this address; -1: none has it. */
static inline int region_id_of(struct test_heap *t, const void *ptr)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	return fixheap_region_of(t->heap, ptr, &region) ? -1 : (int)region.id;
}

static inline u64 largest_free(struct test_heap *t)
{
	return fixheap_largest_free(t->heap, NULL) >> PAGE_SHIFT;
}

static inline struct fixheap_stats stats_now(struct test_heap *t)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	assert_int_equal(fixheap_stats(t->heap, &stats), 0);
	return stats;
}

/* The heap has so many pages, and so many of them are in use, caches taken
 * back. */
static inline void regions_count(struct test_heap *t, u64 nr_pages, u64 used)
{
	fixheap_reclaim(t->heap);
	assert_int_equal(stats_now(t).heap_bytes, BYTES(nr_pages));
	assert_int_equal(stats_now(t).used_bytes, BYTES(used));
	heap_valid(t);
}

#endif
