/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap/comm.h: regions, and the communication layer that they come from.
 * Included by <fixheap/fixheap.h>.
 *
 * A heap's memory is one or more *regions*: contiguous, each registered once
 * with the network as a whole.  No run of pages, and so no array and no
 * object, reaches over the border of two regions that touch each other, if
 * they do not have the same key.
 *
 *   FIXHEAP_FIXED    one region, the caller's, at creation; more by
 *                    fixheap_add_region
 *   FIXHEAP_DYNAMIC  regions asked of struct fixheap_comm when they are needed
 *   FIXHEAP_SIMPLE   the same of the operating system
 *
 * All functions work alike in all three.
 */
#ifndef FIXHEAP_COMM_H
#define FIXHEAP_COMM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fixheap;

/* The key of a region that shares it with no other; see struct
 * fixheap_region. */
#define FIXHEAP_KEY_NONE UINT64_MAX

/* fixheap_comm.flags */
/* fixheap_array_realloc fails with EXDEV where the array would move between a
 * region of its own and others: the runtime makes the new one itself */
#define FIXHEAP_COMM_NO_CROSSING 0x1u
/* a failure of the comm layer is written to stderr and aborts the process */
#define FIXHEAP_COMM_HALT 0x2u
/* what alloc gives reads as zero */
#define FIXHEAP_COMM_ZEROED 0x4u

/* A failure of the comm layer; text in English. */
struct fixheap_comm_failure {
	size_t size;	  /* sizeof(struct fixheap_comm_failure) */
	const char *call; /* member that failed: "region_alloc", ... */
	const char *what; /* "failed", "memory that is in use already", ... */
	void *base;	  /* of the region; NULL: none */
	size_t bytes;
	int error; /* errno value */
};

/*
 * What a comm layer offers; every member but size may be 0 or NULL.  The
 * struct and what it points to must live as long as the heap.
 *
 * The callbacks run on the thread whose call needs them, without any lock of
 * the heap held, one at a time for each heap (but region_free, which any may
 * call at any time).  They may use any malloc, other heaps, and free on this
 * one, but must not allocate from this heap.  data is their first argument.
 */
struct fixheap_comm {
	size_t size; /* sizeof(struct fixheap_comm) */
	void *data;
	unsigned flags;	  /* FIXHEAP_COMM_... */
	size_t page_size; /* bytes; regions are asked for in multiples of it, a
			   * power of two; 0: fixheap_page_size() */
	/* FIXHEAP_DYNAMIC: an array of so many bytes or more, rounded up to
	 * pages, gets a region of its own, which goes back when the array is
	 * freed; 0: none does, nor one with an alignment beyond page_size, nor
	 * one over several nodes */
	size_t alloc_threshold;
	/* largest heap, "64G" or "50%" (of the machine's memory), if it is less
	 * than config.max_bytes; NULL: not said */
	const char *max_heap;
	/* regions are touched by so many threads before they are registered, if
	 * there is no touch below; 0: not at all */
	unsigned touch_threads;

	/* FIXHEAP_FIXED with config.base NULL: the heap's memory.  0 or
	 * -errno, which fixheap_create returns. */
	int (*heap_info)(void *data, void **base, size_t *bytes,
			 size_t *page_size);
	/* FIXHEAP_DYNAMIC, required: memory for a region, bytes at least, not
	 * registered, better not touched; of this node if it is not negative
	 * and may be chosen.  NULL: there is none. */
	void *(*region_alloc)(void *data, size_t bytes, int node);
	/* Touch a region in parallel, before post_alloc; not called for arrays
	 * made with FIXHEAP_POST_ALLOC. */
	void (*touch)(void *data, void *base, size_t bytes);
	/* Register a region, touched or not.  *key is what it has so far
	 * (FIXHEAP_KEY_NONE; FIXHEAP_FIXED: config.key, FIXHEAP_SIMPLE: 0); it
	 * may be set to what the peers need to reach the region.  Called once
	 * for each, the first one of FIXHEAP_FIXED included, but not for those
	 * of fixheap_add_region, whose key is given.  0 or -errno: the
	 * region goes back, and the allocation, or fixheap_create, fails. */
	int (*post_alloc)(void *data, void *base, size_t bytes, uint64_t *key);
	/* Another length for the region of one array, contents kept up to the
	 * shorter; it may move.  old_bytes is what was asked for before.
	 * NULL: not possible, nothing is changed, and fixheap moves the array
	 * itself. */
	void *(*region_realloc)(void *data, void *base, size_t old_bytes,
				size_t bytes);
	/* Register it again, after region_realloc (of an array made with
	 * FIXHEAP_POST_ALLOC: by fixheap_array_post_alloc).  Like post_alloc,
	 * but if it fails the array stays, with the key given. */
	int (*post_realloc)(void *data, void *old_base, size_t old_bytes,
			    void *base, size_t bytes, uint64_t *key);
	/* Deregister and free a region, of as many bytes as were asked for;
	 * false, without effect: not mine.  The key is that of the region. */
	bool (*region_free)(void *data, void *base, size_t bytes, uint64_t key);
	/* Told of each failure; not called with FIXHEAP_COMM_HALT. */
	void (*failed)(void *data, const struct fixheap_comm_failure *failure);
};
#define FIXHEAP_COMM_INIT                                                  \
	{                                                                  \
		sizeof(struct fixheap_comm), NULL, 0, 0, 0, NULL, 0, NULL, \
			NULL, NULL, NULL, NULL, NULL, NULL, NULL           \
	}

/* fixheap_region.flags */
#define FIXHEAP_REGION_ZEROED 0x1u   /* in: its memory reads as zero */
#define FIXHEAP_REGION_OWN 0x2u	     /* out: it is one array's */
#define FIXHEAP_REGION_ISOLATED 0x4u /* out: nothing is allocated there */
#define FIXHEAP_REGION_PENDING 0x8u  /* out: post_alloc is still to be called */

struct fixheap_region {
	size_t size; /* sizeof(struct fixheap_region) */
	void *base;
	size_t bytes;
	/* what the network calls it; regions that touch each other and have
	 * the same key are one to the allocator, FIXHEAP_KEY_NONE excepted (and
	 * some that came to lie between others in an unlucky order) */
	uint64_t key;
	int node;	/* the kernel's number; negative: where its pages are,
			 * or the node of the caller's CPU */
	unsigned flags; /* FIXHEAP_REGION_... */
	unsigned id;   /* out: its number, from 0, used again once it is gone */
	size_t offset; /* out, fixheap_region_of: bytes from base to ptr */
};
#define FIXHEAP_REGION_INIT                                            \
	{                                                              \
		sizeof(struct fixheap_region), NULL, 0, 0, -1, 0, 0, 0 \
	}

/*
 * fixheap_add_region - give a heap more memory; region->id is set
 *
 * The memory stays the caller's: fixheap_destroy leaves it alone.  The part of
 * a page at either end is not used.
 * Context: any thread.  Cost: 2 us, and 8 ns for each pageblock.
 * Return: 0; -EINVAL: a bad region, smaller than a page, or it overlaps one of
 * this heap or another of the process; -ENOSPC: max_bytes or max_regions of the
 * config; -ERANGE: no room for it in the heap's page numbers; -ENODEV: the node
 * is none of the heap's; -EACCES: the kernel did not bind it there;
 * -ENOTSUP: FIXHEAP_DETERMINISTIC.
 */
int fixheap_add_region(struct fixheap *heap, struct fixheap_region *region);

/* fixheap_offline_region flags */
#define FIXHEAP_OFFLINE_LOST 0x1u /* its memory is gone, with all in it */
/*
 * fixheap_offline_region - take a region out of a heap
 *
 * From now on nothing is allocated in it.  If nothing is in use there any
 * more, caches taken back, it leaves the heap, and memory from the
 * comm layer or the system goes back.  Else it stays, isolated: call again when
 * more was freed, or fixheap_online_region to use it again.
 * FIXHEAP_OFFLINE_LOST: its memory does not exist any more (a peer's, say, that
 * died): arrays, page runs and objects above 14,336 bytes in it are forgotten,
 * so that freeing one is a caller's mistake ("foreign pointer"), and no
 * callback is called for it; not possible where small objects are in it.
 * While a region is isolated, small objects come from fresh slabs in others,
 * and a free one goes back to its slab at once, which takes 50 ns.
 * Context: any thread; others may allocate and free meanwhile.
 * Cost: as fixheap_reclaim, and O(the region's free runs).
 * Return: 0; -EBUSY: something in it is in use; -ENOENT: no such region;
 * -EINVAL: unknown flags; -ENOTSUP: FIXHEAP_DETERMINISTIC.
 */
int fixheap_offline_region(struct fixheap *heap, unsigned id, unsigned flags);
/* Let an isolated region be used again.  0; -ENOENT: no such region. */
int fixheap_online_region(struct fixheap *heap, unsigned id);

/*
 * fixheap_region_of - the region that holds ptr, and where in it
 *
 * ptr may point to any byte of the heap, allocated or not.
 * Context: any thread; no lock.  Cost: O(1), under 0.1 us.
 * Return: 0 and *region, of which size is set by the caller; -ENOENT: not in
 * the heap; -EINVAL: a bad size.
 */
int fixheap_region_of(struct fixheap *heap, const void *ptr,
		      struct fixheap_region *region);
/* The region with this id, or the next higher one.  As fixheap_region_of. */
int fixheap_region_at(struct fixheap *heap, unsigned id,
		      struct fixheap_region *region);

/*
 * fixheap_array_post_alloc - register the region of an array made with
 * FIXHEAP_POST_ALLOC, after the program has touched it; and again after each
 * fixheap_array_realloc, if its region is FIXHEAP_REGION_PENDING then
 *
 * Until then an array that shrinks keeps all of its region.
 * Where nothing is to be done, as for an array in a region that others share,
 * it returns 0.  On failure the array stays; it may be tried again.
 * Context: any thread.  Cost: the callback's.
 * Return: 0, or what post_alloc or post_realloc returned; -EINVAL: not an
 * array's start.
 */
int fixheap_array_post_alloc(struct fixheap *heap, void *array);

/* Whether fixheap_array_realloc to so many bytes would stay on its side of the
 * comm layer's threshold (always, where there is none). */
bool fixheap_array_can_realloc(struct fixheap *heap, const void *array,
			       size_t bytes);

/* As fixheap_free of what was allocated with this size: more bytes than the
 * object has are a caller's mistake, "wrong size". */
void fixheap_free_sized(struct fixheap *heap, void *ptr, size_t bytes);

/* Bytes that an object of so many would have: fixheap_usable_size, before it is
 * allocated.  SIZE_MAX where it overflows. */
size_t fixheap_good_size(size_t bytes);

/* "64M", "1.5G", "8GB" (of 1000), "50%" of the machine's memory in bytes.  0;
 * -EINVAL: not a size; -ERANGE: too large. */
int fixheap_parse_size(const char *text, size_t *bytes);

#ifdef __cplusplus
}
#endif

#endif
