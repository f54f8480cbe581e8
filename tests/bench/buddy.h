/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * buddy.h: a textbook buddy allocator under one spinlock; see buddy.c.
 */
#ifndef BENCH_BUDDY_H
#define BENCH_BUDDY_H

#include <stdbool.h>
#include <stddef.h>

struct buddy;

/*
 * Over `bytes` at base, in blocks of unit << order bytes; unit is a power of
 * two.  Blocks are aligned to their size, counted from base.  NULL: no memory.
 */
struct buddy *buddy_create(void *base, size_t bytes, size_t unit);
void buddy_destroy(struct buddy *buddy);

void *buddy_alloc(struct buddy *buddy, size_t bytes); /* NULL: none fits */
void buddy_free(struct buddy *buddy, void *block);

#endif
