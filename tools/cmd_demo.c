/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_demo.c: `fixheap demo`: two fixed heaps side by side
 *
 * Runs each case of demo_cases.c on a heap of one size: under jemalloc on a
 * range that only grows, as runtimes do it today (bump.c), and under fixheap.
 * Then it searches, by halving, the smallest heap in which the case completes,
 * and draws both heaps as they were at the end of each case.
 *
 * 1. Every figure is measured in this run; each trial is a process of its own
 *    (demo_worker.c).
 * 2. 100u is at most a size class of jemalloc's, and 101u is above it: within
 *    a class jemalloc would use the old array again.
 * 3. Results go to standard output, and what is being done to standard error
 *    when it takes longer than a second.
 */
#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "demo.h"
#include <fixheap/fixheap.h>

#include "size.h"
#include "tool.h"
#include "worker.h"

#define DEFAULT_HEAP "2458M"
#define LEAST_HEAP "128M"
#define HEAP_UNITS 160 /* what a heap holds at least, in u */
#define PRECISION 1024 /* of the search: a part of the peak */
#define TRIALS_MOST 64
#define CELL_MAX 112

enum result {
	DONE,
	REFUSED,
	NO_HEAP
};

struct outcome {
	enum result result;
	size_t peak_bytes;
	char map[2 * MAP_CELLS_MAX + 1];
	char what[DEMO_TEXT_MAX]; /* refused, or why there is no heap */
};

struct column {
	const struct engine *engine;
	const char *title;
	const char *preload; /* NULL: nothing */
	struct outcome outcome[NR_DEMO_CASES];
	size_t nr_done;
};

struct demo {
	size_t heap_bytes;
	size_t unit;
	size_t nr_cells;
	enum map_style style;
	int utf8;
	time_t said;  /* when progress was told last */
	bool telling; /* a line of progress stands on the terminal */
};

static struct column columns[2] = {
	{ .engine = &bump_engine,
	  .title = "bump heap + jemalloc",
	  .preload = WORKER_JEMALLOC },
	{ .engine = &fixheap_engine, .title = "fixheap" },
};

/* --- one trial ------------------------------------------------------ */

static void parse_answer(const char *line, struct outcome *outcome)
{
	char word[8] = "";
	int at = 0;

	outcome->result = NO_HEAP;
	if (sscanf(line, "%7s %zu %256s%n", word, &outcome->peak_bytes,
		   outcome->map, &at) == 3 &&
	    at) {
		outcome->result = strcmp(word, "done") ? REFUSED : DONE;
		line += at;
	} else if (!strncmp(line, "none", 4)) {
		line += 4;
	} else {
		line = "crashed";
	}
	snprintf(outcome->what, sizeof(outcome->what), "%.*s",
		 (int)strcspn(line + (*line == ' '), "\n"),
		 line + (*line == ' '));
}

static void try_case(const struct demo *demo, const struct column *column,
		     size_t index, size_t heap_bytes, struct outcome *outcome)
{
	char line[512] = "", text[4][24], name[16];
	char own[] = "fixheap", command[] = "demo-worker";
	char *argv[] = { own,	  command, name,    text[0],
			 text[1], text[2], text[3], NULL };
	pid_t pid;
	FILE *from;

	memset(outcome, 0, sizeof(*outcome));
	snprintf(name, sizeof(name), "%s", column->engine->name);
	snprintf(text[0], sizeof(text[0]), "%zu", index);
	snprintf(text[1], sizeof(text[1]), "%zu", heap_bytes);
	snprintf(text[2], sizeof(text[2]), "%zu", demo->unit);
	snprintf(text[3], sizeof(text[3]), "%zu", demo->nr_cells);
	from = worker_start(column->preload, argv, &pid);
	if (!from) {
		outcome->result = NO_HEAP;
		strcpy(outcome->what, "cannot start");
		return;
	}
	if (!fgets(line, sizeof(line), from))
		line[0] = '\0';
	fclose(from);
	waitpid(pid, NULL, 0);
	parse_answer(line, outcome);
}

/* --- progress ------------------------------------------------------- */

static void tell(struct demo *demo, size_t index, const struct column *column)
{
	time_t now = time(NULL);

	if (now - demo->said < (isatty(STDERR_FILENO) ? 1 : 5))
		return;
	demo->said = now;
	demo->telling = isatty(STDERR_FILENO);
	fprintf(stderr,
		"%sfixheap: case %zu of %d: searching the smallest "
		"heap, %s%s",
		demo->telling ? "\r\033[K" : "", index + 1, NR_DEMO_CASES,
		column->title, demo->telling ? "" : "\n");
}

static void told(struct demo *demo)
{
	if (demo->telling)
		fputs("\r\033[K", stderr);
	demo->telling = false;
}

/* --- the smallest heap ---------------------------------------------- */

/*
 * Bytes of the smallest heap in which the case completes, and in *peak what
 * was live in it at most; 0: none was found.
 */
static size_t smallest_heap(struct demo *demo, const struct column *column,
			    size_t index, size_t *peak)
{
	size_t low, middle, high = demo->heap_bytes;
	struct outcome outcome;
	int trials;

	outcome = column->outcome[index];
	for (trials = 0; outcome.result == REFUSED && trials < 8; trials++) {
		high *= 2;
		tell(demo, index, column);
		try_case(demo, column, index, high, &outcome);
	}
	if (outcome.result != DONE)
		return 0;
	*peak = outcome.peak_bytes;
	low = *peak - 1;
	while (high - low > *peak / PRECISION && trials++ < TRIALS_MOST) {
		middle = low + (high - low) / 2;
		tell(demo, index, column);
		try_case(demo, column, index, middle, &outcome);
		if (outcome.result == DONE)
			high = middle;
		else
			low = middle;
	}
	return high;
}

/* --- the table ------------------------------------------------------ */

/* Run one case on one heap, and write its part of the row. */
static void run_cell(struct demo *demo, struct column *column, size_t index,
		     char *cell)
{
	struct outcome *outcome = &column->outcome[index];
	char result[DEMO_TEXT_MAX + 16], ratio[16] = "-";
	size_t smallest, peak;

	try_case(demo, column, index, demo->heap_bytes, outcome);
	column->nr_done += outcome->result == DONE;
	snprintf(result, sizeof(result), "%s%s",
		 outcome->result == DONE      ? "completes"
		 : outcome->result == REFUSED ? "fails: "
					      : "",
		 outcome->what);
	smallest = smallest_heap(demo, column, index, &peak);
	if (smallest)
		snprintf(ratio, sizeof(ratio), "%.3f",
			 (double)smallest / (double)peak);
	snprintf(cell, CELL_MAX, "  %-15s%6s", result, ratio);
}

static void print_table(struct demo *demo)
{
	char heap[SIZE_TEXT_MAX], unit[SIZE_TEXT_MAX], cell[2][CELL_MAX];
	size_t index;

	printf("A heap of %s is %.0fu; u is %s, so that 100u is a size class "
	       "of\njemalloc's and 101u is not.\n\n",
	       size_format(heap, demo->heap_bytes),
	       (double)demo->heap_bytes / (double)demo->unit,
	       size_format(unit, demo->unit));
	printf("%-34s  %-21s  %s\n", "", columns[0].title, columns[1].title);
	printf("%-34s  %-14s%7s  %-14s%7s\n", "arrays", "on this heap",
	       "least *", "on this heap", "least *");
	for (index = 0; index < NR_DEMO_CASES; index++) {
		run_cell(demo, &columns[0], index, cell[0]);
		run_cell(demo, &columns[1], index, cell[1]);
		told(demo);
		printf("%-34s%s%s\n", demo_cases[index].about, cell[0],
		       cell[1]);
		fflush(stdout);
	}
	puts("\n* the smallest heap that will do, over what is live in it at "
	     "most");
}

static void print_map(const struct demo *demo, size_t index)
{
	size_t i;

	printf("\n%s\n", demo_cases[index].about);
	for (i = 0; i < 2; i++) {
		printf("  %-8s ", columns[i].engine->name);
		if (columns[i].outcome[index].result == NO_HEAP)
			fputs(columns[i].outcome[index].what, stdout);
		else
			map_print(columns[i].outcome[index].map, demo->style,
				  demo->utf8, stdout);
		putchar('\n');
	}
}

static void print_maps(const struct demo *demo)
{
	char cell[SIZE_TEXT_MAX];
	size_t index;

	printf("\nThe heaps at the end of each case, or where it failed; one "
	       "character is\n%s: ",
	       size_format(cell, demo->heap_bytes / demo->nr_cells));
	map_legend(demo->style, demo->utf8, stdout);
	putchar('\n');
	for (index = 0; index < NR_DEMO_CASES; index++)
		print_map(demo, index);
	printf("\nOn this heap %zu of %d cases complete under jemalloc as "
	       "runtimes use it, %zu of %d\nunder fixheap.\n",
	       columns[0].nr_done, NR_DEMO_CASES, columns[1].nr_done,
	       NR_DEMO_CASES);
}

/* --- options -------------------------------------------------------- */

static void print_help(void)
{
	printf("Usage: fixheap demo [OPTION]...\n"
	       "Run programs with large arrays on a heap of fixed size, under "
	       "jemalloc as\nruntimes use it and under fixheap, and show both "
	       "side by side.  No array is\ntouched: the heap takes address "
	       "space, not memory.\n\n"
	       "      --heap=SIZE    size of the heap, at least %s (default: "
	       "%s)\n"
	       "      --color=WHEN   color the map: always, never or auto "
	       "(default: auto)\n"
	       "      --help         display this help and exit\n"
	       "      --version      output version information and exit\n",
	       LEAST_HEAP, DEFAULT_HEAP);
}

/* As much as the terminal can show; plain where there is none. */
static int choose_style(struct demo *demo, const char *when)
{
	bool color = map_wants_color();

	if (!strcmp(when, "always"))
		color = true;
	else if (!strcmp(when, "never"))
		color = false;
	else if (strcmp(when, "auto"))
		return bad_usage("demo", "invalid argument '%s' for '--color'",
				 when);
	demo->utf8 = color && !strcmp(nl_langinfo(CODESET), "UTF-8");
	demo->style = color ? map_best_style() : MAP_ASCII;
	return 0;
}

static void choose_cells(struct demo *demo)
{
	struct winsize window;

	demo->nr_cells = 64;
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) && window.ws_col > 32)
		demo->nr_cells = window.ws_col - 12u;
	if (demo->nr_cells > MAP_CELLS_MAX)
		demo->nr_cells = MAP_CELLS_MAX;
}

/* 100u: the largest size class of jemalloc's that leaves 60u beside it. */
static int choose_unit(struct demo *demo)
{
	const size_t largest = (size_t)1 << CONFIG_HEAP_SHIFT;
	size_t most, least, step = 1;
	char text[SIZE_TEXT_MAX];

	fixheap_parse_size(LEAST_HEAP, &least);
	if (!demo->heap_bytes) {
		fixheap_parse_size(DEFAULT_HEAP, &demo->heap_bytes);
		if (demo->heap_bytes > largest)
			demo->heap_bytes = largest;
	}
	if (demo->heap_bytes < least)
		return bad_usage("demo", "the heap must be at least %s",
				 LEAST_HEAP);
	if (demo->heap_bytes > largest)
		return bad_usage("demo",
				 "the heap can be %s at most in this build",
				 size_format(text, largest));
	most = demo->heap_bytes / HEAP_UNITS * 100;
	while (step * 8 <= most)
		step *= 2;
	demo->unit = most / step * step / 100 & ~(size_t)4095;
	return 0;
}

static const struct option long_options[] = {
	{ "heap", required_argument, NULL, 's' },
	{ "color", required_argument, NULL, 'c' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on; else the status to end with. */
static int parse(int argc, char **argv, struct demo *demo)
{
	const char *when = "auto";
	int option, status = -1;

	while (status < 0 && (option = getopt_long(argc, argv, "", long_options,
						   NULL)) != -1) {
		if (option == 's' &&
		    size_option("demo", optarg, &demo->heap_bytes)) {
			status = EXIT_OURS;
		} else if (option == 'c') {
			when = optarg;
		} else if (option != 's') {
			status = other_option("demo", option, print_help);
		}
	}
	if (status >= 0)
		return status;
	if (optind < argc)
		return bad_usage("demo", "extra operand '%s'", argv[optind]);
	status = choose_style(demo, when);
	return status ? status : -1;
}

int cmd_demo(int argc, char **argv)
{
	static char own_name[] = "fixheap"; /* in getopt's complaints */
	struct demo demo = { 0 };
	int status;

	argv[0] = own_name;
	setlocale(LC_CTYPE, "");
	status = parse(argc, argv, &demo);
	if (status >= 0)
		return status;
	status = choose_unit(&demo);
	if (status)
		return status;
	choose_cells(&demo);
	demo.said = time(NULL);
	print_table(&demo);
	print_maps(&demo);
	return finish_output(columns[1].nr_done == NR_DEMO_CASES
				     ? EXIT_SUCCESS
				     : EXIT_FAILURE);
}
