/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.h: a heap whose memory the peer may reach.
 *
 * fixed: memory is registered once, before there is a heap, and never again.
 *
 * dynamic: the heap asks for regions; each is registered when it comes and
 * deregistered when it goes.  An array of HEAP_OWN_BYTES or more that is made
 * with FIXHEAP_POST_ALLOC has one of its own, registered after the program has
 * touched it, so that its pages are where the program wants them.
 */
#ifndef HEAP_H
#define HEAP_H

#include <fixheap/fixheap.h>

#include "net.h"

#define HEAP_OWN_BYTES ((size_t)1 << 20)

struct heap {
	struct net net;
	struct fixheap *heap;
	struct fixheap_comm comm; /* dynamic */
	void *blob;		  /* fixed: all memory, of so many bytes */
	size_t bytes;
};

/* All that return int: 0, or -1 after writing what is wrong.  net is open. */
int heap_create(struct heap *heap, bool dynamic, size_t bytes);
/* Nothing may be registered any more then, or it is an error. */
int heap_destroy(struct heap *heap);

/* Where the peer finds what is at ptr. */
int heap_place(struct heap *heap, const void *ptr, struct net_place *place);

/* Whether each region is registered once, as a whole, and nothing else is. */
int heap_check(struct heap *heap);

#endif
