/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * handler.c: a signal handler ends the process, as it may, by _exit
 *
 * handler COUNT: that many children, each of them in the midst of allocating
 * when its handler runs.  One that hangs is killed by its alarm.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static void end(int signal)
{
	(void)signal;
	_exit(0);
}

static void child(int microseconds)
{
	struct itimerval timer = { .it_value.tv_usec = microseconds };
	char *block = NULL;
	size_t bytes = 1;

	alarm(10);
	signal(SIGVTALRM, end);
	setitimer(ITIMER_VIRTUAL, &timer, NULL);
	for (;;) {
		bytes = bytes % 100000 + 977;
		block = realloc(block, bytes);
		free(malloc(bytes / 2));
	}
}

int main(int argc, char **argv)
{
	int i, status, count = argc > 1 ? atoi(argv[1]) : 100;
	pid_t pid;

	for (i = 0; i < count; i++) {
		pid = fork();
		if (!pid)
			child(1 + i * 37 % 5000);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
			printf("child %d ended with %d\n", i, status);
			return 1;
		}
	}
	return 0;
}
