/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * text.h: files of /proc and /sys, line by line, without memory from malloc.
 */
#ifndef ARCH_LINUX_TEXT_H
#define ARCH_LINUX_TEXT_H

#include "types.h"

#define TEXT_BYTES 4096

/* A file that is being read; about a page of stack. */
struct text {
	int fd; /* below 0: there is no such file, which has no lines */
	size_t at, end;
	char bytes[TEXT_BYTES + 1];
};

/*
 * text_open, text_line, text_close
 *
 * A line has its newline taken off and lasts until the next is read; one that
 * is longer than TEXT_BYTES comes in pieces.  NULL: no more lines.
 * Keep errno.
 */
void text_open(struct text *text, const char *path);
char *text_line(struct text *text);
void text_close(struct text *text);

/*
 * The number behind `name` and blanks, with which a line begins, perhaps after
 * blanks.  False: another line, or no number; then it is left alone.
 */
bool text_number(const char *line, const char *name, u64 *number);

#endif
