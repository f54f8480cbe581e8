/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace_jemalloc.c: what a jemalloc with opt.prof_log writes
 *
 * JSON, with a list "allocations" of objects, of which these members are read:
 *
 *	{"alloc_timestamp": T, "free_timestamp": T, "usize": BYTES, ...}
 *
 * It has what was freed before the log ended, in the order of the frees, with
 * times in nanoseconds; those are a few milliseconds coarse unless the program
 * ran with prof_time_resolution:high.
 *
 * 1. Operations are put in the order of their times.  At one time what was
 *    allocated and freed then comes first, each at once; then what stays.  So
 *    with coarse times no more is live than was.
 * 2. What is no list of such objects is an error; other members are not.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"
#include "trace_text.h"

struct event {
	uint64_t time;
	uint64_t order; /* of one time */
	uint64_t key;
	uint64_t bytes;
	bool frees;
};

struct events {
	struct event *event;
	size_t nr, nr_room;
};

static char *read_all(FILE *from)
{
	size_t room = 1 << 16, nr = 0;
	char *text = malloc(room), *more;

	while (text) {
		nr += fread(text + nr, 1, room - nr - 1, from);
		if (nr < room - 1)
			break;
		room *= 2;
		more = realloc(text, room);
		if (!more)
			free(text);
		text = more;
	}
	if (text)
		text[nr] = '\0';
	return text;
}

/* The member's number, in the object that ends before end. */
static bool member(const char *object, const char *end, const char *name,
		   uint64_t *number)
{
	const char *at = strstr(object, name);
	char *stop;

	if (!at || at > end)
		return false;
	at += strlen(name);
	at += strspn(at, " :\t\r\n");
	*number = strtoull(at, &stop, 10);
	return stop != at;
}

static bool events_add(struct events *events, uint64_t made, uint64_t freed,
		       uint64_t bytes)
{
	size_t room = events->nr_room ? 2 * events->nr_room : 4096;
	uint64_t key = events->nr / 2;
	struct event *more;

	if (events->nr + 2 > events->nr_room) {
		more = realloc(events->event, room * sizeof(*more));
		if (!more)
			return false;
		events->event = more;
		events->nr_room = room;
	}
	more = events->event + events->nr;
	events->nr += 2;
	more[0] = (struct event){
		.time = made,
		.order = 2 * key + (made < freed ? UINT64_C(1) << 62 : 0),
		.key = key,
		.bytes = bytes,
	};
	more[1] = (struct event){
		.time = freed, .order = 2 * key + 1, .key = key, .frees = true
	};
	return true;
}

static int compare(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

/* 0; or -1, and errno is EINVAL where it is not what it should be. */
static int parse(const char *text, struct events *events)
{
	const char *at = strstr(text, "\"allocations\""), *end;
	uint64_t made, freed, bytes;

	errno = EINVAL;
	if (!at || !(at = strchr(at, '[')))
		return -1;
	for (at++;; at = end + 1) {
		at += strspn(at, " ,\t\r\n");
		if (*at == ']')
			return 0;
		if (*at != '{' || !(end = strchr(at, '}')) ||
		    !member(at, end, "\"alloc_timestamp\"", &made) ||
		    !member(at, end, "\"free_timestamp\"", &freed) ||
		    !member(at, end, "\"usize\"", &bytes) || freed < made)
			return -1;
		if (!events_add(events, made, freed, bytes))
			return -1;
	}
}

static int play(const struct events *events, struct trace *trace)
{
	const struct event *event = events->event;
	size_t i;
	bool added;

	for (i = 0; i < events->nr; i++, event++) {
		added = event->frees ? trace_free(trace, event->key)
				     : trace_alloc(trace, event->key,
						   event->bytes, 0);
		if (!added)
			return -1;
	}
	return 0;
}

int jemalloc_read(struct trace *trace, FILE *from, const char *file)
{
	struct events events = { 0 };
	char *text = read_all(from);
	int failed = -1;

	errno = ENOMEM;
	if (text)
		failed = parse(text, &events);
	free(text);
	if (!failed && events.nr)
		qsort(events.event, events.nr, sizeof(*events.event), compare);
	if (!failed)
		failed = play(&events, trace);
	free(events.event);
	if (failed && errno == EINVAL)
		complain("'%s' is no prof_log of a jemalloc's", file);
	else if (failed)
		complain("cannot read '%s': %s", file, strerror(errno));
	return failed;
}
