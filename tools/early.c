/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * early.c: memory for requests that come before the heap
 *
 * The dynamic loader calls malloc before the C library knows its environment,
 * and making the heap may itself call something that allocates.  Such
 * requests are served from a fixed buffer, from its start to its end.
 *
 * 1. A block is never used again: free of one does nothing.
 * 2. Before each block stands its size, so that realloc can copy it.
 * 3. The buffer is part of the library and reads as zero: calloc need not
 *    clear.
 *
 * Locking: none; the cursor is moved by one atomic add, and a request that
 * does not fit leaves what it skipped unused.  Cost: O(1).  What it is not: an
 * allocator; a program that is running is served by the heap.
 */
#include <errno.h>

#include "preload.h"

#define EARLY_ALIGN ((size_t)16)

char early_buffer[EARLY_BYTES] __attribute__((aligned(4096)));
static size_t cursor;

void *early_alloc(size_t alignment, size_t bytes)
{
	size_t need, start, end;

	if (alignment < EARLY_ALIGN)
		alignment = EARLY_ALIGN;
	if (bytes > EARLY_BYTES || alignment > EARLY_BYTES)
		goto fail;
	need = EARLY_ALIGN + alignment + bytes;
	need = (need + EARLY_ALIGN - 1) & ~(EARLY_ALIGN - 1);
	end = __atomic_add_fetch(&cursor, need, __ATOMIC_RELAXED);
	if (end > EARLY_BYTES)
		goto fail;
	start = (size_t)early_buffer + end - need + EARLY_ALIGN;
	start = (start + alignment - 1) & ~(alignment - 1);
	((size_t *)start)[-1] = bytes;
	return (void *)start;
fail:
	errno = ENOMEM;
	return NULL;
}

size_t early_size(const void *ptr)
{
	return ((const size_t *)ptr)[-1];
}
