/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * round.c: the loads for objects and page runs, in a worker's process.
 *
 * The same loops for all allocators; the compiler makes a copy for each kind of
 * call, so that no pointer to a function is between ours (linked in) or the
 * process's malloc and the loop.  Sizes are drawn before the clock runs.  The
 * first byte of an object is written; page runs are not touched.
 *
 * What a round takes is the time that its threads were running or asleep, but
 * not the time that they waited for a CPU, as /proc/thread-self/schedstat has
 * it: so what else the machine does counts little, and waiting for a lock
 * counts in full.  Where that file is missing it is the thread's CPU time.
 * Waiting for the other threads between two parts of a round is not counted,
 * and in a batch neither is how what one thread made comes to the other that
 * frees it: that would be the cost of this program's memory, not of a heap.
 *
 * Locking: threads meet at a barrier before each part.
 */
#include "peer.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "buddy.h"
#include "trace.h"

#define NR_SIZES 4096
#define THREADS_MAX 64

struct crew {
	const struct round *round;
	pthread_barrier_t barrier;
	struct hand {
		struct crew *crew;
		unsigned index;
		pthread_t thread;
		int schedstat; /* or -1 */
		double ns;     /* of the parts that count */
		size_t nr_pairs;
		void **slot;   /* [batch]: what it made, */
		void **mine;   /* [batch] and what it has to free */
		size_t *order; /* [batch]: that of the frees */
		size_t *bytes; /* [NR_SIZES] */
	} hand[THREADS_MAX];
};

enum call {
	CALL_FIXHEAP,
	CALL_PROCESS,
	CALL_ALLOCATOR,
	CALL_FIXHEAP_PAGES,
	CALL_BUDDY
};

static inline __attribute__((always_inline)) void *
get(const struct round *round, enum call call, size_t bytes)
{
	char *ptr;

	if (call == CALL_FIXHEAP_PAGES)
		return fixheap_pages_alloc(round->heap, bytes >> 12, 0, NULL);
	if (call == CALL_BUDDY)
		return buddy_alloc(round->allocator->heap, bytes);
	if (call == CALL_FIXHEAP)
		ptr = fixheap_malloc(round->heap, bytes);
	else if (call == CALL_PROCESS)
		ptr = malloc(bytes);
	else
		ptr = round->allocator->alloc(round->allocator->heap, bytes);
	if (ptr)
		*(volatile char *)ptr = 1;
	return ptr;
}

static inline __attribute__((always_inline)) void
put(const struct round *round, enum call call, void *ptr, size_t bytes)
{
	if (call == CALL_FIXHEAP_PAGES)
		fixheap_pages_free(round->heap, ptr, bytes >> 12);
	else if (call == CALL_BUDDY)
		buddy_free(round->allocator->heap, ptr);
	else if (call == CALL_FIXHEAP)
		fixheap_free(round->heap, ptr);
	else if (call == CALL_PROCESS)
		free(ptr);
	else
		round->allocator->free(round->allocator->heap, ptr);
}

/* ---- the clock ----------------------------------------------------------- */

static double waited(const struct hand *hand)
{
	char text[96];
	ssize_t nr = pread(hand->schedstat, text, sizeof(text) - 1, 0);
	unsigned long long ran, wait;

	if (nr <= 0)
		return 0;
	text[nr] = '\0';
	return sscanf(text, "%llu %llu", &ran, &wait) == 2 ? (double)wait : 0;
}

static double now(const struct hand *hand)
{
	clockid_t clock = hand->schedstat < 0 ? CLOCK_THREAD_CPUTIME_ID
					      : CLOCK_MONOTONIC;
	struct timespec time;
	double ns;

	clock_gettime(clock, &time);
	ns = (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
	return hand->schedstat < 0 ? ns : ns - waited(hand);
}

static void meet(struct hand *hand)
{
	if (hand->crew->round->job->nr_threads > 1)
		pthread_barrier_wait(&hand->crew->barrier);
}

/* ---- the loads ----------------------------------------------------------- */

static inline __attribute__((always_inline)) bool hot(struct hand *hand,
						      enum call call)
{
	const struct round *round = hand->crew->round;
	size_t nr = round->job->nr_pairs;
	double begin = now(hand);

	for (size_t i = 0; i < nr; i++) {
		size_t bytes = hand->bytes[i % NR_SIZES];
		void *ptr = get(round, call, bytes);

		if (!ptr)
			return false;
		put(round, call, ptr, bytes);
	}
	hand->ns += now(hand) - begin;
	hand->nr_pairs += nr;
	return true;
}

static inline __attribute__((always_inline)) bool fill(struct hand *hand,
						       enum call call)
{
	const struct round *round = hand->crew->round;
	size_t batch = round->job->batch;

	for (size_t i = 0; i < batch; i++) {
		void *ptr = get(round, call, hand->bytes[i % NR_SIZES]);

		hand->slot[i] = ptr;
		if (!ptr)
			return false;
	}
	return true;
}

/* Free the pieces, of the other's sizes, in our order. */
static inline __attribute__((always_inline)) void
drain(const struct hand *hand, const struct hand *other, void *const *piece,
      enum call call)
{
	const struct round *round = hand->crew->round;
	size_t batch = round->job->batch;

	for (size_t i = 0; i < batch; i++) {
		size_t at = round->job->shuffled ? hand->order[i] : i;

		put(round, call, piece[at], other->bytes[at % NR_SIZES]);
	}
}

/* Take over what the other one made.  Afterwards the lines of our own slots are
 * ours again. */
static void hand_over(struct hand *hand, const struct hand *other)
{
	size_t bytes = hand->crew->round->job->batch * sizeof(void *);

	meet(hand);
	memcpy(hand->mine, other->slot, bytes);
	meet(hand);
	memset(hand->slot, 0, bytes);
}

static inline __attribute__((always_inline)) bool batches(struct hand *hand,
							  enum call call)
{
	const struct job *job = hand->crew->round->job;
	unsigned next = (hand->index + 1) % job->nr_threads;
	size_t nr = job->nr_pairs / job->batch;
	double begin = now(hand);

	for (size_t i = 0; i < (nr ? nr : 1); i++) {
		struct hand *other = hand;
		void **piece = hand->slot;

		if (!fill(hand, call))
			return false;
		if (job->cross) {
			hand->ns += now(hand) - begin;
			other = &hand->crew->hand[next];
			piece = hand->mine;
			hand_over(hand, other);
			begin = now(hand);
		}
		drain(hand, other, piece, call);
		hand->nr_pairs += job->batch;
		if (job->cross) {
			hand->ns += now(hand) - begin;
			meet(hand);
			begin = now(hand);
		}
	}
	hand->ns += now(hand) - begin;
	return true;
}

/* As larson does: what one thread made, another one frees. */
static inline __attribute__((always_inline)) bool replace(struct hand *hand,
							  enum call call)
{
	const struct round *round = hand->crew->round;
	const struct job *job = round->job;
	struct hand *other = hand;
	unsigned next = (hand->index + 1) % job->nr_threads;
	uint64_t random = job->seed + hand->index;
	double begin;

	if (!fill(hand, call))
		return false;
	for (unsigned turn = 0; turn < 4; turn++) {
		meet(hand);
		begin = now(hand);
		for (size_t i = 0; i < job->nr_pairs / 4; i++) {
			size_t at =
				(trace_random(&random) >> 32) * job->batch >>
				32;
			size_t bytes = hand->bytes[i % NR_SIZES];

			put(round, call, other->slot[at], 0);
			other->slot[at] = get(round, call, bytes);
			if (!other->slot[at])
				return false;
		}
		hand->ns += now(hand) - begin;
		hand->nr_pairs += job->nr_pairs / 4;
		other = &hand->crew->hand[turn % 2 ? hand->index : next];
	}
	meet(hand);
	for (size_t i = 0; i < job->batch; i++)
		put(round, call, hand->slot[i], 0);
	return true;
}

static inline __attribute__((always_inline)) bool play(struct hand *hand,
						       enum call call)
{
	switch (hand->crew->round->job->load) {
	case LOAD_HOT:
		return hot(hand, call);
	case LOAD_BATCH:
		return batches(hand, call);
	default:
		return replace(hand, call);
	}
}

/* A copy of the loops for each kind of call. */
static bool play_call(struct hand *hand)
{
	const struct round *round = hand->crew->round;

	if (round->peer == PEER_FIXHEAP)
		return round->job->pages ? play(hand, CALL_FIXHEAP_PAGES)
					 : play(hand, CALL_FIXHEAP);
	if (round->peer == PEER_BUDDY)
		return play(hand, CALL_BUDDY);
	return round->allocator ? play(hand, CALL_ALLOCATOR)
				: play(hand, CALL_PROCESS);
}

/* ---- threads ------------------------------------------------------------- */

/* The index-th of the CPUs that we may use. */
static void stay(unsigned index)
{
	static cpu_set_t all;
	cpu_set_t one;
	int cpu = -1;

	if (!CPU_COUNT(&all))
		sched_getaffinity(0, sizeof(all), &all);
	index %= (unsigned)CPU_COUNT(&all);
	do
		cpu++;
	while (!CPU_ISSET(cpu, &all) || index--);
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

/* Once to warm up, once for the clock. */
static void *hand_main(void *data)
{
	struct hand *hand = data;

	stay(hand->index);
	hand->schedstat =
		open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	for (int pass = 0; pass < 2; pass++) {
		hand->ns = 0;
		hand->nr_pairs = 0;
		meet(hand);
		if (!play_call(hand))
			_exit(1); /* out of memory: the pipe tells */
		meet(hand);
	}
	if (hand->schedstat >= 0)
		close(hand->schedstat);
	return NULL;
}

static uint64_t log_uniform(uint64_t *random, size_t min, size_t max)
{
	unsigned low = 63 - (unsigned)__builtin_clzl(min);
	unsigned high = 63 - (unsigned)__builtin_clzl(max);
	size_t start;

	if (low == high)
		return min;
	start = (size_t)1 << (low + trace_below(random, high - low));
	return start + trace_below(random, start) + 1;
}

static size_t hand_nr(const struct job *job)
{
	return job->batch ? job->batch : 1;
}

static size_t hand_bytes(const struct job *job)
{
	return hand_nr(job) * 24 + NR_SIZES * sizeof(size_t) + 4096;
}

/* Memory that is the same to all allocators: not theirs. */
static bool hand_init(struct hand *hand, const struct job *job)
{
	uint64_t random = job->seed * 31 + hand->index;
	size_t nr = hand_nr(job);
	char *room = bench_reserve(hand_bytes(job));

	if (!room)
		return false;
	hand->slot = (void **)(void *)room;
	hand->mine = hand->slot + nr;
	hand->order = (size_t *)(void *)(hand->mine + nr);
	hand->bytes = hand->order + nr;
	for (size_t i = 0; i < nr; i++)
		hand->order[i] = i;
	for (size_t i = nr; i > 1; i--) {
		size_t j = trace_below(&random, i), k = hand->order[j];

		hand->order[j] = hand->order[i - 1];
		hand->order[i - 1] = k;
	}
	for (size_t i = 0; i < NR_SIZES; i++)
		hand->bytes[i] =
			log_uniform(&random, job->min_bytes, job->max_bytes);
	return true;
}

static void hand_fini(struct hand *hand, const struct job *job)
{
	bench_release(hand->slot, hand_bytes(job));
}

double round_run(const struct round *round)
{
	static struct crew crew;
	const struct job *job = round->job;
	double ns = 0, pairs = 0;

	crew.round = round;
	pthread_barrier_init(&crew.barrier, NULL, job->nr_threads);
	for (unsigned i = 0; i < job->nr_threads; i++) {
		crew.hand[i].crew = &crew;
		crew.hand[i].index = i;
		if (!hand_init(&crew.hand[i], job))
			return 0;
	}
	for (unsigned i = 1; i < job->nr_threads; i++)
		if (pthread_create(&crew.hand[i].thread, NULL, hand_main,
				   &crew.hand[i]))
			exit(1);
	hand_main(&crew.hand[0]);
	for (unsigned i = 0; i < job->nr_threads; i++) {
		if (i)
			pthread_join(crew.hand[i].thread, NULL);
		ns += crew.hand[i].ns;
		pairs += (double)crew.hand[i].nr_pairs;
	}
	for (unsigned i = 0; i < job->nr_threads; i++)
		hand_fini(&crew.hand[i], job);
	pthread_barrier_destroy(&crew.barrier);
	return ns / pairs;
}
