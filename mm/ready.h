/* SPDX-License-Identifier: BSD-2-Clause */
/* ready.h: which pages were brought into memory, and which are being touched;
 * see ready.c. */
#ifndef MM_READY_H
#define MM_READY_H

#include "mmzone.h"

#define TOUCHERS_MAX 256

/* Bytes of metadata for so many pageblocks. */
size_t ready_bytes(u64 nr_blocks);

/* All of these pages were brought, which are whole pageblocks; others never
 * count as brought. */
bool ready_test(const struct fixheap *heap, const struct bounds *pages);
void ready_set(struct fixheap *heap, const struct bounds *pages);
/* Some of these pages may not be there any more. */
void ready_clear(struct fixheap *heap, const struct bounds *pages);

/* Thread i is about to touch these pages, which are in the heap: the region
 * lock is held.  And it has. */
void touching_begin_locked(struct fixheap *heap, u32 i,
			   const struct bounds *pages);
void touching_end(struct fixheap *heap, u32 i);
/* Wait until nobody touches these pages who has begun before the region lock
 * was last released by the caller.  Context: no lock. */
void touching_wait(const struct fixheap *heap, const struct bounds *pages);
/* In a child of fork there are no such threads. */
void touching_forget(struct fixheap *heap);

#endif
