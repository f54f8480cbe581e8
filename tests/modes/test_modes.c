/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_modes.c: one interface, and one suite that passes in every mode.
 *
 * test_modes MODE [SEED [STEPS]]: run the suite (suite_*.c) in this mode; the
 * random tests print the arguments that play them again.  Without arguments:
 * in each mode, in a process of its own, as what a filter forbids is forbidden
 * for good.  The modes, and all in which they differ, are in support.c.
 */
#include <sys/wait.h>
#include <time.h>

#include "filter.h"
#include "suite.h"

#define MAX_TESTS 64
#define SKIPPED 77

struct test_heap suite;
uint64_t suite_seed;
unsigned long suite_steps;
static const struct mode *suite_mode;

int suite_setup(void **state)
{
	(void)state;
	heap_prepare(&suite, suite_mode);
	heap_open(&suite);
	return 0;
}

int suite_teardown(void **state)
{
	(void)state;
	if (suite.heap)
		heap_close(&suite);
	return 0;
}

static int run_mode(const struct mode *mode)
{
	const struct suite_part *parts[] = {
		&suite_threads, &suite_trim,
#ifndef __SANITIZE_THREAD__ /* one thread has no races */
		&suite_objects, &suite_arrays, &suite_limits,
		&suite_model,	&suite_filter,
#endif
	};
	static struct CMUnitTest tests[MAX_TESTS];
	static char names[MAX_TESTS][64];
	unsigned nr = 0;

	suite_mode = mode;
	if (mode->filtered && !filter_install()) {
		printf("ok 1 - %s # SKIP there is no seccomp here\n",
		       mode->name);
		return SKIPPED;
	}
	for (unsigned i = 0; i < ARRAY_LEN(parts); i++) {
		if (parts[i] == &suite_filter && !mode->filtered)
			continue;
		for (unsigned k = 0; k < parts[i]->nr; k++, nr++) {
			must(nr < MAX_TESTS);
			tests[nr] = parts[i]->tests[k];
			snprintf(names[nr], sizeof(names[nr]), "%s: %s",
				 mode->name, tests[nr].name);
			tests[nr].name = names[nr];
		}
	}
	return _cmocka_run_group_tests(mode->name, tests, nr, NULL, NULL);
}

/* This program once for each mode, or the first ones: fixed and dynamic. */
static int run_all(const char *program)
{
	int worst = 0, status;
	pid_t child;

	for (unsigned i = 0; i < SUITE_MODES; i++) {
		fflush(NULL);
		child = fork();
		if (!child) {
			execl("/proc/self/exe", program, modes[i].name, NULL);
			_exit(127);
		}
		if (child < 0 || waitpid(child, &status, 0) != child)
			return 1;
		if (!status ||
		    (WIFEXITED(status) && WEXITSTATUS(status) == SKIPPED))
			continue;
		worst = 1;
		if (WIFSIGNALED(status))
			printf("not ok - %s ended by signal %d\n",
			       modes[i].name, WTERMSIG(status));
	}
	return worst;
}

int main(int argc, char **argv)
{
	if (argc == 1)
		return run_all(argv[0]);
	suite_seed =
		argc > 2 ? strtoull(argv[2], NULL, 0)
			 : (uint64_t)time(NULL) * 1000003 + (uint64_t)getpid();
	suite_steps = argc > 3 ? strtoul(argv[3], NULL, 0) : 0;
	for (unsigned i = 0; i < nr_modes; i++) {
		if (!strcmp(argv[1], modes[i].name))
			return run_mode(&modes[i]);
	}
	fprintf(stderr, "usage: %s [MODE [SEED [STEPS]]]\nmodes:", argv[0]);
	for (unsigned i = 0; i < nr_modes; i++)
		fprintf(stderr, " %s", modes[i].name);
	fprintf(stderr, "\n");
	return 2;
}
