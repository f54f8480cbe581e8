/* SPDX-License-Identifier: BSD-2-Clause */
/* zone.h: making regions and zones, and the books they keep; see zone.c. */
#ifndef MM_ZONE_H
#define MM_ZONE_H

#include "contig.h"
#include "run.h"

/* Bytes of zeroed metadata that a region of so many pageblocks needs. */
size_t region_meta_bytes(u64 nr_blocks);
/* Make a region of the heap's pages, all of them in use; its heap and block
 * are set.  memory: region_meta_bytes, zero. */
void region_init(struct region *region, const struct bounds *pages,
		 void *memory);
/* Make a zone of the region's pages; its heap, region, index and node are
 * set. */
void zone_init(struct zone *zone, const struct bounds *pages);
/* What the zone has, and so keeps back. */
void zone_set_pages(struct zone *zone, u64 nr_pages);
/* These pages are free, for the first time; known_zero: they read as zero. */
void region_open(struct region *region, const struct bounds *pages,
		 bool known_zero);
/* So many pages are in use, or not any more: the books only; with the region
 * lock. */
void region_claim(struct region *region, u64 nr_pages);
void region_unclaim(struct region *region, u64 nr_pages);

/*
 * Take or give pages and keep the books: the region lock is held.
 * region_alloc_locked sets the run's descriptor; region_take_locked is for
 * pages that are known to be free.  find: from zonelist.c.
 */
bool region_alloc_locked(struct region *region, const struct run_request *req,
			 const struct contig_request *find, struct run *run,
			 struct zero_range *known);
struct zero_range region_take_locked(struct region *region,
				     const struct run *run,
				     enum placement placement);
void region_give_locked(struct region *region, const struct run *run,
			enum placement placement);
/* The same for pages that still read as zero. */
void region_give_zero_locked(struct region *region, const struct run *run,
			     enum placement placement);
/* The same for pages that did not count as used; zero: they read as zero. */
void region_put_locked(struct region *region, const struct run *run,
		       enum placement placement, bool zero);
/* Where such a run would be, of pages that the request may have. */
bool region_find_locked(const struct region *region,
			const struct run_request *req,
			const struct contig_request *find, struct run *run);
/* Pages that the zone's node can give to a run over several zones. */
u64 region_may_give(const struct fixheap *heap, const struct run_request *req,
		    const struct zone *zone);
/* Whether the request may have the run: its zone, or the nodes of several
 * zones, keep back what they shall. */
bool region_may_have(const struct region *region, const struct run_request *req,
		     const struct run *run);
/* Give back pages without a head.  With PAGE_POISON the lock is released
 * while they are filled. */
void region_release_locked(struct region *region, const struct run *run,
			   enum placement placement);

/*
 * zonelist.c: the zones that a request may use, in turn.
 *
 * First each zone on its own, nearest first; then each group of neighbouring
 * zones over whose borders the run may reach; then the same with zones of slow
 * nodes, and others that come last.  In a tight heap, for arrays that may be
 * anywhere, groups come first.
 */
enum zone_stage {
	STAGE_BEGIN,
	STAGE_FIT,
	STAGE_ZONES,
	STAGE_GROUPS
};
struct zone_iter {
	enum zone_stage stage; /* all 0 begins */
	u32 pass, node, zone;
	u32 group;
	const u8 *list;	    /* all nodes, nearest first */
	u128 zones, groups; /* nodes of the pass */
};
/* All nodes, from where the request comes. */
static inline const u8 *zonelist_near(const struct fixheap *heap,
				      const struct run_request *req)
{
	u32 id = req->near ? req->near - 1 : heap_this_node(heap);

	return heap->nodelist[id];
}
/* The lists of a heap whose zones and nodes are made. */
void zonelist_init(struct fixheap *heap);
/* What to look for next, in find; false: that was all. */
bool zonelist_next(const struct fixheap *heap, const struct run_request *req,
		   struct zone_iter *iter, struct contig_request *find);
/* Pages that this request leaves free in the bounds. */
u64 zonelist_reserve(const struct fixheap *heap, const struct run_request *req,
		     const struct bounds *in);
/* Free pages of the zones in the bounds. */
u64 zonelist_free(const struct fixheap *heap, const struct bounds *in);

#endif
