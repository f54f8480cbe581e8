/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace_text.c: traces as text, a line an operation
 *
 *	a ID BYTES [ALIGNMENT]		allocated
 *	r ID NEW-ID BYTES		resized
 *	f ID				freed
 *	x BYTES [ALIGNMENT]		refused
 *	# heap BYTES			its size; # program NAME; other comments
 *	0x1000 = malloc(24)		as kdump(1) prints what a jemalloc with
 *	0x2000 = realloc(0x1000, 48)	opt.utrace tells; anything may stand
 *	free(0x2000)			before it on the line
 *
 * An ID is any number (0x: hexadecimal, an address for example), of one live
 * allocation at a time.  What is written has new ones, from 1, each used once.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"
#include "trace_text.h"

enum line {
	LINE_DONE,
	LINE_BAD,
	LINE_NO_MEMORY
};

static enum line done(bool added)
{
	return added ? LINE_DONE : LINE_NO_MEMORY;
}

/* Up to three numbers, and nothing else: how many, or -1. */
static int numbers(const char *text, uint64_t *number)
{
	char *end;
	int nr;

	for (nr = 0;; nr++) {
		text += strspn(text, " \t\r\n");
		if (!*text)
			return nr;
		if (nr == 3 || *text == '-' || *text == '+')
			return -1;
		errno = 0;
		number[nr] = strtoull(text, &end, 0);
		if (end == text || errno || !strchr(" \t\r\n", *end))
			return -1;
		text = end;
	}
}

static bool log2_of(uint64_t alignment, unsigned *log2)
{
	*log2 = alignment ? (unsigned)__builtin_ctzll(alignment) : 0;
	return !(alignment & (alignment - 1));
}

static enum line move(struct trace *trace, uint64_t from, uint64_t to,
		      uint64_t bytes)
{
	uint32_t id = trace_move_begin(trace, from);

	return done(trace_move_end(trace, id, to, bytes));
}

static enum line read_ours(struct trace *trace, const char *line)
{
	uint64_t number[3] = { 0 };
	int nr = numbers(line + 1, number);
	unsigned log2;

	switch (*line) {
	case 'a':
		if ((nr != 2 && nr != 3) || !log2_of(number[2], &log2))
			return LINE_BAD;
		return done(trace_alloc(trace, number[0], number[1], log2));
	case 'r':
		if (nr != 3)
			return LINE_BAD;
		return move(trace, number[0], number[1], number[2]);
	case 'f':
		if (nr != 1)
			return LINE_BAD;
		return done(trace_free(trace, number[0]));
	case 'x':
		if ((nr != 1 && nr != 2) || !log2_of(number[1], &log2))
			return LINE_BAD;
		return done(trace_fail(trace, number[0], log2));
	default:
		return LINE_BAD;
	}
}

/* A jemalloc's: NULL is what nobody got, and what nobody frees. */
static enum line read_utrace(struct trace *trace, const char *line)
{
	const char *start = strstr(line, "free(");
	uint64_t from, to, bytes;

	if (start)
		return sscanf(start, "free(%" SCNx64 ")", &from) != 1 ? LINE_BAD
		       : from ? done(trace_free(trace, from))
			      : LINE_DONE;
	start = strstr(line, " = ");
	while (start && start > line && !strchr(" \t", start[-1]))
		start--;
	if (!start)
		return strstr(line, "malloc_init()") ? LINE_DONE : LINE_BAD;
	if (sscanf(start, "%" SCNx64 " = malloc(%" SCNu64 ")", &to, &bytes) ==
	    2)
		return done(to ? trace_alloc(trace, to, bytes, 0)
			       : trace_fail(trace, bytes, 0));
	if (sscanf(start, "%" SCNx64 " = realloc(%" SCNx64 ", %" SCNu64 ")",
		   &to, &from, &bytes) != 3)
		return LINE_BAD;
	if (!to)
		return done(trace_fail(trace, bytes, 0));
	return from ? move(trace, from, to, bytes)
		    : done(trace_alloc(trace, to, bytes, 0));
}

static void read_comment(struct trace *trace, const char *line)
{
	sscanf(line, "# heap %" SCNu64, &trace->heap_bytes);
	sscanf(line, "# program %16[^\n]", trace->program);
}

static enum line read_line(struct trace *trace, const char *line)
{
	line += strspn(line, " \t\r\n");
	if (*line == '#')
		read_comment(trace, line);
	if (*line == '#' || !*line)
		return LINE_DONE;
	if (line[1] == ' ' || line[1] == '\t')
		return read_ours(trace, line);
	return read_utrace(trace, line);
}

int text_read(struct trace *trace, FILE *from, const char *file)
{
	enum line what = LINE_DONE;
	size_t room = 0, number = 0;
	char *line = NULL;

	while (what == LINE_DONE && getline(&line, &room, from) > 0) {
		number++;
		what = read_line(trace, line);
	}
	if (what == LINE_BAD)
		complain("%s:%zu: '%.*s' is no operation", file, number,
			 (int)strcspn(line, "\r\n"), line);
	else if (what == LINE_NO_MEMORY || ferror(from))
		complain("cannot read '%s': %s", file, strerror(errno));
	free(line);
	return what != LINE_DONE || ferror(from) ? -1 : 0;
}

/* --- writing -------------------------------------------------------- */

static void write_op(const struct trace_op *op, uint64_t name, FILE *to)
{
	static const char letters[] = { 'a', 'f', 'r', 'x' };

	fputc(letters[op->kind], to);
	if (op->kind != OP_FAIL)
		fprintf(to, " %" PRIu64, name);
	if (op->kind == OP_MOVE)
		fprintf(to, " %" PRIu64, name);
	if (op->kind != OP_FREE)
		fprintf(to, " %" PRIu64, op->bytes);
	if (op->align_log2)
		fprintf(to, " %" PRIu64, UINT64_C(1) << op->align_log2);
	fputc('\n', to);
}

void text_write(const struct trace *trace, FILE *to)
{
	uint64_t *name = calloc(trace->nr_ids + 1UL, sizeof(*name)), last = 0;
	const struct trace_op *op = trace->op;
	size_t i;

	if (!name) {
		complain("not enough memory");
		exit(EXIT_OURS);
	}
	fputs("# fixheap trace 1\n", to);
	if (*trace->program)
		fprintf(to, "# program %s\n", trace->program);
	if (trace->heap_bytes)
		fprintf(to, "# heap %" PRIu64 "\n", trace->heap_bytes);
	for (i = 0; i < trace->nr_ops; i++, op++) {
		if (op->kind == OP_ALLOC)
			name[op->id] = ++last;
		write_op(op, op->kind == OP_FAIL ? 0 : name[op->id], to);
	}
	free(name);
}
