/* SPDX-License-Identifier: BSD-2-Clause */
/* shortage_none.c: those of shortage.c without CONFIG_RECLAIM. */
#include <fixheap/fixheap.h>

#include <errno.h>

int fixheap_add_reclaim(struct fixheap *heap, fixheap_reclaim_fn fn, void *data)
{
	(void)heap;
	(void)fn;
	(void)data;
	return -ENOTSUP;
}

int fixheap_del_reclaim(struct fixheap *heap, fixheap_reclaim_fn fn, void *data)
{
	(void)heap;
	(void)fn;
	(void)data;
	return -ENOTSUP;
}

int fixheap_set_watermark(struct fixheap *heap, int node, size_t bytes)
{
	(void)heap;
	(void)node;
	(void)bytes;
	return -ENOTSUP;
}
