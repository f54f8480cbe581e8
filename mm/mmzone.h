/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmzone.h: the heap, its region, nodes and zones, and their pageblocks.
 *
 * Locks: (C) constant after creation, (R) lock of the region, (P) lock of the
 * per-CPU cache, (A) atomic.  Order: P, then R.  The locks of jemalloc, and
 * slab_lock, come before both of them: its hooks take P and R, and nothing is
 * called in jemalloc with one of ours held.
 *
 * All of this lies in one reservation that reads as zero where it was never
 * touched, and all-zero is a valid state of every field: that is why a heap of
 * 16 TiB is made in the same time as one of 16 MiB.
 *
 * Page numbers (pfn) count from `origin`, the heap's base rounded down to a
 * pageblock, or to a page of the mapping if that is larger, so that both are
 * aligned in memory, too.  What is added to a heap later has the number that
 * its address would have, or, where that is not possible, another one: the
 * tables `shift` say by how many pageblocks it is off.  See ranges.c.
 */
#ifndef MM_MMZONE_H
#define MM_MMZONE_H

#include <fixheap/fixheap.h>

#include <string.h>

#include "host.h"
#include "bittree.h"
#include "maxtree.h"
#include "nodemask.h"
#include "page.h"
#include "spinlock.h"
#include "types.h"

/* A mask of the public interface as one of ours: they are the same inside. */
static inline struct nodemask nodemask_from(const struct fixheap_nodemask *mask)
{
	struct nodemask nodes;

	_Static_assert(sizeof(nodes) == sizeof(*mask), "1,024 bits");
	memcpy(&nodes, mask, sizeof(nodes));
	return nodes;
}

/* Pages [pfn, end). */
struct bounds {
	u64 pfn, end;
};

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
	u64 free[BLOCK_WORDS]; /* (R) open: the free pages */
	u64 zero[BLOCK_WORDS]; /* (R) open: free pages that read as zero */
	u32 span_end;	/* (R) first block of a span: its last block + 1 */
	u32 span_first; /* (R) last block of a span: its first block + 1 */
	u32 next;	/* (R) open: neighbours in its free area + 1 */
	u32 prev;
	u32 size_left;	/* (R) first block of a long row: smaller and */
	u32 size_right; /*     larger rows, block + 1; sizetree.c */
	u32 nr_moved;	/* (A) arrays in it that are not at home */
	u16 nr_free;	/* (R) open: free pages */
	u16 longest;	/* (R) open: longest free run */
	u16 head, tail; /* (R) open: free pages at its start, its end */
	u16 cross;	/* (R) 1 + place of the head of the run that
			 * reaches over its end; runmap.c */
	u8 placement;	/* (R) open: enum placement */
	u8 listed;	/* (R) open: fullness class that it is filed under */
	u32 kind;	/* (R) what it holds, where that changes; zeromap.c */
	u8 pad[20];
};
_Static_assert(sizeof(struct pageblock) == 192, "three cache lines");

/* Open blocks of one placement by fullness, then by longest free run. */
#define NR_FULLNESS 8
struct free_area {
	u32 nr_blocks[NR_FULLNESS];	    /* (R) in the lists of this class */
	u64 mask[NR_FULLNESS][BLOCK_WORDS]; /* (R) lists that hold a block */
	u32 head[NR_FULLNESS][BLOCK_PAGES]; /* (R) first block + 1 */
};

struct pcp;
struct tag_count;
struct shortage;
struct objects;
struct share;

/*
 * One contiguous range of memory given to the heap: the free runs that reach
 * over a border, which run covers a page, and the lock of all of it.
 */
struct region {
	/* who waits for it does not slow down who reads the rest */
	spinlock_t lock __attribute__((aligned(CACHE_LINE)));
	struct fixheap *heap __attribute__((aligned(CACHE_LINE))); /* (C) */
	u64 start_pfn, end_pfn;	    /* (C) pages of this region */
	u32 first_block, end_block; /* (C) pageblocks, partial ones too */
	struct pageblock *block;    /* (C) by absolute block number */
	u64 nr_free;		    /* (R) written, (A) read */
	struct maxtree span_pages;  /* (R) pages of the span filed there */
	struct bittree span_rows;   /* (R) blocks where a row begins */
	struct bittree short_rows;  /* (R) rows by length: the short ones, */
	u32 size_root, size_hand;   /*     and the others; block + 1 */
	struct bittree zeromap;	    /* (R) where what blocks hold changes */
	struct {
		u32 first, end, kind;
	} alike;		 /* (R) blocks that are of this kind, 0: none */
	struct bittree cross;	 /* (R) blocks that a run leaves */
	u64 nr_stamps;		 /* (R) arrays made so far; place.c */
	bool had_small;		 /* (R) written, (A) read: other runs, too */
	u64 nr_allocs, nr_frees; /* (R) written, (A) read; VMSTAT */
	u64 cleared;		 /* (A) VMSTAT: bytes */
};

/*
 * A contiguous slice of a region with one placement: the blocks in it that are
 * in use page by page, and the caches of single pages.
 */
struct zone {
	struct fixheap *heap;	    /* (C) */
	struct region *region;	    /* (C) */
	u32 index;		    /* (C) in heap->zone, by address */
	u32 node;		    /* (C) in heap->node */
	u64 start_pfn, end_pfn;	    /* (C) pages of this zone */
	u32 first_block, end_block; /* (C) pageblocks, partial ones too */
	struct pageblock *block;    /* (C) by absolute block number */
	u64 nr_free;		    /* (R) written, (A) read */
	u64 nr_pages;		    /* (R) written, (A) read; of all ranges */
	bool bound;		    /* (C) the kernel was told */
	bool arrays_only;	    /* (C) FIXHEAP_DETERMINISTIC */
	u64 small_reserve; /* (R) written, (A) read: pages that arrays leave */
	u64 local_reserve; /* (R) written, (A) read: that other nodes leave */
	struct free_area area[NR_PLACEMENTS]; /* (R) */
};

enum node_kind {
	NODE_REAL,    /* memory of one node */
	NODE_STRIPED, /* stripes over several nodes */
	NODE_MIXED,   /* only the kernel knows */
};

/* What the zones of one placement share; objects have an arena for each. */
struct node {
	enum node_kind kind;  /* (C) */
	spinlock_t slab_lock; /* slab.c, before all others */
	struct fixheap *heap; /* (C) */
	u32 index;	      /* (C) in heap->node; descriptors have it */
	u32 id;		      /* (C) REAL: node of the topology */
	bool slow;	      /* (C) it has no CPUs */
	u32 first, nr_zones;  /* (C) its part of heap->order */
	struct pcp *pcp;      /* (C) [heap->topo.nr_cpus] */
};

/* Lists of zones: for what lives long, and for arrays. */
enum {
	ORDER_SMALL,
	ORDER_ARRAY,
	NR_ORDERS
};

#define ZONE_SLICES 1024 /* of the heap, to find a page's zone */

/* Nodes that several arrays are on; policy.c. */
#define NODESETS_MAX 1024
struct nodeset {
	u128 nodes;	       /* (R) bits of heap->node */
	u32 refs;	       /* (R) arrays, 0: not in use */
	bool weighted;	       /* (R) */
	u8 weight[PLACES_MAX]; /* (R) by bit, 0: not in nodes */
};

struct range;
struct ready;
struct prefault;

struct fixheap {
	u8 nodelist[NODES_MAX][PLACES_MAX]; /* (C) [topo's]: near first */
	u16 order[NR_ORDERS][ZONES_MAX];    /* (C) zones of each node */
	u8 stripe[NODES_MAX];		    /* (C) of the striped zone */
	/* from an address to a page number: one line of the processor's cache;
	 * by 2 MiB of memory from map_base on, what is to be added.  Not at the
	 * start of a page, as many objects are: processors take a load for one
	 * of what was just written 4 KiB away. */
	uintptr_t map_base; /* (C) */
	u64 map_count;	    /* (C) */
	u64 *delta_at;	    /* (R) written, (A) read; [map_count] */
	u64 map_slow;	    /* (C) the delta that says: ask slow_pfn */
	u64 *page;	    /* (C) descriptors, by pfn */
	u32 nr_isolated;    /* (A) ranges */
	/* and back: bytes to be added, by pageblock */
	uintptr_t *move_of;	    /* (R) written, (A) read */
	char *origin;		    /* (C) address of pfn 0 */
	u64 pfn_none;		    /* (C) of no page; has a descriptor, 0 */
	u32 *block_at;		    /* (R) written, (A) read; range_map.c */
	u16 (*shared)[BLOCK_PAGES]; /* (R) written, (A) read: ranges + 1 */
	u64 start_pfn, end_pfn;	    /* (C) page numbers that there can be */
	u64 nr_pages;		    /* (R) written, (A) read; that there are */
	struct range *range;	    /* (R) [max_ranges]; ranges.c */
	u16 *range_at;		    /* (R) by pageblock: lowest range + 1 */
	u32 range_seq;		    /* (A) odd while ranges change */
	u32 nr_ranges, max_ranges;  /* (R), (C) */
	u32 first_range;	    /* (R) the lowest one + 1 */
	u32 nr_own;		    /* (A) ranges that one array has or had */
	u64 max_pages;		    /* (C) of all ranges */
	size_t extend_bytes;	    /* (C) of what is asked for */
	enum fixheap_mode mode;	    /* (C) */
	const struct fixheap_comm *comm; /* (C) or NULL */
	spinlock_t ask_lock;	     /* one caller of comm at a time; grow.c */
	u64 nr_asked;		     /* (A) regions that it gave */
	u64 *policy_of;		     /* (C) records of policy.c, by pfn */
	void *base;		     /* (C) as given, or as mapped */
	size_t length;		     /* (C) bytes */
	size_t meta_bytes;	     /* (C) bytes of the reservation */
	struct share *share;	     /* (C) FIXHEAP_SHARE; NULL: a child's */
	unsigned flags;		     /* (C) FIXHEAP_PINNED, ... */
	fixheap_fault_fn fault;	     /* (C) */
	void *fault_data;	     /* (C) */
	struct objects *objects;     /* (C) jemalloc's side; NULL without */
	struct owner *owner;	     /* (C) PAGE_OWNER: by pfn */
	u64 nr_owner_marks;	     /* (A) PAGE_OWNER: events so far */
	u16 *tag_of;		     /* (C) TAGS: by pfn, (A) */
	struct tag_count *tag_count; /* (C) TAGS */
	u32 tagged;		     /* (A) TAGS: some run had one */
	struct shortage *shortage;   /* (C) RECLAIM */
	u64 *poisoned;		     /* (C) PAGE_POISON: a bit per pfn, (A) */
	u64 poison_hit; /* (A) PAGE_POISON: pfn + 1 that was written to */
	u64 fail_interval, fail_count;	  /* (A) FAIL_PAGE_ALLOC */
	struct fixheap *next;		  /* registry of heaps, see heap.c */
	u32 nr_nodes, nr_zones;		  /* (C) */
	u32 nr_stripe;			  /* (C) */
	u64 stripe_pages;		  /* (C) */
	bool reserves;			  /* (C) zones keep pages back: */
	u32 small_reserve, local_reserve; /* (C) per mille */
	bool cpuless_as_others;		  /* (C) */
	u8 fallback[NODES_MAX];		  /* (C) place in order, 0: none */
	bool bind;			  /* (C) the kernel may be told */
	enum host_policy host_policy;	  /* (C) how zones are bound */
	size_t mapping_page;		  /* (C) bytes; 0: PAGE_BYTES */
	enum fixheap_policy policy;	  /* (C) what _DEFAULT means */
	u128 fast_nodes;		  /* (C) bits of node: with CPUs, */
	u128 zoned_nodes;		  /* (C) with zones */
	struct topology topo;		  /* (C) */
	/* what any thread writes at any time: nothing in these lines is for
	 * readers only */
	u64 peak_used __attribute__((aligned(CACHE_LINE))); /* (R) pages, */
	u64 used;		    /* (R) over all zones; both (A) read */
	u64 reserved;		    /* (A) part of it: ticket.c */
	u64 nr_fails, nr_reclaims;  /* (A) */
	long live_bytes, peak_live; /* (A) VMSTAT */
	struct region region;
	struct node node[PLACES_MAX];
	struct nodeset *nodeset;       /* (C) [NODESETS_MAX] */
	u64 nr_rehomed, rehomed_pages; /* (A) arrays ever, pages now */
	u64 stranded;		       /* (R) written, (A) read; rehome.c */
	u64 local_nodes;	/* (C) by node: CPUs take memory from it */
	long spare[NODES_MAX];	/* (C) pages; promise.c, by node */
	long beyond[NODES_MAX]; /* (A) likewise */
	struct zone *zone;	/* (C) [nr_zones], by address */
	spinlock_t trim_lock;	/* a piece goes to the system; trim.c */
	u64 trim_seq;		/* (R) written, (A) read */
	u64 decay_ms;		/* (C) decay.c; 0: nothing goes by itself */
	u64 decay_due;		/* (A) ns: when to look next */
	u32 decay_next;		/* (A) block where to go on */
	struct host_worker *decay_worker; /* (C) or NULL */
	struct ready *ready;		  /* (C) */
	spinlock_t prefault_lock;	  /* one call at a time; prefault.c */
	struct prefault *prefault; /* of the one at work, prefault_lock */
	int prefault_result;	   /* prefault_lock: of the last one */
	bool prefault_stop;	   /* (A) */
	bool any_fresh; /* (A) there was an array with FIXHEAP_FRESH */
	u32 zone_shift; /* (C) zone_at[i]: zone of page i << zone_shift, or */
	u8 zone_at[ZONE_SLICES + 1]; /* the last one; zonelist.c */
};
_Static_assert(offsetof(struct fixheap, map_base) % 128 == 64,
	       "a line of its own, away from where most objects are");

static inline bool heap_is_deterministic(const struct fixheap *heap)
{
	return heap->flags & FIXHEAP_DETERMINISTIC;
}

/* More ranges can be added than the first one. */
static inline bool heap_can_grow(const struct fixheap *heap)
{
	return heap->max_ranges > 1;
}

static inline void *pfn_to_addr(const struct fixheap *heap, u64 pfn)
{
	return (void *)((uintptr_t)heap->origin + (pfn << PAGE_SHIFT) +
			__atomic_load_n(&heap->move_of[pfn >> BLOCK_SHIFT],
					__ATOMIC_RELAXED));
}

/* Where what lies up to pfn, which is not 0, ends. */
static inline void *pfn_to_end(const struct fixheap *heap, u64 pfn)
{
	return (char *)pfn_to_addr(heap, pfn - 1) + PAGE_BYTES;
}

/* range_map.c: of an address that the table does not lead to at once. */
u64 slow_pfn(const struct fixheap *heap, const void *addr);

/* The page of most addresses of the heap; false: ask slow_pfn. */
static inline bool fast_pfn(const struct fixheap *heap, const void *addr,
			    u64 *pfn)
{
	uintptr_t offset = (uintptr_t)addr - heap->map_base;
	u64 at = offset >> (PAGE_SHIFT + BLOCK_SHIFT), delta;

	if (unlikely(at >= heap->map_count))
		return false;
	delta = __atomic_load_n(&heap->delta_at[at], __ATOMIC_RELAXED);
	*pfn = (offset >> PAGE_SHIFT) + delta;
	return likely(delta != heap->map_slow);
}

/* Any address at all; outside of the heap it is pfn_none or another page that
 * is in no range, but has a descriptor, too. */
static inline u64 addr_to_pfn(const struct fixheap *heap, const void *addr)
{
	u64 pfn;

	return likely(fast_pfn(heap, addr, &pfn)) ? pfn : slow_pfn(heap, addr);
}

/* ranges.c: the page is one of the heap's. */
bool pfn_in_range(const struct fixheap *heap, u64 pfn);

static inline bool pfn_valid(const struct fixheap *heap, u64 pfn)
{
	if (pfn - heap->start_pfn >= heap->end_pfn - heap->start_pfn)
		return false;
	/* only pages of ranges have descriptors */
	return page_read(&heap->page[pfn]) || pfn_in_range(heap, pfn);
}

/* What is bound on its own begins and ends at multiples of so many pages. */
static inline u64 pages_of_mapping(const struct fixheap *heap)
{
	return max_u64(heap->mapping_page >> PAGE_SHIFT, 1);
}

/* The zone that holds a valid pfn.  Cost: O(1), or O(log zones) where many lie
 * close together. */
static inline struct zone *zone_of(const struct fixheap *heap, u64 pfn)
{
	const u8 *at = &heap->zone_at[pfn >> heap->zone_shift];
	u32 low = at[0], high = at[1] + 1u;

	while (high - low > 1) {
		u32 mid = (low + high) / 2;

		if (pfn < heap->zone[mid].start_pfn)
			high = mid;
		else
			low = mid;
	}
	return &heap->zone[low];
}

/* The kernel's number of a node of the topology; what is below 0 stays. */
static inline int heap_node_number(const struct fixheap *heap, int id)
{
	return id < 0 ? id : heap->topo.number[id];
}

/* The heap's own count of the node with this number of the kernel's;
 * PLACES_MAX: it has no zone there. */
static inline u32 heap_find_node(const struct fixheap *heap, int number)
{
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		if (heap->node[n].kind == NODE_REAL &&
		    heap->topo.number[heap->node[n].id] == number &&
		    heap->node[n].nr_zones)
			return n;
	}
	return PLACES_MAX;
}

/* registry.c: add to taken, by node of the topology, what heaps of the process,
 * bound strictly on such pages, were promised and have not touched; of the own
 * one, if it is not NULL, without what heap->beyond counts. */
void registry_untouched(const struct fixheap *own, const struct topology *topo,
			size_t mapping_page, u64 *taken);

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
