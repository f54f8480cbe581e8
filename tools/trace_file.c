/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace_file.c: traces from files and to files (trace_format.h)
 *
 * 1. Nothing in a file is trusted: a word that cannot be is left out and
 *    counted, a header that cannot be is an error.
 * 2. What never was finished (a hole, a group without its last word, a realloc
 *    without an end) has not happened.
 *
 * Cost: the file is read once, a page of it at a time.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tool.h"
#include "trace.h"

#define PARENTS_MOST 100

/* A realloc that has begun. */
struct begun {
	uint64_t index;
	uint64_t key;
	uint32_t id;
};

struct reader {
	struct trace *trace;
	struct begun *begun; /* by index; as many as threads, as a rule */
	size_t nr_begun, nr_room;
	bool from, more; /* the words before this one; what they say: */
	uint64_t from_index, more_bytes;
	unsigned align_log2;
};

/* --- words ---------------------------------------------------------- */

static bool begin(struct reader *reader, uint64_t index, uint64_t key)
{
	size_t room = reader->nr_room ? 2 * reader->nr_room : 16;
	struct begun *more = reader->begun;

	if (reader->nr_begun == reader->nr_room) {
		more = realloc(more, room * sizeof(*more));
		if (!more)
			return false;
		reader->begun = more;
		reader->nr_room = room;
	}
	more += reader->nr_begun++;
	more->index = index;
	more->key = key;
	more->id = trace_move_begin(reader->trace, key);
	return true;
}

/* False: there was none, as in a file from which words are missing. */
static bool begun_take(struct reader *reader, struct begun *begun)
{
	size_t i = reader->nr_begun;

	while (i-- > 0) {
		if (reader->begun[i].index != reader->from_index)
			continue;
		*begun = reader->begun[i];
		reader->begun[i] = reader->begun[--reader->nr_begun];
		return true;
	}
	reader->trace->nr_odd++;
	return false;
}

/* An ALLOC or FAIL, with what stood before it. */
static bool give(struct reader *reader, uint64_t key, uint64_t bytes,
		 bool given)
{
	struct trace *trace = reader->trace;
	unsigned align_log2 = reader->more ? reader->align_log2 : 0;
	struct begun begun;

	if (reader->more)
		bytes = reader->more_bytes;
	if (!reader->from || !begun_take(reader, &begun))
		return given ? trace_alloc(trace, key, bytes, align_log2)
			     : trace_fail(trace, bytes, align_log2);
	if (given)
		return trace_move_end(trace, begun.id, key, bytes);
	return trace_move_fail(trace, begun.id, begun.key) &&
	       trace_fail(trace, bytes, align_log2);
}

static bool read_word(struct reader *reader, uint64_t index, uint64_t word)
{
	uint64_t place = word >> TRACE_PLACE_SHIFT & TRACE_PLACE_MASK;
	uint64_t bytes = word >> TRACE_BYTES_SHIFT;
	bool done = true;

	switch (word & TRACE_KIND_MASK) {
	case TRACE_FROM:
		reader->from = true;
		reader->from_index = word >> TRACE_PLACE_SHIFT;
		reader->more = false;
		return true;
	case TRACE_MORE:
		reader->more = true;
		reader->more_bytes = word >> TRACE_MORE_SHIFT;
		reader->align_log2 = word >> TRACE_PLACE_SHIFT & 63;
		return true;
	case TRACE_ALLOC:
		done = give(reader, place, bytes, true);
		break;
	case TRACE_FAIL:
		done = give(reader, place, bytes, false);
		break;
	case TRACE_FREE:
		done = trace_free(reader->trace, place);
		break;
	case TRACE_BEGIN:
		done = begin(reader, index, place);
		break;
	default:
		reader->trace->nr_holes++;
	}
	reader->from = reader->more = false;
	return done;
}

/* --- one file ------------------------------------------------------- */

static int bad(const char *file, const char *why)
{
	complain("cannot read '%s': %s", file, why);
	return -1;
}

static int read_header(FILE *from, const char *file,
		       struct trace_header *header, uint64_t *nr_words)
{
	struct stat st;
	uint64_t in_file;

	if (fread(header, sizeof(*header), 1, from) != 1 ||
	    header->magic != TRACE_MAGIC)
		return bad(file,
			   ferror(from) ? strerror(errno) : "it is no trace");
	if (header->version != TRACE_VERSION)
		return bad(file, "a version that is not known here");
	header->parent[sizeof(header->parent) - 1] = '\0';
	if (header->header_bytes < sizeof(*header) || fstat(fileno(from), &st))
		return bad(file, "its header makes no sense");
	*nr_words = header->nr_words < header->nr_ready ? header->nr_words
							: header->nr_ready;
	in_file = 0;
	if (st.st_size > (off_t)header->header_bytes)
		in_file = ((uint64_t)st.st_size - header->header_bytes) /
			  sizeof(uint64_t);
	if (*nr_words > in_file)
		*nr_words = in_file;
	if (fseeko(from, (off_t)header->header_bytes, SEEK_SET))
		return bad(file, strerror(errno));
	return 0;
}

/* The first `most` words of the file. */
static int read_words(struct reader *reader, FILE *from, const char *file,
		      uint64_t most)
{
	uint64_t words[512], index = 0;
	size_t nr, i;

	reader->nr_begun = 0;
	reader->from = reader->more = false;
	while (index < most) {
		nr = most - index < 512 ? (size_t)(most - index) : 512;
		nr = fread(words, sizeof(words[0]), nr, from);
		if (!nr)
			break;
		for (i = 0; i < nr; i++)
			if (!read_word(reader, index++, words[i]))
				return bad(file, "not enough memory");
	}
	/* What had begun was not done in a child's heap, either. */
	for (i = 0; i < reader->nr_begun; i++)
		if (!trace_move_fail(reader->trace, reader->begun[i].id,
				     reader->begun[i].key))
			return bad(file, "not enough memory");
	return ferror(from) ? bad(file, strerror(errno)) : 0;
}

/* --- a file and those before it ------------------------------------- */

/* A file, and how much of it is before its child's. */
struct part {
	char path[PATH_MAX];
	FILE *from;
	struct trace_header header;
	uint64_t nr_words;
};

static int part_open(struct part *part, uint64_t most)
{
	part->from = fopen(part->path, "re");
	if (!part->from)
		return bad(part->path, strerror(errno));
	if (read_header(part->from, part->path, &part->header,
			&part->nr_words)) {
		fclose(part->from);
		return -1;
	}
	if (part->nr_words > most)
		part->nr_words = most;
	return 0;
}

/* The parent's file, in the folder of this one. */
static int parent_open(struct part *parent, const struct part *part)
{
	const char *name = part->header.parent;
	const char *slash = strrchr(part->path, '/');
	int length;

	length = snprintf(parent->path, sizeof(parent->path), "%.*s%s",
			  slash ? (int)(slash - part->path + 1) : 0, part->path,
			  name);
	if (strchr(name, '/') || length >= (int)sizeof(parent->path))
		return bad(part->path, "its header makes no sense");
	return part_open(parent, part->header.parent_words);
}

/* The file is the first part, its eldest ancestor's the last. */
static int parts_open(struct part *part, size_t *nr, const char *file)
{
	if (strlen(file) >= sizeof(part->path))
		return bad(file, strerror(ENAMETOOLONG));
	strcpy(part->path, file);
	if (part_open(part, UINT64_MAX))
		return -1;
	for (*nr = 1; part[*nr - 1].header.parent_words; ++*nr) {
		if (*nr == PARENTS_MOST)
			return bad(file, "it has too many ancestors");
		if (parent_open(&part[*nr], &part[*nr - 1]))
			return -1;
	}
	return 0;
}

static int load(struct reader *reader, struct part *part, const char *file)
{
	struct trace *trace = reader->trace;
	size_t nr = 0, i;
	int failed = parts_open(part, &nr, file);

	for (i = nr; i-- > 0;) {
		if (!failed)
			failed = read_words(reader, part[i].from, part[i].path,
					    part[i].nr_words);
		fclose(part[i].from);
	}
	trace->heap_bytes = part->header.heap_bytes;
	trace->pid = part->header.pid;
	snprintf(trace->program, sizeof(trace->program), "%.16s",
		 part->header.program);
	return failed;
}

int trace_load(struct trace *trace, const char *file)
{
	struct part *parts = calloc(PARENTS_MOST, sizeof(*parts));
	struct reader reader = { .trace = trace };
	int failed;

	failed = trace_init(trace) && parts ? load(&reader, parts, file)
					    : bad(file, "not enough memory");
	free(parts);
	free(reader.begun);
	trace_made(trace);
	if (failed)
		trace_fini(trace);
	return failed;
}

/* --- writing -------------------------------------------------------- */

/* The words of one operation: how many. */
static size_t words_of(const struct trace_op *op, uint64_t index,
		       uint64_t *word)
{
	uint64_t place = (uint64_t)op->id << TRACE_PLACE_SHIFT;
	uint64_t bytes = op->bytes;
	size_t nr = 0;

	if (op->kind == OP_FREE) {
		word[0] = place | TRACE_FREE;
		return 1;
	}
	if (op->kind == OP_MOVE) {
		word[nr++] = place | TRACE_BEGIN;
		word[nr++] = index << TRACE_PLACE_SHIFT | TRACE_FROM;
	}
	if (bytes > TRACE_BYTES_MAX || op->align_log2) {
		if (bytes > TRACE_MORE_MAX)
			bytes = TRACE_MORE_MAX;
		word[nr++] = bytes << TRACE_MORE_SHIFT |
			     (uint64_t)op->align_log2 << TRACE_PLACE_SHIFT |
			     TRACE_MORE;
		bytes = 0;
	}
	bytes <<= TRACE_BYTES_SHIFT;
	word[nr++] = op->kind == OP_FAIL ? bytes | TRACE_FAIL
					 : bytes | place | TRACE_ALLOC;
	return nr;
}

void trace_save(const struct trace *trace, FILE *to)
{
	static char page[TRACE_HEADER_BYTES];
	struct trace_header header = { .magic = TRACE_MAGIC,
				       .version = TRACE_VERSION,
				       .header_bytes = TRACE_HEADER_BYTES,
				       .heap_bytes = trace->heap_bytes,
				       .pid = trace->pid };
	uint64_t word[4];
	size_t i;

	memcpy(header.program, trace->program, sizeof(header.program));
	for (i = 0; i < trace->nr_ops; i++)
		header.nr_words += words_of(&trace->op[i], 0, word);
	header.nr_ready = header.nr_words;
	memcpy(page, &header, sizeof(header));
	fwrite(page, sizeof(page), 1, to);
	header.nr_words = 0;
	for (i = 0; i < trace->nr_ops; i++) {
		size_t nr = words_of(&trace->op[i], header.nr_words, word);

		fwrite(word, sizeof(word[0]), nr, to);
		header.nr_words += nr;
	}
}
