/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sym.c: the symmetric heap, what is done to arrays from far away, and what
 * the threads of a PE do meanwhile.
 *
 * Only the main thread calls OpenSHMEM.  shmem_barrier_all completes all puts
 * and additions, and tells the others so.
 */
#include <pthread.h>
#include <shmem.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "sym.h"

#define PIECE 8192   /* words put or got at a time */
#define OFFSETS 4096 /* in a list */
#define THREADS_MAX 4
#define OBJECTS 2000 /* of a thread, at a time */

struct sym sym;
static uint64_t last_stamp;
static long piece[PIECE];

/* Symmetric, too: the others read it. */
static long offsets[OFFSETS];
static long nr_offsets;

void die(const char *format, ...)
{
	va_list arguments;

	fprintf(stderr, "symheap: PE %d: ", sym.pe);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	shmem_global_exit(1);
	__builtin_unreachable();
}

uint64_t random_below(uint64_t *state, uint64_t n)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
	x = (x ^ x >> 27) * 0x94d049bb133111eb;
	return (x >> 16) % n;
}

/* ---- the heap ------------------------------------------------------------ */

void sym_open(size_t bytes)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	int error;

	sym.pe = shmem_my_pe();
	sym.pes = shmem_n_pes();
	sym.bytes = bytes;
	sym.base = shmem_align(fixheap_page_size(), bytes);
	if (!sym.base)
		die("no symmetric memory: see SHMEM_SYMMETRIC_SIZE");
	config.base = sym.base;
	config.length = bytes;
	config.flags = FIXHEAP_PINNED | FIXHEAP_DETERMINISTIC;
	config.private_bytes = PRIVATE_BYTES;
	error = fixheap_create(&config, &sym.heap);
	if (error)
		die("fixheap_create: %s", strerror(-error));
}

/* The heap must be empty by now: what is not was lost. */
void sym_close(void)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	fixheap_reclaim(sym.heap);
	if (fixheap_validate(sym.heap))
		die("the heap is not valid");
	fixheap_stats(sym.heap, &stats);
	if (stats.used_bytes)
		die("%zu bytes are lost", stats.used_bytes);
	fixheap_destroy(sym.heap);
	shmem_free(sym.base);
}

/* ---- symmetric arrays ---------------------------------------------------- */

static long word(const struct array *array, int pe, size_t i)
{
	if (i < SUMS)
		return (long)array->added * sym.pes * (sym.pes + 1) / 2;
	return (long)((array->stamp << 40) + ((uint64_t)pe << 32) + i);
}

void array_check(const struct array *array, size_t words)
{
	size_t i;

	for (i = 0; i < words; i++)
		if (array->words[i] != word(array, sym.pe, i))
			die("word %zu of %zu is %#lx, not %#lx", i, words,
			    (unsigned long)array->words[i],
			    (unsigned long)word(array, sym.pe, i));
}

/* Every PE puts its share of the array of this one. */
static void put_share(const struct array *array, int pe)
{
	size_t len = array->len - SUMS, i, k, n;
	size_t first = SUMS + len * (size_t)sym.pe / (size_t)sym.pes;
	size_t end = SUMS + len * (size_t)(sym.pe + 1) / (size_t)sym.pes;

	for (i = first; i < end; i += n) {
		n = end - i < PIECE ? end - i : PIECE;
		for (k = 0; k < n; k++)
			piece[k] = word(array, pe, i + k);
		shmem_long_put(array->words + i, piece, n, pe);
	}
}

static void get_some(const struct array *array)
{
	static uint64_t state;
	int pe = (sym.pe + 1) % sym.pes;
	size_t first = random_below(&state, array->len), k;
	size_t n = array->len - first < PIECE ? array->len - first : PIECE;

	memset(piece, 0xff, sizeof(piece));
	shmem_long_get(piece, array->words + first, n, pe);
	for (k = 0; k < n; k++)
		if (piece[k] != word(array, pe, first + k))
			die("got a wrong word %zu from PE %d", first + k, pe);
}

void array_exercise(struct array *array)
{
	int pe, i;

	/* Nobody writes before all have the array, and at the same place. */
	compare_offsets();
	array->stamp = ++last_stamp;
	array->added++;
	for (pe = 0; pe < sym.pes; pe++) {
		put_share(array, pe);
		for (i = 0; i < SUMS; i++)
			shmem_long_atomic_add(array->words + i, sym.pe + 1, pe);
	}
	shmem_barrier_all();
	array_check(array, array->len);
	get_some(array);
	/* Nobody frees it while somebody still reads. */
	shmem_barrier_all();
}

/* ---- offsets ------------------------------------------------------------- */

void note_offset(const void *pointer)
{
	if (nr_offsets == OFFSETS)
		compare_offsets();
	offsets[nr_offsets++] =
		pointer ? (long)((const char *)pointer - sym.base) : -1;
}

void compare_offsets(void)
{
	static long theirs[OFFSETS];
	int pe = (sym.pe + 1) % sym.pes;
	long nr, i;

	shmem_barrier_all();
	shmem_long_get(&nr, &nr_offsets, 1, pe);
	if (nr != nr_offsets)
		die("%ld offsets, PE %d has %ld", nr_offsets, pe, nr);
	shmem_long_get(theirs, offsets, (size_t)nr, pe);
	for (i = 0; i < nr; i++)
		if (theirs[i] != offsets[i])
			die("offset %ld of %ld is %#lx, and on PE %d %#lx", i,
			    nr, (unsigned long)offsets[i], pe,
			    (unsigned long)theirs[i]);
	shmem_barrier_all();
	nr_offsets = 0;
}

/* ---- objects: each PE has its own, of no concern to others --------------- */

static struct worker {
	pthread_t thread;
	uint64_t state;
	unsigned char *object[OBJECTS];
	size_t bytes[OBJECTS];
} worker[THREADS_MAX];
static atomic_bool stopping;

static void free_object(struct worker *self, size_t i)
{
	size_t k;

	if (!self->object[i])
		return;
	for (k = 0; k < self->bytes[i]; k++)
		if (self->object[i][k] != (unsigned char)i)
			die("an object was overwritten");
	fixheap_free(sym.heap, self->object[i]);
	self->object[i] = NULL;
}

/* It may find no room: private_bytes is all that there is. */
static void make_object(struct worker *self, size_t i)
{
	self->bytes[i] = 1 + random_below(&self->state, 1000);
	if (!random_below(&self->state, 50))
		self->bytes[i] += random_below(&self->state, 200000);
	self->object[i] = fixheap_malloc(sym.heap, self->bytes[i]);
	if (self->object[i])
		memset(self->object[i], (int)(i & 0xff), self->bytes[i]);
}

static void *work(void *data)
{
	const struct timespec pause = { .tv_nsec = 5000000 };
	struct worker *self = data;
	size_t i, n;

	while (!atomic_load(&stopping)) {
		for (n = 0; n < 100; n++) {
			i = random_below(&self->state, OBJECTS);
			free_object(self, i);
			if (random_below(&self->state, 5))
				make_object(self, i);
		}
		nanosleep(&pause, NULL);
	}
	for (i = 0; i < OBJECTS; i++)
		free_object(self, i);
	return NULL;
}

/* PE 0 has no thread, PE 1 has one, and so on. */
static int nr_threads(void)
{
	return sym.pe < THREADS_MAX ? sym.pe : THREADS_MAX;
}

void objects_start(uint64_t seed)
{
	int i;

	for (i = 0; i < nr_threads(); i++) {
		worker[i].state = seed + (uint64_t)(sym.pe * 100 + i);
		if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
			die("no thread");
	}
}

void objects_stop(void)
{
	int i;

	atomic_store(&stopping, 1);
	for (i = 0; i < nr_threads(); i++)
		pthread_join(worker[i].thread, NULL);
}
