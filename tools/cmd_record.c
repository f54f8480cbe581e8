/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_record.c: `fixheap record`: write down what a program allocates
 *
 * As `fixheap run`, with one variable more, which tells the preload library
 * where its files go (record.c there).  When the program has ended, each file
 * of the session is cut to its length and listed.
 *
 * 1. The first process has the file that was asked for, each other one FILE.PID
 *    (FILE.PID.2, ... where a process has become another program).
 * 2. A file whose process still runs is left as it is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fixheap/fixheap.h>

#include "run.h"
#include "size.h"
#include "tool.h"
#include "trace_format.h"

struct record_options {
	struct run_options run;
	const char *file;
	char path[PATH_MAX]; /* file's, from the root */
	uint64_t session;
	bool quiet;
};

static void print_help(void)
{
	fputs("Usage: fixheap record [OPTION]... [-o FILE] [--] PROGRAM "
	      "[ARG]...\n"
	      "Run PROGRAM on a heap of fixed size, as 'fixheap run' does, and "
	      "write what it\nallocates, resizes and frees to FILE; other "
	      "processes that it starts write to\nFILE.PID.\n\n"
	      "  -o, --output=FILE    where to write (default: "
	      "fixheap.trace)\n" RUN_HELP
	      "  -q, --quiet          do not list the files\n"
	      "      --help           display this help and exit\n"
	      "      --version        output version information and exit\n\n"
	      "'fixheap replay' plays such a file; 'fixheap trace dump' prints "
	      "it.\nExit status is that of PROGRAM, or 125 to 127 as of "
	      "'fixheap run'.\n",
	      stdout);
}

static const struct option long_options[] = {
	{ "output", required_argument, NULL, 'o' },
	RUN_OPTIONS,
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

/* -1: go on; else the status to end with. */
static int parse(int argc, char **argv, struct record_options *options)
{
	int option, done;

	while ((option = getopt_long(argc, argv, "+o:q", long_options, NULL)) !=
	       -1) {
		done = run_option("record", option, &options->run);
		if (done > 0)
			return done;
		if (done < 0)
			continue;
		switch (option) {
		case 'o':
			options->file = optarg;
			break;
		case 'q':
			options->quiet = true;
			break;
		default:
			return other_option("record", option, print_help);
		}
	}
	options->run.program = argv + optind;
	if (*options->run.program)
		return -1;
	return bad_usage("record", "missing program");
}

/* --- before --------------------------------------------------------- */

/* Whether what is there may be written over: a trace, or nothing. */
static bool may_replace(const char *file)
{
	uint64_t magic = 0;
	struct stat st;
	int fd;

	if (stat(file, &st))
		return errno == ENOENT;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, &magic, sizeof(magic)) < 0)
		magic = 0;
	if (fd >= 0)
		close(fd);
	return S_ISREG(st.st_mode) && (!st.st_size || magic == TRACE_MAGIC);
}

/* The file's path from the root, and that it can be made there. */
static int find_path(struct record_options *options)
{
	const char *file = options->file, *name = strrchr(file, '/');
	char folder[PATH_MAX] = ".";
	int fd;

	if (!may_replace(file)) {
		complain("'%s' is no trace; not written over", file);
		return EXIT_OURS;
	}
	unlink(file);
	fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		goto fail;
	close(fd);
	unlink(file);
	if (name)
		snprintf(folder, sizeof(folder), "%.*s", (int)(name - file + 1),
			 file);
	if (!realpath(folder, options->path))
		goto fail;
	name = name ? name + 1 : file;
	if (strlen(options->path) + strlen(name) + 2 < PATH_MAX) {
		strcat(strcat(options->path, "/"), name);
		return 0;
	}
	errno = ENAMETOOLONG;
fail:
	complain("cannot write '%s': %s", file, strerror(errno));
	return EXIT_OURS;
}

static int set_variable(struct record_options *options)
{
	char *text;
	int failed;

	if (getrandom(&options->session, sizeof(options->session), 0) < 0)
		options->session = (uint64_t)getpid();
	if (asprintf(&text, "%llx:%s", (unsigned long long)options->session,
		     options->path) < 0)
		return EXIT_OURS;
	failed = setenv(RECORD_VARIABLE, text, 1);
	free(text);
	return failed ? EXIT_OURS : 0;
}

/* --- after ---------------------------------------------------------- */

struct recorded {
	uint64_t nr_files;
	uint64_t nr_words;
	bool full; /* one of them ends before its process did */
};

/* The words that the file holds, and cut off what is behind them. */
static uint64_t file_finish(int fd, const struct trace_header *header,
			    struct recorded *all)
{
	uint64_t nr = header->nr_words;

	if (nr > header->nr_ready) {
		nr = header->nr_ready;
		all->full = true;
	}
	if (kill((pid_t)header->pid, 0) && errno == ESRCH &&
	    ftruncate(fd, (off_t)(header->header_bytes + nr * sizeof(nr))))
		complain("cannot cut a trace to its length: %s",
			 strerror(errno));
	return nr;
}

static void file_list(const struct record_options *options, int folder,
		      const char *name, struct recorded *all)
{
	struct trace_header header;
	char size[SIZE_TEXT_MAX];
	int fd = openat(folder, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	uint64_t nr;

	if (fd < 0)
		return;
	if (pread(fd, &header, sizeof(header), 0) == sizeof(header) &&
	    header.magic == TRACE_MAGIC && header.version == TRACE_VERSION &&
	    header.session == options->session) {
		nr = file_finish(fd, &header, all);
		all->nr_files++;
		all->nr_words += nr;
		size_format(size, header.header_bytes + nr * sizeof(nr));
		if (!options->quiet)
			fprintf(stderr, "fixheap: %-10s %7u %-16.16s %s\n",
				size, header.pid, header.program, name);
	}
	close(fd);
}

static void list_files(const struct record_options *options)
{
	const char *slash = strrchr(options->path, '/'), *name = slash + 1;
	size_t length = strlen(name);
	struct recorded all = { 0 };
	char folder[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(folder, sizeof(folder), "%.*s",
		 (int)(slash - options->path + 1), options->path);
	dir = opendir(folder);
	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!strncmp(entry->d_name, name, length) &&
		    (!entry->d_name[length] || entry->d_name[length] == '.'))
			file_list(options, dirfd(dir), entry->d_name, &all);
	closedir(dir);
	if (!all.nr_files)
		complain("nothing was recorded of '%s': is it linked "
			 "statically?",
			 options->run.program[0]);
	if (all.full)
		complain("a trace ends before its process did: the disk is "
			 "full, or a limit");
}

int cmd_record(int argc, char **argv)
{
	static char own_name[] = "fixheap"; /* in getopt's complaints */
	static struct record_options options = { .file = "fixheap.trace" };
	bool started = false;
	int status, error;

	argv[0] = own_name;
	status = parse(argc, argv, &options);
	if (status >= 0)
		return status;
	if (!options.run.heap_bytes)
		fixheap_parse_size("50%", &options.run.heap_bytes);
	error = run_prepare(&options.run);
	if (!error)
		error = find_path(&options);
	if (!error)
		error = set_variable(&options);
	if (!error)
		error = run_and_wait(&options.run, &started, &status);
	if (error)
		return error;
	if (started)
		list_files(&options);
	return run_end_as(status);
}
