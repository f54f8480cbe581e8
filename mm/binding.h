/* SPDX-License-Identifier: BSD-2-Clause */
/* binding.h: which node pages belong to, and telling the kernel; see
 * binding.c. */
#ifndef MM_BINDING_H
#define MM_BINDING_H

#include "mmzone.h"

struct layout;

/* Bind all zones as planned.  0 or what fixheap_create says. */
int heap_bind(struct fixheap *heap, const struct layout *layout);
/* Nothing of the heap's memory is bound any more. */
void heap_unbind(struct fixheap *heap);

/* Pages of a stripe in a striped zone of so many pages: grain, or more. */
u64 stripe_length(u64 nr_pages, u64 grain);

/* The node that the page belongs to, FIXHEAP_NODE_MIXED: nobody knows; *end:
 * so far it is the same. */
int home_node(const struct fixheap *heap, u64 pfn, u64 *end);
/* Bind pages to this node, or with node -1 to whoever touches them next.  The
 * heap may be bound.  Context: no lock.  0 or -errno, of host_bind. */
int bind_pages(struct fixheap *heap, const struct bounds *pages, int node);
/* Bind pages to where they belong; likewise. */
int bind_home(struct fixheap *heap, const struct bounds *pages);
/* Drop the contents of pages; likewise. */
int discard_pages(struct fixheap *heap, const struct bounds *pages);

#endif
