/* SPDX-License-Identifier: BSD-2-Clause */
/* pcp.h: per-CPU caches of single pages; see pcp.c.  Without CONFIG_PER_CPU
 * nothing is cached. */
#ifndef MM_PCP_H
#define MM_PCP_H

#include "contig.h"
#include "run.h"

#if IS_ENABLED(CONFIG_PER_CPU)

#define PCP_BUFFER 64

struct pcp {
	spinlock_t lock;
	u64 word;		/* (P) pages of the group that are here */
	u64 zero;		/* (P) those that read as zero */
	u64 base;		/* (P) first pfn of the group */
	u32 nr;			/* (P) pages in the buffer */
	u32 nr_pages;		/* (P) written, (A) read */
	u32 buffer[PCP_BUFFER]; /* (P) pfns from the zone's start */
} __attribute__((aligned(64)));

size_t pcp_bytes(u32 nr_cpus);
void pcp_init(struct zone *zone, void *memory);
/* A page from this CPU's cache, filled from the zone where it is empty; its
 * descriptor becomes page.  false: ask the zone.  Neither lock is held. */
bool pcp_get(struct zone *zone, u64 page, u64 *pfn, bool *zero);
/* Keep the page whose descriptor is still page; false: not kept. */
bool pcp_put(struct zone *zone, u64 page, u64 pfn);
/* Give all pages of all CPUs back to the zone; their number. */
u64 pcp_drain(struct zone *zone);
/* Pages in the caches of the zone now. */
u64 pcp_count(const struct zone *zone);
/* Around fork. */
void pcp_lock_all(struct zone *zone);
void pcp_unlock_all(struct zone *zone);

#else

static inline size_t pcp_bytes(u32 nr_cpus)
{
	(void)nr_cpus;
	return 0;
}

static inline void pcp_init(struct zone *zone, void *memory)
{
	(void)zone;
	(void)memory;
}

static inline bool pcp_get(struct zone *zone, u64 page, u64 *pfn, bool *zero)
{
	(void)zone;
	(void)page;
	(void)pfn;
	(void)zero;
	return false;
}

static inline bool pcp_put(struct zone *zone, u64 page, u64 pfn)
{
	(void)zone;
	(void)page;
	(void)pfn;
	return false;
}

static inline u64 pcp_drain(struct zone *zone)
{
	(void)zone;
	return 0;
}

static inline u64 pcp_count(const struct zone *zone)
{
	(void)zone;
	return 0;
}

static inline void pcp_lock_all(struct zone *zone)
{
	(void)zone;
}

static inline void pcp_unlock_all(struct zone *zone)
{
	(void)zone;
}

#endif

#endif
