/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * symheap: a program that asks for symmetric memory once.
 *
 *	oshrun -n 4 symheap [--size MIB] [--seed N] [--rounds N]
 *	oshrun -n 4 symheap --fill ...
 *
 * All PEs make the same calls for arrays: these come, grow, are replaced and
 * go for the whole run, and are put to, added to and got from by their
 * symmetric addresses; every word is checked.  At the same time each PE has
 * other threads with other objects in the same heap, at other moments.  The PEs
 * compare the offsets of all arrays that they ever got, those refused included:
 * they must be the same.
 *
 * With --fill, the arrays are of the kinds that break up other heaps, each kind
 * is driven until nothing fits any more, and each must have filled 90 % of the
 * heap.  As all PEs are refused at the same call, nobody has to be asked.
 */
#include <getopt.h>
#include <shmem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sym.h"

#define ARRAYS 16
#define FULL 90.0 /* percent of the heap */

static struct array arrays[ARRAYS];
static size_t peak;    /* bytes in use, since it was last reported */
static uint64_t state; /* of random numbers: the same on all PEs */

static void note_peak(void)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	fixheap_stats(sym.heap, &stats);
	if (stats.used_bytes > peak)
		peak = stats.used_bytes;
}

/* ---- arrays -------------------------------------------------------------- */

static long *new_words(size_t len)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	long *words;

	attr.flags = FIXHEAP_ZERO;
	words = fixheap_array_alloc(sym.heap, len * sizeof(*words), &attr);
	note_offset(words);
	note_peak();
	return words;
}

/* Whether there was room. */
static int make(struct array *array, size_t len)
{
	memset(array, 0, sizeof(*array));
	array->len = len;
	array->words = new_words(len);
	if (!array->words)
		return 0;
	array_exercise(array);
	return 1;
}

static void drop(struct array *array)
{
	array_check(array, array->len);
	fixheap_array_free(sym.heap, array->words);
	array->words = NULL;
}

static void drop_all(void)
{
	struct array *array;

	for (array = arrays; array < arrays + ARRAYS; array++)
		if (array->words)
			drop(array);
}

enum how {
	IN_PLACE,
	COPY,
	EITHER
};

/* Make it longer, in one of the ways that there are; 0: it does not fit.  What
 * was in it, is in it. */
static int grow(struct array *array, size_t len, enum how how)
{
	size_t bytes = len * sizeof(long);
	long *words = array->words;

	if (how == IN_PLACE) {
		if (fixheap_array_resize(sym.heap, words, bytes))
			words = NULL;
		note_offset(words);
	} else if (how == EITHER) {
		words = fixheap_array_realloc(sym.heap, words, bytes);
		note_offset(words);
	} else {
		words = new_words(len);
		if (words) {
			memcpy(words, array->words, array->len * sizeof(long));
			fixheap_array_free(sym.heap, array->words);
		}
	}
	note_peak();
	if (!words)
		return 0;
	array->words = words;
	array_check(array, array->len);
	array->len = len;
	array_exercise(array);
	return 1;
}

/* ---- the first run ------------------------------------------------------- */

static void change(struct array *array)
{
	size_t most = sym.bytes / 40 / sizeof(long);

	if (!array->words) {
		if (!make(array, SUMS + random_below(&state, most)))
			die("no room for an array");
	} else if (!random_below(&state, 3) || array->len > 2 * most) {
		drop(array);
	} else if (!grow(array,
			 array->len + random_below(&state, array->len / 8 + 1),
			 random_below(&state, 2) ? COPY : EITHER)) {
		die("no room to grow");
	}
}

static void run_rounds(int rounds)
{
	int i;

	for (i = 0; i < rounds; i++)
		change(&arrays[random_below(&state, ARRAYS)]);
	drop_all();
	if (!sym.pe)
		printf("%d changes of arrays, all words as they should be\n",
		       rounds);
}

/* ---- the second run: patterns -------------------------------------------- */

/* What PE 0 has is what arrays have alone. */
static void report(const char *pattern)
{
	double full = 100.0 * (double)peak / (double)sym.bytes;

	compare_offsets();
	if (!sym.pe)
		printf("%-52s %5.1f %% full\n", pattern, full);
	if (full < FULL)
		die("less than %.0f %%", FULL);
	peak = 0;
}

/* One array, replaced by one a little larger, whose place is there as soon as
 * the old one is freed. */
static void replace_one(void)
{
	size_t len = sym.bytes / 8 * 5 / sizeof(long);
	struct array *array = &arrays[0];

	while (make(array, len)) {
		drop(array);
		len += len / 40;
	}
	if (!make(array, fixheap_largest_free(sym.heap, NULL) / sizeof(long)))
		die("fixheap_largest_free was wrong");
	drop(array);
	report("one array replaced");
}

/* Grow each in turn by len / part, as long as any can, in one of these ways. */
static void grow_in_turn(int count, size_t part, const enum how *how,
			 int nr_how)
{
	int i, k, grown, some;

	do {
		some = 0;
		for (i = 0; i < count; i++) {
			size_t len = arrays[i].len + arrays[i].len / part;

			grown = 0;
			for (k = 0; k < nr_how && !grown; k++)
				grown = grow(&arrays[i], len, how[k]);
			some |= grown;
		}
	} while (some);
}

/* Of 1 / part of the largest free range; 0: there is none. */
static int make_of_rest(struct array *array, size_t part)
{
	size_t words = fixheap_largest_free(sym.heap, NULL) / sizeof(long);

	if (words < 2 * SUMS)
		return 0;
	if (!make(array, words / part < 2 * SUMS ? 2 * SUMS : words / part))
		die("fixheap_largest_free was wrong");
	return 1;
}

/* Arrays that grow by 5 %, then by 1 %; what they leave goes to others. */
static void grow_some(int count, const enum how *how, int nr_how)
{
	size_t start = sym.bytes / 5 / (size_t)count / sizeof(long);
	int i;

	for (i = 0; i < count; i++)
		if (!make(&arrays[i], start + (size_t)i * 1000))
			die("no room to begin");
	grow_in_turn(count, 20, how, nr_how);
	grow_in_turn(count, 100, how, nr_how);
	for (i = count; count > 1 && i < ARRAYS; i++)
		if (!make_of_rest(&arrays[i], 1))
			break;
	drop_all();
}

/* Arrays of all sizes, freed at random, in a heap that is always as full as it
 * gets. */
static void random_lifetimes(int rounds)
{
	struct array *array;

	while (rounds--) {
		array = &arrays[random_below(&state, ARRAYS)];
		if (array->words)
			drop(array);
		make_of_rest(array, 1 + random_below(&state, 3));
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
	report("arrays with random lifetimes");
	fixheap_stats(sym.heap, &stats);
	peak = stats.peak_used_bytes;
	report("the whole run, as fixheap_stats has it");
}

/* ---- main ---------------------------------------------------------------- */

static uint64_t number(const char *text)
{
	char *end;
	uint64_t value = strtoull(text, &end, 0);

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
		{ "fill", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 }
	};
	static long seed; /* symmetric: PE 0 says what it is */
	int option, provided, rounds = 300, filling = 0;
	size_t mib = 64;

	seed = (long)time(NULL);
	shmem_init_thread(SHMEM_THREAD_FUNNELED, &provided);
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			mib = number(optarg);
		else if (option == 'r')
			seed = (long)number(optarg);
		else if (option == 'n')
			rounds = (int)number(optarg);
		else if (option == 'f')
			filling = 1;
		else
			die("see the head of main.c for the options");
	}
	sym_open(mib << 20);
	shmem_barrier_all();
	shmem_long_get(&seed, &seed, 1, 0);
	state = (uint64_t)seed;
	if (!sym.pe)
		printf("%d PEs, a heap of %zu MiB on each; again: --seed %ld\n",
		       sym.pes, mib, seed);
	objects_start(state);
	if (filling)
		fill(rounds);
	else
		run_rounds(rounds);
	compare_offsets();
	objects_stop();
	sym_close();
	if (!sym.pe)
		printf("the same offsets everywhere; all is freed\n");
	shmem_finalize();
	return 0;
}
