/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * dist.c: the window, its heap, and what is done to arrays from far away.
 *
 * One epoch (MPI_Win_lock_all) lasts as long as the window.  Operations are
 * completed by a flush, and a barrier tells the target so; MPI_Win_sync on both
 * sides of it is what MPI wants where memory is used by loads and stores, too.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "dist.h"

#define PIECE 8192 /* words put or got at a time */

struct window window;
static uint64_t shared_state, own_state, last_stamp;
static uint64_t piece[PIECE];

void die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "winheap: rank %d: ", window.rank);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	MPI_Abort(MPI_COMM_WORLD, 1);
	__builtin_unreachable();
}

/* ---- random numbers ------------------------------------------------------ */

static uint64_t below(uint64_t *state, uint64_t n)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x >> 16) % n;
}

uint64_t shared_below(uint64_t n)
{
	return below(&shared_state, n);
}

uint64_t own_below(uint64_t n)
{
	return below(&own_state, n);
}

void seed_random(uint64_t seed)
{
	shared_state = seed;
	own_state = seed + ((uint64_t)window.rank + 1) * 1000003;
}

/* ---- the window ---------------------------------------------------------- */

void window_open(size_t bytes, enum window_memory memory)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	int error;

	MPI_Comm_rank(MPI_COMM_WORLD, &window.rank);
	MPI_Comm_size(MPI_COMM_WORLD, &window.ranks);
	if (window.ranks > RANKS_MAX)
		die("at most %d ranks", RANKS_MAX);
	window.bytes = bytes;
	config.flags = FIXHEAP_PINNED;
	if (memory == WINDOW_MAP) {
		window.base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (window.base == MAP_FAILED)
			die("no memory");
		MPI_Win_create(window.base, (MPI_Aint)bytes, 1, MPI_INFO_NULL,
			       MPI_COMM_WORLD, &window.win);
		config.flags |= FIXHEAP_ZEROED;
	} else {
		MPI_Win_allocate((MPI_Aint)bytes, 1, MPI_INFO_NULL,
				 MPI_COMM_WORLD, &window.base, &window.win);
	}
	MPI_Win_lock_all(MPI_MODE_NOCHECK, window.win);

	/* The memory is given as it is: MPI's is not always aligned. */
	config.base = window.base;
	config.length = bytes;
	error = fixheap_create(&config, &window.heap);
	if (error)
		die("fixheap_create: %s", strerror(-error));
}

/* The heap must be empty by now: what is not was lost. */
void window_close(void)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	fixheap_reclaim(window.heap);
	if (fixheap_validate(window.heap))
		die("the heap is not valid");
	fixheap_stats(window.heap, &stats);
	if (stats.used_bytes)
		die("%zu bytes are lost", stats.used_bytes);
	if (fixheap_largest_free(window.heap, NULL) != stats.heap_bytes)
		die("the empty heap is not whole");
	fixheap_destroy(window.heap);
	MPI_Win_unlock_all(window.win);
	MPI_Win_free(&window.win);
}

static void barrier(void)
{
	MPI_Win_sync(window.win);
	MPI_Barrier(MPI_COMM_WORLD);
	MPI_Win_sync(window.win);
}

/* ---- distributed arrays -------------------------------------------------- */

static uint64_t word(const struct dist *dist, int rank, size_t i)
{
	if (i < SUMS)
		return dist->added * (uint64_t)window.ranks *
		       (uint64_t)(window.ranks + 1) / 2;
	return (dist->stamp << 40) + ((uint64_t)rank << 32) + i;
}

void dist_check(const struct dist *dist, size_t words)
{
	size_t i;

	for (i = 0; i < words; i++)
		if (dist->block[i] != word(dist, window.rank, i))
			die("word %zu of %zu is %#llx, not %#llx", i, words,
			    (unsigned long long)dist->block[i],
			    (unsigned long long)word(dist, window.rank, i));
}

static void publish(struct dist *dist)
{
	uint64_t mine[2] = { (uint64_t)((char *)dist->block - window.base),
			     dist->len };

	MPI_Win_sync(window.win);
	MPI_Allgather(mine, 2, MPI_UINT64_T, dist->at, 2, MPI_UINT64_T,
		      MPI_COMM_WORLD);
	MPI_Win_sync(window.win);
}

static MPI_Aint word_disp(const struct dist *dist, int rank, size_t i)
{
	return (MPI_Aint)(dist->at[rank].disp + i * sizeof(uint64_t));
}

/* Every rank puts its share of the block of this one. */
static void put_share(const struct dist *dist, int rank)
{
	size_t len = dist->at[rank].len - SUMS, i, k, n;
	size_t first = SUMS + len * (size_t)window.rank / (size_t)window.ranks;
	size_t end =
		SUMS + len * (size_t)(window.rank + 1) / (size_t)window.ranks;

	for (i = first; i < end; i += n) {
		n = end - i < PIECE ? end - i : PIECE;
		for (k = 0; k < n; k++)
			piece[k] = word(dist, rank, i + k);
		MPI_Put(piece, (int)n, MPI_UINT64_T, rank,
			word_disp(dist, rank, i), (int)n, MPI_UINT64_T,
			window.win);
		MPI_Win_flush_local(rank, window.win);
	}
}

static void add_to_sums(const struct dist *dist, int rank)
{
	uint64_t one[SUMS];
	int i;

	for (i = 0; i < SUMS; i++)
		one[i] = (uint64_t)window.rank + 1;
	MPI_Accumulate(one, SUMS, MPI_UINT64_T, rank, word_disp(dist, rank, 0),
		       SUMS, MPI_UINT64_T, MPI_SUM, window.win);
	MPI_Win_flush_local(rank, window.win);
}

/* Get some words of the right neighbour's block, anywhere in it. */
static void get_some(const struct dist *dist)
{
	int rank = (window.rank + 1) % window.ranks;
	size_t len = dist->at[rank].len, first = own_below(len), k;
	size_t n = len - first < PIECE ? len - first : PIECE;

	memset(piece, 0xff, n * sizeof(*piece));
	MPI_Get(piece, (int)n, MPI_UINT64_T, rank, word_disp(dist, rank, first),
		(int)n, MPI_UINT64_T, window.win);
	MPI_Win_flush(rank, window.win);
	for (k = 0; k < n; k++)
		if (piece[k] != word(dist, rank, first + k))
			die("got a wrong word %zu from rank %d", first + k,
			    rank);
}

void dist_exercise(struct dist *dist)
{
	int rank;

	publish(dist);
	dist->stamp = ++last_stamp;
	dist->added++;
	for (rank = 0; rank < window.ranks; rank++) {
		put_share(dist, rank);
		add_to_sums(dist, rank);
	}
	MPI_Win_flush_all(window.win);
	barrier();
	dist_check(dist, dist->len);
	get_some(dist);
	/* Nobody frees a block that somebody still reads. */
	barrier();
}
