/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * peer.c: starting the workers, and asking them in turns.
 *
 * Each allocator is measured in a process of its own, this program again, so
 * that one which is a process's malloc is really that: jemalloc and mimalloc
 * are preloaded.  A worker waits for a job on a pipe, does it, and writes the
 * nanoseconds.  Only one of all works at a time: the caller asks one after the
 * other, a round each, and so what else the machine does falls on all of them.
 *
 * Locking: none, one thread.
 */
#include "peer.h"

#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROBE_BYTES ((size_t)64 << 20)

static const struct {
	const char *name;
	const char *preload; /* the process's malloc */
	const char *symbol;  /* which that has */
} peers[NR_PEERS] = {
	[PEER_FIXHEAP] = { "fixheap", NULL, NULL },
	[PEER_GLIBC] = { "glibc", NULL, NULL },
	[PEER_JEMALLOC] = { "jemalloc", "libjemalloc.so.2", "mallctl" },
	[PEER_MIMALLOC] = { "mimalloc", "libmimalloc.so.2", "mi_version" },
	[PEER_MEMKIND] = { "memkind", NULL, NULL },
	[PEER_TBB] = { "tbb", NULL, NULL },
	[PEER_DPDK] = { "dpdk", NULL, NULL },
	[PEER_BUDDY] = { "buddy", NULL, NULL },
	[PEER_BUMP] = { "bump", "libjemalloc.so.2", "mallctl" },
};

const char *peer_name(enum peer peer)
{
	return peers[peer].name;
}

static int find_peer(const char *name)
{
	for (int peer = 0; peer < NR_PEERS; peer++)
		if (!strcmp(peers[peer].name, name))
			return peer;
	return -1;
}

/* Beside this program: see noclear.c. */
static void preload_noclear(void)
{
	char path[4096];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 16);

	path[length > 0 ? length : 0] = '\0';
	strcat(path, "-noclear.so");
	setenv("LD_PRELOAD", path, 1);
}

/* In the child. */
static void become(enum peer peer, size_t heap_bytes, const int *ask,
		   const int *answer)
{
	char bytes[24];
	char *argv[] = { (char *)"bench",
			 (char *)"--worker",
			 (char *)peers[peer].name,
			 (char *)"--heap",
			 bytes,
			 NULL };

	snprintf(bytes, sizeof(bytes), "%zu", heap_bytes);
	dup2(ask[0], STDIN_FILENO);
	dup2(answer[1], 3);
	for (int fd = 4; fd < 64; fd++)
		close(fd);
	if (peers[peer].preload)
		setenv("LD_PRELOAD", peers[peer].preload, 1);
	if (peer == PEER_DPDK && !heap_bytes)
		preload_noclear();
	execv("/proc/self/exe", argv);
	_exit(127);
}

static bool read_all(int fd, void *data, size_t bytes)
{
	size_t done = 0;

	while (done < bytes) {
		ssize_t nr = read(fd, (char *)data + done, bytes - done);

		if (nr <= 0 && !(nr < 0 && errno == EINTR))
			return false;
		done += nr > 0 ? (size_t)nr : 0;
	}
	return true;
}

enum bench_result peer_start(struct worker *worker, enum peer peer,
			     size_t heap_bytes, const char **why)
{
	static char text[128];
	int ask[2], answer[2];

	*why = text;
	if (pipe(ask) || pipe(answer))
		return bench_error("no pipe: %s", strerror(errno));
	fflush(stdout);
	worker->peer = peer;
	worker->pid = fork();
	if (!worker->pid)
		become(peer, heap_bytes, ask, answer);
	close(ask[0]);
	close(answer[1]);
	worker->ask = ask[1];
	worker->answer = answer[0];
	if (worker->pid < 0)
		return bench_error("no process: %s", strerror(errno));
	if (!read_all(worker->answer, text, sizeof(text)))
		snprintf(text, sizeof(text), "its process ended");
	if (!*text)
		return BENCH_OK;
	peer_stop(worker);
	return BENCH_MISSED;
}

void peer_stop(struct worker *worker)
{
	close(worker->ask);
	close(worker->answer);
	while (waitpid(worker->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

double peer_ask(struct worker *worker, const struct job *job)
{
	struct answer answer;

	signal(SIGPIPE, SIG_IGN);
	if (write(worker->ask, job, sizeof(*job)) == sizeof(*job) &&
	    read_all(worker->answer, &answer, sizeof(answer)) && answer.ns > 0)
		return answer.ns;
	bench_error("%s did not complete a round", peers[worker->peer].name);
	return -1;
}

enum bench_result peer_try(struct worker *worker, unsigned trace, uint64_t seed,
			   size_t heap_bytes)
{
	struct job job = { .load = LOAD_TRACE,
			   .trace = trace,
			   .seed = seed,
			   .heap_bytes = heap_bytes };
	struct answer answer;

	signal(SIGPIPE, SIG_IGN);
	if (write(worker->ask, &job, sizeof(job)) != sizeof(job) ||
	    !read_all(worker->answer, &answer, sizeof(answer)))
		return bench_error("%s ended", peers[worker->peer].name);
	return answer.completes ? BENCH_OK : BENCH_MISSED;
}

/* A job after the other, until the pipe is closed. */
static int work(struct round *round)
{
	struct answer answer = { .ns = 0 };
	struct job job;

	round->job = &job;
	while (read_all(STDIN_FILENO, &job, sizeof(job))) {
		if (job.load == LOAD_TRACE)
			answer.completes = trial_run(round->peer, &job);
		else
			answer.ns = round_run(round);
		if (write(3, &answer, sizeof(answer)) != sizeof(answer))
			return 1;
	}
	return 0;
}

/* What rounds run on; what is wrong goes to `why`. */
static void open_heap(struct round *round, struct allocator *allocator,
		      size_t bytes, char *why, size_t size)
{
	const char *failure = NULL;
	void *base = NULL;

	if (round->peer != PEER_FIXHEAP && round->peer < PEER_MEMKIND)
		return;
	base = bench_reserve(bytes);
	if (round->peer == PEER_FIXHEAP) {
		round->heap = base ? bench_heap(base, bytes, 1) : NULL;
		failure = round->heap ? NULL : "no heap";
	} else {
		failure = allocator_open(allocator, round->peer, base, bytes,
					 fixheap_page_size());
		round->allocator = allocator;
	}
	if (failure)
		snprintf(why, size, "%s", failure);
}

/* Whether there is such a heap; asked in a child, which keeps it. */
static bool opens(enum peer peer, char *why, size_t size)
{
	struct allocator allocator;
	int status = 0;
	pid_t pid = fork();

	if (!pid) {
		struct round round = { .peer = peer };

		open_heap(&round, &allocator, PROBE_BYTES, why, size);
		_exit(*why != '\0');
	}
	if (pid > 0 && waitpid(pid, &status, 0) == pid && !status)
		return true;
	snprintf(why, size, "no library, or it gives no heap");
	return false;
}

int worker_main(const char *name, size_t heap_bytes)
{
	struct round round = { .heap = NULL };
	struct allocator allocator;
	int peer = find_peer(name);
	const char *failure = NULL;
	char hello[128] = "";

	if (peer < 0)
		return 2;
	round.peer = (enum peer)peer;
	if (peers[peer].symbol && !dlsym(RTLD_DEFAULT, peers[peer].symbol))
		snprintf(hello, sizeof(hello), "no %s", peers[peer].preload);
	else if (peer == PEER_DPDK && !heap_bytes &&
		 !dlsym(RTLD_DEFAULT, "bench_noclear"))
		failure = "no bench-noclear.so";
	else if (peer == PEER_DPDK)
		failure = dpdk_init();
	if (failure)
		snprintf(hello, sizeof(hello), "%s", failure);
	else if (!*hello && heap_bytes)
		open_heap(&round, &allocator, heap_bytes, hello, sizeof(hello));
	else if (!*hello)
		opens(round.peer, hello, sizeof(hello));
	if (write(3, hello, sizeof(hello)) != sizeof(hello) || *hello)
		return 1;
	return work(&round);
}
