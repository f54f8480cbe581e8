/* SPDX-License-Identifier: BSD-2-Clause */
/* tag.h: what the program says a run is for; see tag.c.  Without CONFIG_TAGS
 * nothing is kept. */
#ifndef MM_TAG_H
#define MM_TAG_H

#include "mmzone.h"

/* Runs that carry a tag, of which there are so many. */
struct tag_count {
	u64 nr_pages, peak_pages; /* (A) */
	u64 nr_runs;		  /* (A) */
};

#if IS_ENABLED(CONFIG_TAGS)

/* Bytes of zeroed metadata for so many pages; for the counts. */
size_t tag_bytes(u64 nr_pages);
size_t tag_count_bytes(void);
/* That of the calling thread. */
extern __thread u32 tag_of_thread
	__attribute__((tls_model("initial-exec"), visibility("hidden")));

static inline u32 tag_current(void)
{
	return tag_of_thread;
}

/* A run of the heap will have this tag: from now on they are kept. */
void tag_begin(struct fixheap *heap, u32 tag);
/* A run of so many pages is there, sign 1, or not any more, -1. */
void tag_add(struct fixheap *heap, u64 pfn, u64 nr_pages, int sign);

/* The tag of the run at pfn. */
static inline u32 tag_of(const struct fixheap *heap, u64 pfn)
{
	return likely(!heap->tagged)
		       ? 0
		       : __atomic_load_n(&heap->tag_of[pfn], __ATOMIC_RELAXED);
}

/* The run that is about to begin at pfn has this tag. */
static inline void tag_set(struct fixheap *heap, u64 pfn, u32 tag)
{
	if (unlikely(heap->tagged))
		__atomic_store_n(&heap->tag_of[pfn], (u16)tag,
				 __ATOMIC_RELAXED);
}

static inline void tag_run(struct fixheap *heap, u64 pfn, u64 nr_pages,
			   int sign)
{
	if (unlikely(heap->tagged))
		tag_add(heap, pfn, nr_pages, sign);
}

#else

static inline size_t tag_bytes(u64 nr_pages)
{
	(void)nr_pages;
	return 0;
}

static inline size_t tag_count_bytes(void)
{
	return 0;
}

static inline u32 tag_current(void)
{
	return 0;
}

static inline void tag_begin(struct fixheap *heap, u32 tag)
{
	(void)heap;
	(void)tag;
}

static inline u32 tag_of(const struct fixheap *heap, u64 pfn)
{
	(void)heap;
	(void)pfn;
	return 0;
}

static inline void tag_set(struct fixheap *heap, u64 pfn, u32 tag)
{
	(void)heap;
	(void)pfn;
	(void)tag;
}

static inline void tag_run(struct fixheap *heap, u64 pfn, u64 nr_pages,
			   int sign)
{
	(void)heap;
	(void)pfn;
	(void)nr_pages;
	(void)sign;
}

#endif

/* What the thread takes now, or gives, is perhaps to be counted by its tag. */
static inline bool tag_matters(const struct fixheap *heap)
{
	return IS_ENABLED(CONFIG_TAGS) && (heap->tagged || tag_current());
}

/* The run has another tag now. */
static inline void tag_change(struct fixheap *heap, u64 pfn, u64 nr_pages,
			      u32 tag)
{
	tag_run(heap, pfn, nr_pages, -1);
	tag_set(heap, pfn, tag);
	tag_run(heap, pfn, nr_pages, 1);
}

#endif
