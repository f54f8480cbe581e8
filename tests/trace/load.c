/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * load.c: a known number of calls, to be recorded
 *
 *	load plain	1000 blocks, 500 resized, all freed; 3 aligned; 1 of
 *			8 MiB; 1 refused
 *	load threads	4 threads that free each other's blocks
 *	load forks	a child, and a child of a child that calls nothing
 *	load killed	calls, then SIGKILL
 *	load endless	calls until it is killed or 20 s are over
 */
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR 1000
#define NR_THREADS 4
#define NR_SHARED 128

static void *block[NR];
static void *shared[NR_SHARED];

static int plain(void)
{
	void *refused;
	int i;

	for (i = 0; i < NR; i++)
		block[i] = malloc((size_t)(i * 13 % 4000));
	for (i = 0; i < NR; i += 2)
		block[i] = realloc(block[i], (size_t)(i * 29 % 9000) + 1);
	for (i = 0; i < NR; i++)
		free(block[i]);
	free(aligned_alloc(64, 640));
	free(memalign(4096, 100));
	free(aligned_alloc(1 << 16, 1 << 16));
	free(calloc(8, 1 << 20));
	refused = malloc((size_t)1 << 44);
	return refused != NULL;
}

/* Blocks go from thread to thread, so that addresses do, too. */
static void *thread(void *seed)
{
	uint64_t random = (uintptr_t)seed;
	void *mine = NULL;
	int i;

	for (i = 0; i < 20000; i++) {
		random = random * UINT64_C(6364136223846793005) + 1;
		mine = realloc(mine, (random >> 40) % 60000 + 1);
		mine = __atomic_exchange_n(&shared[(random >> 33) % NR_SHARED],
					   mine, __ATOMIC_ACQ_REL);
		if (random >> 63) {
			free(mine);
			mine = NULL;
		}
	}
	free(mine);
	return NULL;
}

static int threads(void)
{
	pthread_t id[NR_THREADS];
	int i;

	for (i = 0; i < NR_THREADS; i++)
		if (pthread_create(&id[i], NULL, thread, &id[i]))
			return 1;
	for (i = 0; i < NR_THREADS; i++)
		pthread_join(id[i], NULL);
	return 0;
}

static int forks(void)
{
	int i, status;
	pid_t pid;

	for (i = 0; i < NR; i++)
		block[i] = malloc(100);
	pid = fork();
	if (!pid) {
		pid = fork();
		if (!pid) {
			for (i = 0; i < NR; i++)
				free(block[i]);
			return 0;
		}
	}
	waitpid(pid, &status, 0);
	return status;
}

static int endless(int dies)
{
	int i, n;

	alarm(20);
	for (n = 0; !dies || n < 3; n++)
		for (i = 0; i < NR; i++) {
			free(block[i]);
			block[i] = malloc((size_t)i + 1);
		}
	return raise(SIGKILL);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	if (!strcmp(what, "plain"))
		return plain();
	if (!strcmp(what, "threads"))
		return threads();
	if (!strcmp(what, "forks"))
		return forks();
	if (!strcmp(what, "killed"))
		return endless(1);
	return endless(0);
}
