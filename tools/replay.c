/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * replay.c: a trace played on an engine's heap
 *
 * 1. One thread does all, in the order of the trace.  Of each block it writes
 *    the first word, as any program would: fixheap finds a double free by a
 *    word that it leaves there, which realloc would copy if nobody wrote.
 * 2. Each try is a process of its own, which starts from the same state: so it
 *    is repeatable, and what a heap does to its process ends with it.
 * 3. The clock stands still meanwhile: jemalloc gives back what was not used
 *    for long, at moments that it draws by lot from its own addresses.
 * 4. What was refused when it was recorded is not asked for again.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "replay.h"
#include "size.h"

#define DOUBLINGS 8
#define PRECISION 1024 /* of the search: a part of the peak */
#define GRAIN ((size_t)4096)
#define WORD sizeof(uint64_t)
#define BAR 30
#define BAR_STEP 4096 /* operations */

struct player {
	const struct replay *replay;
	struct outcome *now;
	void **thing;
	uint64_t *bytes; /* of each, as asked for */
	size_t heap_bytes;
	time_t drawn;
};

static bool clock_stands; /* in the process that plays */

/* Instead of the C library's, for all of the command. */
int clock_gettime(clockid_t clock, struct timespec *now)
{
	if (!clock_stands)
		return (int)syscall(SYS_clock_gettime, clock, now);
	*now = (struct timespec){ .tv_sec = 1 };
	return 0;
}

/* --- progress ------------------------------------------------------- */

static void draw_bar(struct player *player)
{
	const struct trace *trace = player->replay->trace;
	size_t done = player->now->nr_done, i, full;
	time_t now = time(NULL);
	char size[SIZE_TEXT_MAX];

	if (now == player->drawn)
		return;
	player->drawn = now;
	full = done * BAR / trace->nr_ops;
	fputs("\r\033[K[", stderr);
	for (i = 0; i < BAR; i++)
		fputc(i < full ? '#' : '.', stderr);
	fprintf(stderr, "] %3zu %%  %s, %s", done * 100 / trace->nr_ops,
		player->replay->engine->name,
		size_format(size, player->heap_bytes));
}

/* --- the heap as a number ------------------------------------------- */

/* FNV-1a, eight bytes at a time. */
static void hash_add(uint64_t *hash, uint64_t value)
{
	*hash = (*hash ^ value) * UINT64_C(0x100000001b3);
	*hash ^= *hash >> 29;
}

static int hash_range(void *data, const void *start, size_t bytes,
		      enum fixheap_use use)
{
	hash_add(data, (uint64_t)((const char *)start - engine_start));
	hash_add(data, bytes);
	hash_add(data, (uint64_t)use);
	return 0;
}

/* What every page is in use for, and where all that is live lies. */
static void hash_heap(struct player *player)
{
	struct outcome *now = player->now;
	uint32_t id;

	now->hash = UINT64_C(0xcbf29ce484222325);
	fixheap_walk(engine_heap, hash_range, &now->hash);
	for (id = 0; id < player->replay->trace->nr_ids; id++) {
		if (!player->thing[id])
			continue;
		hash_add(&now->hash, id);
		hash_add(&now->hash,
			 (uint64_t)((char *)player->thing[id] - engine_start));
	}
}

/* --- playing -------------------------------------------------------- */

static void live_set(struct player *player, uint32_t id, uint64_t bytes)
{
	struct outcome *now = player->now;

	now->live_bytes += bytes - player->bytes[id];
	player->bytes[id] = bytes;
	if (now->live_bytes > now->peak_bytes)
		now->peak_bytes = now->live_bytes;
}

/* False: it was refused. */
static bool play_op(struct player *player, const struct trace_op *op)
{
	const struct engine *engine = player->replay->engine;
	void **thing, *ptr;

	if (op->kind == OP_FAIL)
		return true;
	thing = &player->thing[op->id];
	switch (op->kind) {
	case OP_FREE:
		engine->release(*thing);
		*thing = NULL;
		live_set(player, op->id, 0);
		return true;
	case OP_ALLOC:
		ptr = engine->alloc(op->align_log2 ? (size_t)1 << op->align_log2
						   : 0,
				    op->bytes);
		break;
	default:
		ptr = engine->move(*thing, op->bytes ? op->bytes : 1);
		break;
	}
	if (!ptr)
		return false;
	if (op->kind == OP_ALLOC)
		memset(ptr, 0, op->bytes < WORD ? op->bytes : WORD);
	*thing = ptr;
	live_set(player, op->id, op->bytes);
	return true;
}

static void play(struct player *player)
{
	const struct replay *replay = player->replay;
	const struct trace *trace = replay->trace;
	struct outcome *now = player->now;
	size_t i, look = 0;

	for (i = 0; i < trace->nr_ops; i++) {
		now->nr_done = i;
		if (replay->look && i == look) {
			replay->look(replay->data, now);
			look += replay->step;
		}
		if (replay->progress && !(i % BAR_STEP))
			draw_bar(player);
		if (!play_op(player, &trace->op[i])) {
			now->result = REPLAY_REFUSED;
			return;
		}
	}
	now->nr_done = trace->nr_ops;
	now->result = REPLAY_DONE;
}

static void play_all(struct player *player)
{
	const struct replay *replay = player->replay;
	const struct trace *trace = replay->trace;
	struct outcome *now = player->now;
	int error = ENOMEM;

	player->thing = calloc(trace->nr_ids + 1UL, sizeof(*player->thing));
	player->bytes = calloc(trace->nr_ids + 1UL, sizeof(*player->bytes));
	clock_stands = true;
	if (player->thing && player->bytes)
		error = -replay->engine->create(player->heap_bytes);
	if (error) {
		now->result = REPLAY_NO_HEAP;
		now->error = error;
		return;
	}
	play(player);
	if (replay->engine == &replay_engine) {
		now->largest_bytes = fixheap_largest_free(engine_heap, NULL);
		hash_heap(player);
	}
	if (replay->look)
		replay->look(replay->data, now);
}

void replay_try(const struct replay *replay, size_t heap_bytes,
		struct outcome *outcome)
{
	struct player player = { .replay = replay, .heap_bytes = heap_bytes };
	struct outcome *shared;
	pid_t pid;

	*outcome = (struct outcome){ .result = REPLAY_NO_HEAP };
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	outcome->error = errno;
	if (shared == MAP_FAILED)
		return;
	fflush(NULL);
	pid = fork();
	outcome->error = errno;
	if (!pid) {
		player.now = shared;
		player.drawn = time(NULL);
		play_all(&player);
		fflush(NULL);
		_exit(0);
	}
	if (pid > 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		*outcome = *shared;
	}
	munmap(shared, sizeof(*shared));
	if (replay->progress)
		fputs("\r\033[K", stderr);
}

static size_t up(size_t bytes)
{
	return (bytes + GRAIN - 1) & ~(GRAIN - 1);
}

size_t replay_smallest(const struct replay *replay, size_t high)
{
	struct replay quiet = *replay;
	size_t peak = replay->trace->peak_bytes, low, middle;
	struct outcome outcome;
	int i;

	quiet.look = NULL;
	high = up(high);
	replay_try(&quiet, high, &outcome);
	for (i = 0; outcome.result == REPLAY_REFUSED && i < DOUBLINGS; i++) {
		high *= 2;
		replay_try(&quiet, high, &outcome);
	}
	if (outcome.result != REPLAY_DONE)
		return 0;
	/* low does not do: it is less than was live at a time. */
	low = peak & ~(GRAIN - 1);
	low -= low == peak && low ? GRAIN : 0;
	while (high - low > GRAIN && high - low > peak / PRECISION) {
		middle = up(low + (high - low) / 2);
		replay_try(&quiet, middle, &outcome);
		if (outcome.result == REPLAY_DONE)
			high = middle;
		else
			low = middle;
	}
	return high;
}
