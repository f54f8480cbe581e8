/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * extent_hooks.h: a node's jemalloc arena; see extent_hooks.c.
 */
#ifndef MM_EXTENT_HOOKS_H
#define MM_EXTENT_HOOKS_H

#include "je.h"
#include "mmzone.h"

/*
 * An arena of jemalloc and the node that it takes pages from.  Lives as long
 * as the process; between two heaps it waits in a list without a node.
 * (L) lock of the list of threads, threads_lock.
 */
struct binding {
	struct extent_hooks hooks; /* first: jemalloc's handle is this */
	struct node *node;	   /* (A) NULL: no memory to be had */
	u64 nr_pages;		   /* (A) pages that jemalloc holds */
	u32 arena;		   /* (C) */
	u32 nr_probes;		   /* (A) requests without a node ... */
	size_t probe_bytes;	   /* (A) ... and the last one's size */
	struct binding *next;	   /* (L) */
};

/*
 * An arena for this node.  NULL: there are too many, no memory for jemalloc's
 * side of it, or jemalloc does not ask for what is needed and no more.
 * Context: threads_lock held.
 */
struct binding *binding_attach(struct node *node);

/*
 * End all objects of the arena, give its pages back, keep it for another node.
 * Context: threads_lock held; no thread's cache holds objects of this arena
 * and no thread is inside jemalloc.
 */
void binding_detach(struct binding *binding);

/* Give back what the arena holds and does not need.  Context: as above. */
void binding_purge(struct binding *binding);

#endif
