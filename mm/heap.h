/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.h: what the clients of the waist (array.c, pages.c, malloc.c) share:
 * argument checks, faults, reclaim, and the seam to the objects' side.
 */
#ifndef MM_HEAP_H
#define MM_HEAP_H

#include "run.h"

/*
 * Report a caller's mistake: fills struct fixheap_fault and calls the heap's
 * handler.  Call it without locks.  errno is kept.
 */
void heap_fault(struct fixheap *heap, const char *api, const char *what,
		const void *address, size_t length);

/* The page-aligned start of nr_pages pages of the heap in *pfn (0: one page,
 * of a call without a length); false: it is not, which was reported. */
bool heap_check(struct fixheap *heap, const char *api, const void *start,
		u64 nr_pages, u64 *pfn);

/*
 * run_alloc, then everything reclaimed, then once more; a part of an eighth of
 * the heap or more: what caches hold is taken back before.  Sets errno.
 * Not from within a jemalloc hook.  NULL or the address.
 */
void *heap_alloc_run(struct fixheap *heap, const struct run_request *req);

/* An allocation has failed for good: count it, set errno. */
void heap_refused(struct fixheap *heap);

/*
 * run_resize, likewise; a mistake is reported for api.  *nr_pages: the length
 * wanted, then the length before.  Live bytes are accounted.  0 or -errno.
 */
int heap_resize_run(struct fixheap *heap, const char *api, void *start,
		    u64 *nr_pages, enum page_kind kind);

/*
 * Free the whole run at start for api, called from caller; a mistake is
 * reported.  Live bytes are accounted.  errno is kept.
 */
void heap_free_run(struct fixheap *heap, const char *api, void *start,
		   enum page_kind kind, void *caller);

/* run_free of a whole run, DIRECT or ARRAY, also of one that is bound elsewhere
 * than at home. */
const char *heap_give_run(struct fixheap *heap, struct run *run,
			  enum page_kind kind);

/* Whether a symmetric heap can have such an alignment; others always can. */
bool heap_may_align(const struct fixheap *heap, size_t alignment);

/* Fill req from a public attribute.  0, -EINVAL or -ENOTSUP. */
int heap_attr(const struct fixheap *heap, const struct fixheap_array_attr *attr,
	      struct run_request *req);

/* Bytes to pages, rounded up, at least one. */
static inline u64 bytes_to_pages(size_t bytes)
{
	u64 pages = ((u64)bytes >> PAGE_SHIFT) + !!(bytes & (PAGE_BYTES - 1));

	return pages ? pages : 1;
}

/*
 * Write to every page without a change that others could see.  clang makes a
 * mere load of it when it sees that nothing is added, and the page is that of
 * all zeroes then; and atomic bytes are calls of libatomic on some processors.
 */
static inline void touch_pages(char *start, char *end)
{
	volatile u32 nothing = 0;

	for (; start < end; start += HOST_PAGE_MIN)
		__atomic_fetch_or((u32 *)start, nothing, __ATOMIC_RELAXED);
}

/* Live bytes went up or down by this much.  Any thread. */
#if IS_ENABLED(CONFIG_VMSTAT)
void heap_account(struct fixheap *heap, long bytes);
#else
static inline void heap_account(struct fixheap *heap, long bytes)
{
	(void)heap;
	(void)bytes;
}
#endif

/* leaks.c: tell on stderr what is still allocated; nobody else is in the heap.
 * Nothing without CONFIG_PRINT. */
#if IS_ENABLED(CONFIG_PRINT)
void leaks_report(struct fixheap *heap);
#else
static inline void leaks_report(struct fixheap *heap)
{
	(void)heap;
}
#endif

/* registry.c: the heaps of this process.  0, or -EINVAL: they overlap. */
int registry_add(struct fixheap *heap);
void registry_del(struct fixheap *heap);

/* registry.c: take every lock of caches and zones of all heaps, or of one;
 * for fork, after jemalloc's locks have been taken, and for validate. */
void heap_fork_prepare(void);
void heap_fork_parent(void);
void heap_fork_child(void);
void heap_lock_all(struct fixheap *heap);
void heap_unlock_all(struct fixheap *heap);

#endif
