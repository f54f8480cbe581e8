/* SPDX-License-Identifier: BSD-2-Clause */
/* page_owner.h: who allocated and who freed a run; see page_owner.c.  Nothing
 * is recorded without CONFIG_PAGE_OWNER. */
#ifndef MM_PAGE_OWNER_H
#define MM_PAGE_OWNER_H

#include "mmzone.h"

/* Where the public function that uses this was called from. */
#define CALLER __builtin_return_address(0)

#if IS_ENABLED(CONFIG_PAGE_OWNER)

/* Bytes of zeroed metadata for so many pages. */
size_t page_owner_bytes(u64 nr_pages);
void page_owner_alloc(struct fixheap *heap, const void *start, void *caller);
void page_owner_free(struct fixheap *heap, const void *start, void *caller);
/* A run with head `to` was split off the one with head `from`. */
void page_owner_split(struct fixheap *heap, u64 from, u64 to);
/* Describe the owner of the run with head pfn; text may stay empty. */
void page_owner_text(const struct fixheap *heap, u64 pfn, char *text,
		     size_t bytes);

#else

static inline size_t page_owner_bytes(u64 nr_pages)
{
	(void)nr_pages;
	return 0;
}

static inline void page_owner_alloc(struct fixheap *heap, const void *start,
				    void *caller)
{
	(void)heap;
	(void)start;
	(void)caller;
}

static inline void page_owner_free(struct fixheap *heap, const void *start,
				   void *caller)
{
	(void)heap;
	(void)start;
	(void)caller;
}

static inline void page_owner_split(struct fixheap *heap, u64 from, u64 to)
{
	(void)heap;
	(void)from;
	(void)to;
}

static inline void page_owner_text(const struct fixheap *heap, u64 pfn,
				   char *text, size_t bytes)
{
	(void)heap;
	(void)pfn;
	(void)bytes;
	text[0] = '\0';
}

#endif

#endif
