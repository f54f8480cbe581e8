/* SPDX-License-Identifier: BSD-2-Clause */
/* prefault.h: bringing all pages of a heap into memory; see prefault.c. */
#ifndef MM_PREFAULT_H
#define MM_PREFAULT_H

#include "mmzone.h"
#include "ready.h"

#define NR_GROUPS (NODES_MAX + 1) /* the last: nobody knows the node */

struct group {
	u32 first, room; /* (C) its part of extent[] */
	u32 low, high;	 /* (J) extents of which something is left */
	bool from_high;	 /* (J) the next unit is from the high end */
	bool has_thread; /* (C) */
};

struct prefault {
	struct fixheap *heap;	     /* (C) */
	struct fixheap_prefault how; /* (C) */
	size_t bytes;		     /* (C) of the job itself */
	u64 unit;		     /* (C) pages */
	u64 total;		     /* (C) pages */
	void *thread;		     /* in the background; prefault_lock */
	bool over;		     /* (A) the thread is about to end */
	u64 done;		     /* (A) pages */
	u64 told;		     /* (A) pages that progress knows of */
	u32 telling;		     /* (A) it is being called */
	int error;		     /* (A) the first one */
	spinlock_t lock;	     /* (J) */
	u32 nr_threads;		     /* (C) */
	u32 group_of[TOUCHERS_MAX];  /* (C) of each thread, */
	u32 number[TOUCHERS_MAX];    /* (C) as the kernel counts */
	struct group group[NR_GROUPS];
	struct bounds extent[]; /* (J) what is left of them */
};

/* prefault_plan.c: what there is to do for the heap now; NULL: there is no room
 * for it.  host_release gives it back. */
struct prefault *prefault_make(struct fixheap *heap,
			       const struct fixheap_prefault *how);

/* The heap ends: stop it and wait. */
void prefault_end(struct fixheap *heap);
/* In a child of fork there are no threads but the caller's. */
void prefault_fork_child(struct fixheap *heap);

#endif
