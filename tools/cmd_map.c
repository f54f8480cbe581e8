/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_map.c: `fixheap map`: a picture of a heap, in a file or the terminal
 *
 * A file is written beside its name and then put there, so that a picture that
 * could not be made leaves what was there.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "map.h"
#include "picture.h"
#include "picture_term.h"
#include "tool.h"

#define FILE_WIDTH 1024
#define FILE_LINES 32
#define TERM_LINES 16

struct map_options {
	const char *out, *what;
	enum picture_by by;
	struct picture_term term;
};

static void print_help(void)
{
	fputs("Usage: fixheap map [OPTION]... PID|PID.NUMBER|PATH\n"
	      "Draw a picture of a heap of a process that was started by "
	      "fixheap run --share,\nor that made it with FIXHEAP_SHARE.\n\n"
	      "  -o, --output=FILE       FILE.svg, FILE.png, or - for the "
	      "terminal (default)\n"
	      "      --color=WHAT        what colors are for: use (default), "
	      "placement,\n                            tag or age\n"
	      "      --color-depth=WHAT  of the terminal: 24bit, 256, 8 or "
	      "ascii\n"
	      "                            (default: what TERM, COLORTERM and "
	      "NO_COLOR say)\n"
	      "      --help              display this help and exit\n"
	      "      --version           output version information and "
	      "exit\n\n"
	      "Exit status is 0, 1 if the heap cannot be looked at, or 125 if "
	      "fixheap itself\nfails.\n",
	      stdout);
}

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "color", required_argument, NULL, 'c' },
	{ "color-depth", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

/* Index of the word in a list that NULL ends; -1: bad usage, which is said. */
static int word(const char *const *words, const char *text, const char *option)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], text))
			return i;
	bad_usage("map", "invalid argument '%s' for '--%s'", text, option);
	return -1;
}

static bool set_color(struct map_options *options, const char *text)
{
	static const char *const words[] = { "use", "placement", "tag", "age",
					     NULL };
	int i = word(words, text, "color");

	options->by = (enum picture_by)i;
	return i >= 0;
}

static bool set_depth(struct map_options *options, const char *text)
{
	static const char *const words[] = { "ascii", "8", "256", "24bit",
					     NULL };
	int i = word(words, text, "color-depth");

	options->term.style = (enum map_style)i;
	picture_term_set_utf8(&options->term);
	return i >= 0;
}

/* -1: go on; else the status to end with. */
static int parse(int argc, char **argv, struct map_options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, "o:", long_options, NULL)) !=
	       -1) {
		switch (option) {
		case 'o':
			options->out = optarg;
			break;
		case 'c':
			if (!set_color(options, optarg))
				return EXIT_OURS;
			break;
		case 'd':
			if (!set_depth(options, optarg))
				return EXIT_OURS;
			break;
		default:
			return other_option("map", option, print_help);
		}
	}
	options->what = argv[optind];
	if (!options->what)
		return bad_usage("map", "missing process");
	if (argc - optind > 1)
		return bad_usage("map", "extra operand '%s'", argv[optind + 1]);
	return -1;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), tail = strlen(end);

	return length > tail && !strcmp(text + length - tail, end);
}

static int cannot_write(const char *path)
{
	complain("cannot write '%s': %s", path, strerror(errno));
	return EXIT_OURS;
}

static int write_file(const struct map_options *options,
		      const struct picture *picture,
		      const struct segment *segment)
{
	int (*write_to)(const struct picture *p, const struct segment *from,
			FILE *out) = ends_with(options->out, ".png")
					     ? picture_write_png
					     : picture_write_svg;
	FILE *out;
	char *part;
	int failed;

	if (asprintf(&part, "%s.part", options->out) < 0)
		return EXIT_OURS;
	out = fopen(part, "wxe");
	failed = out ? write_to(picture, segment, out) : -1;
	if (out)
		failed |= fclose(out);
	if (!failed)
		failed = rename(part, options->out);
	if (failed) {
		failed = cannot_write(options->out);
		if (out)
			unlink(part);
	}
	free(part);
	return failed;
}

static int show(const struct map_options *options, struct segment *segment)
{
	struct picture picture = { .by = options->by,
				   .width = FILE_WIDTH,
				   .want_lines = FILE_LINES };
	const char *wrong;
	int status = EXIT_SUCCESS;

	if (!options->out) {
		picture.width = options->term.width;
		picture.want_lines = TERM_LINES;
	}
	wrong = picture_make(&picture, segment);
	if (wrong) {
		complain("cannot look at '%s': %s", segment->path, wrong);
		status = EXIT_FAILURE;
	} else if (options->out) {
		status = write_file(options, &picture, segment);
	} else {
		picture_print(&picture, segment, &options->term);
	}
	picture_end(&picture);
	return status;
}

/* The first heap of those that the operand names. */
static int find_and_show(const struct map_options *options)
{
	struct segment segment;
	const char *wrong, *name = options->what;
	char **names;
	size_t nr;
	int status;

	wrong = segment_names(options->what, &names, &nr);
	if (!wrong) {
		name = names[0];
		wrong = segment_open(&segment, name);
	}
	if (wrong) {
		complain("cannot look at '%s': %s", name, wrong);
		status = EXIT_FAILURE;
	} else {
		status = show(options, &segment);
		segment_close(&segment);
	}
	segment_names_end(names, nr);
	return status;
}

int cmd_map(int argc, char **argv)
{
	static char own_name[] = "fixheap"; /* in getopt's complaints */
	struct map_options options = { .out = NULL };
	int status;

	setlocale(LC_CTYPE, "");
	options.term = picture_term_of_stdout();
	argv[0] = own_name;
	status = parse(argc, argv, &options);
	if (status >= 0)
		return status;
	if (options.out && !strcmp(options.out, "-"))
		options.out = NULL;
	if (options.out && !ends_with(options.out, ".svg") &&
	    !ends_with(options.out, ".png"))
		return bad_usage("map", "'%s' does not end in .svg or .png",
				 options.out);
	return finish_output(find_and_show(&options));
}
