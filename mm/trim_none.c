/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trim_none.c: fixheap_trim of a library built without CONFIG_TRIM.
 *
 * A program that needs it links, and is told ENOTSUP.
 */
#include "heap.h"

#include <errno.h>

int fixheap_trim(struct fixheap *heap, size_t keep, unsigned flags,
		 size_t *given)
{
	(void)heap;
	(void)keep;
	(void)flags;
	if (given)
		*given = 0;
	return -ENOTSUP;
}
