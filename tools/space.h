/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * space.h: a heap over address space of its own.  See space.c.
 */
#ifndef TOOLS_SPACE_H
#define TOOLS_SPACE_H

#include <stdbool.h>
#include <stddef.h>

#include <fixheap/fixheap.h>

#pragma GCC visibility push(hidden)

struct space_request {
	size_t bytes;
	size_t alignment; /* of its start, a power of two; 0: a page */
	unsigned decay_ms;
	unsigned pages; /* FIXHEAP_HUGEPAGES, _HUGETLB_2M, _1G, or 0 */
	bool share;	/* FIXHEAP_SHARE, where that is possible */
	const struct fixheap_topology *topology; /* NULL: the machine */
	fixheap_fault_fn fault; /* NULL: the message, then abort */
};

/* 0 and *heap, or what fixheap_create or mmap says, as -errno. */
int space_create(const struct space_request *request, struct fixheap **heap);

/* Pages by name: "thp" (or "1", or nothing), "2M", "1G".  False: none. */
bool space_pages(const char *name, unsigned *pages);

/* Why there are not the huge pages for it, if so: what to say. */
bool space_lacks_pages(const struct space_request *request,
		       struct fixheap_hugetlb *pool);

/* Bytes that programs can take before the system is short of memory; 0: it does
 * not say. */
size_t space_available(void);

#pragma GCC visibility pop

#endif
