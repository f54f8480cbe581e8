/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmzone.h: the heap, its zones and their pageblocks.
 *
 * Locks: (C) constant after creation, (Z) zone lock, (P) lock of the per-CPU
 * cache, (A) atomic.  Order: P, then Z; among zones by index.  The locks of
 * jemalloc, and slab_lock, come before all of them: its hooks take P and Z,
 * and nothing is called in jemalloc with one of ours held.
 *
 * All of this lies in one reservation that reads as zero where it was never
 * touched, and all-zero is a valid state of every field: that is why a heap of
 * 16 TiB is made in the same time as one of 16 MiB.
 *
 * Page numbers (pfn) count from `origin`, the heap's base rounded down to a
 * pageblock, so that a pageblock is aligned in memory too.
 */
#ifndef MM_MMZONE_H
#define MM_MMZONE_H

#include <fixheap/fixheap.h>

#include "host.h"
#include "maxtree.h"
#include "page.h"
#include "spinlock.h"
#include "types.h"

/*
 * A pageblock is *open* while some of its pages are free and some are not;
 * then `free` says which.  It is *closed* while all of them are free or all
 * are not; then its words are zero.  Which of the two a closed block is,
 * follows from the span that covers it, or from the lack of one.
 *
 * A *span* is a row of closed free blocks, with the free pages that touch it
 * at both ends; or, without a block, the free pages on both sides of the
 * border between two open blocks.  It is filed under its first whole block,
 * or under the block behind the border.
 */
struct pageblock {
	u64 free[BLOCK_WORDS]; /* (Z) open: the free pages */
	u64 zero[BLOCK_WORDS]; /* (Z) open: free pages that read as zero */
	u32 span_end;	/* (Z) first block of a span: its last block + 1 */
	u32 span_first; /* (Z) last block of a span: its first block + 1 */
	u32 zero_first; /* (Z) first block of a span: blocks that read as */
	u32 zero_end;	/*     zero are [zero_first, zero_end) */
	u32 next;	/* (Z) open: neighbours in its free area + 1 */
	u32 prev;
	u32 size_left;	/* (Z) first block of a row: smaller and */
	u32 size_right; /*     larger rows, block + 1; sizetree.c */
	u16 nr_free;	/* (Z) open: free pages */
	u16 longest;	/* (Z) open: longest free run */
	u8 placement;	/* (Z) open: enum placement */
	u8 listed;	/* (Z) open: fullness class that it is filed under */
	u8 pad[26];
};
_Static_assert(sizeof(struct pageblock) == 192, "three cache lines");

/* Open blocks of one placement by fullness, then by longest free run. */
#define NR_FULLNESS 8
struct free_area {
	u32 nr_blocks[NR_FULLNESS];	    /* (Z) in the lists of this class */
	u64 mask[NR_FULLNESS][BLOCK_WORDS]; /* (Z) lists that hold a block */
	u32 head[NR_FULLNESS][BLOCK_PAGES]; /* (Z) first block + 1 */
};

struct pcp;
struct objects;

struct zone {
	spinlock_t lock;
	spinlock_t slab_lock;	    /* slab.c, before all others */
	struct fixheap *heap;	    /* (C) */
	u32 index;		    /* (C) in heap->zone */
	u32 node;		    /* (C) */
	u64 start_pfn, end_pfn;	    /* (C) pages of this zone */
	u32 first_block, end_block; /* (C) pageblocks, partial ones too */
	struct pageblock *block;    /* (C) by absolute block number */
	u64 nr_free;		    /* (Z) written, (A) read */
	u64 peak_used;		    /* (Z) written, (A) read */
	struct maxtree span_pages;  /* (Z) pages of the span filed there */
	struct maxtree span_blocks; /* (Z) whole blocks of it */
	u32 size_root;		    /* (Z) rows by length; block + 1 */
	struct maxtree cross;	    /* (Z) 1 + place in the block of the
					 * head of the run that reaches over
					 * the block's end */
	u64 nr_stamps;		    /* (Z) arrays made so far; place.c */
	struct free_area area[NR_PLACEMENTS]; /* (Z) */
	struct pcp *pcp;		      /* (C) [heap->topo.nr_cpus] */
	struct zone_stats {
		u64 nr_allocs, nr_frees, cleared; /* (A) */
	} stats;
};

struct fixheap {
	char *origin;		    /* (C) address of pfn 0 */
	u64 start_pfn, end_pfn;	    /* (C) pages that may be handed out */
	u64 *page;		    /* (C) descriptors, by pfn */
	void *base;		    /* (C) as given, or as mapped */
	size_t length;		    /* (C) bytes */
	size_t meta_bytes;	    /* (C) bytes of the reservation */
	unsigned flags;		    /* (C) FIXHEAP_PINNED, ... */
	bool mapped;		    /* (C) the memory is ours to unmap */
	fixheap_fault_fn fault;	    /* (C) */
	void *fault_data;	    /* (C) */
	u64 peak_used;		    /* (A) pages, over all zones */
	u64 used;		    /* (A) pages, over all zones */
	u64 nr_fails, nr_reclaims;  /* (A) */
	long live_bytes, peak_live; /* (A) VMSTAT */
	struct objects *objects;    /* (C) jemalloc's side; NULL without */
	struct owner *owner;	    /* (C) PAGE_OWNER: by pfn */
	u64 nr_owner_marks;	    /* (A) PAGE_OWNER: events so far */
	u64 *poisoned;		    /* (C) PAGE_POISON: a bit per pfn, (A) */
	u64 poison_hit; /* (A) PAGE_POISON: pfn + 1 that was written to */
	u64 fail_interval, fail_count;	   /* (A) FAIL_PAGE_ALLOC */
	struct fixheap *next;		   /* registry of heaps, see heap.c */
	u32 nr_zones;			   /* (C) */
	u8 zonelist[NODES_MAX][NODES_MAX]; /* (C) [node]: zones by distance */
	struct topology topo;		   /* (C) */
	struct zone *zone;		   /* (C) [nr_zones] */
};

static inline void *pfn_to_addr(const struct fixheap *heap, u64 pfn)
{
	return heap->origin + (pfn << PAGE_SHIFT);
}

/* Any address at all; outside the heap the result is >= end_pfn or
 * < start_pfn. */
static inline u64 addr_to_pfn(const struct fixheap *heap, const void *addr)
{
	return ((uintptr_t)addr - (uintptr_t)heap->origin) >> PAGE_SHIFT;
}

static inline bool pfn_valid(const struct fixheap *heap, u64 pfn)
{
	return pfn - heap->start_pfn < heap->end_pfn - heap->start_pfn;
}

/* CPU that the caller runs on, as the heap's topology counts them. */
static inline u32 heap_this_cpu(const struct fixheap *heap)
{
	u32 cpu = host_this_cpu();

	return likely(cpu < heap->topo.nr_cpus) ? cpu
						: cpu % heap->topo.nr_cpus;
}

static inline u32 heap_this_node(const struct fixheap *heap)
{
	return heap->topo.cpu_node[heap_this_cpu(heap)];
}

#endif
