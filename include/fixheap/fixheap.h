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

#include <fixheap/comm.h>
#include <fixheap/numa.h>
#include <fixheap/oom.h>
#include <fixheap/prefault.h>
#include <fixheap/print.h>
#include <fixheap/tag.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FIXHEAP_VERSION_MAJOR 0
#define FIXHEAP_VERSION_MINOR 1
#define FIXHEAP_VERSION_PATCH 0

struct fixheap;

/* Where the memory comes from; see <fixheap/comm.h>. */
enum fixheap_mode {
	FIXHEAP_FIXED,	 /* one region, given (or mapped) at creation */
	FIXHEAP_DYNAMIC, /* regions asked from the comm layer */
	FIXHEAP_SIMPLE	 /* regions from the operating system */
};

/*
 * Where an array's pages go: to which zones.  The nodes given are those of the
 * attribute's mask; by distance means from the node of the CPU that the caller
 * runs on.  What is strict fails with ENOMEM rather than going elsewhere; where
 * no zone has the pages for a strict array, other free pages of the heap are
 * bound anew for it until it is freed, if the heap is bound and the nodes have
 * the memory (not on a pinned heap, and not for page runs).  With one node
 * given, _INTERLEAVE and _BLOCKED are _BIND.
 */
enum fixheap_policy {
	/* the heap's; if that says none: as _LOCAL as long as no more than half
	 * of the heap was ever in use, then wherever it fits best (but on nodes
	 * without CPUs last) */
	FIXHEAP_POLICY_DEFAULT,
	FIXHEAP_POLICY_LOCAL,	  /* the caller's node, then by distance */
	FIXHEAP_POLICY_BIND,	  /* strictly on the nodes given */
	FIXHEAP_POLICY_PREFERRED, /* the nodes given, then by distance */
	/* strictly stripe by stripe, in turn over the nodes given (none: all of
	 * the heap): in the striped zone, if that is over just these nodes and
	 * there are no weights; else in stripes of 2 MiB, or longer ones so
	 * that there are no more than 1,024, bound anew */
	FIXHEAP_POLICY_INTERLEAVE,
	/* the i-th of equal parts strictly on the i-th of the nodes given, by
	 * number (none: all of the heap) */
	FIXHEAP_POLICY_BLOCKED
};

/* fixheap_config.flags */
/* registered or locked memory: no call changes its mapping, binds it or drops
 * its pages */
#define FIXHEAP_PINNED 0x1u
#define FIXHEAP_ZEROED 0x2u    /* the memory given reads as zero */
#define FIXHEAP_HUGEPAGES 0x4u /* base NULL: ask for transparent huge pages */
/* a smaller heap rather than none: nodes of numa->nodes that cannot be used are
 * left out; with FIXHEAP_BINDING_STRICT zones get no larger than what their
 * node has free (fixheap_stats: heap_bytes) */
#define FIXHEAP_SHRINK 0x8u
/*
 * A symmetric heap: the same sequence of array calls gives the same offsets in
 * every process, whatever its base address, its threads, and what objects and
 * page runs it has: these live apart, in private_bytes at the high end.
 * FIXHEAP_FIXED only; base and length are multiples of the page, the length is
 * the same everywhere, nodes play no part (policies other than _DEFAULT and
 * _LOCAL are ENOTSUP), and no region can be added.  An alignment beyond the
 * page is one of the offset from the base, which must have it itself: EINVAL
 */
#define FIXHEAP_DETERMINISTIC 0x10u
/*
 * base NULL (and no comm layer that has the memory): take it from the system's
 * pool of huge pages of this size; length and regions are rounded up to whole
 * ones, and nothing is done to a part of one.  Where the pool has not enough,
 * creation fails with -ENOMEM, and fixheap_check_hugetlb says what to set
 */
#define FIXHEAP_HUGETLB_2M 0x20u
#define FIXHEAP_HUGETLB_1G 0x40u

/* with decay_ms: a thread of the library's own looks what was free for so long,
 * until the heap is destroyed; a child of fork has none, and goes on without */
#define FIXHEAP_DECAY_THREAD 0x80u
/* fixheap_destroy writes to stderr what is still allocated */
#define FIXHEAP_REPORT_LEAKS 0x100u
/* the metadata lies in a file of /dev/shm, which `fixheap stat`, top and map
 * read; see <fixheap/segment.h>.  fork copies it: 0.2 % of what was in use */
#define FIXHEAP_SHARE 0x200u

/* fixheap_array_attr.flags */
#define FIXHEAP_ZERO 0x1u /* the pages read as zero when handed out */
/* arrays with policy _LOCAL, or _DEFAULT that means no nodes, on heaps that are
 * not pinned: the contents are dropped and the pages not bound, so that who
 * touches one next decides its node */
#define FIXHEAP_FRESH 0x2u
/* an array that gets a region of its own is registered by
 * fixheap_array_post_alloc, after the program has touched it, not at once */
#define FIXHEAP_POST_ALLOC 0x4u
/* as FIXHEAP_ZERO; what has to be cleared, if it is 64 MiB or more, is cleared
 * by several threads on the CPUs of the nodes that it is on (not when the array
 * grows in place) */
#define FIXHEAP_ZERO_PARALLEL 0x10u

/* The machine as plain data, for callers that know better than libnuma. */
struct fixheap_topology {
	size_t size;		  /* sizeof(struct fixheap_topology) */
	unsigned nr_nodes;	  /* 1 to 64 */
	unsigned nr_cpus;	  /* 1 to 4096 */
	const unsigned *cpu_node; /* [nr_cpus]: node of each CPU, from 0 */
	/* [nr_nodes]: share of the heap of each, of their sum, which is not 0;
	 * 0: no memory; NULL: equal */
	const uint64_t *node_bytes;
	/* [nr_nodes][nr_nodes], 10 to 255; NULL: 10 to itself, else 20 */
	const unsigned char *distance;
	/* [nr_nodes]: the kernel's number of each, ascending, 0 to 1023; by
	 * these all functions name nodes; NULL: 0, 1, 2, ... */
	const unsigned *node_number;
};

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
	size_t length;	     /* bytes, where the call names a range; else 0 */
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
	const struct fixheap_comm *comm;	 /* _DYNAMIC: required */
	fixheap_fault_fn fault; /* NULL: write the message to stderr, abort */
	void *fault_data;	/* first argument of fault */
	const struct fixheap_numa *numa; /* NULL: the defaults */
	/* what FIXHEAP_POLICY_DEFAULT means, for arrays: _DEFAULT, _LOCAL,
	 * _INTERLEAVE or _BLOCKED */
	enum fixheap_policy policy;
	/* _DYNAMIC, _SIMPLE: bytes of the regions that are asked for when the
	 * heap is full, or more where one allocation needs more; 0: 32 MiB.
	 * (length is what it begins with; 0: as much) */
	size_t extend_bytes;
	/* all regions together, at most; 0: _FIXED: length, so that no region
	 * can be added; else: what this build allows */
	size_t max_bytes;
	unsigned max_regions; /* at most 65,534; 0: 1,024 */
	size_t private_bytes; /* FIXHEAP_DETERMINISTIC: not for arrays */
	uint64_t key;	      /* _FIXED: of the first region, see comm.h */
	/* free memory that fixheap_trim would give back goes back by itself
	 * once it was free for so many milliseconds; 0: never.  Who frees an
	 * array or an object above 14,336 bytes looks, four times in that
	 * period at most, and gives back 256 MiB at most each time */
	unsigned decay_ms;
};
#define FIXHEAP_CONFIG_INIT                                                   \
	{                                                                     \
		sizeof(struct fixheap_config), FIXHEAP_FIXED, NULL, 0, 0,     \
			NULL, NULL, NULL, NULL, NULL, FIXHEAP_POLICY_DEFAULT, \
			0, 0, 0, 0, 0, 0                                      \
	}

struct fixheap_array_attr {
	size_t size; /* sizeof(struct fixheap_array_attr) */
	enum fixheap_policy policy;
	/* bit n: node n; for all policies but _DEFAULT and _LOCAL.  _BIND and
	 * _PREFERRED pass over nodes that the heap does not have, but there
	 * must be one that it has */
	uint64_t nodes;
	size_t alignment; /* bytes, a power of two; 0: the page size */
	unsigned flags;	  /* FIXHEAP_ZERO, FIXHEAP_FRESH, ... */
	/* NULL: nodes counts; else it does not, and this does */
	const struct fixheap_nodemask *nodemask;
	/* _INTERLEAVE: stripes in a row for each node, by number, as many as
	 * there are nodes; 0: none, but not for all; NULL: 1 each */
	const unsigned char *weights;
	uint64_t ticket; /* arrays: of fixheap_reserve, oom.h; 0: none */
	unsigned tag;	 /* below FIXHEAP_NR_TAGS, tag.h; 0: the thread's */
};
#define FIXHEAP_ARRAY_ATTR_INIT                                               \
	{                                                                     \
		sizeof(struct fixheap_array_attr), FIXHEAP_POLICY_DEFAULT, 0, \
			0, 0, NULL, NULL, 0, 0                                \
	}

/*
 * fixheap_create - make a heap over the memory in config
 *
 * The part of a page at either end of the memory is left unused.  The
 * metadata is kept outside of the heap's memory, in address space that takes
 * memory only where it is used.  What config points to is not needed later,
 * but for the memory, fault_data and comm.
 * Context: any thread.  numa->progress and what comm has are called without
 * locks.
 * Cost: under 1 ms, O(1) in the length, on a machine with one node.  With
 * several, 0.1 ms for each node, two calls into the kernel for each zone and
 * each stripe (16,384 at most), and a look at 1,024 pages; where memory is
 * pinned or was touched already, 0.4 us more for each 2 MiB; a heap that can
 * get more regions: 8 ns for each 2 MiB, and 1.5 GiB of address space, and 12
 * bytes for each KiB that it may have (with several nodes, 5 for each of them).
 * Return: 0 and *heap; -EINVAL: the memory is smaller than a page, wraps,
 * overlaps another heap of this process or is larger than this build allows
 * (16 TiB by default), an unknown flag, mode, binding or size of config, numa
 * comm or topology, a policy that it may not have, a bad topology, a part of
 * numa out of its range, a base with a mode other than _FIXED, FIXHEAP_DYNAMIC
 * without comm->region_alloc, memory from comm that is in use already,
 * max_bytes below length, private_bytes or FIXHEAP_DETERMINISTIC where they may
 * not be, decay_ms on a heap that is pinned or deterministic,
 * FIXHEAP_DECAY_THREAD without it; -ERANGE: comm->max_heap is too large;
 * -ENOTSUP: a jemalloc whose size classes are not those that this library was
 * written for, or decay_ms in one built without TRIM; -EAGAIN: no thread for
 * FIXHEAP_DECAY_THREAD; -ENOMEM: no room for metadata, for the heap when base
 * is NULL or comm gives none, or for the kernel's books of bound memory; what
 * comm->heap_info or post_alloc returned;
 * -ENODEV: a node of numa->nodes does not exist or has no memory, one of
 * numa->stripe_nodes is not used, or no node is left;
 * FIXHEAP_SHARE: -ENOTSUP in a library without ATTACH, and what open(2) and
 * mmap(2) say of the file;
 * -EACCES: a node of numa->nodes is outside of the process's cpuset, or the
 * kernel did not bind the memory as told;
 * -ENOSPC: FIXHEAP_BINDING_STRICT, and a node has less free memory than its
 * zone, or with FIXHEAP_SHRINK no node has any; -ECANCELED: numa->progress
 * said so; -ENOSYS: FIXHEAP_BINDING_STRICT or _PREFERRED on a system that
 * neither binds memory nor tells where it is, or a library without NUMA.
 * On error nothing is changed, but that memory may have no binding any more.
 */
int fixheap_create(const struct fixheap_config *config, struct fixheap **heap);

/*
 * fixheap_destroy - end a heap; NULL is allowed
 *
 * Everything still allocated is gone with it.  The caller's memory is left
 * as it is, but not bound to nodes any more; memory that was mapped here is
 * unmapped, and the comm layer's regions go back.
 * With FIXHEAP_REPORT_LEAKS what is still allocated is told on stderr first, if
 * there is anything: how much by tag, the largest ten with address, size, use
 * and tag, and with PAGE_OWNER who allocated them, and small objects by size.
 * A library without PRINT tells nothing.  Cost: as fixheap_print, "slabinfo".
 * Context: no other thread may be inside a call on this heap, or make one
 * later; threads that used it before may live on.
 */
void fixheap_destroy(struct fixheap *heap);

/*
 * Objects of any size, with the C library's rules.  Safe from every thread.
 * Objects up to 14,336 bytes come from the thread's cache; above that each
 * is a page run of its own, exact to the page.  Size 0 gives a pointer of
 * its own that can be freed.  They come from the node of the CPU that the
 * thread runs on, or that fixheap_bind_thread said, then from others by
 * distance; one that another thread frees goes back to its node.
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
 * Arrays: contiguous, exact to the page, from the low end of the heap or of
 * their node's part.  attr NULL means the heap's defaults.  Size 0 takes one
 * page.  Safe from every thread, but an array belongs to one at a time.
 *
 * fixheap_array_resize grows or shrinks in place: -ENOMEM when the pages
 * behind the array are taken, or are not where its policy wants them, and then
 * nothing is changed; a shrink always succeeds and gives the tail back at once.
 * What was bound anew, made with FIXHEAP_FRESH, or made by _BLOCKED for several
 * nodes, never grows in place; when it shrinks, what is left of it stays where
 * it is, and on hugetlb memory that is whole pages of it.
 * fixheap_array_realloc moves (and copies) only when it cannot grow in place;
 * NULL leaves the array as it was; array NULL allocates with the heap's
 * defaults.  An array that moves is placed anew by the policy, nodes, weights
 * and flags that it was made with, for its new size (_LOCAL as _DEFAULT, where
 * that is the heap's).  The alignment does not follow it.
 * Growing clears new pages only where the array was made with FIXHEAP_ZERO.
 * fixheap_array_free of NULL does nothing.
 *
 * Errors: ENOMEM: no run of pages serves; a strict policy: its nodes do not
 * have them and the heap may not bind others (it is pinned or not bound, or
 * the nodes have not that memory, or on hugetlb memory the size is no multiple
 * of its pages); more than 1,024 different sets of nodes and weights in use;
 * FIXHEAP_FRESH: the kernel did not drop the pages, or on a heap that is bound
 * strictly a node that some CPU takes memory from has not so much, or on
 * hugetlb memory the size is no multiple of its pages.
 * EINVAL: unknown policy, flag or attr size; an alignment that is no power of
 * two; _BIND or _PREFERRED with no node that the heap has; _INTERLEAVE or
 * _BLOCKED with one that it has not; weights that are all 0; FIXHEAP_FRESH with
 * a policy that has nodes; an array that is none, see struct fixheap_fault.
 * ENOTSUP: FIXHEAP_FRESH on a pinned heap; a library without ARRAY.
 * Cost: O(log of the heap's size); with an alignment above the page size
 * O(free runs that are long enough), 0.2 us each.  No page of the array is
 * touched, but for clearing what is asked for and not known to be zero, and for
 * the copy.  An array of an eighth of the heap or more has all caches taken
 * back before, as by fixheap_reclaim.  To bind pages anew, and home when they
 * are freed, takes two calls into the kernel for each part or stripe, and 60 us
 * to look what each node has free; FIXHEAP_FRESH as much as one part.
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
 * attr as for arrays, but _DEFAULT (and NULL) is _LOCAL, and pages are never
 * bound anew: a strict policy is served where zones fit, or ENOMEM, _INTERLEAVE
 * from a striped zone only; and FIXHEAP_FRESH is ENOTSUP.
 * Errors and cost as for arrays, else.
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
 * larger does not; in a heap that may ask for more regions it is what succeeds
 * without.  With a strict policy it tries what could be bound anew,
 * without telling the kernel: for that time others may find no pages.
 * 0 for a bad attr, with errno EINVAL or ENOTSUP as for arrays.
 * Context: any thread.  Cost: as fixheap_reclaim, then O(log); with an
 * alignment above the page size, O(free runs).
 */
size_t fixheap_largest_free(struct fixheap *heap,
			    const struct fixheap_array_attr *attr);

/*
 * fixheap_validate - check every invariant of the metadata
 *
 * Return: 0, or -EUCLEAN after writing what is wrong to stderr.
 * Context: any thread; holds all locks of the heap while it looks and keeps
 * threads out of their caches, so that others wait.  Cost: O(metadata in use).
 */
int fixheap_validate(struct fixheap *heap);

/*
 * fixheap_reclaim - take back what the caches hold: pages of CPUs and of
 * threads, every thread's object cache, empty slabs.
 * Return: bytes that became free.
 */
size_t fixheap_reclaim(struct fixheap *heap);

/* fixheap_trim flags */
/* memory of the caller that is shared (MAP_SHARED), too: what is free there is
 * gone for all who have it mapped */
#define FIXHEAP_TRIM_SHARED 0x1u
/*
 * fixheap_trim - give free memory back to the system, but for keep bytes of it
 *
 * Caches are taken back first.  Then free memory goes in units of 2 MiB (a
 * pageblock), or of the page of the mapping where that is larger, which are
 * wholly free; so no huge page is split.  It stays part of the heap, on the
 * same node, reads as zero, is known to (FIXHEAP_ZERO and fixheap_calloc do not
 * clear it), and takes memory again when it is touched.  What is known to read
 * as zero already is left alone, and counts neither for keep nor for *given.
 * So are regions that are registered: those with a key other than 0 and
 * FIXHEAP_KEY_NONE, those of several kinds of memory (private, shared, of a
 * file), and all of a heap whose comm layer has post_alloc.
 * *given: bytes that went; NULL: not wanted.
 * Context: any thread; others allocate and free meanwhile, and do not fail for
 * it, but may wait for 64 MiB to be given back.
 * Cost: as fixheap_reclaim; O(log of the heap's size) for each range of free
 * blocks; the kernel's for the pages that are in memory; the first time for
 * each region, reading what the process has mapped.
 * Return: 0; -ENOTSUP: a pinned or deterministic heap, or a library without
 * TRIM; -EINVAL: unknown flags, or memory that cannot be dropped (locked, or
 * private pages of a file); another error of madvise.  What went before an
 * error is in *given.
 */
int fixheap_trim(struct fixheap *heap, size_t keep, unsigned flags,
		 size_t *given);

struct fixheap_stats {
	size_t size;	   /* sizeof(struct fixheap_stats), set by caller */
	size_t heap_bytes; /* pages of the heap, in bytes */
	size_t used_bytes; /* pages not free: allocated or cached */
	size_t peak_used_bytes;	  /* highest used_bytes so far */
	size_t cached_bytes;	  /* part of used: pages and runs in caches */
	size_t largest_run_bytes; /* largest free run, caches left alone */
	size_t metadata_bytes;	  /* address space reserved for metadata */
	/* Threads but the caller hold back from the next two: 4 KiB or one
	 * object of each size, and 256 KiB besides; of pages and objects above
	 * 14 KiB 256 KiB, and of single pages freed in a row 8 MiB. */
	size_t live_bytes;	/* VMSTAT: bytes in live objects and arrays */
	size_t peak_live_bytes; /* VMSTAT: highest live_bytes so far */
	uint64_t nr_allocs;	/* VMSTAT: runs taken from the zones */
	uint64_t nr_frees;	/* VMSTAT: runs given back to them */
	uint64_t nr_fails;	/* VMSTAT: allocations refused */
	uint64_t nr_reclaims;	/* VMSTAT: times caches were taken back */
	uint64_t cleared_bytes; /* VMSTAT: bytes cleared for zeroed memory */
	uint64_t nr_rehomes;	/* VMSTAT: arrays bound elsewhere, ever */
	size_t rehomed_bytes;	/* of them: bytes in use now */
	size_t reserved_bytes;	/* part of used: set aside by fixheap_reserve */
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
	FIXHEAP_USE_PAGES,   /* from fixheap_pages_alloc */
	FIXHEAP_USE_CACHED,  /* in a per-CPU cache */
	FIXHEAP_USE_RESERVED /* by fixheap_reserve */
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
