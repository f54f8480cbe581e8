/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size.h: sizes as people write them, and back.  See size.c.
 */
#ifndef TOOLS_SIZE_H
#define TOOLS_SIZE_H

#include <stddef.h>

#define SIZE_TEXT_MAX 24

/* The preload library has these inside; the program must not see them. */
#pragma GCC visibility push(hidden)

/*
 * Read a size: "65536", "64M", "1.5G", "64MiB" (powers of 1024), "64MB"
 * (powers of 1000), "50%" (of the machine's memory).
 * Return: 0 and *bytes; -EINVAL: not a size, or zero; -ERANGE: too large.
 */
int size_parse(const char *text, size_t *bytes);

/* "12.3 MiB", into a buffer of SIZE_TEXT_MAX; gives back the buffer. */
const char *size_format(char *buffer, size_t bytes);

#pragma GCC visibility pop

#endif
