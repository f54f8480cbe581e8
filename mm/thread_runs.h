/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * thread_runs.h: a thread's own cache of objects that are a run of pages; see
 * thread_runs.c.  It is there where thread_pages.h has one.
 */
#ifndef MM_THREAD_RUNS_H
#define MM_THREAD_RUNS_H

#include "thread_pages.h"

#if THREAD_PAGES

/* An object of exactly so many pages, which is not cleared; NULL: ask the
 * heap. */
void *thread_run_get(struct fixheap *heap, u64 nr_pages);
/* Keep the object that starts at ptr; false: it is not one to be kept. */
bool thread_run_put(struct fixheap *heap, void *ptr);

#else

static inline void *thread_run_get(struct fixheap *heap, u64 nr_pages)
{
	(void)heap;
	(void)nr_pages;
	return NULL;
}

static inline bool thread_run_put(struct fixheap *heap, void *ptr)
{
	(void)heap;
	(void)ptr;
	return false;
}

#endif

#endif
