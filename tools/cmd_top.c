/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_top.c: `fixheap top`: heaps of running programs, again and again
 *
 * Each time all is read anew and made into text, which goes to the screen as
 * far as it fits, or with -b to standard output.  Rates are what happened since
 * the time before.
 */
#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "figures_print.h"
#include "picture_term.h"
#include "screen.h"
#include "size.h"
#include "tool.h"

#define MAP_LINES 4   /* or more: zones have lines of their own */
#define LOW_SCREEN 40 /* one with fewer rows shows less of each: */
static const struct shown {
	size_t map, zones, tags;
} shown_low = { 2, 2, 5 }, shown_high = { 8, 12, 10 };

struct top_options {
	bool batch;
	long milliseconds;
	unsigned long count; /* 0: for ever */
	const char *what;
};

/* What a heap had done when it was looked at. */
struct past {
	char *path;
	uint64_t made_ns;
	struct timespec when;
	uint64_t nr_allocs, nr_frees, nr_fails, used_bytes;
};

struct top {
	const struct top_options *options;
	struct past *past;
	size_t nr_past;
	size_t nr_shown; /* heaps, the last time */
};

static void print_help(void)
{
	fputs("Usage: fixheap top [OPTION]... [PID|PID.NUMBER|PATH]\n"
	      "Show the heaps of a process that was started by fixheap run "
	      "--share, or that\nmade them with FIXHEAP_SHARE, and refresh; "
	      "without a process, a line for each\nheap of this user.  q "
	      "quits, any other key refreshes at once.\n\n"
	      "  -d SECONDS     time from one to the next (default: 2)\n"
	      "  -n COUNT       end after so many\n"
	      "  -b             one after the other on standard output\n"
	      "      --help     display this help and exit\n"
	      "      --version  output version information and exit\n\n"
	      "Exit status is 0, 1 if there is no heap to look at, or 125 if "
	      "fixheap itself\nfails.\n",
	      stdout);
}

static const struct option long_options[] = {
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

static bool set_seconds(struct top_options *options, const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds >= 0.01 && seconds <= 86400)) {
		bad_usage("top", "'%s' is no time from 0.01 to 86400 seconds",
			  text);
		return false;
	}
	options->milliseconds = lround(seconds * 1000);
	return true;
}

static bool set_count(struct top_options *options, const char *text)
{
	char *end;

	errno = 0;
	options->count = strtoul(text, &end, 10);
	if (end != text && !*end && *text != '-' && !errno && options->count)
		return true;
	bad_usage("top", "'%s' is no number of times", text);
	return false;
}

/* -1: go on; else the status to end with. */
static int parse(int argc, char **argv, struct top_options *options)
{
	int option;

	while ((option = getopt_long(argc, argv, "bd:n:", long_options,
				     NULL)) != -1) {
		switch (option) {
		case 'b':
			options->batch = true;
			break;
		case 'd':
			if (!set_seconds(options, optarg))
				return EXIT_OURS;
			break;
		case 'n':
			if (!set_count(options, optarg))
				return EXIT_OURS;
			break;
		default:
			return other_option("top", option, print_help);
		}
	}
	options->what = argv[optind];
	if (argc - optind > 1)
		return bad_usage("top", "extra operand '%s'", argv[optind + 1]);
	return -1;
}

/* --- rates ---------------------------------------------------------- */

/* What was known of this heap; a new entry, all 0, where nothing was; NULL: no
 * memory. */
static struct past *find_past(struct top *top, const struct segment *segment)
{
	struct past *past = top->past;
	struct past *end = past + top->nr_past;

	while (past < end && (strcmp(past->path, segment->path) ||
			      past->made_ns != segment->head.made_ns))
		past++;
	if (past < end)
		return past;
	past = realloc(top->past, (top->nr_past + 1) * sizeof(*past));
	if (!past)
		return NULL;
	top->past = past;
	past += top->nr_past;
	*past = (struct past){ .path = strdup(segment->path),
			       .made_ns = segment->head.made_ns };
	if (!past->path)
		return NULL;
	top->nr_past++;
	return past;
}

static double per_second(uint64_t now, uint64_t then, double seconds)
{
	return (double)(int64_t)(now - then) / seconds;
}

static void print_rates(struct top *top, const struct segment *segment,
			const struct figures *f, FILE *out)
{
	struct past *past = find_past(top, segment);
	struct timespec now;
	double seconds;

	if (!past)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	seconds = (double)(now.tv_sec - past->when.tv_sec) +
		  (double)(now.tv_nsec - past->when.tv_nsec) / 1e9;
	if (past->when.tv_sec && seconds > 0)
		fprintf(out,
			"  a second: %.0f runs allocated, %.0f freed, %.0f "
			"failed, used %+.1f MiB\n",
			per_second(f->nr_allocs, past->nr_allocs, seconds),
			per_second(f->nr_frees, past->nr_frees, seconds),
			per_second(f->nr_fails, past->nr_fails, seconds),
			per_second(f->used_bytes, past->used_bytes, seconds) /
				1048576);
	else
		fprintf(out,
			"  so far: %llu runs allocated, %llu freed, %llu "
			"failed\n",
			(unsigned long long)f->nr_allocs,
			(unsigned long long)f->nr_frees,
			(unsigned long long)f->nr_fails);
	past->when = now;
	past->nr_allocs = f->nr_allocs;
	past->nr_frees = f->nr_frees;
	past->nr_fails = f->nr_fails;
	past->used_bytes = f->used_bytes;
}

/* --- text ----------------------------------------------------------- */

static const char *print_all_of(struct top *top, struct segment *segment,
				FILE *out)
{
	struct picture_term term = picture_term_of_stdout();
	bool low = !top->options->batch && screen_rows() < LOW_SCREEN;
	const struct shown *shown = low ? &shown_low : &shown_high;
	bool zones = segment->head.column[FIXHEAP_SEGMENT_ZONE_START].nr > 1;
	struct picture picture = { .by = PICTURE_BY_USE,
				   .width = term.width,
				   .want_lines = MAP_LINES };
	struct figures *figures = &picture.figures;
	const char *wrong;

	if (low && !zones)
		picture.want_lines = shown->map;
	wrong = picture_make(&picture, segment);
	if (!wrong) {
		if (top->nr_shown)
			fputc('\n', out);
		figures_print_sizes(figures, segment, out);
		print_rates(top, segment, figures, out);
		term.out = out;
		term.lines_most = shown->map;
		picture_print_short(&picture, &term);
		figures_print_zones(figures, shown->zones, out);
		figures_print_uses(figures, out);
		if (low)
			figures_print_tags_short(figures, shown->tags, out);
		else
			figures_print_tags(figures, shown->tags, out);
	}
	picture_end(&picture);
	return wrong;
}

static const char *print_line(struct top *top, struct segment *segment,
			      FILE *out)
{
	struct figures figures = { .alive = false };
	const char *wrong = figures_read(&figures, segment);

	if (!wrong) {
		if (!top->nr_shown)
			figures_print_head(out);
		figures_print_line(&figures, segment, out);
	}
	figures_end(&figures);
	return wrong;
}

static const char *print_heap(struct top *top, const char *name, FILE *out)
{
	struct segment segment;
	const char *wrong = segment_open(&segment, name);

	if (wrong)
		return wrong;
	wrong = top->options->what ? print_all_of(top, &segment, out)
				   : print_line(top, &segment, out);
	top->nr_shown += !wrong;
	segment_close(&segment);
	return wrong;
}

/* All heaps as text; what cannot be read is said there, too. */
static void print_all(struct top *top, FILE *out)
{
	const struct top_options *options = top->options;
	time_t now = time(NULL);
	const char *wrong;
	struct tm local;
	char text[32];
	char **names;
	size_t nr;

	localtime_r(&now, &local);
	strftime(text, sizeof(text), "%H:%M:%S", &local);
	fprintf(out, "fixheap top - %s\n\n", text);
	top->nr_shown = 0;
	wrong = segment_names(options->what, &names, &nr);
	if (wrong)
		fprintf(out, "'%s': %s\n",
			options->what ? options->what : SEGMENT_FOLDER, wrong);
	for (size_t i = 0; i < nr; i++) {
		wrong = print_heap(top, names[i], out);
		if (wrong)
			fprintf(out, "'%s': %s\n", names[i], wrong);
	}
	segment_names_end(names, nr);
}

/* --- again and again ------------------------------------------------ */

static int show_once(struct top *top)
{
	size_t length = 0;
	char *text = NULL;
	FILE *out;

	out = open_memstream(&text, &length);
	if (!out)
		return -1;
	print_all(top, out);
	if (fclose(out)) {
		free(text);
		return -1;
	}
	if (top->options->batch) {
		fwrite(text, 1, length, stdout);
		putchar('\n');
		fflush(stdout);
	} else {
		screen_show(text, length);
	}
	free(text);
	return 0;
}

/* Wait for the next time; false: it is over. */
static bool wait_for_next(const struct top_options *options)
{
	const struct timespec pause = { options->milliseconds / 1000,
					options->milliseconds % 1000 *
						1000000 };
	char key;

	if (options->batch) {
		nanosleep(&pause, NULL);
		return !ferror(stdout);
	}
	switch (screen_wait(options->milliseconds, &key)) {
	case SCREEN_END:
		return false;
	case SCREEN_KEY:
		return key != 'q' && key != 'Q';
	default:
		return true;
	}
}

static int repeat(struct top *top)
{
	const struct top_options *options = top->options;
	unsigned long nr = 0;

	do {
		if (show_once(top))
			return -1;
		nr++;
	} while (nr != options->count && wait_for_next(options));
	return 0;
}

static void forget(struct top *top)
{
	for (size_t i = 0; i < top->nr_past; i++)
		free(top->past[i].path);
	free(top->past);
}

int cmd_top(int argc, char **argv)
{
	static char own_name[] = "fixheap"; /* in getopt's complaints */
	struct top_options options = { .milliseconds = 2000 };
	struct top top = { .options = &options };
	int status, failed;

	setlocale(LC_CTYPE, "");
	argv[0] = own_name;
	status = parse(argc, argv, &options);
	if (status >= 0)
		return status;
	if (!options.batch && screen_begin()) {
		complain("standard input and output are no terminal: say -b");
		return EXIT_OURS;
	}
	failed = repeat(&top);
	if (!options.batch)
		screen_end();
	forget(&top);
	if (failed) {
		complain("no memory");
		return EXIT_OURS;
	}
	if (options.what && !top.nr_shown) {
		complain("there is no heap of '%s' to look at any more",
			 options.what);
		return finish_output(EXIT_FAILURE);
	}
	return finish_output(EXIT_SUCCESS);
}
