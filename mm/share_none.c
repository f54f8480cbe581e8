/* SPDX-License-Identifier: BSD-2-Clause */
/* share_none.c: without CONFIG_ATTACH nobody reads metadata. */
#include <fixheap/segment.h>

const char *fixheap_segment_path(const struct fixheap *heap)
{
	(void)heap;
	return NULL;
}

void fixheap_segment_hide(struct fixheap *heap)
{
	(void)heap;
}
