/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mapping.c: whether memory is the process's own.
 *
 * Locking: none.  Cost: in host.h.  errno is kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "text.h"

/* Kinds of memory: who drops it does so in different ways. */
#define ANONYMOUS 0x1u
#define OF_FILE 0x2u /* private pages of one */
#define SHARED 0x4u
#define UNKNOWN 0x8u

/* "7f00-7f80 rw-s 0000 08:01 17 ...": the kind of a mapping that ends behind
 * *at and begins before end; *at goes behind it. */
static u32 kind_of(const char *line, uintptr_t *at, uintptr_t end)
{
	uintptr_t first, stop;
	u32 kind = 0;
	char *text;

	first = strtoull(line, &text, 16);
	if (text == line || *text != '-')
		return 0;
	stop = strtoull(text + 1, &text, 16);
	if (*text != ' ' || stop <= *at || first >= end || strnlen(text, 5) < 5)
		return 0;
	if (first > *at)
		kind = UNKNOWN;
	*at = stop;
	if (text[4] != 'p')
		return kind | SHARED;
	text += 5;
	strtoull(text, &text, 16);  /* the offset in the file */
	text += strcspn(text, ":"); /* its device */
	text += strcspn(text, " ");
	return kind | (strtoull(text, NULL, 10) ? OF_FILE : ANONYMOUS);
}

bool host_is_shared(const void *start, size_t bytes, bool *alike)
{
	uintptr_t at = (uintptr_t)start, end = at + bytes;
	int saved = errno;
	struct text text;
	u32 kinds = 0;
	char *line;

	text_open(&text, "/proc/self/maps");
	while (at < end && (line = text_line(&text)) != NULL)
		kinds |= kind_of(line, &at, end);
	text_close(&text);
	errno = saved;
	if (at < end)
		kinds |= UNKNOWN;
	*alike = is_pow2(kinds) && kinds != UNKNOWN;
	return kinds & (SHARED | UNKNOWN);
}
