/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * threads.c: work that is done by threads on the CPUs of certain nodes.
 *
 * 1. Each i is run exactly once, by its thread or by the caller; or nothing is
 *    run and the answer is -EAGAIN.
 * 2. A thread moves itself to those CPUs of its node that the caller may use,
 *    which it inherits; the caller never moves.
 * 3. Signals that are sent are blocked on the threads, so that no handler of
 *    the program finds itself on a thread that it does not know.  Those that
 *    a thread brings about itself are not: memory may be backed by a handler.
 *
 * Locking: none.  Cost: a thread and a file read each.  The C library may call
 * malloc to make a thread.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "text.h"

struct cpus {
	u64 word[CPUS_MAX / 64];
};

struct worker {
	pthread_t thread;
	u32 i, node;
	void (*fn)(void *data, u32 i);
	void *data;
};

/* Digits from *at on, which moves behind them. */
static u32 number(const char **at)
{
	u32 value = 0;

	for (; **at >= '0' && **at <= '9'; ++*at)
		if (value < CPUS_MAX)
			value = value * 10 + (u32)(**at - '0');
	return value;
}

/* "0-3,8": the CPUs of a list. */
static void parse_list(const char *at, struct cpus *cpus)
{
	u32 first, last;

	while (*at >= '0' && *at <= '9') {
		first = last = number(&at);
		if (*at == '-') {
			at++;
			last = number(&at);
		}
		for (; first <= last && first < CPUS_MAX; first++)
			cpus->word[first / 64] |= 1ull << first % 64;
		at += *at == ',';
	}
}

static void node_cpus(u32 node, struct cpus *cpus)
{
	struct text text;
	char path[64];
	char *line;

	memset(cpus, 0, sizeof(*cpus));
	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/cpulist",
		 node);
	text_open(&text, path);
	line = text_line(&text);
	if (line)
		parse_list(line, cpus);
	text_close(&text);
}

/* Go to the CPUs of the node that this thread may use, if there are any. */
static void move_to(u32 node)
{
	struct cpus mine, cpus;
	long bytes = syscall(SYS_sched_getaffinity, 0, sizeof(mine), &mine);
	u64 any = 0;
	long i;

	if (bytes <= 0)
		return;
	node_cpus(node, &cpus);
	for (i = 0; i < bytes / 8; i++) {
		cpus.word[i] &= mine.word[i];
		any |= cpus.word[i];
	}
	if (any)
		syscall(SYS_sched_setaffinity, 0, bytes, &cpus);
}

static void *work(void *data)
{
	const struct worker *worker = data;

	if (IS_ENABLED(CONFIG_NUMA))
		move_to(worker->node);
	worker->fn(worker->data, worker->i);
	return NULL;
}

/* Start as many as can be; how many. */
static u32 start(struct worker *worker, u32 nr)
{
	static const int own[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP };
	sigset_t block, before;
	u32 i;

	sigfillset(&block);
	for (i = 0; i < ARRAY_LEN(own); i++)
		sigdelset(&block, own[i]);
	pthread_sigmask(SIG_BLOCK, &block, &before);
	for (i = 0; i < nr; i++)
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			break;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return i;
}

void *host_start_thread(void (*fn)(void *data, u32 i), void *data)
{
	struct worker *worker = host_reserve(sizeof(*worker));
	int saved = errno;

	/* on no node: it stays where the caller may run */
	if (worker)
		*worker = (struct worker){ .node = NODE_IDS,
					   .fn = fn,
					   .data = data };
	if (worker && !start(worker, 1)) {
		host_release(worker, sizeof(*worker));
		worker = NULL;
	}
	errno = saved;
	return worker;
}

void host_join_thread(void *thread)
{
	struct worker *worker = thread;

	pthread_join(worker->thread, NULL);
	host_release(worker, sizeof(*worker));
}

int host_run_threads(u32 nr, const u32 *node, void (*fn)(void *data, u32 i),
		     void *data)
{
	size_t bytes = nr * sizeof(struct worker);
	struct worker *worker;
	int saved = errno;
	u32 started, i;

	if (!nr)
		return 0;
	worker = host_reserve(bytes);
	if (!worker) {
		errno = saved;
		return -EAGAIN;
	}
	for (i = 0; i < nr; i++)
		worker[i] = (struct worker){
			.i = i, .node = node[i], .fn = fn, .data = data
		};
	started = start(worker, nr);
	for (i = started; started && i < nr; i++)
		fn(data, i);
	for (i = 0; i < started; i++)
		pthread_join(worker[i].thread, NULL);
	host_release(worker, bytes);
	errno = saved;
	return started ? 0 : -EAGAIN;
}
