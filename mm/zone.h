/* SPDX-License-Identifier: BSD-2-Clause */
/* zone.h: making zones, and the books they keep; see zone.c. */
#ifndef MM_ZONE_H
#define MM_ZONE_H

#include "contig.h"
#include "run.h"

/* Bytes of zeroed metadata that a zone of so many pageblocks needs. */
size_t zone_meta_bytes(u64 nr_blocks, u32 nr_cpus);
/*
 * zone_init - make a zone of [start_pfn, end_pfn), all of it free
 *
 * The zone's heap, index and node are set; memory: zone_meta_bytes, zero.
 * known_zero: the pages read as zero.
 */
void zone_init(struct zone *zone, u64 start_pfn, u64 end_pfn, void *memory,
	       bool known_zero);

/* The zone that holds a valid pfn. */
struct zone *zone_of(const struct fixheap *heap, u64 pfn);

/*
 * Take or give pages and keep the books: the zone lock is held.  zone_alloc
 * sets the run's descriptor; zone_take is for pages that are known to be free.
 */
bool zone_alloc_locked(struct zone *zone, const struct run_request *req,
		       struct run *run, struct zero_range *known);
struct zero_range zone_take_locked(struct zone *zone, const struct run *run,
				   enum placement placement);
void zone_give_locked(struct zone *zone, const struct run *run,
		      enum placement placement);
/* The same for pages that still read as zero. */
void zone_give_zero_locked(struct zone *zone, const struct run *run,
			   enum placement placement);
/* Give back pages without a head.  With PAGE_POISON the lock is released
 * while they are filled. */
void zone_release_locked(struct zone *zone, const struct run *run,
			 enum placement placement);

/* zonelist.c: the order of fallback of each node, by distance. */
void zonelist_init(struct fixheap *heap);
/* Zones for a request, nearest first, into list[NODES_MAX]; their number. */
u32 zonelist_fill(const struct fixheap *heap, const struct run_request *req,
		  u8 *list);

#endif
