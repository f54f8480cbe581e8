/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * forks.c: a program with busy threads that forks
 *
 * forks COUNT: that many children, one after the other, while four threads
 * allocate and free; each child allocates, frees what its parent made, makes a
 * thread of its own, and checks a block that was there before.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_THREADS 4
#define NR_BLOCKS 64

static int stop;

static void *busy(void *seed)
{
	char *blocks[NR_BLOCKS] = { NULL };
	unsigned n = (unsigned)(size_t)seed;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		n = n * 1103515245 + 12345;
		free(blocks[n >> 8 & 63]);
		blocks[n >> 8 & 63] = malloc(n >> 16 & 0x7fff);
	}
	for (n = 0; n < NR_BLOCKS; n++)
		free(blocks[n]);
	return NULL;
}

static void *in_child(void *unused)
{
	(void)unused;
	return calloc(100, 100);
}

static int child(char *before)
{
	pthread_t thread;
	char *more;
	void *made;

	more = malloc(100000);
	if (!more || strcmp(before, "from the parent"))
		return 1;
	memset(more, 1, 100000);
	free(before);
	free(more);
	if (pthread_create(&thread, NULL, in_child, NULL) ||
	    pthread_join(thread, &made) || !made)
		return 1;
	free(made);
	return 0;
}

int main(int argc, char **argv)
{
	pthread_t thread[NR_THREADS];
	int i, status, count = argc > 1 ? atoi(argv[1]) : 100;
	char *before = strdup("from the parent");
	pid_t pid;

	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&thread[i], NULL, busy, (void *)(size_t)(i + 1));
	while (count--) {
		pid = fork();
		if (!pid)
			_exit(child(before));
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status) {
			printf("a child ended with %d\n", status);
			return 1;
		}
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	free(before);
	return 0;
}
