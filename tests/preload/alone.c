/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * alone.c: a program that gives up what it was given
 *
 * alone WHAT: closes every descriptor, becomes another user, clears its
 * environment, or leaves main by pthread_exit; then allocates on, forks and
 * lets the child allocate.  Says how it went by its status alone: 0; 1:
 * something does not hold; 77: it may not do that here.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static int work(void)
{
	char *small[1000], *large;
	int i;

	large = malloc((size_t)20 << 20);
	if (!large)
		return 0;
	memset(large, 1, (size_t)20 << 20);
	for (i = 0; i < 1000; i++) {
		small[i] = malloc(1 + (size_t)i * 20);
		if (!small[i])
			return 0;
		memset(small[i], i, 1 + (size_t)i * 20);
	}
	for (i = 0; i < 1000; i++) {
		if (small[i][i * 20] != (char)i)
			return 0;
		free(small[i]);
	}
	free(large);
	return 1;
}

static void close_all(void)
{
	struct rlimit limit;
	int fd, end = 65536;

	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur < 65536)
		end = (int)limit.rlim_cur;
	for (fd = 0; fd < end; fd++)
		close(fd);
}

static int other_user(void)
{
	if (getuid())
		return 77;
	return setgid(65534) || setuid(65534) || !setuid(0);
}

static void *after_main(void *main_thread)
{
	pthread_join(*(pthread_t *)main_thread, NULL);
	exit(work() ? 0 : 1);
}

int main(int argc, char **argv)
{
	static pthread_t main_thread, thread;
	int status = 0;
	pid_t child;

	if (argc != 2)
		return 2;
	if (!strcmp(argv[1], "descriptors"))
		close_all();
	else if (!strcmp(argv[1], "user"))
		status = other_user();
	else if (!strcmp(argv[1], "environment"))
		status = clearenv();
	else if (strcmp(argv[1], "main"))
		return 2;
	if (status || !work())
		return status ? status : 1;
	child = fork();
	if (!child)
		_exit(work() ? 0 : 1);
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		return 1;
	if (strcmp(argv[1], "main"))
		return work() ? 0 : 1;
	main_thread = pthread_self();
	if (pthread_create(&thread, NULL, after_main, &main_thread))
		return 1;
	pthread_exit(NULL);
}
