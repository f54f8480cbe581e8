/* SPDX-License-Identifier: BSD-2-Clause */
/* page_group.h: single pages, many at a time; see page_group.c. */
#ifndef MM_PAGE_GROUP_H
#define MM_PAGE_GROUP_H

#include "mmzone.h"

/*
 * Whether a thread has a cache of pages of its own.  Without jemalloc there are
 * no threads to own one, and what debugs pages wants to see each of them.
 */
#define THREAD_PAGES                                                          \
	(IS_ENABLED(CONFIG_JEMALLOC) && IS_ENABLED(CONFIG_PER_CPU) &&         \
	 !IS_ENABLED(CONFIG_PAGE_POISON) && !IS_ENABLED(CONFIG_PAGE_OWNER) && \
	 !IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC))

#define NO_GROUP (1ull << 63) /* as a base: no page is of these 64 */

/* Pages out of the same 64 of a pageblock, in use for their zone; their
 * descriptors are PAGE_CACHED. */
struct page_group {
	u64 word; /* which */
	u64 zero; /* those that read as zero, a subset */
	u64 base; /* pfn of the first of the 64 */
};

static inline u64 page_cached(const struct node *node)
{
	return page_make(PAGE_CACHED, PLACE_SMALL, node->index);
}

#define PAGE_GROUPS 64 /* at most, at a time */
#define PAGE_GROUPS_WANT BLOCK_PAGES

/*
 * Groups of about `want` free pages, 1 to PAGE_GROUPS_WANT, out of the fullest
 * blocks of the node: one group if it is 1, PAGE_GROUPS at most.  Returns their
 * number; 0: the node has no page.  The region lock is held.  Each is marked
 * then, for which no lock is needed.
 */
u32 page_groups_claim(struct node *node, u32 want, struct page_group *group);
void page_group_mark(struct node *node, const struct page_group *group);
/* Give all pages of the group back.  The region lock is held. */
void page_group_give(struct node *node, const struct page_group *group);
/*
 * Give back nr pages of any order, whose descriptors are PAGE_CACHED; spare is
 * room for as many.  Takes the region lock for a few blocks at a time; _locked:
 * it is held.
 */
void pages_give(struct node *node, u32 *pfn, u32 *spare, u32 nr);
void pages_give_locked(struct node *node, u32 *pfn, u32 *spare, u32 nr);

#endif
