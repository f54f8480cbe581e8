/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.c: a trace in memory: a list of operations on numbered allocations
 *
 * 1. An id is one live allocation; it is used again as soon as it is free, the
 *    last one first.  So ids are dense, and the same source gives the same.
 * 2. Each operation is possible: a free of what is not live is dropped, an
 *    allocation of what is live frees that first; both are counted as odd.
 *    The first is a mistake of the program, the second comes from a fork of a
 *    program with threads.
 *
 * Cost: 16 bytes an operation, and 32 for each live allocation.
 */
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define NAMES_FIRST 1024 /* a power of two */

/* Keys of what is live, and the ids that are not. */
struct trace_names {
	uint64_t *key; /* open addressing; [nr_slots] */
	uint32_t *id;  /* TRACE_NO_ID: the slot is free */
	size_t nr_slots;
	size_t nr_used;
	uint32_t *unused; /* a stack */
	size_t nr_unused;
	uint64_t *bytes; /* [nr_room]: of each id */
	size_t nr_room;
};

/* --- keys ----------------------------------------------------------- */

static size_t slot_of(const struct trace_names *names, uint64_t key)
{
	size_t slot = (key * UINT64_C(0x9e3779b97f4a7c15)) >> 20;

	for (;; slot++) {
		slot &= names->nr_slots - 1;
		if (names->id[slot] == TRACE_NO_ID || names->key[slot] == key)
			return slot;
	}
}

static bool slots_make(struct trace_names *names, size_t nr)
{
	names->key = malloc(nr * sizeof(*names->key));
	names->id = malloc(nr * sizeof(*names->id));
	if (!names->key || !names->id)
		return false;
	memset(names->id, 0xff, nr * sizeof(*names->id));
	names->nr_slots = nr;
	return true;
}

static bool slots_double(struct trace_names *names)
{
	struct trace_names old = *names;
	size_t i, slot;
	bool made = slots_make(names, 2 * old.nr_slots);

	for (i = 0; made && i < old.nr_slots; i++) {
		if (old.id[i] == TRACE_NO_ID)
			continue;
		slot = slot_of(names, old.key[i]);
		names->key[slot] = old.key[i];
		names->id[slot] = old.id[i];
	}
	free(old.key);
	free(old.id);
	return made;
}

static bool name_add(struct trace_names *names, uint64_t key, uint32_t id)
{
	size_t slot;

	if (2 * names->nr_used >= names->nr_slots && !slots_double(names))
		return false;
	slot = slot_of(names, key);
	names->key[slot] = key;
	names->id[slot] = id;
	names->nr_used++;
	return true;
}

/* Take the key out; TRACE_NO_ID: it was not in.  What follows moves up. */
static uint32_t name_del(struct trace_names *names, uint64_t key)
{
	size_t slot = slot_of(names, key), mask = names->nr_slots - 1, next;
	uint32_t id = names->id[slot], moved;

	if (id == TRACE_NO_ID)
		return id;
	names->nr_used--;
	names->id[slot] = TRACE_NO_ID;
	for (next = (slot + 1) & mask; names->id[next] != TRACE_NO_ID;
	     next = (next + 1) & mask) {
		moved = names->id[next];
		names->id[next] = TRACE_NO_ID;
		slot = slot_of(names, names->key[next]);
		names->key[slot] = names->key[next];
		names->id[slot] = moved;
	}
	return id;
}

/* --- operations ----------------------------------------------------- */

bool trace_init(struct trace *trace)
{
	memset(trace, 0, sizeof(*trace));
	trace->names = calloc(1, sizeof(*trace->names));
	return trace->names && slots_make(trace->names, NAMES_FIRST);
}

void trace_made(struct trace *trace)
{
	struct trace_names *names = trace->names;

	if (!names)
		return;
	free(names->key);
	free(names->id);
	free(names->unused);
	free(names->bytes);
	free(names);
	trace->names = NULL;
}

void trace_fini(struct trace *trace)
{
	trace_made(trace);
	free(trace->op);
	trace->op = NULL;
}

static bool add(struct trace *trace, struct trace_op op)
{
	size_t room = trace->nr_room ? 2 * trace->nr_room : 4096;
	struct trace_op *more;

	if (trace->nr_ops == trace->nr_room) {
		more = realloc(trace->op, room * sizeof(op));
		if (!more)
			return false;
		trace->op = more;
		trace->nr_room = room;
	}
	trace->op[trace->nr_ops++] = op;
	trace->nr_of[op.kind]++;
	return true;
}

static bool ids_room(struct trace_names *names)
{
	size_t room = names->nr_room ? 2 * names->nr_room : 1024;
	void *bytes, *unused;

	bytes = realloc(names->bytes, room * sizeof(*names->bytes));
	if (!bytes)
		return false;
	names->bytes = bytes;
	unused = realloc(names->unused, room * sizeof(*names->unused));
	if (!unused)
		return false;
	names->unused = unused;
	names->nr_room = room;
	return true;
}

static void live_set(struct trace *trace, uint32_t id, uint64_t bytes)
{
	trace->live_bytes += bytes - trace->names->bytes[id];
	trace->names->bytes[id] = bytes;
	if (trace->live_bytes > trace->peak_bytes)
		trace->peak_bytes = trace->live_bytes;
}

static bool id_free(struct trace *trace, uint32_t id)
{
	struct trace_op op = { .id = id, .kind = OP_FREE };

	live_set(trace, id, 0);
	trace->names->unused[trace->names->nr_unused++] = id;
	return add(trace, op);
}

/* Whatever has that name is not there any more. */
static bool name_clear(struct trace *trace, uint64_t key)
{
	uint32_t id = name_del(trace->names, key);

	if (id == TRACE_NO_ID)
		return true;
	trace->nr_odd++;
	return id_free(trace, id);
}

bool trace_alloc(struct trace *trace, uint64_t key, uint64_t bytes,
		 unsigned align_log2)
{
	struct trace_names *names = trace->names;
	struct trace_op op = { .bytes = bytes,
			       .kind = OP_ALLOC,
			       .align_log2 = (uint8_t)align_log2 };

	if (!name_clear(trace, key))
		return false;
	if (names->nr_unused) {
		op.id = names->unused[--names->nr_unused];
	} else {
		op.id = trace->nr_ids;
		if (op.id == names->nr_room && !ids_room(names))
			return false;
		names->bytes[op.id] = 0;
		trace->nr_ids++;
	}
	live_set(trace, op.id, bytes);
	return name_add(names, key, op.id) && add(trace, op);
}

bool trace_free(struct trace *trace, uint64_t key)
{
	uint32_t id = name_del(trace->names, key);

	if (id != TRACE_NO_ID)
		return id_free(trace, id);
	trace->nr_odd++;
	return true;
}

uint32_t trace_move_begin(struct trace *trace, uint64_t key)
{
	uint32_t id = name_del(trace->names, key);

	trace->nr_odd += id == TRACE_NO_ID;
	return id;
}

bool trace_move_end(struct trace *trace, uint32_t id, uint64_t key,
		    uint64_t bytes)
{
	struct trace_op op = { .bytes = bytes, .id = id, .kind = OP_MOVE };

	if (id == TRACE_NO_ID)
		return trace_alloc(trace, key, bytes, 0);
	if (!name_clear(trace, key))
		return false;
	live_set(trace, id, bytes);
	return name_add(trace->names, key, id) && add(trace, op);
}

bool trace_move_fail(struct trace *trace, uint32_t id, uint64_t key)
{
	if (id == TRACE_NO_ID)
		return true;
	return name_clear(trace, key) && name_add(trace->names, key, id);
}

bool trace_fail(struct trace *trace, uint64_t bytes, unsigned align_log2)
{
	struct trace_op op = { .bytes = bytes,
			       .id = TRACE_NO_ID,
			       .kind = OP_FAIL,
			       .align_log2 = (uint8_t)align_log2 };

	return add(trace, op);
}
