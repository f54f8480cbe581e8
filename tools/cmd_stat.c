/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_stat.c: `fixheap stat`: what is in the heaps of a program
 *
 * Heaps that cannot be read are told on standard error, and the others are
 * printed all the same; the status is 1 then.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "figures_print.h"
#include "stat_json.h"
#include "stat_prometheus.h"
#include "tool.h"

struct stat_options {
	bool json, map, prometheus, clean;
	const char *what; /* NULL: all of the user's, in short */
};

static void print_help(void)
{
	fputs("Usage: fixheap stat [OPTION]... [PID|PID.NUMBER|PATH]\n"
	      "Tell what is in the heaps of a process that was started by "
	      "fixheap run --share,\nor whose heap was made with "
	      "FIXHEAP_SHARE; it may have been killed meanwhile.\nWithout a "
	      "process: list all heaps of this user that can be looked at.\n\n"
	      "      --json        as JSON, see fixheap.schema.json\n"
	      "      --map         with it: each run of pages, too\n"
	      "      --prometheus  as metrics for Prometheus\n"
	      "      --clean       remove what ended processes have left\n"
	      "      --help        display this help and exit\n"
	      "      --version     output version information and exit\n\n"
	      "Exit status is 0, 1 if a heap cannot be looked at, or 125 if "
	      "fixheap itself fails.\n",
	      stdout);
}

static const struct option long_options[] = {
	{ "json", no_argument, NULL, 'j' },
	{ "map", no_argument, NULL, 'm' },
	{ "prometheus", no_argument, NULL, 'p' },
	{ "clean", no_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on; else the status to end with. */
static int parse(int argc, char **argv, struct stat_options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) !=
	       -1) {
		switch (option) {
		case 'j':
			options->json = true;
			break;
		case 'm':
			options->map = true;
			break;
		case 'p':
			options->prometheus = true;
			break;
		case 'c':
			options->clean = true;
			break;
		default:
			return other_option("stat", option, print_help);
		}
	}
	options->what = argv[optind];
	if (argc - optind > 1)
		return bad_usage("stat", "extra operand '%s'",
				 argv[optind + 1]);
	if (options->json && options->prometheus)
		return bad_usage("stat", "--json and --prometheus");
	if (options->map && !options->json)
		return bad_usage("stat", "--map without --json");
	return -1;
}

/* --- all of them ---------------------------------------------------- */

struct output {
	const struct stat_options *options;
	struct stat_json *json;
	struct stat_prometheus prometheus;
	size_t nr; /* printed so far */
};

static const char *show(struct output *output, struct segment *segment)
{
	struct figures figures = { .alive = segment_is_alive(segment) };
	const struct stat_options *options = output->options;
	const char *wrong = NULL;

	if (options->clean && !figures.alive) {
		/* a descriptor goes with its process */
		return segment_is_descriptor(segment->path)
			       ? NULL
			       : segment_remove(segment);
	}
	wrong = figures_read(&figures, segment);
	if (!wrong && options->json)
		wrong = stat_json_add(output->json, segment, &figures,
				      options->map ? STAT_JSON_RUNS
						   : STAT_JSON_NO_RUNS);
	else if (!wrong && options->prometheus)
		wrong = stat_prometheus_add(&output->prometheus, segment,
					    &figures);
	else if (!wrong && options->what)
		figures_print(&figures, segment, stdout);
	else if (!wrong)
		figures_print_line(&figures, segment, stdout);
	figures_end(&figures);
	return wrong;
}

/* Not for people to read. */
static bool is_for_programs(const struct stat_options *options)
{
	return options->json || options->prometheus;
}

/* One of all that there were is none any more: no fault of anyone's. */
static bool is_gone(const struct stat_options *options, const char *name)
{
	return !options->what && access(name, F_OK) && errno == ENOENT;
}

static int show_all(struct output *output, char **names, size_t nr)
{
	int status = EXIT_SUCCESS;

	for (size_t i = 0; i < nr; i++) {
		struct segment segment;
		const char *wrong = segment_open(&segment, names[i]);

		if (!wrong) {
			if (output->nr++ && output->options->what &&
			    !is_for_programs(output->options))
				putchar('\n');
			wrong = show(output, &segment);
			segment_close(&segment);
		}
		if (wrong && !is_gone(output->options, names[i])) {
			complain("cannot look at '%s': %s", names[i], wrong);
			status = EXIT_FAILURE;
		}
	}
	return status;
}

int cmd_stat(int argc, char **argv)
{
	static char own_name[] = "fixheap"; /* in getopt's complaints */
	struct stat_options options = { .json = false };
	struct output output = { .options = &options };
	const char *wrong;
	char **names;
	size_t nr;
	int status;

	argv[0] = own_name;
	status = parse(argc, argv, &options);
	if (status >= 0)
		return status;
	wrong = segment_names(options.what, &names, &nr);
	if (wrong) {
		complain("cannot look at '%s': %s",
			 options.what ? options.what : SEGMENT_FOLDER, wrong);
		return EXIT_FAILURE;
	}
	if (options.json)
		output.json = stat_json_begin();
	else if (!options.what && !options.prometheus)
		figures_print_head(stdout);
	status = show_all(&output, names, nr);
	segment_names_end(names, nr);
	if (options.prometheus)
		stat_prometheus_end(&output.prometheus, stdout);
	/* what could not be written, finish_output tells */
	if (options.json && stat_json_end(output.json) && !ferror(stdout)) {
		complain("no memory");
		return EXIT_OURS;
	}
	return finish_output(status);
}
