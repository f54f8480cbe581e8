/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_trace.c: `fixheap trace`: traces from text and to text
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool.h"
#include "trace_text.h"

struct trace_options {
	bool import;
	const char *file;
	const char *output;
};

static void print_help(void)
{
	fputs("Usage: fixheap trace import [-o FILE] TEXT\n"
	      "  or:  fixheap trace dump [-o FILE] TRACE\n"
	      "Make a trace for 'fixheap replay' of TEXT, or print one as such "
	      "text; - is\nstandard input.\n\n"
	      "  -o, --output=FILE  where to write (default: fixheap.trace; "
	      "dump: standard\n"
	      "                       output)\n"
	      "      --help         display this help and exit\n"
	      "      --version      output version information and exit\n\n"
	      "TEXT is what 'dump' prints, a line a call (a ID BYTES "
	      "[ALIGNMENT], r ID NEW-ID\nBYTES, f ID, x BYTES [ALIGNMENT]), or "
	      "what a jemalloc writes with opt.prof_log,\nor what kdump "
	      "prints of one with opt.utrace.\n",
	      stdout);
}

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static int parse_operands(char **operand, struct trace_options *options)
{
	if (!operand[0])
		return bad_usage("trace", "missing import or dump");
	options->import = !strcmp(operand[0], "import");
	if (!options->import && strcmp(operand[0], "dump"))
		return bad_usage("trace", "unknown command '%s'", operand[0]);
	if (!operand[1])
		return bad_usage("trace", "missing file");
	if (operand[2])
		return bad_usage("trace", "extra operand '%s'", operand[2]);
	options->file = operand[1];
	return -1;
}

/* -1: go on; else the status to end with. */
static int parse(int argc, char **argv, struct trace_options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, "o:", long_options, NULL)) !=
	       -1) {
		switch (option) {
		case 'o':
			options->output = optarg;
			break;
		default:
			return other_option("trace", option, print_help);
		}
	}
	return parse_operands(argv + optind, options);
}

/* What is written is lost, or all of it is there. */
static int finish(FILE *to, const char *file)
{
	bool failed = ferror(to);

	if (!fclose(to) && !failed)
		return EXIT_SUCCESS;
	complain("cannot write '%s': %s", file, strerror(errno));
	return EXIT_OURS;
}

static int dump(const struct trace_options *options)
{
	struct trace trace;
	FILE *to = stdout;

	if (trace_load(&trace, options->file))
		return EXIT_OURS;
	if (options->output)
		to = fopen(options->output, "we");
	if (!to) {
		complain("cannot write '%s': %s", options->output,
			 strerror(errno));
		trace_fini(&trace);
		return EXIT_OURS;
	}
	text_write(&trace, to);
	trace_fini(&trace);
	return to == stdout ? finish_output(EXIT_SUCCESS)
			    : finish(to, options->output);
}

static int read_text(const char *file, struct trace *trace)
{
	FILE *from = strcmp(file, "-") ? fopen(file, "re") : stdin;
	int failed, first;

	if (!from) {
		complain("cannot read '%s': %s", file, strerror(errno));
		return -1;
	}
	first = getc(from);
	ungetc(first, from);
	failed = first == '{' ? jemalloc_read(trace, from, file)
			      : text_read(trace, from, file);
	if (from != stdin)
		fclose(from);
	return failed;
}

static int import(const struct trace_options *options)
{
	const char *file = options->output ? options->output : "fixheap.trace";
	int status = EXIT_OURS;
	struct trace trace;
	FILE *to;

	if (!trace_init(&trace)) {
		complain("not enough memory");
	} else if (!read_text(options->file, &trace)) {
		to = fopen(file, "we");
		if (to) {
			trace_save(&trace, to);
			status = finish(to, file);
		} else {
			complain("cannot write '%s': %s", file,
				 strerror(errno));
		}
	}
	trace_fini(&trace);
	return status;
}

int cmd_trace(int argc, char **argv)
{
	static char own_name[] = "fixheap"; /* in getopt's complaints */
	struct trace_options options = { 0 };
	int status;

	argv[0] = own_name;
	status = parse(argc, argv, &options);
	if (status >= 0)
		return status;
	return options.import ? import(&options) : dump(&options);
}
