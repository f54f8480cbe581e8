/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * record.h: every call of the program's, to a file.  See record.c.
 */
#ifndef TOOLS_RECORD_H
#define TOOLS_RECORD_H

#include <stdbool.h>
#include <stddef.h>

#include <fixheap/fixheap.h>

#pragma GCC visibility push(hidden)

/* Whether there is anything to do for the functions below. */
extern bool record_on;

void record_open(struct fixheap *heap, size_t heap_bytes);
/* After ptr was given for a request; NULL: it was refused. */
void record_alloc(const void *ptr, size_t alignment, size_t bytes);
/* Before ptr is given back. */
void record_free(const void *ptr);
/* Before a realloc of ptr, whose end record_alloc is. */
void record_move(const void *ptr);

#pragma GCC visibility pop

#endif
