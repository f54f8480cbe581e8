/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap/numa.h: where the pages are.  Included by <fixheap/fixheap.h>.
 *
 * At creation the heap's memory is cut into zones, each with one placement: a
 * node, or stripes over several nodes.  On a machine with memory on more than
 * one node each zone is bound there, with one or two calls into the kernel (a
 * striped zone: for each stripe), and stays bound: what is freed and handed out
 * again is where it was.  Nodes have the kernel's numbers.
 *
 * A *pinned* heap (FIXHEAP_PINNED) is never bound, moved or discarded; its
 * zones are made from where its pages are.  So are those of memory that is seen
 * to be touched already, by 1,024 pages that are looked at; what of it is not
 * in memory yet is bound as planned.
 *
 * Sizes are bytes.  Functions that return int give 0 or a negative errno value,
 * if nothing else is said.  Node numbers in results below 0 are the two names
 * FIXHEAP_NODE_* or errors, which differ.
 */
#ifndef FIXHEAP_NUMA_H
#define FIXHEAP_NUMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fixheap;

#define FIXHEAP_NODES_MAX 1024
/* Bit n % 64 of bits[n / 64]: node n. */
struct fixheap_nodemask {
	uint64_t bits[FIXHEAP_NODES_MAX / 64];
};

/* How firmly the memory of a heap that is not pinned is bound to its nodes. */
enum fixheap_binding {
	/* strictly where every zone fits into what its node has free now, else
	 * all preferred; with memory on one node only, with a topology given by
	 * the caller, or a kernel that takes no such wishes (some sandboxes):
	 * as FIXHEAP_BINDING_NONE */
	FIXHEAP_BINDING_AUTO,
	/* strictly; creation fails (or, with FIXHEAP_SHRINK, the heap gets
	 * smaller) where a node has less free memory than its zone; what it
	 * has promised to other heaps of the process is not free */
	FIXHEAP_BINDING_STRICT,
	/* a full node spills to the others, as the kernel does */
	FIXHEAP_BINDING_PREFERRED,
	/* zones are only a layout: the kernel is neither told at creation nor
	 * asked where pages are, and strict arrays are never bound anew */
	FIXHEAP_BINDING_NONE
};

/*
 * Called by the thread in fixheap_create before each 512 MiB of memory whose
 * pages are looked up, and at the end: done of total bytes.  Non-zero stops
 * creation with -ECANCELED.
 */
typedef int (*fixheap_progress_fn)(void *data, size_t done, size_t total);

/*
 * What a heap does with the nodes; all zero but size is the default.  Masks
 * with no bit set mean "not said".  Read by fixheap_create only.
 */
struct fixheap_numa {
	size_t size; /* sizeof(struct fixheap_numa) */
	enum fixheap_binding binding;
	/* nodes to use; not said: all with memory that the process may use */
	struct fixheap_nodemask nodes;
	/* share of each node that is used in what is not striped: parts of
	 * their sum, share[n] of node n, nr_share of them; 0, and what is not
	 * said: the node is not used; NULL: in proportion to its memory */
	const unsigned *share;
	unsigned nr_share; /* 1 or more, with share */
	/* nodes of the striped zone, out of those used; not said: all these */
	struct fixheap_nodemask stripe_nodes;
	unsigned stripe_percent; /* of the heap, 0 to 100; 0: no such zone */
	/* per mille of each zone's pages, 0 to 1000, together at most 1000.
	 * small_reserve: not for arrays, nor for objects and page runs of a
	 * pageblock (512 pages) or more; local_reserve: only for requests from
	 * CPUs of the zone's node, or that name it.  A run over several zones
	 * leaves to each of their nodes what all zones of it keep */
	unsigned small_reserve;
	unsigned local_reserve;
	/* 0: nodes without CPUs are used last, unless they are named; else:
	 * like the others, by distance */
	unsigned cpuless_as_others;
	fixheap_progress_fn progress; /* NULL: none */
	void *progress_data;	      /* first argument of progress */
	/* nr_fallback numbers of nodes, each once: in this order they serve
	 * what the nearest node, or those named, cannot; others follow by
	 * distance.  One without CPUs counts like others if it is in it; what
	 * the heap does not have is passed over.  NULL: all by distance */
	const unsigned *fallback;
	unsigned nr_fallback;
};
#define FIXHEAP_NUMA_INIT                                                     \
	{                                                                     \
		sizeof(struct fixheap_numa), FIXHEAP_BINDING_AUTO, { { 0 } }, \
			NULL, 0, { { 0 } }, 0, 0, 0, 0, NULL, NULL, NULL, 0   \
	}

/* One zone of a heap, as fixheap_zones tells. */
struct fixheap_zone {
	size_t size;	   /* sizeof(struct fixheap_zone) */
	int node;	   /* or FIXHEAP_NODE_STRIPED, FIXHEAP_NODE_MIXED */
	void *start;	   /* its first page */
	size_t bytes;	   /* all of its pages */
	size_t free_bytes; /* of these, free now; caches hold others */
	bool bound;	   /* the kernel was told */
	struct fixheap_nodemask nodes; /* node, or of the stripes; or none */
};
/* Stripes of 2 MiB, the nodes in turn; longer ones in a zone of more than
 * 32 GiB, and on larger hugetlb pages. */
#define FIXHEAP_NODE_STRIPED (-1)
#define FIXHEAP_NODE_MIXED (-2) /* nobody knows without asking the kernel */

/*
 * fixheap_zones - call fn with data for each zone, by address
 *
 * What fn is told is its own until it returns.
 * Context: any thread; fn runs without locks and may call any function of this
 * library but fixheap_destroy.  Cost: O(zones), at most 256.
 * Return: 0, or what fn returned: anything but 0 ends the walk.
 */
int fixheap_zones(struct fixheap *heap,
		  int (*fn)(void *data, const struct fixheap_zone *zone),
		  void *data);

/*
 * fixheap_node_of - the node that the page of ptr belongs to
 *
 * From the heap's own metadata, without asking the kernel: where the page shall
 * be, allocated or free.  In a striped zone that is the node of its stripe.
 * Context: any thread.  Takes no lock, but for pages within 2 MiB of an array
 * that is bound elsewhere than its zone.  Cost: O(1), a few nanoseconds, or
 * O(log zones) where many lie close together; with the lock, O(log of the
 * heap's size).
 * Return: the node; FIXHEAP_NODE_MIXED: only the kernel knows (a mixed zone, an
 * array made with FIXHEAP_FRESH); -EFAULT: not an address of this heap.
 */
int fixheap_node_of(const struct fixheap *heap, const void *ptr);

/* Why a page is elsewhere, as far as that can be known afterwards. */
enum fixheap_misplaced {
	FIXHEAP_MISPLACED_SPILLED, /* its heap is not bound strictly */
	FIXHEAP_MISPLACED_POLICY,  /* somebody has bound it elsewhere */
	FIXHEAP_MISPLACED_CPUSET,  /* the process may not use its node now */
	/* touched before it was bound, or moved since; or the heap is not
	 * bound at all */
	FIXHEAP_MISPLACED_MOVED
};
struct fixheap_misplacement {
	size_t size;	   /* sizeof(struct fixheap_misplacement) */
	const void *start; /* pages in a row that are misplaced alike */
	size_t bytes;
	int wanted, node; /* where they should be, where they are */
	enum fixheap_misplaced why;
};
struct fixheap_verification {
	size_t size;	      /* sizeof(...), set by the caller */
	size_t checked_bytes; /* filled in: pages that have a node to be on */
	size_t present_bytes; /* of these, in memory */
	size_t right_bytes;   /* of these, on their node */
	/* NULL, or called for each row of misplaced pages, by address and
	 * without locks; a result other than 0 ends the verification */
	int (*report)(void *data, const struct fixheap_misplacement *what);
	void *data; /* first argument of report */
};
/*
 * fixheap_verify_placement - ask the kernel where pages are
 *
 * Looks at ceil(bytes / page) pages, at least one, from the page of start on,
 * or with start NULL at the whole heap; allocated or free.  Pages that are not
 * in memory have no place yet and are not counted as wrong; those that
 * fixheap_node_of calls FIXHEAP_NODE_MIXED are not looked at.
 * Context: any thread, without locks: what is allocated, freed or moved
 * meanwhile may be seen in between.  Cost: a call into the kernel for each
 * 2 MiB, 0.1 ms.
 * Return: 0: all are right; 1: some are not, or report returned something
 * above 0; what report returned, if that is below; -EFAULT: the range is not
 * in the heap; -EINVAL: verification NULL or of unknown size; -ENOSYS: the
 * system does not tell.  After an error the sums are of what was seen so far.
 */
int fixheap_verify_placement(struct fixheap *heap, const void *start,
			     size_t bytes,
			     struct fixheap_verification *verification);

/*
 * fixheap_bind_thread - serve the calling thread's objects from this node
 *
 * Small ones come from nowhere else while it has memory, large ones from the
 * nearest that has a run; arrays and page runs are not concerned.  The thread
 * itself stays where it is.  A thread has one such wish, for the heap that it
 * named last.
 * node -1: the node of the CPU that it runs on, looked at again once in 64
 * times that its cache is filled, which is how every thread begins.
 * Context: any thread, for itself.  Cost: emptying the thread's cache if the
 * node changes.  In a library without JEMALLOC it does nothing.
 * Return: 0; -EINVAL: no zone of the heap is on this node.
 */
int fixheap_bind_thread(struct fixheap *heap, int node);

/*
 * fixheap_malloc_node - as fixheap_malloc, from this node or not at all
 *
 * Freed and resized like any other object; fixheap_realloc may move it to
 * where the calling thread's objects come from.
 * Context: any thread.  Cost: about 50 ns, as it passes the thread's cache by;
 * above 14,336 bytes O(log of the heap's size).
 * Return: NULL with errno ENOMEM, or EINVAL: no zone of the heap is on it.
 */
void *fixheap_malloc_node(struct fixheap *heap, size_t bytes, int node);

/* fixheap_array_touch flags */
#define FIXHEAP_TOUCH_ZERO 0x1u /* clear the array, not only touch it */
/*
 * fixheap_array_touch - touch an array's pages from the nodes they belong to
 *
 * Starts up to nr_threads threads (0: one for each CPU; at most 1,024), bound
 * to those CPUs of the nodes of the array's parts that the caller may use,
 * which touch (or clear) the parts of their node, and waits for them.  With
 * fewer threads than nodes, or for a node without CPUs, others do it; where
 * nobody knows the node, as after FIXHEAP_FRESH, threads of the caller's node.
 * Contents are kept unless FIXHEAP_TOUCH_ZERO.
 * Context: any thread; holds no lock.  Others may use the array meanwhile
 * (without FIXHEAP_TOUCH_ZERO) but neither free nor resize it.  Signals sent
 * to the process are not delivered on the threads.
 * Cost: 60 us and a look at each 8 MiB of the array for each thread, and a
 * page fault for each page that is not in memory.
 * Return: 0; -EINVAL: an unknown flag, or not the start of an array (nor is
 * NULL), which goes to the fault handler first; -EAGAIN: no thread could be
 * started, nothing is done; -ENOTSUP: a library without ARRAY.
 */
int fixheap_array_touch(struct fixheap *heap, void *array, unsigned nr_threads,
			unsigned flags);

#ifdef __cplusplus
}
#endif

#endif
