/* SPDX-License-Identifier: BSD-2-Clause */
/* page_poison.h: free pages are filled with a pattern, which is checked when
 * they are handed out again; see page_poison.c.  Nothing is done without
 * CONFIG_PAGE_POISON. */
#ifndef MM_PAGE_POISON_H
#define MM_PAGE_POISON_H

#include "run.h"

#if IS_ENABLED(CONFIG_PAGE_POISON)

/* Bytes of zeroed metadata for so many pages. */
size_t page_poison_bytes(u64 nr_pages);
/* Fill a run that is about to be free.  No lock is held. */
void page_poison_fill(struct fixheap *heap, const struct run *run);
/* The run leaves the heap, free: whoever has its memory next writes to it.  The
 * region lock is held. */
void page_poison_forget(struct fixheap *heap, const struct run *run);
/* Note if a run was written to while it was free.  jemalloc may be waiting. */
void page_poison_check(struct fixheap *heap, const struct run *run);
/* Report what was noted.  Nothing is held or waiting. */
void page_poison_report(struct fixheap *heap);

#else

static inline void page_poison_report(struct fixheap *heap)
{
	(void)heap;
}

static inline size_t page_poison_bytes(u64 nr_pages)
{
	(void)nr_pages;
	return 0;
}

static inline void page_poison_fill(struct fixheap *heap, const struct run *run)
{
	(void)heap;
	(void)run;
}

static inline void page_poison_forget(struct fixheap *heap,
				      const struct run *run)
{
	(void)heap;
	(void)run;
}

static inline void page_poison_check(struct fixheap *heap,
				     const struct run *run)
{
	(void)heap;
	(void)run;
}

#endif

#endif
