/* SPDX-License-Identifier: BSD-2-Clause */
/* config.h: what a heap is made from; see config.c. */
#ifndef MM_CONFIG_H
#define MM_CONFIG_H

#include "ranges.h"

/* What heaps that grow do so by, if nothing is said. */
#define EXTEND_BYTES ((size_t)32 << 20)

/* Size of the pages of a pool that its own memory is of; 0: of none. */
static inline size_t config_pool_page(unsigned flags)
{
	if (flags & FIXHEAP_HUGETLB_2M)
		return (size_t)2 << 20;
	return flags & FIXHEAP_HUGETLB_1G ? (size_t)1 << 30 : 0;
}

/* What the length of its own memory is a multiple of. */
static inline size_t config_unit(unsigned flags)
{
	return max_u64(config_pool_page(flags), PAGE_BYTES);
}

/* Memory from the system, as the flags say: a multiple of config_unit.  NULL:
 * there is none. */
void *config_map(unsigned flags, size_t bytes);
/* Bytes that the first memory of such a heap has, if it is the system's; 0: it
 * is not. */
size_t config_own_bytes(const struct fixheap_config *config);

/* 0 or what fixheap_create says of a config. */
int config_check(const struct fixheap_config *config);
/* How large the heap may get, in pages and ranges. */
u64 config_max_pages(const struct fixheap_config *config);
u32 config_max_ranges(const struct fixheap_config *config);
/*
 * The memory that the heap begins with: base and bytes, key, source and zeroed
 * of *first are set; comm_free gives it back.  0 or -errno.
 */
int config_memory(const struct fixheap_config *config, struct range *first);

#endif
