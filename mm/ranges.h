/* SPDX-License-Identifier: BSD-2-Clause */
/* ranges.h: the regions of a heap as its user knows them; see ranges.c. */
#ifndef MM_RANGES_H
#define MM_RANGES_H

#include "mmzone.h"
#include "run.h"

#define RANGES_MAX 65534
#define RANGE_NONE 0xffff

/* Who gives its memory back. */
enum range_source {
	RANGE_CALLER, /* nobody: it is the caller's */
	RANGE_COMM,
	RANGE_HOST,
};

/* What fixheap_region calls a region. */
struct range {
	char *base;	/* (R) as given */
	size_t bytes;	/* (R) */
	u64 start_pfn;	/* (R) its pages; */
	u64 end_pfn;	/*     0: not in use */
	u64 key;	/* (R) */
	char *old_base; /* (R) what it was before region_realloc, */
	size_t old_bytes;
	u64 nr_isolated;  /* (R) pages of it that are out of use */
	u16 above, below; /* (R) neighbours by pfn, + 1 */
	u8 source;	  /* (R) enum range_source */
	bool own;	  /* (R) one array's, all of it */
	bool was_own;	  /* (R) goes back when it is empty */
	bool post;	  /* (R) made with FIXHEAP_POST_ALLOC */
	bool pending;	  /* (R) post_alloc or post_realloc is to come */
	bool isolated;	  /* (R) */
	bool zeroed;	  /* (R) reads as zero */
	bool mixed;	  /* (R) of several kinds of memory; and: */
	bool shared;	  /* (R) others may have it, too; known with: */
	u64 unit;	  /* (R) bytes that trim.c drops at once; 0: it has
			   * not asked yet */
};

/* Bytes of metadata for so many ranges. */
size_t ranges_bytes(u32 max_ranges);
size_t ranges_shared_bytes(u32 max_ranges);
/* The first range of a new heap, with its page numbers. */
void ranges_init(struct fixheap *heap, const struct range *first);

/*
 * range_add - take a range into the heap: its pages are free, or with own one
 * array
 *
 * want: base, bytes, key, source, own, was_own, pending, zeroed; node: of the
 * heap's.
 * Return: its id, or -EINVAL, -ENOSPC, -ERANGE as fixheap_add_region.
 */
int range_add(struct fixheap *heap, const struct range *want, u32 node);
/* registry.c: the same, or -EINVAL: it overlaps what a heap of the process
 * has. */
int registry_range_add(struct fixheap *heap, const struct range *want,
		       u32 node);
/* registry.c: whether a heap of the process has some of this memory. */
bool registry_overlaps(const void *base, size_t bytes);
/* So many pages and a range more would be allowed. */
bool ranges_have_room(struct fixheap *heap, u64 nr_pages);
/* Take it out: none of its pages is free or in use; those that are isolated do
 * not count any more. */
void range_del_locked(struct fixheap *heap, u32 id);
/* Let it be as said: all but its page numbers and neighbours. */
void range_change_locked(struct fixheap *heap, u32 id,
			 const struct range *changed);
/* So many pages of the zone count as the heap's, or, negative, do not. */
void range_count_locked(struct fixheap *heap, struct zone *zone, u64 nr);

/* The range of the page; NULL: none.  The region lock is held. */
struct range *range_find_locked(const struct fixheap *heap, u64 pfn);
/* The range behind this one; NULL begins, or ends.  The region lock is held. */
struct range *range_next_locked(const struct fixheap *heap,
				const struct range *range);
/*
 * The pages of the range that holds pfn, or of the next one, from pfn on;
 * false: there is none.  Without a lock held.
 */
bool range_pages(struct fixheap *heap, u64 pfn, struct bounds *pages);

static inline u32 range_id(const struct fixheap *heap,
			   const struct range *range)
{
	return (u32)(range - heap->range);
}

/* A copy of the range that holds ptr, and its id; false: none. */
bool range_read(const struct fixheap *heap, u64 pfn, struct range *range,
		u32 *id);

/* isolate.c: pages of the run that lie in isolated ranges stay out of use;
 * the others, one after the other: false, there are no more.  *rest begins as
 * the whole run. */
bool isolate_split_locked(struct fixheap *heap, struct run *rest,
			  struct run *part);

#endif
