/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * program.c: running a program on one malloc or another.
 *
 * The fixheap command is that of the build, two folders above this program.
 * What a program prints goes to /dev/null, what it says on standard error
 * into the file "errors" of its folder.
 *
 * The kernel counts as a process's peak what the one that started it had at
 * most, so this must be done while the benchmark itself is still small.
 */
#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define HEAP_SIZE "--heap=2G"
#define ARGS_MAX 32

/* As in enum way. */
static const char *const names[NR_WAYS] = { "fixheap", "--hugepages", "record",
					    "jemalloc", "glibc" };

const char *way_name(enum way way)
{
	return names[way];
}

/* The fixheap command. */
static const char *command(void)
{
	static char path[4096];
	ssize_t length;

	if (*path)
		return path;
	length = readlink("/proc/self/exe", path, sizeof(path) - 40);
	path[length > 0 ? length : 0] = '\0';
	dirname(path);
	strcat(path, "/../../tools/fixheap");
	return path;
}

/* In the child. */
static void become(enum way way, const char *folder, char *const *argv)
{
	char *all[ARGS_MAX] = { (char *)"fixheap", (char *)"run",
				(char *)HEAP_SIZE };
	int nr = 3, null = open("/dev/null", O_RDWR), errors;
	const char *tool = command();

	if (chdir(folder))
		_exit(125);
	errors = open("errors", O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(null, 0);
	dup2(null, 1);
	dup2(errors, 2);
	if (way == WAY_JEMALLOC)
		setenv("LD_PRELOAD", "libjemalloc.so.2", 1);
	if (way == WAY_JEMALLOC || way == WAY_GLIBC) {
		execvp(argv[0], argv);
		_exit(127);
	}
	if (way == WAY_HUGE)
		all[nr++] = (char *)"--hugepages";
	if (way == WAY_RECORD) {
		all[1] = (char *)"record";
		all[nr++] = (char *)"--quiet";
		all[nr++] = (char *)"--output=" RECORD_FILE;
	}
	all[nr++] = (char *)"--";
	while (*argv && nr < ARGS_MAX - 1)
		all[nr++] = *argv++;
	execv(tool, all);
	_exit(127);
}

pid_t program_start(enum way way, const char *folder, char *const *argv)
{
	pid_t pid;

	fflush(stdout);
	command();
	pid = fork();
	if (!pid)
		become(way, folder, argv);
	return pid;
}

static double seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec * 1e-6;
}

int program_wait(pid_t pid, struct usage *usage)
{
	struct rusage rusage;
	int status;

	while (wait4(pid, &status, 0, &rusage) != pid)
		if (errno != EINTR)
			return -1;
	usage->cpu =
		seconds_of(&rusage.ru_utime) + seconds_of(&rusage.ru_stime);
	usage->peak = (double)rusage.ru_maxrss / 1024;
	return status ? -1 : 0;
}

int program_run(enum way way, const char *folder, char *const *argv,
		struct usage *usage)
{
	struct timespec begin, end;
	pid_t pid;
	int ret;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	pid = program_start(way, folder, argv);
	ret = pid > 0 ? program_wait(pid, usage) : -1;
	clock_gettime(CLOCK_MONOTONIC, &end);
	usage->wall = (double)(end.tv_sec - begin.tv_sec) +
		      (double)(end.tv_nsec - begin.tv_nsec) * 1e-9;
	return ret;
}

void program_forget(const char *folder)
{
	char line[4200];

	snprintf(line, sizeof(line), "rm -f %s/" RECORD_FILE "*", folder);
	if (system(line))
		fprintf(stderr, "bench: '%s' failed\n", line);
}

bool program_works(enum way way)
{
	char *argv[] = { (char *)"true", NULL };
	struct usage usage;

	return !program_run(way, "/", argv, &usage);
}
