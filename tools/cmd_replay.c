/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_replay.c: `fixheap replay`: play a trace on a heap of any size
 *
 * Prints what became of it; then, if asked, the smallest heap in which it
 * completes, and the same of other allocators.
 *
 * 1. The same file, options and library print the same, in every run: the
 *    "heap map" is a number made of what each page is in use for in the end,
 *    and of where each live allocation lies.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fixheap/fixheap.h>

#include "replay.h"
#include "replay_against.h"
#include "size.h"
#include "timeline.h"
#include "tool.h"

#define EXIT_REFUSED 1

struct replay_options {
	const char *file;
	size_t heap_bytes;
	bool smallest;
	const char *against; /* names, by commas; NULL: none */
	const char *page;    /* file; NULL: none */
};

static void print_help(void)
{
	fputs("Usage: fixheap replay [OPTION]... FILE\n"
	      "Play what 'fixheap record' wrote, call by call, on a new heap; "
	      "tell whether\nit completes and what the heap is like then.\n"
	      "\n"
	      "      --heap=SIZE     size of the heap (default: as recorded)\n"
	      "      --min           find the smallest heap in which it "
	      "completes\n"
	      "      --against=LIST  do the same with other allocators: bump "
	      "(jemalloc on a\n"
	      "                        range that only grows), jemalloc (on "
	      "memory of the\n"
	      "                        system's, no more than the heap's size "
	      "at a time)\n"
	      "      --html=FILE     write a page for a browser that shows "
	      "the heap over time\n"
	      "      --help          display this help and exit\n"
	      "      --version       output version information and exit\n\n"
	      "The same FILE and SIZE always give the same heap map, a number "
	      "made of all that\nis in the heap.  Exit status is 0 if the "
	      "trace completes, 1 if an allocation is\nrefused, 125 if "
	      "fixheap itself fails.\n",
	      stdout);
}

static const struct option long_options[] = {
	{ "heap", required_argument, NULL, 's' },
	{ "min", no_argument, NULL, 'm' },
	{ "against", required_argument, NULL, 'a' },
	{ "html", required_argument, NULL, 'p' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static int check_against(const char *names)
{
	size_t length;

	for (;; names += length + 1) {
		length = strcspn(names, ",");
		if (!against_known(names, length))
			return bad_usage("replay",
					 "unknown allocator '%.*s'; there are "
					 "bump and jemalloc",
					 (int)length, names);
		if (!names[length])
			return 0;
	}
}

/* -1: go on; else the status to end with. */
static int parse(int argc, char **argv, struct replay_options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) !=
	       -1) {
		switch (option) {
		case 's':
			if (size_option("replay", optarg, &options->heap_bytes))
				return EXIT_OURS;
			break;
		case 'm':
			options->smallest = true;
			break;
		case 'a':
			if (check_against(optarg))
				return EXIT_OURS;
			options->against = optarg;
			break;
		case 'p':
			options->page = optarg;
			break;
		default:
			return other_option("replay", option, print_help);
		}
	}
	if (!argv[optind])
		return bad_usage("replay", "missing file");
	if (argv[optind + 1])
		return bad_usage("replay", "extra operand '%s'",
				 argv[optind + 1]);
	options->file = argv[optind];
	return -1;
}

/* --- what is printed ------------------------------------------------ */

static void print_trace(const struct trace *trace)
{
	char peak[SIZE_TEXT_MAX];

	printf("%-14s %s%s%" PRIu64 " allocations, %" PRIu64 " resized, "
	       "%" PRIu64 " freed, %" PRIu64 " refused\n",
	       "recorded", trace->program, *trace->program ? ": " : "",
	       trace->nr_of[OP_ALLOC], trace->nr_of[OP_MOVE],
	       trace->nr_of[OP_FREE], trace->nr_of[OP_FAIL]);
	printf("%-14s %s (%" PRIu64 " bytes)\n", "peak live",
	       size_format(peak, trace->peak_bytes), trace->peak_bytes);
	if (trace->nr_odd)
		printf("%-14s %" PRIu64 " calls for what was not live, or "
		       "already was\n",
		       "odd", trace->nr_odd);
	if (trace->nr_holes)
		printf("%-14s %" PRIu64 " calls that were not finished\n",
		       "holes", trace->nr_holes);
}

static void print_refused(const struct trace *trace,
			  const struct outcome *outcome)
{
	const struct trace_op *op = &trace->op[outcome->nr_done];
	char size[SIZE_TEXT_MAX];

	printf("fails at %zu of %zu: %s of %s", outcome->nr_done + 1,
	       trace->nr_ops, op->kind == OP_MOVE ? "realloc" : "malloc",
	       size_format(size, op->bytes));
	if (op->align_log2)
		printf(" aligned to %s",
		       size_format(size, (size_t)1 << op->align_log2));
	putchar('\n');
}

static int print_outcome(const struct trace *trace, size_t heap_bytes,
			 const struct outcome *outcome)
{
	char size[SIZE_TEXT_MAX];

	size_format(size, heap_bytes);
	if (outcome->result == REPLAY_NO_HEAP) {
		complain("cannot make a heap of %s: %s", size,
			 strerror(outcome->error));
		return EXIT_OURS;
	}
	if (outcome->result == REPLAY_CRASHED) {
		complain("the process that played it died, at %zu of %zu",
			 outcome->nr_done + 1, trace->nr_ops);
		return EXIT_OURS;
	}
	printf("%-14s %s: ", "heap", size);
	if (outcome->result == REPLAY_DONE)
		puts("completes");
	else
		print_refused(trace, outcome);
	printf("%-14s %s (%" PRIu64 " bytes)\n", "live then",
	       size_format(size, outcome->live_bytes), outcome->live_bytes);
	printf("%-14s %s (%zu bytes)\n", "largest free",
	       size_format(size, outcome->largest_bytes),
	       outcome->largest_bytes);
	printf("%-14s %016" PRIx64 "\n", "heap map", outcome->hash);
	return outcome->result == REPLAY_DONE ? 0 : EXIT_REFUSED;
}

static void print_row(const struct trace *trace, const struct verdict *verdict)
{
	char text[AGAINST_TEXT_MAX], size[SIZE_TEXT_MAX] = "-";
	char ratio[16] = "-";

	switch (verdict->outcome.result) {
	case REPLAY_DONE:
		snprintf(text, sizeof(text), "completes");
		break;
	case REPLAY_REFUSED:
		snprintf(text, sizeof(text), "fails at %zu",
			 verdict->outcome.nr_done + 1);
		break;
	case REPLAY_NO_HEAP:
		snprintf(text, sizeof(text), "%s", verdict->why);
		break;
	default:
		snprintf(text, sizeof(text), "crashed");
	}
	if (verdict->smallest) {
		size_format(size, verdict->smallest);
		snprintf(ratio, sizeof(ratio), "%.3f",
			 (double)verdict->smallest / (double)trace->peak_bytes);
	}
	printf("%-14s %-26s %14s %9s\n", verdict->name, text, size, ratio);
}

/* A row for fixheap, and one for each of the others. */
static void print_table(const struct replay *replay,
			const struct replay_options *options,
			const struct outcome *outcome)
{
	struct verdict verdict = { .name = "fixheap", .outcome = *outcome };
	const char *name = options->against;
	size_t length;

	verdict.smallest = replay_smallest(replay, options->heap_bytes);
	printf("\n%-14s %-26s %14s %9s\n", "", "on this heap", "least heap",
	       "/ peak");
	print_row(replay->trace, &verdict);
	fflush(stdout);
	for (; name; name = name[length] ? name + length + 1 : NULL) {
		length = strcspn(name, ",");
		against_try(options->file, name, length, options->heap_bytes,
			    &verdict);
		print_row(replay->trace, &verdict);
		fflush(stdout);
	}
}

/* Play it, and write the page if there is to be one. */
static int play_once(const struct replay_options *options,
		     struct replay *replay, struct outcome *outcome)
{
	struct timeline *timeline = NULL;
	const char *file = options->page;
	FILE *to = NULL;

	if (file) {
		to = fopen(file, "we");
		if (to)
			timeline = timeline_make(replay->trace,
						 options->heap_bytes, to);
		if (!timeline) {
			complain("cannot write '%s': %s", file,
				 strerror(errno));
			return EXIT_OURS;
		}
		timeline_watch(timeline, replay);
	}
	replay_try(replay, options->heap_bytes, outcome);
	replay->look = NULL;
	free(timeline);
	if (to)
		fclose(to);
	if (to && outcome->error && outcome->result != REPLAY_NO_HEAP) {
		complain("cannot write '%s': %s", file,
			 strerror(outcome->error));
		return EXIT_OURS;
	}
	return print_outcome(replay->trace, options->heap_bytes, outcome);
}

static int play(const struct replay_options *options, const struct trace *trace)
{
	struct replay replay = { .trace = trace,
				 .engine = &replay_engine,
				 .progress = isatty(STDERR_FILENO) };
	struct outcome outcome;
	int status;

	print_trace(trace);
	status = play_once(options, &replay, &outcome);
	if (status != EXIT_OURS && (options->smallest || options->against))
		print_table(&replay, options, &outcome);
	return finish_output(status);
}

int cmd_replay(int argc, char **argv)
{
	static char own_name[] = "fixheap"; /* in getopt's complaints */
	struct replay_options options = { 0 };
	struct trace trace;
	int status;

	argv[0] = own_name;
	status = parse(argc, argv, &options);
	if (status >= 0)
		return status;
	if (trace_load(&trace, options.file))
		return EXIT_OURS;
	if (!options.heap_bytes)
		options.heap_bytes = trace.heap_bytes;
	if (options.heap_bytes)
		status = play(&options, &trace);
	else
		status = bad_usage("replay", "it is not known on what heap "
					     "this was: say --heap");
	trace_fini(&trace);
	return status;
}
