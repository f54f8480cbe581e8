/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * array_none.c: the array functions of a library built without CONFIG_ARRAY.
 *
 * A program that needs them links, and is told ENOTSUP.
 */
#include "heap.h"

#include <errno.h>

void *fixheap_array_alloc(struct fixheap *heap, size_t bytes,
			  const struct fixheap_array_attr *attr)
{
	(void)heap;
	(void)bytes;
	(void)attr;
	errno = ENOTSUP;
	return NULL;
}

int fixheap_array_resize(struct fixheap *heap, void *array, size_t bytes)
{
	(void)heap;
	(void)array;
	(void)bytes;
	return -ENOTSUP;
}

void *fixheap_array_realloc(struct fixheap *heap, void *array, size_t bytes)
{
	(void)heap;
	(void)array;
	(void)bytes;
	errno = ENOTSUP;
	return NULL;
}

/* There are no arrays: any pointer but NULL is a mistake. */
void fixheap_array_free(struct fixheap *heap, void *array)
{
	if (array)
		heap_fault(heap, "fixheap_array_free", "no array", array, 0);
}

uint64_t fixheap_reserve(struct fixheap *heap, size_t bytes,
			 const struct fixheap_array_attr *attr)
{
	(void)heap;
	(void)bytes;
	(void)attr;
	errno = ENOTSUP;
	return 0;
}

/* There are no tickets: any but 0 is a mistake. */
void fixheap_release(struct fixheap *heap, uint64_t ticket)
{
	if (ticket)
		heap_fault(heap, "fixheap_release", "no such ticket", NULL, 0);
}

int fixheap_array_touch(struct fixheap *heap, void *array, unsigned nr_threads,
			unsigned flags)
{
	(void)heap;
	(void)array;
	(void)nr_threads;
	(void)flags;
	return -ENOTSUP;
}
