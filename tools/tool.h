/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tool.h: what the subcommands share.  See fixheap.c.
 */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include <stdbool.h>
#include <stddef.h>

/* As env, nice and timeout do: the program's own statuses stay below. */
#define EXIT_OURS 125
#define EXIT_CANNOT_RUN 126
#define EXIT_NOT_FOUND 127

struct command {
	const char *name;  /* one word; NULL ends the table */
	const char *about; /* one line; NULL: not for people */
	int (*run)(int argc, char **argv);
};

int cmd_run(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_map(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_replay_worker(int argc, char **argv);
int cmd_trace(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_demo_worker(int argc, char **argv);

/* "fixheap: ..." to stderr. */
void complain(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same, then where help is to be had.  Gives back EXIT_OURS. */
int bad_usage(const char *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* For --version. */
void print_version(void);
/* What all commands do with --help ('h'), --version ('v') and options that they
 * do not have, of which getopt_long has told; the status to end with. */
int other_option(const char *command, int option, void (*print_help)(void));
/* Flush stdout; EXIT_OURS and a message when what was printed was lost. */
int finish_output(int status);
/*
 * The size in an option's value: 0, or EXIT_OURS when it is none, after
 * saying so.
 */
int size_option(const char *command, const char *text, size_t *bytes);

#endif
