/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap: everything that is free in a fixed heap can be used.
 *
 * A fixed heap is one range of memory that a program cannot extend: memory
 * registered with a network card, a shared window, or a pool reserved at
 * start.  fixheap hands it out as objects (fixheap_malloc), large arrays
 * (fixheap_array_*) and page runs (fixheap_pages_*); all three draw on the
 * same free pages, and whatever is freed is merged with its free neighbours
 * at once.
 *
 * Units: sizes and lengths are bytes unless a name says pages; a page is
 * fixheap_page_size() bytes.  Errors: functions that return int give 0 or a
 * negative errno value; functions that return a pointer give NULL and set
 * errno; functions without a result leave errno alone.
 *
 * Mistakes that endanger memory (a pointer freed twice, one that this heap
 * did not hand out, a range that is partly free) are found in every build and
 * reported to the heap's fault handler; see struct fixheap_fault.
 */
#ifndef FIXHEAP_FIXHEAP_H
#define FIXHEAP_FIXHEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FIXHEAP_VERSION_MAJOR 0
#define FIXHEAP_VERSION_MINOR 1
#define FIXHEAP_VERSION_PATCH 0

struct fixheap;

/* Where the memory comes from.  Only FIXHEAP_FIXED is there in 0.1. */
enum fixheap_mode {
	FIXHEAP_FIXED,	 /* one range, given (or mapped) at creation */
	FIXHEAP_DYNAMIC, /* regions asked from the comm layer: -ENOTSUP */
	FIXHEAP_SIMPLE	 /* regions from the system: -ENOTSUP */
};

/* Where an array's pages go. */
enum fixheap_policy {
	FIXHEAP_POLICY_DEFAULT,	   /* the heap's: as _LOCAL */
	FIXHEAP_POLICY_LOCAL,	   /* the caller's node, then by distance */
	FIXHEAP_POLICY_BIND,	   /* only the nodes given, else ENOMEM */
	FIXHEAP_POLICY_PREFERRED,  /* the nodes given, then by distance */
	FIXHEAP_POLICY_INTERLEAVE, /* one-zone heaps only, else ENOTSUP */
	FIXHEAP_POLICY_BLOCKED	   /* one-zone heaps only, else ENOTSUP */
};

/* fixheap_config.flags */
#define FIXHEAP_PINNED 0x1u    /* no call may change the memory's mapping */
#define FIXHEAP_ZEROED 0x2u    /* the memory given reads as zero */
#define FIXHEAP_HUGEPAGES 0x4u /* base NULL: ask for transparent huge pages */

/* fixheap_array_attr.flags */
#define FIXHEAP_ZERO 0x1u /* the pages read as zero when handed out */

/* The machine as plain data, for callers that know better than libnuma. */
struct fixheap_topology {
	size_t size;		    /* sizeof(struct fixheap_topology) */
	unsigned nr_nodes;	    /* 1 to 64 */
	unsigned nr_cpus;	    /* 1 to 4096 */
	const unsigned *cpu_node;   /* [nr_cpus]: node of each CPU */
	const uint64_t *node_bytes; /* [nr_nodes]: share of each; NULL: equal */
	const unsigned char *distance; /* [nr_nodes][nr_nodes], 10 to 255 */
};

struct fixheap_comm; /* FIXHEAP_DYNAMIC; not used yet */

/*
 * A caller's mistake, described.  The handler runs on the thread that made
 * it, without any lock of the heap held, and may longjmp or abort.  When it
 * returns, the call that found the mistake does nothing: a free frees
 * nothing, a pointer function gives NULL with errno EINVAL, an int function
 * gives -EINVAL.  ("write after free", found by a library built with
 * PAGE_POISON, has api "page allocation", and the call goes on.)
 */
struct fixheap_fault {
	size_t size;	     /* sizeof(struct fixheap_fault) */
	const char *api;     /* the function called: "fixheap_free" */
	const char *what;    /* "double free", "interior pointer", ...; all
			      * are listed in fixheap(3) */
	const void *address; /* as given by the caller */
	size_t length;	     /* bytes, where the call has a length; else 0 */
	uint64_t pfn;	     /* page of the address; UINT64_MAX: outside */
	const char *state;   /* of that page: "free", "array", ... */
	const char *message; /* all of it in one line */
};
typedef void (*fixheap_fault_fn)(void *data, const struct fixheap_fault *fault);

struct fixheap_config {
	size_t size; /* sizeof(struct fixheap_config) */
	enum fixheap_mode mode;
	void *base;	/* the memory, any alignment; NULL: map it */
	size_t length;	/* bytes, any number that holds a page */
	unsigned flags; /* FIXHEAP_PINNED, FIXHEAP_ZEROED, ... */
	const struct fixheap_topology *topology; /* NULL: what libnuma says */
	const struct fixheap_comm *comm;	 /* must be NULL in 0.1 */
	fixheap_fault_fn fault; /* NULL: write the message to stderr, abort */
	void *fault_data;	/* first argument of fault */
};
#define FIXHEAP_CONFIG_INIT                                               \
	{                                                                 \
		sizeof(struct fixheap_config), FIXHEAP_FIXED, NULL, 0, 0, \
			NULL, NULL, NULL, NULL                            \
	}

struct fixheap_array_attr {
	size_t size; /* sizeof(struct fixheap_array_attr) */
	enum fixheap_policy policy;
	uint64_t nodes;	  /* bit n: node n; for _BIND and _PREFERRED */
	size_t alignment; /* bytes, a power of two; 0: the page size */
	unsigned flags;	  /* FIXHEAP_ZERO */
};
#define FIXHEAP_ARRAY_ATTR_INIT                                               \
	{                                                                     \
		sizeof(struct fixheap_array_attr), FIXHEAP_POLICY_DEFAULT, 0, \
			0, 0                                                  \
	}

/*
 * fixheap_create - make a heap over the memory in config
 *
 * The part of a page at either end of the memory is left unused.  The
 * metadata is kept outside of the heap's memory, in address space that takes
 * memory only where it is used.
 * Context: any thread.  Cost: O(1) in the length.
 * Return: 0 and *heap; -EINVAL: the memory is smaller than a page, wraps,
 * overlaps another heap of this process or is larger than this build allows
 * (16 TiB by default), an unknown flag, mode or config size, a bad topology;
 * -ENOTSUP: a mode that is not there yet, or a jemalloc whose size classes are
 * not those that this library was written for; -ENOMEM: no room for metadata,
 * or for the heap when base is NULL.  Nothing is changed on error.
 */
int fixheap_create(const struct fixheap_config *config, struct fixheap **heap);

/*
 * fixheap_destroy - end a heap; NULL is allowed
 *
 * Everything still allocated is gone with it.  The caller's memory is left
 * as it is; memory that fixheap_create mapped is unmapped.
 * Context: no other thread may be inside a call on this heap, or make one
 * later; threads that used it before may live on.
 */
void fixheap_destroy(struct fixheap *heap);

/*
 * Objects of any size, with the C library's rules.  Safe from every thread.
 * Objects up to 14,336 bytes come from the thread's cache; above that each
 * is a page run of its own, exact to the page.  Size 0 gives a pointer of
 * its own that can be freed.
 * Errors: ENOMEM: no run of pages serves, or count * bytes overflows;
 * EINVAL: the alignment is not a power of two.
 * Cost: a few nanoseconds from the cache, else O(log of the heap's size).
 */
void *fixheap_malloc(struct fixheap *heap, size_t bytes);
void *fixheap_calloc(struct fixheap *heap, size_t count, size_t bytes);
void *fixheap_aligned_alloc(struct fixheap *heap, size_t alignment,
			    size_t bytes);
/* ptr NULL: as malloc.  bytes 0: frees ptr and returns NULL, errno kept. */
void *fixheap_realloc(struct fixheap *heap, void *ptr, size_t bytes);
void fixheap_free(struct fixheap *heap, void *ptr);
/* Bytes that may be used at ptr: at least those asked for.  NULL: 0. */
size_t fixheap_usable_size(struct fixheap *heap, const void *ptr);
/* Whether ptr lies in the heap's pages, allocated or not.  O(1), no lock. */
bool fixheap_owns(const struct fixheap *heap, const void *ptr);

/*
 * Arrays: contiguous, exact to the page, from the low end of the heap.
 * attr NULL means the heap's defaults.  Size 0 takes one page.
 * fixheap_array_resize grows or shrinks in place: -ENOMEM when the pages
 * behind the array are taken, and then nothing is changed; a shrink always
 * succeeds and gives the tail back at once.  fixheap_array_realloc moves
 * (and copies) only when it cannot grow in place; NULL leaves the array as it
 * was; array NULL allocates.  Growing clears new pages only where the array
 * was made with FIXHEAP_ZERO.  An array that moves is placed by the heap's
 * defaults: the policy and the alignment it was made with do not follow it.
 * Errors: ENOMEM, EINVAL (unknown policy, flag or attr size, alignment that
 * is no power of two), ENOTSUP (policy not there yet).
 * Cost: O(log of the heap's size); no page of the array is touched, but for
 * clearing what is asked for and not known to be zero, and for the copy.
 */
void *fixheap_array_alloc(struct fixheap *heap, size_t bytes,
			  const struct fixheap_array_attr *attr);
int fixheap_array_resize(struct fixheap *heap, void *array, size_t bytes);
void *fixheap_array_realloc(struct fixheap *heap, void *array, size_t bytes);
void fixheap_array_free(struct fixheap *heap, void *array);

/*
 * Page runs, for runtimes that bring their own malloc.  alignment is in
 * bytes, a power of two; 0: the page size.  Any part of what was allocated
 * here can be freed, in any order, and one free may cover several
 * allocations.  An array can be freed here too, all of it at once: another
 * start is an "interior pointer", another number of pages a "wrong length".
 * nr_pages 0: EINVAL; to free nothing, or NULL, does nothing.
 * Errors and cost as for arrays.
 */
void *fixheap_pages_alloc(struct fixheap *heap, size_t nr_pages,
			  size_t alignment,
			  const struct fixheap_array_attr *attr);
void fixheap_pages_free(struct fixheap *heap, void *start, size_t nr_pages);

/*
 * fixheap_largest_free - bytes of the largest array that would succeed now
 *
 * Takes back what caches hold first, so that the answer is exact: with no
 * other thread allocating, an array of this size succeeds and one a page
 * larger does not.  0 for a bad attr, with errno EINVAL.
 * Cost: as fixheap_reclaim, then O(log); with an alignment above the page
 * size, O(free runs).
 */
size_t fixheap_largest_free(struct fixheap *heap,
			    const struct fixheap_array_attr *attr);

/*
 * fixheap_validate - check every invariant of the metadata
 *
 * Return: 0, or -EUCLEAN after writing what is wrong to stderr.
 * Context: takes each zone's lock in turn.  Cost: O(metadata in use).
 */
int fixheap_validate(struct fixheap *heap);

/*
 * fixheap_reclaim - take back what the caches hold: per-CPU pages, every
 * thread's object cache, empty slabs.  Return: bytes that became free.
 */
size_t fixheap_reclaim(struct fixheap *heap);

struct fixheap_stats {
	size_t size;	   /* sizeof(struct fixheap_stats), set by caller */
	size_t heap_bytes; /* pages of the heap, in bytes */
	size_t used_bytes; /* pages not free: allocated or cached */
	size_t peak_used_bytes;	  /* highest used_bytes so far */
	size_t cached_bytes;	  /* part of used: pages in per-CPU caches */
	size_t largest_run_bytes; /* largest free run, caches left alone */
	size_t metadata_bytes;	  /* address space reserved for metadata */
	/* Threads hold small objects back from the next two: all together 1/64
	 * of what is live, but each 512 bytes at least and 64 KiB at most; and
	 * of what they free each 16 KiB at least. */
	size_t live_bytes;	/* VMSTAT: bytes in live objects and arrays */
	size_t peak_live_bytes; /* VMSTAT: highest live_bytes so far */
	uint64_t nr_allocs;	/* VMSTAT: runs taken from the zones */
	uint64_t nr_frees;	/* VMSTAT: runs given back to them */
	uint64_t nr_fails;	/* VMSTAT: allocations refused */
	uint64_t nr_reclaims;	/* VMSTAT: times caches were taken back */
	uint64_t cleared_bytes; /* VMSTAT: bytes cleared for zeroed memory */
	unsigned nr_zones;
};
/* 0, or -EINVAL for an unknown size.  Fields of what is not built are 0. */
int fixheap_stats(struct fixheap *heap, struct fixheap_stats *stats);

/* What a page is in use for, as fixheap_walk reports it. */
enum fixheap_use {
	FIXHEAP_USE_FREE,
	FIXHEAP_USE_SMALL, /* slabs of objects */
	FIXHEAP_USE_LARGE, /* an object over 14,336 bytes */
	FIXHEAP_USE_ARRAY,
	FIXHEAP_USE_PAGES, /* from fixheap_pages_alloc */
	FIXHEAP_USE_CACHED /* in a per-CPU cache */
};
/*
 * fixheap_walk - call fn for each range of pages of one use, in order
 *
 * A non-zero result of fn ends the walk and is returned.  fn runs without
 * locks; what it is told is a snapshot of up to 2 MiB at a time.
 */
typedef int (*fixheap_walk_fn)(void *data, const void *start, size_t bytes,
			       enum fixheap_use use);
int fixheap_walk(struct fixheap *heap, fixheap_walk_fn fn, void *data);

/*
 * fixheap_set_fail_page_alloc - let every interval-th page allocation fail
 *
 * For testing how a program takes ENOMEM: counts arrays, page runs and objects
 * above 14,336 bytes; 0 turns it off.  Needs a library built with
 * FAIL_PAGE_ALLOC.  Return: 0; -ENOTSUP: not built in.
 */
int fixheap_set_fail_page_alloc(struct fixheap *heap, uint64_t interval);

size_t fixheap_page_size(void);
const char *fixheap_version(void);

#ifdef __cplusplus
}
#endif

#endif
