/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c: a load on a heap of one or of several nodes.
 *
 * One node: the calling thread does every operation.
 *
 * Several: the heap gets a topology of N nodes with a CPU and the same amount
 * of memory each (pages are not bound: that changes nothing of where they are
 * in the heap), and N threads share the load, thread k on node k:
 *
 *   - what has id i is allocated by thread i % N;
 *   - every other id is freed by the thread that allocated it, the rest by
 *     the next thread.
 *
 * Invariant: one operation at a time, in the order of the load.  So the result
 * is as repeatable as with one thread.
 *
 * The library learns its CPU from sched_getcpu, which stands here in the place
 * of the C library's: so there can be more nodes than CPUs, and all threads
 * stay on one, where the turn passes from one to the next the fastest.
 *
 * Locking: a thread touches the load only while it has the turn; it passes the
 * turn on by a semaphore.  Cost: two system calls where the turn changes.
 */
#include "replay.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

struct player;

/* A load that several threads share. */
struct game {
	const struct replay *replay;
	struct fixheap *heap;
	size_t next;	    /* the operation whose turn it is */
	bool over;	    /* nobody has a turn any more */
	double array, near; /* bytes of arrays, and of them on their node */
	int err;	    /* errno of the operation that failed, or 0 */
	unsigned nr_nodes;
	struct player *player; /* [nr_nodes] */
};

struct player {
	struct game *game;
	unsigned node;
	sem_t turn;
	pthread_t thread;
};

static _Thread_local int pretended_cpu = -1;

/* In front of the C library's, which is a load from memory. */
int sched_getcpu(void)
{
	static int (*real)(void);
	void *next;

	if (pretended_cpu >= 0)
		return pretended_cpu;
	if (!real) {
		next = dlsym(RTLD_NEXT, "sched_getcpu");
		memcpy(&real, &next, sizeof(real));
	}
	return real();
}

bool replay_init(struct replay *replay, const struct trace *trace, size_t bytes)
{
	replay->trace = trace;
	replay->bytes = bytes;
	replay->thing = calloc(trace->nr_ids, sizeof(*replay->thing));
	replay->base = bench_reserve(replay->bytes);
	if (replay->thing && replay->base)
		return true;
	if (replay->base)
		bench_release(replay->base, replay->bytes);
	free(replay->thing);
	bench_error("no memory to run %s", trace->name);
	return false;
}

void replay_fini(struct replay *replay)
{
	bench_release(replay->base, replay->bytes);
	free(replay->thing);
}

/* False when the heap could not serve. */
static bool replay_op(struct fixheap *heap, const struct trace_op *op,
		      void **thing)
{
	switch (op->kind) {
	case TRACE_FREE:
		fixheap_free(heap, thing[op->id]);
		return true;
	case TRACE_FREE_ARRAY:
		fixheap_array_free(heap, thing[op->id]);
		return true;
	case TRACE_ARRAY:
		thing[op->id] = fixheap_array_alloc(heap, op->bytes, NULL);
		break;
	default:
		thing[op->id] = fixheap_malloc(heap, op->bytes);
		break;
	}
	if (!thing[op->id])
		return false;
	if (op->kind == TRACE_OBJECT)
		*(volatile char *)thing[op->id] = 1;
	return true;
}

#define STEP ((size_t)2 << 20)

/* Count what of the array is on the node of the thread that made it. */
static void count_near(struct game *game, const struct trace_op *op,
		       unsigned node)
{
	const char *array = game->replay->thing[op->id];

	for (size_t at = 0; at < op->bytes; at += STEP) {
		size_t bytes = op->bytes - at < STEP ? op->bytes - at : STEP;

		game->array += (double)bytes;
		if (fixheap_node_of(game->heap, array + at) == (int)node)
			game->near += (double)bytes;
	}
}

/* Which thread does this operation. */
static unsigned node_of(const struct trace_op *op, unsigned nr_nodes)
{
	bool frees = op->kind == TRACE_FREE || op->kind == TRACE_FREE_ARRAY;
	unsigned far = frees ? op->id / nr_nodes % 2 : 0;

	return (op->id + far) % nr_nodes;
}

/* Do what is one node's turn, up to the next turn of another. */
static void play(struct game *game, unsigned node)
{
	const struct trace *trace = game->replay->trace;

	while (game->next < trace->nr_ops) {
		const struct trace_op *op = &trace->op[game->next];

		if (node_of(op, game->nr_nodes) != node)
			return;
		errno = 0;
		if (!replay_op(game->heap, op, game->replay->thing)) {
			game->err = errno;
			break;
		}
		if (op->kind == TRACE_ARRAY && game->nr_nodes > 1)
			count_near(game, op, node);
		game->next++;
	}
	game->over = true;
}

static void pass_turn(struct game *game)
{
	const struct trace *trace = game->replay->trace;

	if (!game->over) {
		unsigned node = node_of(&trace->op[game->next], game->nr_nodes);

		sem_post(&game->player[node].turn);
		return;
	}
	for (unsigned i = 0; i < game->nr_nodes; i++)
		sem_post(&game->player[i].turn);
}

static void *player_main(void *data)
{
	struct player *player = data;
	struct game *game = player->game;

	pretended_cpu = (int)player->node;
	for (;;) {
		while (sem_wait(&player->turn) && errno == EINTR)
			;
		if (game->over)
			return NULL;
		play(game, player->node);
		pass_turn(game);
	}
}

/* Start the threads, give the first its turn, and wait; 0 or -errno. */
static int play_all(struct game *game)
{
	unsigned nr = 0;
	int err = 0;

	while (nr < game->nr_nodes && !err) {
		struct player *player = &game->player[nr];

		player->game = game;
		player->node = nr;
		sem_init(&player->turn, 0, 0);
		err = pthread_create(&player->thread, NULL, player_main,
				     player);
		nr += !err;
	}
	game->over = err || !game->replay->trace->nr_ops;
	for (unsigned i = 0; i < nr && game->over; i++)
		sem_post(&game->player[i].turn);
	if (!game->over)
		pass_turn(game);
	for (unsigned i = 0; i < nr; i++)
		pthread_join(game->player[i].thread, NULL);
	return -err;
}

static int run_many(struct game *game)
{
	int ret = -ENOMEM;

	game->player = calloc(game->nr_nodes, sizeof(*game->player));
	if (game->player)
		ret = play_all(game);
	free(game->player);
	return ret;
}

/* The result of what was played; `ret`: what went wrong beside it. */
static enum bench_result judge(const struct game *game, int ret)
{
	const struct trace *trace = game->replay->trace;
	unsigned long long seed = trace->seed;
	enum bench_result result = BENCH_OK;

	if (ret)
		result = bench_error("no threads for %s: %s", trace->name,
				     strerror(-ret));
	else if (game->next < trace->nr_ops)
		result = BENCH_MISSED;
	if (result == BENCH_MISSED && game->err != ENOMEM)
		result = bench_error("%s, operation %zu of seed %llu: %s",
				     trace->name, game->next, seed,
				     strerror(game->err));
	if (fixheap_validate(game->heap))
		result = bench_error("%s, seed %llu: the heap is corrupt",
				     trace->name, seed);
	return result;
}

enum bench_result replay_run(const struct replay *replay, size_t length,
			     unsigned nr_nodes, double *near)
{
	struct game game = { .replay = replay, .nr_nodes = nr_nodes };
	enum bench_result result;
	int ret = 0;

	game.heap = bench_heap(replay->base, length, nr_nodes);
	if (!game.heap)
		return BENCH_ERROR;
	if (nr_nodes > 1)
		ret = run_many(&game);
	else
		play(&game, 0);
	result = judge(&game, ret);
	fixheap_destroy(game.heap);
	if (near)
		*near = game.array ? game.near / game.array : 1;
	return result;
}
