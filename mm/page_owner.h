/* SPDX-License-Identifier: BSD-2-Clause */
/* page_owner.h: who allocated and who freed a page; see page_owner.c.  Nothing
 * is recorded without CONFIG_PAGE_OWNER. */
#ifndef MM_PAGE_OWNER_H
#define MM_PAGE_OWNER_H

#include "mmzone.h"

/* Where the public function that uses this was called from. */
#define CALLER __builtin_return_address(0)

/* Return addresses that are kept: that of the public function, and of those
 * that called its caller. */
#define OWNER_FRAMES 8
/* Room for one place in a message, and for all that page_owner_text writes. */
#define OWNER_PLACE_BYTES 160
#define OWNER_TEXT_BYTES (2 * OWNER_FRAMES * (OWNER_PLACE_BYTES + 3) + 40)

/* Who does something, and when; drawn before pages are given away. */
struct owner_mark {
	void *caller; /* return address of the public function */
	u64 number;   /* 1, 2, ... */
};

#if IS_ENABLED(CONFIG_PAGE_OWNER)

/* Bytes of zeroed metadata for so many pages. */
size_t page_owner_bytes(u64 nr_pages);
struct owner_mark page_owner_mark(struct fixheap *heap, void *caller);
/* The caller got these pages. */
void page_owner_alloc(struct fixheap *heap, const void *start, u64 nr_pages,
		      void *caller);
/* These pages are no longer his. */
void page_owner_free(struct fixheap *heap, u64 pfn, u64 nr_pages,
		     struct owner_mark mark);
/* The run at start had nr_pages[0] pages, now it has nr_pages[1]. */
void page_owner_resize(struct fixheap *heap, const void *start,
		       const u64 nr_pages[2], struct owner_mark mark);
/* Describe who had this page last; text may stay empty. */
void page_owner_text(const struct fixheap *heap, u64 pfn, char *text,
		     size_t bytes);

#else

static inline size_t page_owner_bytes(u64 nr_pages)
{
	(void)nr_pages;
	return 0;
}

static inline struct owner_mark page_owner_mark(struct fixheap *heap,
						void *caller)
{
	(void)heap;
	return (struct owner_mark){ caller, 0 };
}

static inline void page_owner_alloc(struct fixheap *heap, const void *start,
				    u64 nr_pages, void *caller)
{
	(void)heap;
	(void)start;
	(void)nr_pages;
	(void)caller;
}

static inline void page_owner_free(struct fixheap *heap, u64 pfn, u64 nr_pages,
				   struct owner_mark mark)
{
	(void)heap;
	(void)pfn;
	(void)nr_pages;
	(void)mark;
}

static inline void page_owner_resize(struct fixheap *heap, const void *start,
				     const u64 nr_pages[2],
				     struct owner_mark mark)
{
	(void)heap;
	(void)start;
	(void)nr_pages;
	(void)mark;
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
