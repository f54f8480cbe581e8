/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cmd_run.c: `fixheap run`: a program on a heap of fixed size
 *
 * Puts the preload library in front of the program by LD_PRELOAD and tells it
 * by environment variables what heap to make.  Both are inherited, so each
 * process that the program starts makes a heap of its own.
 *
 * 1. Without --report the command becomes the program (exec): status, signals
 *    and process id are the program's own.
 * 2. With --report the command waits, hands on the signals that ask a
 *    program to end, and then ends as the program did: with its status, or by
 *    the same signal.
 * 3. The command's own failures are 125; 126 when the program cannot be run
 *    and 127 when there is none, as with env and timeout.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fixheap/fixheap.h>

#include "report.h"
#include "run.h"
#include "size.h"
#include "space.h"
#include "tool.h"

#define PRELOAD_NAME "libfixheap_preload.so"

/* --- options -------------------------------------------------------- */

static void print_help(void)
{
	fputs("Usage: fixheap run [OPTION]... [--] PROGRAM [ARG]...\n"
	      "Run PROGRAM, unmodified, with everything that it allocates on "
	      "a heap of\nfixed size.  Each process that it starts has a heap "
	      "of its own.\n\n" RUN_HELP
	      "      --report[=FILE]  when PROGRAM has ended, tell what each "
	      "process used,\n"
	      "                         on standard error or in FILE\n"
	      "      --help           display this help and exit\n"
	      "      --version        output version information and exit\n\n"
	      "SIZE is a number of bytes with an optional suffix: K, M, G, T "
	      "for powers of\n1024 (KB, MB, ... for powers of 1000), or % of "
	      "the machine's memory.\n\n"
	      "Exit status is that of PROGRAM, or\n"
	      "  125  if fixheap itself fails\n"
	      "  126  if PROGRAM is found but cannot be run\n"
	      "  127  if PROGRAM cannot be found\n",
	      stdout);
}

static const struct option long_options[] = {
	RUN_OPTIONS,
	{ "report", optional_argument, NULL, 'r' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'v' },
	{ NULL, 0, NULL, 0 },
};

int run_option(const char *command, int option, struct run_options *options)
{
	unsigned pages;

	switch (option) {
	case 's':
		return size_option(command, optarg, &options->heap_bytes)
			       ? EXIT_OURS
			       : -1;
	case 'g':
		options->pages = optarg ? optarg : "1";
		if (space_pages(options->pages, &pages))
			return -1;
		return bad_usage(command,
				 "bad page size '%s': not thp, 2M or 1G",
				 optarg);
	case 'p':
		options->prefault = true;
		return -1;
	case 'd':
		if (!decay_parse(optarg, &options->decay_ms))
			return -1;
		return bad_usage(command,
				 "'%s' is not a number of milliseconds",
				 optarg);
	case 'a':
		options->share = true;
		return -1;
	default:
		return 0;
	}
}

/* -1: go on; else the status to end with. */
static int parse(int argc, char **argv, struct run_options *options)
{
	int option, done;

	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) !=
	       -1) {
		done = run_option("run", option, options);
		if (done > 0)
			return done;
		if (done < 0)
			continue;
		if (option != 'r')
			return other_option("run", option, print_help);
		options->report = true;
		options->report_file = optarg;
	}
	options->program = argv + optind;
	if (*options->program)
		return -1;
	return bad_usage("run", "missing program");
}

/* --- environment ---------------------------------------------------- */

/* The folder that the command lies in, without a slash at its end. */
static int own_folder(char *path, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", path, size - 1);
	char *slash;

	if (length <= 0)
		return -1;
	path[length] = '\0';
	slash = strrchr(path, '/');
	if (!slash)
		return -1;
	*slash = '\0';
	return 0;
}

/*
 * The preload library: beside the command or a folder above it (a build
 * folder), or where it was installed.
 */
static int find_preload(char *path)
{
	static const char *const places[] = {
		"%s/" PRELOAD_NAME,
		"%s/../" PRELOAD_NAME,
		"%s/../lib/fixheap/" PRELOAD_NAME,
		PRELOAD_DIR "/" PRELOAD_NAME,
	};
	char folder[PATH_MAX], place[PATH_MAX + 64];
	size_t i;

	if (own_folder(folder, sizeof(folder)))
		strcpy(folder, ".");
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(place, sizeof(place), places[i], folder);
		if (access(place, R_OK) || !realpath(place, path))
			continue;
		if (!strpbrk(path, " :"))
			return 0;
		complain("'%s' cannot be preloaded: there is a space or a "
			 "colon in its path; move it",
			 path);
		return EXIT_OURS;
	}
	complain("cannot find " PRELOAD_NAME " beside '%s' nor in '%s': "
		 "install fixheap, or build it with CONFIG_PRELOAD",
		 folder, PRELOAD_DIR);
	return EXIT_OURS;
}

/* Our library first, then what is to be preloaded already, but us. */
static int set_preload(const char *library)
{
	const char *before = getenv("LD_PRELOAD");
	size_t length = strlen(library);
	char *both;
	int failed;

	if (!before || !*before || !strcmp(before, library))
		return setenv("LD_PRELOAD", library, 1);
	if (!strncmp(before, library, length) && strchr(" :", before[length]))
		return 0;
	if (asprintf(&both, "%s:%s", library, before) < 0)
		return -1;
	failed = setenv("LD_PRELOAD", both, 1);
	free(both);
	return failed;
}

static int set_environment(const struct run_options *options)
{
	char library[PATH_MAX], bytes[SIZE_TEXT_MAX];
	int failed;

	failed = find_preload(library);
	if (failed)
		return failed;
	snprintf(bytes, sizeof(bytes), "%zu", options->heap_bytes);
	failed = setenv(HEAP_VARIABLE, bytes, 1);
	snprintf(bytes, sizeof(bytes), "%u", options->decay_ms);
	failed |= options->decay_ms ? setenv(DECAY_VARIABLE, bytes, 1)
				    : unsetenv(DECAY_VARIABLE);
	failed |= options->pages ? setenv(HUGEPAGES_VARIABLE, options->pages, 1)
				 : unsetenv(HUGEPAGES_VARIABLE);
	failed |= unsetenv(PREFAULT_VARIABLE);
	failed |= options->share ? setenv(SHARE_VARIABLE, "1", 1)
				 : unsetenv(SHARE_VARIABLE);
	failed |= set_preload(library);
	if (!failed)
		return 0;
	complain("cannot set the environment: %s", strerror(errno));
	return EXIT_OURS;
}

/* Better one complaint here than one from each process.  What nodes there are
 * is not asked: that takes longer than the rest. */
static int try_heap(const struct run_options *options)
{
	static const unsigned node[1];
	const struct fixheap_topology topology = { .size = sizeof(topology),
						   .nr_nodes = 1,
						   .nr_cpus = 1,
						   .cpu_node = node };
	struct space_request request = { .bytes = options->heap_bytes,
					 .decay_ms = options->decay_ms };
	size_t available = space_available();
	char text[SIZE_TEXT_MAX], there[SIZE_TEXT_MAX];
	struct fixheap_hugetlb pool = { .page_bytes = 0 };
	struct fixheap *heap;
	int error;

	size_format(text, options->heap_bytes);
	if (options->pages)
		space_pages(options->pages, &request.pages);
	if (space_lacks_pages(&request, &pool)) {
		complain("cannot make a heap of %s: %s", text, pool.advice);
		return EXIT_OURS;
	}
	if (options->prefault && !pool.page_bytes && available &&
	    available < options->heap_bytes) {
		complain("cannot touch a heap of %s: %s of memory are "
			 "available",
			 text, size_format(there, available));
		return EXIT_OURS;
	}
	request.topology = &topology;
	error = space_create(&request, &heap);
	if (!error) {
		fixheap_destroy(heap);
		return 0;
	}
	complain("cannot make a heap of %s: %s%s", text, strerror(-error),
		 error == -EINVAL ? " (a heap holds at least a page and at "
				    "most what this build allows)"
				  : "");
	return EXIT_OURS;
}

int run_prepare(const struct run_options *options)
{
	int status = set_environment(options);

	return status ? status : try_heap(options);
}

/* --- the program ---------------------------------------------------- */

static int become(const struct run_options *options)
{
	char **program = options->program;
	char pid[24];
	int error;

	/* it is this process, and no other that it starts */
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	if (options->prefault)
		setenv(PREFAULT_VARIABLE, pid, 1);
	execvp(program[0], program);
	error = errno;
	complain("cannot run '%s': %s", program[0], strerror(error));
	return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

static volatile sig_atomic_t child;

static void hand_on(int signal)
{
	if (child > 0)
		kill(child, signal);
}

static const int handed_on[] = { SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };

/* Signals of the terminal reach the program as well; we outlive it. */
static void catch_signals(void)
{
	struct sigaction action = { .sa_handler = hand_on };
	struct sigaction before;
	size_t i;

	action.sa_flags = SA_RESTART;
	for (i = 0; i < sizeof(handed_on) / sizeof(handed_on[0]); i++)
		if (!sigaction(handed_on[i], NULL, &before) &&
		    before.sa_handler != SIG_IGN)
			sigaction(handed_on[i], &action, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
}

int run_end_as(int status)
{
	struct rlimit none = { 0, 0 };
	sigset_t set;
	int sig;

	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	sig = WTERMSIG(status);
	fflush(NULL);
	setrlimit(RLIMIT_CORE, &none); /* the program's core is enough */
	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	raise(sig);
	return 128 + sig;
}

/*
 * In the child: run the program, or say through the pipe that it cannot be.
 * The memory is the parent's, which waits (vfork): copying it, and our heap's
 * locks, would take as long as all else here.
 */
static void start_child(const struct run_options *options, int tell)
{
	int status = become(options);

	if (write(tell, "x", 1) != 1)
		status = EXIT_OURS;
	_exit(status);
}

/*
 * Start the program; *started: it runs.  Signals wait until there is a child
 * to hand them to; the child has the dispositions that we were given.
 */
static int start(const struct run_options *options, bool *started)
{
	sigset_t all, before;
	int told[2], error;
	pid_t pid;
	char byte;

	if (pipe2(told, O_CLOEXEC)) {
		complain("cannot make a pipe: %s", strerror(errno));
		return EXIT_OURS;
	}
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	pid = vfork();
	if (!pid) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		start_child(options, told[1]);
	}
	error = errno;
	child = pid;
	catch_signals();
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (pid < 0) {
		complain("cannot fork: %s", strerror(error));
		return EXIT_OURS;
	}
	close(told[1]);
	*started = read(told[0], &byte, 1) == 0;
	close(told[0]);
	return 0;
}

int run_and_wait(const struct run_options *options, bool *started, int *status)
{
	int error = start(options, started);

	if (error)
		return error;
	while (waitpid(child, status, 0) < 0)
		if (errno != EINTR)
			return EXIT_OURS;
	child = 0;
	return 0;
}

static int run_and_report(const struct run_options *options)
{
	struct report report;
	FILE *out = stderr;
	bool started;
	int status, error;

	error = report_open(&report);
	if (error) {
		complain("cannot share memory with the program: %s",
			 strerror(-error));
		return EXIT_OURS;
	}
	if (options->report_file)
		out = fopen(options->report_file, "we");
	if (!out) {
		complain("cannot write '%s': %s", options->report_file,
			 strerror(errno));
		return EXIT_OURS;
	}
	error = run_and_wait(options, &started, &status);
	if (error)
		return error;
	if (started)
		report_print(&report, out, options->program[0]);
	if (out != stderr && fclose(out)) {
		complain("cannot write '%s': %s", options->report_file,
			 strerror(errno));
		return EXIT_OURS;
	}
	return run_end_as(status);
}

int cmd_run(int argc, char **argv)
{
	static char own_name[] = "fixheap"; /* in getopt's complaints */
	struct run_options options = { 0 };
	int status;

	argv[0] = own_name;
	status = parse(argc, argv, &options);
	if (status >= 0)
		return status;
	if (!options.heap_bytes)
		fixheap_parse_size("50%", &options.heap_bytes);
	status = run_prepare(&options);
	if (status)
		return status;
	if (options.report)
		return run_and_report(&options);
	return become(&options);
}
