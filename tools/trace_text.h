/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace_text.h: traces as text.  See trace_text.c and trace_jemalloc.c.
 */
#ifndef TOOLS_TRACE_TEXT_H
#define TOOLS_TRACE_TEXT_H

#include "trace.h"

/* Add what the text says; 0, or -1 after saying what is wrong with it. */
int text_read(struct trace *trace, FILE *from, const char *file);
void text_write(const struct trace *trace, FILE *to);
/* The same for a jemalloc's prof_log, which begins with a brace. */
int jemalloc_read(struct trace *trace, FILE *from, const char *file);

#endif
