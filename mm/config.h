/* SPDX-License-Identifier: BSD-2-Clause */
/* config.h: what a heap is made from; see config.c. */
#ifndef MM_CONFIG_H
#define MM_CONFIG_H

#include "ranges.h"

/* What heaps that grow do so by, if nothing is said. */
#define EXTEND_BYTES ((size_t)32 << 20)

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
