/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay_against.h: a trace on other allocators.  See replay_against.c.
 */
#ifndef TOOLS_REPLAY_AGAINST_H
#define TOOLS_REPLAY_AGAINST_H

#include "replay.h"

#define AGAINST_TEXT_MAX 64

/* What was found of one engine on one heap. */
struct verdict {
	const char *name;
	struct outcome outcome;	    /* but largest_bytes, hash */
	size_t smallest;	    /* 0: not known */
	char why[AGAINST_TEXT_MAX]; /* REPLAY_NO_HEAP: in words */
};

/* Whether there is such an engine, in a list as "bump,jemalloc". */
bool against_known(const char *names, size_t length);
/* Play the file on the engine of that name, in a process of its own. */
void against_try(const char *file, const char *name, size_t length,
		 size_t heap_bytes, struct verdict *verdict);

#endif
