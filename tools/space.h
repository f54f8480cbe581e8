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
	bool hugepages; /* ask for transparent huge pages */
	const struct fixheap_topology *topology; /* NULL: the machine */
	fixheap_fault_fn fault; /* NULL: the message, then abort */
};

/* 0 and *heap, or what fixheap_create or mmap says, as -errno. */
int space_create(const struct space_request *request, struct fixheap **heap);

#pragma GCC visibility pop

#endif
