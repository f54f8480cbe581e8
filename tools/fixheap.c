/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap.c: the command
 *
 * A table of subcommands, and what they all do in the same manner: help,
 * version, complaints.  Each subcommand has a file of its own.
 *
 * 1. Standard output carries results only: reports, progress and complaints
 *    go to standard error.
 * 2. A failure of the command itself is status 125, so that every status of
 *    a program run by it can be told apart.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fixheap/fixheap.h>

#include "size.h"
#include "tool.h"

static const struct command commands[] = {
	{ "run", "run a program on a heap of fixed size", cmd_run },
	{ "stat", "tell what is in the heaps of a running program", cmd_stat },
	{ "top", "the same, again and again", cmd_top },
	{ "map", "draw a picture of a heap of a running program", cmd_map },
	{ "record", "the same, and write down what it allocates", cmd_record },
	{ "replay", "play what was recorded on heaps of any size", cmd_replay },
	{ "replay-worker", NULL, cmd_replay_worker },
	{ "trace", "traces from text and to text", cmd_trace },
	{ "demo", "show what a fixed heap can hold, side by side", cmd_demo },
	{ "demo-worker", NULL, cmd_demo_worker },
	{ NULL, NULL, NULL },
};

void complain(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	va_start(args, format);
	fputs("fixheap: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

int bad_usage(const char *command, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("fixheap: ", stderr);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\nTry 'fixheap%s%s --help' for more information.\n",
		*command ? " " : "", command);
	return EXIT_OURS;
}

void print_version(void)
{
	printf("fixheap %s\n", fixheap_version());
}

int other_option(const char *command, int option, void (*print_help)(void))
{
	if (option == 'h')
		print_help();
	if (option == 'v')
		print_version();
	if (option == 'h' || option == 'v')
		return finish_output(EXIT_SUCCESS);
	fprintf(stderr, "Try 'fixheap %s --help' for more information.\n",
		command);
	return EXIT_OURS;
}

int finish_output(int status)
{
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	complain("write error: %s", strerror(errno));
	return EXIT_OURS;
}

int size_option(const char *command, const char *text, size_t *bytes)
{
	int error = fixheap_parse_size(text, bytes);

	if (!error)
		return 0;
	return bad_usage(
		command,
		error == -ERANGE
			? "heap size '%s' is too large"
			: "'%s' is not a heap size; say 64M, 8G or 50%%",
		text);
}

static void print_help(void)
{
	const struct command *command;

	puts("Usage: fixheap COMMAND [OPTION]...\n"
	     "Heaps of fixed size on which everything that is free can be "
	     "used.\n");
	for (command = commands; command->name; command++)
		if (command->about)
			printf("  %-6s %s\n", command->name, command->about);
	puts("\n"
	     "  --help     display this help and exit\n"
	     "  --version  output version information and exit\n\n"
	     "'fixheap COMMAND --help' tells more of each; so does "
	     "fixheap(1).");
}

int main(int argc, char **argv)
{
	const struct command *command;

	if (argc < 2)
		return bad_usage("", "missing command");
	if (!strcmp(argv[1], "--help")) {
		print_help();
		return finish_output(EXIT_SUCCESS);
	}
	if (!strcmp(argv[1], "--version")) {
		print_version();
		return finish_output(EXIT_SUCCESS);
	}
	for (command = commands; command->name; command++)
		if (!strcmp(argv[1], command->name))
			return command->run(argc - 1, argv + 1);
	return bad_usage("",
			 argv[1][0] == '-' ? "unrecognized option '%s'"
					   : "unknown command '%s'",
			 argv[1]);
}
