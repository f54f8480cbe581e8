/* SPDX-License-Identifier: BSD-2-Clause */
/* grow.h: regions from the comm layer or the system; see grow.c, own.c. */
#ifndef MM_GROW_H
#define MM_GROW_H

#include "ranges.h"

/* A failure of the comm layer: to its `failed`, or the end. */
void comm_failed(const struct fixheap_comm *comm, const char *call,
		 const char *what, const struct range *range, int error);

/* 0; -EINVAL: a bad struct, -ERANGE: its max_heap. */
int comm_check(const struct fixheap_config *config);

/*
 * Memory for a heap, or of one: base, bytes and source are set.  node: the
 * kernel's number, or negative.  0 or -ENOMEM; failures are reported.
 */
int comm_alloc(const struct fixheap_config *config, size_t bytes, int node,
	       struct range *range);
/* Touch and register it; key and pending are set.  0 or -errno, reported. */
int comm_register(const struct fixheap_comm *comm, struct range *range);
/* Give it back to where it came from. */
void comm_free(const struct fixheap_comm *comm, const struct range *range);

/* Pages for the parts of one at both ends of memory that is not aligned. */
#define SPARE_PAGES 1

/* ask_lock is held: memory of so many bytes for the heap's node n, bound and,
 * if it is not pending, registered.  0 or -ENOMEM; failures are reported. */
int grow_ask(struct fixheap *heap, size_t bytes, u32 n, struct range *range);
/* Bind it to the heap's node n, if the heap binds: 0 or -errno. */
int grow_place(struct fixheap *heap, const struct range *range, u32 n);
/* The kernel's number of it, or -1. */
int grow_number(const struct fixheap *heap, u32 n);

/* A range has left the heap: its memory goes back. */
void range_release(struct fixheap *heap, const struct range *range);

/*
 * heap_more - a region more, of which the request can be served
 * @nr_asked: heap->nr_asked before the caller has found no run
 *
 * Context: no lock.  Return: 0: try again; or -ENOMEM.
 */
int heap_more(struct fixheap *heap, const struct run_request *req,
	      u64 nr_asked);

/* --- own.c: arrays with a region of their own --------------------------- */

/* Whether the array gets one. */
bool own_is_wanted(const struct fixheap *heap, const struct run_request *req);
/* 0 and *run; -ENOMEM; -EAGAIN: the heap may not have more regions. */
int own_alloc(struct fixheap *heap, const struct run_request *req,
	      struct run *run);
/* The array at run->pfn, if it has one of its own: freed, *run is all of it.
 * false: it has not. */
bool own_free(struct fixheap *heap, struct run *run);
/* The same for realloc: *moved is the new array, NULL with errno set: refused,
 * nothing is changed.  false: not here. */
bool own_realloc(struct fixheap *heap, void *array, u64 nr_pages, void **moved);
/* Pages that the array at pfn keeps when it shrinks, as its region is not yet
 * registered; else 0. */
u64 own_least(struct fixheap *heap, u64 pfn);
/* The array at pfn has become shorter: the rest of its region is for all. */
void own_shrunk(struct fixheap *heap, u64 pfn);
/* own_post.c: register it after region_realloc.  0 or -errno, reported. */
int own_register_again(const struct fixheap_comm *comm, struct range *range);
/* Whether the page is of an array made with FIXHEAP_POST_ALLOC that has a
 * region of its own. */
bool own_is_post(struct fixheap *heap, u64 pfn);
/* isolate.c: the range at pfn, if it was an array's own, leaves when it is
 * empty. */
void isolate_give_back(struct fixheap *heap, u64 pfn);

#endif
