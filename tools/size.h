/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size.h: sizes for people to read; fixheap_parse_size is the other way.
 */
#ifndef TOOLS_SIZE_H
#define TOOLS_SIZE_H

#include <stddef.h>

#define SIZE_TEXT_MAX 24

/* The preload library has these inside; the program must not see them. */
#pragma GCC visibility push(hidden)

/* "2500": milliseconds that fit into ms.  0 or -1. */
int decay_parse(const char *text, unsigned *ms);

/* "12.3 MiB", into a buffer of SIZE_TEXT_MAX; gives back the buffer. */
const char *size_format(char *buffer, size_t bytes);

#pragma GCC visibility pop

#endif
