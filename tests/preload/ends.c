/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ends.c: allocation before main, after it, and at the ends of threads
 *
 * Each place takes, checks and frees blocks of several sizes.  All but the
 * last say so through one counter; the last exit handler compares it with
 * what is expected and ends the process with 0 or 1.  Two threads go on
 * allocating while the process ends.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_THREADS 4
/* constructor, main, 4 destructors, 2 exit handlers, and the last one */
#define EXPECTED (1 + 1 + NR_THREADS + 2 + 1)

static int worked;
static pthread_key_t key;
static char *from_constructor;

static int work(void)
{
	static const size_t table[] = { 1, 100, 5000, 20000, 3000000 };
	unsigned char *ptr;
	size_t i, bytes;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		bytes = table[i];
		ptr = calloc(1, bytes);
		if (!ptr || ptr[0] || ptr[bytes - 1])
			return 0;
		memset(ptr, 7, bytes);
		ptr = realloc(ptr, 2 * bytes);
		if (!ptr || ptr[0] != 7 || ptr[bytes - 1] != 7)
			return 0;
		free(ptr);
	}
	__atomic_add_fetch(&worked, 1, __ATOMIC_RELAXED);
	return 1;
}

__attribute__((constructor)) static void early(void)
{
	from_constructor = strdup("made before main");
	work();
}

/* Runs after the library's own destructors of this thread may have run. */
static void thread_end(void *block)
{
	static __thread int rounds;

	free(block);
	if (++rounds < 3)
		pthread_setspecific(key, malloc(100));
	else
		work();
}

static void *thread_short(void *block)
{
	free(block); /* another thread's */
	pthread_setspecific(key, malloc(1000));
	return malloc(50); /* freed by main */
}

static void *thread_endless(void *unused)
{
	(void)unused;
	for (;;)
		free(malloc(5000));
	return NULL;
}

static void handler(void)
{
	work();
}

/* Registered first, so run last. */
static void last(void)
{
	work();
	if (worked == EXPECTED)
		_exit(0);
	fprintf(stderr, "%d of %d places worked\n", worked, EXPECTED);
	_exit(1);
}

int main(void)
{
	pthread_t thread[NR_THREADS], endless;
	void *block;
	int i;

	atexit(last);
	atexit(handler);
	atexit(handler);
	if (strcmp(from_constructor, "made before main"))
		return 1;
	free(from_constructor);
	work();
	pthread_key_create(&key, thread_end);
	for (i = 0; i < NR_THREADS; i++)
		pthread_create(&thread[i], NULL, thread_short, malloc(70000));
	for (i = 0; i < NR_THREADS; i++) {
		pthread_join(thread[i], &block);
		free(block);
	}
	pthread_create(&endless, NULL, thread_endless, NULL);
	pthread_create(&endless, NULL, thread_endless, NULL);
	/* The last thread but the endless ones: exit handlers run in exit. */
	exit(1);
}
