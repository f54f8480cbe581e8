/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * winheap: a program that lives in one MPI window for ever.
 *
 *	mpirun -n 4 winheap [--size MIB] [--seed N] [--rounds N] [--allocate]
 *	mpirun -n 4 winheap --fill ...
 *
 * Each rank registers its memory once, by MPI_Win_create over a mapping of its
 * own or by MPI_Win_allocate (--allocate), and has a fixed heap in it.  Then
 * arrays come, grow, are replaced and go for the whole run, with objects in
 * between; each rank has other sizes and other objects, so nothing lies where
 * it lies elsewhere.  After each change the ranks put, add and get, straight
 * into the arrays, and every word is checked.
 *
 * With --fill, the arrays are of the kinds that break up other heaps, each kind
 * is driven until nothing fits any more, and each must have filled 90 % of
 * every window.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dist.h"

#define ARRAYS 16
#define FULL 90.0

struct object {
	struct object *next;
	size_t bytes;
	unsigned char data[];
};

static struct object *objects;
static struct dist arrays[ARRAYS];

static size_t peak; /* bytes in use, since it was last reported */

static void note_peak(void)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	fixheap_stats(window.heap, &stats);
	if (stats.used_bytes > peak)
		peak = stats.used_bytes;
}

/* Whether it is so on any rank; every rank asks. */
static int anywhere(int here)
{
	int there = 0;

	MPI_Allreduce(&here, &there, 1, MPI_INT, MPI_LOR, MPI_COMM_WORLD);
	return there;
}

/* ---- objects: each rank has its own, of no concern to others ------------- */

static void add_objects(uint64_t count)
{
	struct object *object;
	size_t bytes;

	while (count--) {
		bytes = own_below(200);
		object = fixheap_malloc(window.heap, sizeof(*object) + bytes);
		if (!object)
			return;
		object->next = objects;
		object->bytes = bytes;
		memset(object->data, (int)(bytes & 0x7f), bytes);
		objects = object;
	}
}

static void free_objects(uint64_t count)
{
	struct object *object;
	size_t i;

	while (objects && count--) {
		object = objects;
		for (i = 0; i < object->bytes; i++)
			if (object->data[i] != (object->bytes & 0x7f))
				die("an object was overwritten");
		objects = object->next;
		fixheap_free(window.heap, object);
	}
}

/* ---- arrays -------------------------------------------------------------- */

static uint64_t *new_block(size_t words)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;

	attr.flags = FIXHEAP_ZERO;
	return fixheap_array_alloc(window.heap, words * sizeof(uint64_t),
				   &attr);
}

/* A new array, on each rank of up to a tenth more than so many words. */
static void make(struct dist *dist, size_t words)
{
	memset(dist, 0, sizeof(*dist));
	dist->len = words + own_below(words / 10 + 1);
	dist->block = new_block(dist->len);
	if (!dist->block)
		die("no room for %zu words", dist->len);
	dist_exercise(dist);
}

static void drop(struct dist *dist)
{
	dist_check(dist, dist->len);
	fixheap_array_free(window.heap, dist->block);
	dist->block = NULL;
}

static void drop_all(void)
{
	struct dist *dist;

	for (dist = arrays; dist < arrays + ARRAYS; dist++)
		if (dist->block)
			drop(dist);
}

enum how {
	IN_PLACE,
	COPY,
	EITHER
};

/* Make my block longer, in one of the ways that there are; 0: it does not fit.
 * What was in it, is in it. */
static int grow_block(struct dist *dist, size_t len, enum how how)
{
	size_t bytes = len * sizeof(uint64_t);
	uint64_t *block = dist->block;

	if (how == IN_PLACE) {
		if (fixheap_array_resize(window.heap, block, bytes))
			return 0;
	} else if (how == EITHER) {
		block = fixheap_array_realloc(window.heap, block, bytes);
		if (!block)
			return 0;
	} else {
		block = new_block(len);
		if (!block)
			return 0;
		note_peak(); /* both are there now */
		memcpy(block, dist->block, dist->len * sizeof(uint64_t));
		fixheap_array_free(window.heap, dist->block);
	}
	dist->block = block;
	dist_check(dist, dist->len);
	dist->len = len;
	return 1;
}

/* ---- the first run ------------------------------------------------------- */

static void change(struct dist *dist)
{
	size_t most = window.bytes / 40 / sizeof(uint64_t);

	if (!dist->block) {
		make(dist, SUMS + shared_below(most));
		return;
	}
	if (!shared_below(3)) {
		drop(dist);
		return;
	}
	if (!grow_block(dist, dist->len + own_below(dist->len / 8 + 1),
			shared_below(2) ? COPY : EITHER))
		die("no room to grow");
	dist_exercise(dist);
	if (dist->len > 2 * most || anywhere(dist->len > most))
		drop(dist);
}

static void run_rounds(int rounds)
{
	int i;

	for (i = 0; i < rounds; i++) {
		add_objects(own_below(100));
		free_objects(own_below(95));
		change(&arrays[shared_below(ARRAYS)]);
	}
	drop_all();
	free_objects(UINT64_MAX);
	if (!window.rank)
		printf("%d changes of arrays, all words as they should be\n",
		       rounds);
}

/* ---- the second run: patterns -------------------------------------------- */

/* Each rank's fill of its window, the lowest of them, and what it must be. */
static void report(const char *pattern)
{
	double mine = 100.0 * (double)peak / (double)window.bytes, lowest;

	MPI_Allreduce(&mine, &lowest, 1, MPI_DOUBLE, MPI_MIN, MPI_COMM_WORLD);
	if (!window.rank)
		printf("%-52s %5.1f %% full\n", pattern, lowest);
	if (lowest < FULL && !window.rank)
		die("less than %.0f %%", FULL);
	peak = 0;
}

/* A block of 1 / part of the largest free range; 0: there is none on some
 * rank. */
static int make_of_rest(struct dist *dist, size_t part)
{
	size_t words =
		fixheap_largest_free(window.heap, NULL) / sizeof(uint64_t);

	if (anywhere(words < 2 * SUMS))
		return 0;
	memset(dist, 0, sizeof(*dist));
	dist->len = words / part < 2 * SUMS ? 2 * SUMS : words / part;
	dist->block = new_block(dist->len);
	if (!dist->block)
		die("fixheap_largest_free was wrong");
	note_peak();
	dist_exercise(dist);
	return 1;
}

/* One array, replaced by one a little larger, whose place is there as soon as
 * the old one is freed: but objects that stay come first. */
static void replace_one(void)
{
	struct dist *dist = &arrays[0];
	size_t len, start = window.bytes / 8 * 5 / sizeof(uint64_t);
	int more = 1;

	make(dist, start);
	while (anywhere(more)) {
		len = dist->len;
		if (more)
			len += len / 40;
		drop(dist);
		if (more)
			add_objects(40);
		memset(dist, 0, sizeof(*dist));
		dist->block = new_block(len);
		if (!dist->block) {
			more = 0;
			len = fixheap_largest_free(window.heap, NULL) /
			      sizeof(uint64_t);
			dist->block = new_block(len);
		}
		if (!dist->block)
			die("fixheap_largest_free was wrong");
		dist->len = len;
		note_peak();
		dist_exercise(dist);
	}
	drop(dist);
	report("one array replaced, objects in between");
}

/* Grow each in turn by len / part, as long as any can, in one of these ways. */
static void grow_in_turn(int count, size_t part, const enum how *how,
			 int nr_how)
{
	int i, k, grown, some;

	do {
		some = 0;
		for (i = 0; i < count; i++) {
			struct dist *dist = &arrays[i];

			add_objects(10);
			grown = 0;
			for (k = 0; k < nr_how && !grown; k++)
				grown = grow_block(dist,
						   dist->len + dist->len / part,
						   how[k]);
			note_peak();
			if (anywhere(grown)) {
				dist_exercise(dist);
				some = 1;
			}
		}
	} while (some);
}

/* Arrays that grow by 5 %, then by 1 %; what they leave goes to others. */
static void grow_some(int count, const enum how *how, int nr_how)
{
	size_t start = window.bytes / 5 / (size_t)count / sizeof(uint64_t);
	int i;

	for (i = 0; i < count; i++)
		make(&arrays[i], start);
	grow_in_turn(count, 20, how, nr_how);
	grow_in_turn(count, 100, how, nr_how);
	for (i = count; count > 1 && i < ARRAYS; i++)
		if (!make_of_rest(&arrays[i], 1))
			break;
	drop_all();
}

/* Arrays and objects of all sizes, freed at random, in a window that is always
 * as full as it gets. */
static void random_lifetimes(int rounds)
{
	struct dist *dist;

	while (rounds--) {
		dist = &arrays[shared_below(ARRAYS)];
		if (dist->block)
			drop(dist);
		add_objects(own_below(200));
		free_objects(own_below(180));
		make_of_rest(dist, 1 + own_below(3));
	}
	drop_all();
}

static void fill(int rounds)
{
	static const enum how copy[] = { COPY }, resize[] = { IN_PLACE },
			      any[] = { COPY, IN_PLACE };
	struct fixheap_stats stats = { .size = sizeof(stats) };

	replace_one();
	grow_some(1, copy, 1);
	report("one array grown by 5 %: allocate, copy, free");
	grow_some(1, resize, 1);
	report("one array grown by 5 %: fixheap_array_resize");
	grow_some(4, any, 2);
	report("four arrays grown in turn, others in what they leave");
	random_lifetimes(rounds);
	report("arrays and objects with random lifetimes");
	free_objects(UINT64_MAX);
	fixheap_stats(window.heap, &stats);
	peak = stats.peak_used_bytes;
	report("the whole run, as fixheap_stats has it");
}

/* ---- main ---------------------------------------------------------------- */

static unsigned long long number(const char *text)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 0);

	if (!*text || *end)
		die("'%s' is no number", text);
	return value;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "size", required_argument, NULL, 's' },
		{ "seed", required_argument, NULL, 'r' },
		{ "rounds", required_argument, NULL, 'n' },
		{ "allocate", no_argument, NULL, 'a' },
		{ "fill", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 }
	};
	enum window_memory memory = WINDOW_MAP;
	unsigned long long seed = (unsigned long long)time(NULL);
	size_t mib = 64;
	int option, rounds = 300, filling = 0;

	MPI_Init(&argc, &argv);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			mib = number(optarg);
		else if (option == 'r')
			seed = number(optarg);
		else if (option == 'n')
			rounds = (int)number(optarg);
		else if (option == 'a')
			memory = WINDOW_ALLOCATE;
		else if (option == 'f')
			filling = 1;
		else
			die("see the head of main.c for the options");
	}
	MPI_Bcast(&seed, 1, MPI_UNSIGNED_LONG_LONG, 0, MPI_COMM_WORLD);
	window_open(mib << 20, memory);
	seed_random(seed);
	if (!window.rank)
		printf("%d ranks, windows of %zu MiB; again: --seed %llu\n",
		       window.ranks, mib, seed);
	if (filling)
		fill(rounds);
	else
		run_rounds(rounds);
	window_close();
	if (!window.rank)
		printf("all is freed, and each heap is whole again\n");
	MPI_Finalize();
	return 0;
}
