/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h: a trace in memory, whatever it was read from.  See trace.c.
 */
#ifndef TOOLS_TRACE_H
#define TOOLS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "trace_format.h"

#define TRACE_NO_ID UINT32_MAX

enum trace_kind {
	OP_ALLOC,
	OP_FREE,
	OP_MOVE, /* realloc of id */
	OP_FAIL	 /* was refused: nothing to do */
};

struct trace_op {
	uint64_t bytes; /* as asked for */
	uint32_t id;	/* below nr_ids; one live allocation each */
	uint8_t kind;
	uint8_t align_log2; /* 0: malloc's */
};

struct trace {
	struct trace_op *op;
	size_t nr_ops;
	uint32_t nr_ids;
	uint64_t nr_of[4];   /* by kind */
	uint64_t peak_bytes; /* asked for and live at a time, at most */
	uint64_t live_bytes; /* at the end */
	uint64_t nr_holes;   /* words that were never written */
	uint64_t nr_odd;     /* of what was not live, or of what was */
	uint64_t heap_bytes; /* 0: not known */
	uint32_t pid;
	char program[17]; /* "": not known */
	size_t nr_room;
	struct trace_names *names; /* while it is made */
};

/*
 * Making one, call by call.  key: what the source calls the allocation; it
 * can be used again once it is free.  False: no memory.
 */
bool trace_init(struct trace *trace);
bool trace_alloc(struct trace *trace, uint64_t key, uint64_t bytes,
		 unsigned align_log2);
bool trace_free(struct trace *trace, uint64_t key);
/* In two parts, as others may use the key in between; bytes as they were. */
uint32_t trace_move_begin(struct trace *trace, uint64_t key);
bool trace_move_end(struct trace *trace, uint32_t id, uint64_t key,
		    uint64_t bytes);
bool trace_move_fail(struct trace *trace, uint32_t id, uint64_t key);
bool trace_fail(struct trace *trace, uint64_t bytes, unsigned align_log2);
/* Nothing will be added. */
void trace_made(struct trace *trace);
void trace_fini(struct trace *trace);

/* Read a file, after those of its parents.  0, or -1 after saying why. */
int trace_load(struct trace *trace, const char *file);
/* Write the same as a file of its own; errors are the stream's. */
void trace_save(const struct trace *trace, FILE *to);

#endif
