/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * timeline.c: a replay as a page for a browser
 *
 * Looks at the heap FRAMES_MOST times while the trace is played, and writes
 * the page, timeline.html with the data in it:
 *
 *	{"program": TEXT, "heap": BYTES, "ops": N, "peak": BYTES,
 *	 "completes": BOOL, "cells": N, "columns": N,
 *	 "refused": [[OP, BYTES], ...],
 *	 "frames": [[OP, LIVE, LARGEST, ITS-OFFSET, USED, MAP], ...]}
 *
 * MAP: a letter a cell, of base 64: ten times its use, plus how full it is (0
 * to 9).
 *
 * 1. The page's size is bounded, whatever the trace: by FRAMES_MOST, CELLS and
 *    REFUSED_MOST.
 * 2. It asks for nothing from elsewhere, and says so to the browser.
 *
 * Cost: a walk of the heap for each frame.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "timeline.h"

#define FRAMES_MOST 240
#define CELLS 1024
#define COLUMNS 64
#define REFUSED_MOST 500
#define SLOT "@DATA@"

enum use {
	FREE,
	SMALL,
	LARGE,
	ARRAY,
	PAGES,
	OTHER,
	NR_USES
};

struct frame {
	size_t op;
	uint64_t live_bytes;
	size_t largest_bytes, largest_at, used_bytes;
	char map[CELLS + 1];
};

struct timeline {
	const struct trace *trace;
	size_t heap_bytes;
	FILE *to;
	size_t nr_frames;
	struct frame frame[FRAMES_MOST + 2];
	/* of the frame that is made */
	size_t bytes[CELLS][NR_USES];
	size_t free_at, free_bytes;
};

/* The page, as the assembler finds it. */
__asm__(".pushsection .rodata\n"
	"timeline_page: .incbin \"tools/timeline.html\"\n"
	".byte 0\n"
	".popsection\n");
extern const char timeline_page[] __attribute__((visibility("hidden")));

/* --- looking -------------------------------------------------------- */

static enum use use_of(enum fixheap_use use)
{
	switch (use) {
	case FIXHEAP_USE_FREE:
		return FREE;
	case FIXHEAP_USE_SMALL:
		return SMALL;
	case FIXHEAP_USE_LARGE:
		return LARGE;
	case FIXHEAP_USE_ARRAY:
		return ARRAY;
	case FIXHEAP_USE_PAGES:
		return PAGES;
	default:
		return OTHER;
	}
}

static size_t cell_start(const struct timeline *timeline, size_t cell)
{
	return (size_t)((unsigned __int128)timeline->heap_bytes * cell / CELLS);
}

static void cells_add(struct timeline *timeline, size_t start, size_t end,
		      enum use use)
{
	size_t cell, from, to;

	cell = (size_t)((unsigned __int128)start * CELLS /
			timeline->heap_bytes);
	for (; cell < CELLS && cell_start(timeline, cell) < end; cell++) {
		from = cell_start(timeline, cell);
		to = cell_start(timeline, cell + 1);
		from = from < start ? start : from;
		to = to > end ? end : to;
		if (from < to)
			timeline->bytes[cell][use] += to - from;
	}
}

static int see_range(void *data, const void *at, size_t bytes,
		     enum fixheap_use fixheap_use)
{
	struct timeline *timeline = data;
	struct frame *frame = &timeline->frame[timeline->nr_frames];
	size_t start = (size_t)((const char *)at - engine_start);
	enum use use = use_of(fixheap_use);

	cells_add(timeline, start, start + bytes, use);
	if (use != FREE) {
		frame->used_bytes += use == OTHER ? 0 : bytes;
		return 0;
	}
	if (timeline->free_at + timeline->free_bytes != start ||
	    !timeline->free_bytes) {
		timeline->free_at = start;
		timeline->free_bytes = 0;
	}
	timeline->free_bytes += bytes;
	if (timeline->free_bytes > frame->largest_bytes) {
		frame->largest_bytes = timeline->free_bytes;
		frame->largest_at = timeline->free_at;
	}
	return 0;
}

/* What has the most of it, and how full it is. */
static char cell_letter(const size_t *bytes)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklm"
				      "nopqrstuvwxyz0123456789+/";
	size_t all = bytes[FREE], used = 0, use, most = FREE;

	for (use = FREE + 1; use < NR_USES; use++) {
		used += bytes[use];
		if (most == FREE ? bytes[use] > 0 : bytes[use] > bytes[most])
			most = use;
	}
	all += used;
	return letters[10 * most + (all ? used * 9 / all : 0)];
}

static void write_page(const struct timeline *timeline,
		       const struct outcome *outcome);

/* Before an operation, and in the end. */
static void look(void *data, struct outcome *now)
{
	struct timeline *timeline = data;
	struct frame *frame;
	size_t cell;

	/* What is refused may have been looked at before. */
	if (timeline->nr_frames &&
	    timeline->frame[timeline->nr_frames - 1].op == now->nr_done)
		timeline->nr_frames--;
	frame = &timeline->frame[timeline->nr_frames];
	memset(frame, 0, sizeof(*frame));
	memset(timeline->bytes, 0, sizeof(timeline->bytes));
	timeline->free_bytes = 0;
	frame->op = now->nr_done;
	frame->live_bytes = now->live_bytes;
	fixheap_walk(engine_heap, see_range, timeline);
	for (cell = 0; cell < CELLS; cell++)
		frame->map[cell] = cell_letter(timeline->bytes[cell]);
	if (timeline->nr_frames <= FRAMES_MOST)
		timeline->nr_frames++;
	if (now->result == REPLAY_CRASHED)
		return;
	write_page(timeline, now);
	if (fflush(timeline->to) || ferror(timeline->to))
		now->error = errno ? errno : EIO;
}

/* --- the page ------------------------------------------------------- */

/* A name from a file: whatever it is, it stays within its quotes. */
static void write_text(const char *text, FILE *to)
{
	fputc('"', to);
	for (; *text; text++)
		if (*text >= ' ' && *text < 127 && !strchr("\"\\<>&", *text))
			fputc(*text, to);
		else
			fprintf(to, "\\u%04x", (unsigned char)*text);
	fputc('"', to);
}

static void write_refused(const struct timeline *timeline,
			  const struct outcome *outcome)
{
	const struct trace *trace = timeline->trace;
	size_t i, nr = 0;

	fputs("\"refused\":[", timeline->to);
	for (i = 0; i < outcome->nr_done && nr < REFUSED_MOST; i++)
		if (trace->op[i].kind == OP_FAIL)
			fprintf(timeline->to, "%s[%zu,%" PRIu64 "]",
				nr++ ? "," : "", i, trace->op[i].bytes);
	if (outcome->result == REPLAY_REFUSED)
		fprintf(timeline->to, "%s[%zu,%" PRIu64 "]", nr ? "," : "", i,
			trace->op[outcome->nr_done].bytes);
	fputs("],\n", timeline->to);
}

static void write_data(const struct timeline *timeline,
		       const struct outcome *outcome)
{
	const struct frame *frame = timeline->frame;
	FILE *to = timeline->to;
	size_t i;

	fputs("{\"program\":", to);
	write_text(timeline->trace->program, to);
	fprintf(to,
		",\"heap\":%zu,\"ops\":%zu,\"peak\":%" PRIu64 ","
		"\"completes\":%s,\"cells\":%d,\"columns\":%d,\n",
		timeline->heap_bytes, timeline->trace->nr_ops,
		outcome->peak_bytes,
		outcome->result == REPLAY_DONE ? "true" : "false", CELLS,
		COLUMNS);
	write_refused(timeline, outcome);
	fputs("\"frames\":[", to);
	for (i = 0; i < timeline->nr_frames; i++, frame++)
		fprintf(to, "%s[%zu,%" PRIu64 ",%zu,%zu,%zu,\"%s\"]",
			i ? ",\n" : "", frame->op, frame->live_bytes,
			frame->largest_bytes, frame->largest_at,
			frame->used_bytes, frame->map);
	fputs("]}", to);
}

static void write_page(const struct timeline *timeline,
		       const struct outcome *outcome)
{
	const char *slot = strstr(timeline_page, SLOT);

	fwrite(timeline_page, (size_t)(slot - timeline_page), 1, timeline->to);
	write_data(timeline, outcome);
	fputs(slot + strlen(SLOT), timeline->to);
}

struct timeline *timeline_make(const struct trace *trace, size_t heap_bytes,
			       FILE *to)
{
	struct timeline *timeline = calloc(1, sizeof(*timeline));

	if (!timeline)
		return NULL;
	timeline->trace = trace;
	timeline->heap_bytes = heap_bytes;
	timeline->to = to;
	return timeline;
}

void timeline_watch(struct timeline *timeline, struct replay *replay)
{
	replay->look = look;
	replay->data = timeline;
	replay->step = replay->trace->nr_ops / FRAMES_MOST + 1;
}
