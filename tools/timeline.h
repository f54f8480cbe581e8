/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timeline.h: a replay as a page for a browser.  See timeline.c.
 */
#ifndef TOOLS_TIMELINE_H
#define TOOLS_TIMELINE_H

#include <stdio.h>

#include "replay.h"

struct timeline;

/* NULL: no memory.  The page is written to `to` when the replay ends. */
struct timeline *timeline_make(const struct trace *trace, size_t heap_bytes,
			       FILE *to);
/* Watch that replay, which is on replay_engine. */
void timeline_watch(struct timeline *timeline, struct replay *replay);

#endif
