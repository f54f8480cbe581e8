/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap/oom.h: whether memory will do, and why it did not.
 * Included by <fixheap/fixheap.h>.
 */
#ifndef FIXHEAP_OOM_H
#define FIXHEAP_OOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fixheap;
struct fixheap_array_attr;

/*
 * fixheap_will_fit - whether an array of this size would succeed now
 *
 * As exact as fixheap_largest_free, with what it says of other threads, of
 * heaps that can grow and of strict policies; a size below that one need not
 * fit where a policy divides an array, and this knows.
 * Return: false, too, for a bad attr, with errno EINVAL or ENOTSUP.
 * Context: any thread.  Cost: as fixheap_reclaim where it does not fit at once,
 * then O(log of the heap's size); with an alignment above the page size
 * O(free runs that are long enough).
 */
bool fixheap_will_fit(struct fixheap *heap, size_t bytes,
		      const struct fixheap_array_attr *attr);

/*
 * fixheap_reserve - set pages aside for one array that must not fail later
 *
 * The ticket is for fixheap_array_alloc, in attr->ticket: that takes the pages
 * that were set aside, whatever other threads have done meanwhile, and what it
 * does not need of them is free again.  A ticket is good for one array of up
 * to the bytes that it was reserved for, or for fixheap_release; both end it.
 * Where the array lies was decided here: attr as for fixheap_array_alloc, and
 * of the attr given there only FIXHEAP_ZERO, size, tag and ticket count.
 *
 * Pages set aside are in use for everybody else (fixheap_stats.reserved_bytes,
 * FIXHEAP_USE_RESERVED), but not live bytes.
 * Return: the ticket, never 0; or 0 and errno, as fixheap_array_alloc; EINVAL:
 * attr has a ticket itself.
 * Context: any thread; a ticket may be used by any one.  Cost: as
 * fixheap_array_alloc; to use it, O(1) beside what is given back or cleared.
 */
uint64_t fixheap_reserve(struct fixheap *heap, size_t bytes,
			 const struct fixheap_array_attr *attr);
/* End a ticket that was not used; 0 is allowed.  One that is none (any more)
 * is reported as a fault: "no such ticket". */
void fixheap_release(struct fixheap *heap, uint64_t ticket);

/* Memory is short; of bytes and below_bytes one is 0. */
struct fixheap_shortage {
	size_t size;  /* sizeof(struct fixheap_shortage) */
	size_t bytes; /* that an allocation needs in one piece, else it fails */
	/* where they would be had with the least to free: as in struct
	 * fixheap_explanation.  NULL: not known */
	const void *window;
	unsigned round; /* how often it was tried before */
	/* the node that has so much less free than its watermark; for an
	 * allocation FIXHEAP_NODE_MIXED and 0 */
	int node;
	size_t below_bytes;
};
/*
 * A function that frees what the program can do without, and says how many
 * bytes that were; 0 ends the attempt.  It runs on the thread that allocates,
 * without locks of the heap: it may call all functions of this library, also
 * free into and allocate from the same heap, but an allocation that fails
 * there calls nobody.  Several threads may be in it at a time.  errno is kept.
 */
typedef size_t (*fixheap_reclaim_fn)(void *data,
				     const struct fixheap_shortage *shortage);

/*
 * fixheap_add_reclaim - call fn before an allocation fails
 *
 * When all that caches hold was taken back and there is still no room, all
 * functions of the heap are called, in the order in which they were added, and
 * the allocation is tried again, as long as they free something, 16 times at
 * most.
 * Return: 0; -EINVAL: fn is NULL; -ENOSPC: there are 16; -ENOTSUP: a library
 * without RECLAIM.
 * Context: any thread.  Cost: none, until memory is short.
 */
int fixheap_add_reclaim(struct fixheap *heap, fixheap_reclaim_fn fn,
			void *data);
/* The one with this fn and data is not called any more: waits until no call is
 * under way.  0; -ENOENT: there is none; -EBUSY: from within one; -EINVAL. */
int fixheap_del_reclaim(struct fixheap *heap, fixheap_reclaim_fn fn,
			void *data);
/*
 * fixheap_set_watermark - call them, too, when little is free on a node
 *
 * When an allocation of a run of pages has left less than these bytes free on
 * the node, and again when it was above that in between.  0: never.
 * Return: 0; -EINVAL: the heap has no such node; -ENOTSUP likewise.
 * Context: any thread.  Cost: O(zones) for each run that is allocated, while
 * there is a watermark; a thread's cache hands out small objects without.
 */
int fixheap_set_watermark(struct fixheap *heap, int node, size_t bytes);

/* Why an array would not fit. */
enum fixheap_reason {
	FIXHEAP_REASON_NONE,	   /* it would fit now */
	FIXHEAP_REASON_TOTAL,	   /* not so much is free */
	FIXHEAP_REASON_FRAGMENTED, /* it is, but not in one piece */
	FIXHEAP_REASON_NODE, /* in one piece, but not where the policy says */
	FIXHEAP_REASON_ALIGNMENT, /* in one piece, but not aligned like that */
	FIXHEAP_REASON_LIMIT,	  /* the heap never has so much, or is at its
			       * limit of bytes or regions */
	FIXHEAP_REASON_RESERVED,  /* it would be, without what zones keep back
				  * (struct fixheap_numa) or tickets hold */
	FIXHEAP_REASON_REGION	  /* it would be, if regions were one, or with
			       * those that are taken offline */
};
/* "FRAGMENTED", ...; NULL: no such reason. */
const char *fixheap_reason_name(enum fixheap_reason reason);

/* What is in the way: freeing it makes room. */
struct fixheap_blocker {
	const void *start; /* of the allocation */
	size_t bytes;	   /* whole pages */
	int use;	   /* enum fixheap_use */
	unsigned tag;	   /* tag.h */
	/* live allocations that this is: 1, or of _USE_SMALL the live objects
	 * in this slab */
	size_t nr_live;
};

/* What there is in one zone; bytes. */
struct fixheap_zone_room {
	const void *start;
	size_t bytes, free_bytes;
	size_t largest_bytes; /* longest free run that lies in it */
	size_t kept_bytes;    /* free, but kept back from this request */
	int node;	      /* as in struct fixheap_zone */
};

#define FIXHEAP_NR_ORDERS 33

/* size and the four members named are set by the caller; the rest is the
 * answer. */
struct fixheap_explanation {
	size_t size;			/* sizeof(struct fixheap_explanation) */
	struct fixheap_zone_room *zone; /* [max_zones], or NULL */
	size_t max_zones;		/* there are at most 256 */
	struct fixheap_blocker *blocker; /* [max_blockers], or NULL */
	size_t max_blockers;
	enum fixheap_reason reason;
	size_t requested_bytes;	  /* whole pages */
	size_t largest_bytes;	  /* that would succeed with this attr */
	size_t free_bytes;	  /* of the whole heap */
	size_t largest_run_bytes; /* longest free run anywhere */
	size_t reserved_bytes;	  /* of tickets */
	size_t kept_bytes;	  /* by zones, from this request */
	size_t nr_zones;	  /* all, whatever max_zones */
	/* free runs of 2^i to 2^(i+1) - 1 pages */
	uint64_t nr_free_runs[FIXHEAP_NR_ORDERS];
	/* the cheapest blockers: the fewest live allocations, and of these the
	 * fewest bytes, without which the array would lie at window; 0: none
	 * is needed, or none would do */
	const void *window;
	size_t nr_blockers;   /* all, whatever max_blockers */
	size_t nr_live;	      /* allocations that they are */
	size_t blocker_bytes; /* pages that they have */
};
#define FIXHEAP_EXPLANATION_INIT                                               \
	{                                                                      \
		sizeof(struct fixheap_explanation), NULL, 0, NULL, 0,          \
			FIXHEAP_REASON_NONE, 0, 0, 0, 0, 0, 0, 0, { 0 }, NULL, \
			0, 0, 0                                                \
	}

/*
 * fixheap_explain - why an array of this size would not fit
 *
 * Caches are taken back first.  With no other thread in the heap the answer is
 * exact, and to free the blockers makes the array fit; with others it is what
 * was so while it looked.  Blockers are in order of address, the first
 * max_blockers of them; where a node has too little memory to bind more to it
 * there may be none, or not all.  A heap that can grow (FIXHEAP_SIMPLE and
 * _DYNAMIC) is looked at as it is: the comm layer is not asked, so that an
 * allocation may get a region more and succeed where the answer says why not.
 * Return: 0; -EINVAL, -ENOTSUP: bad attr, as for arrays, or an unknown size;
 * -ENOTSUP: a library without EXPLAIN.
 * Context: any thread; the heap's lock is taken for one run at a time.
 * Cost: as fixheap_largest_free, and O(runs in use + live small objects), for
 * each zone that may serve and each group of them.
 */
int fixheap_explain(struct fixheap *heap, const struct fixheap_array_attr *attr,
		    size_t bytes, struct fixheap_explanation *explanation);

#ifdef __cplusplus
}
#endif

#endif
