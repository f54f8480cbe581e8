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
	u32 buffer[PCP_BUFFER]; /* (P) pfns */
} __attribute__((aligned(64)));

size_t pcp_bytes(u32 nr_cpus);
void pcp_init(struct node *node, void *memory);
/* A page from this CPU's cache, filled from the node's zones where it is empty;
 * its descriptor becomes page.  false: ask the zones.  No lock is held. */
bool pcp_get(struct node *node, u64 page, u64 *pfn, bool *zero);
/* Keep the page whose descriptor is still page; false: not kept. */
bool pcp_put(struct node *node, u64 page, u64 pfn);
/* Give all pages of all CPUs back to the zones; their number. */
u64 pcp_drain(struct node *node);
/* The same with all their locks held. */
void pcp_drain_locked(struct node *node);
/* Pages in the caches of the node now, and in that of one CPU. */
u64 pcp_count(const struct node *node);
static inline u64 pcp_count_cpu(const struct node *node, u32 cpu)
{
	return __atomic_load_n(&node->pcp[cpu].nr_pages, __ATOMIC_RELAXED);
}
/* All caches of the node: around fork, and for the last attempt. */
void pcp_lock_all(struct node *node);
void pcp_unlock_all(struct node *node);

#else

static inline size_t pcp_bytes(u32 nr_cpus)
{
	(void)nr_cpus;
	return 0;
}

static inline void pcp_init(struct node *node, void *memory)
{
	(void)node;
	(void)memory;
}

static inline bool pcp_get(struct node *node, u64 page, u64 *pfn, bool *zero)
{
	(void)node;
	(void)page;
	(void)pfn;
	(void)zero;
	return false;
}

static inline bool pcp_put(struct node *node, u64 page, u64 pfn)
{
	(void)node;
	(void)page;
	(void)pfn;
	return false;
}

static inline u64 pcp_drain(struct node *node)
{
	(void)node;
	return 0;
}

static inline void pcp_drain_locked(struct node *node)
{
	(void)node;
}

static inline u64 pcp_count(const struct node *node)
{
	(void)node;
	return 0;
}

static inline u64 pcp_count_cpu(const struct node *node, u32 cpu)
{
	(void)node;
	(void)cpu;
	return 0;
}

static inline void pcp_lock_all(struct node *node)
{
	(void)node;
}

static inline void pcp_unlock_all(struct node *node)
{
	(void)node;
}

#endif

#endif
