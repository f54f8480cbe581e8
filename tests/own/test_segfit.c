/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_segfit.c: a client with a malloc of its own, beside arrays and objects
 *
 *	test_segfit [SEED [ROUNDS]]
 *
 * Each round is a heap on which random blocks of segfit, arrays and objects
 * come and go, until it is full, then fewer, then full again.  The oracle knows
 * which bytes are taken and what is in each block: nothing may overlap, all
 * contents are checked when a block is freed, and now and then for all.  The
 * pages that fixheap calls page runs must be those that segfit has.  At the end
 * all of it is freed, and the heap is empty.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "own/segfit.h"

#define NR_PAGES 4096u
#define NR_OPS 40000u
#define MAX_ITEMS 20000u
#define UNIT 16u

enum kind {
	OWN,
	ARRAY,
	OBJECT
};

struct item {
	enum kind kind;
	char *start;
	size_t bytes;
	uint64_t mark;
};

static struct world {
	struct fixheap *heap;
	struct segfit segfit;
	char *base;
	uint64_t seed, next_mark;
	struct item item[MAX_ITEMS];
	size_t nr_items, nr_full, nr_errors;
	unsigned char *taken; /* for each unit of the heap */
} w;

static void wrong(const char *what)
{
	if (w.nr_errors++ < 10)
		printf("# %s\n", what);
}

static uint32_t pick(uint32_t below)
{
	w.seed ^= w.seed << 13;
	w.seed ^= w.seed >> 7;
	w.seed ^= w.seed << 17;
	return (uint32_t)((w.seed * 0x2545f4914f6cdd1dull >> 32) % below);
}

/* ---- the oracle ---------------------------------------------------------- */

static void fill(const struct item *item)
{
	for (size_t i = 0; i < item->bytes; i++)
		item->start[i] = (char)(item->mark + i * 7);
}

static void check(const struct item *item)
{
	for (size_t i = 0; i < item->bytes; i++) {
		if (item->start[i] != (char)(item->mark + i * 7)) {
			wrong("contents are lost");
			return;
		}
	}
}

/* Every size is a multiple of the unit. */
static void flip(const struct item *item, unsigned char before)
{
	size_t first = (size_t)(item->start - w.base) / UNIT;
	size_t nr = (item->bytes + UNIT - 1) / UNIT;

	for (size_t i = first; i < first + nr; i++) {
		if (w.taken[i] != before)
			wrong("two blocks overlap");
		w.taken[i] = !before;
	}
}

static int count_pages(void *data, const void *start, size_t bytes,
		       enum fixheap_use use)
{
	(void)start;
	if (use == FIXHEAP_USE_PAGES)
		*(size_t *)data += bytes / fixheap_page_size();
	return 0;
}

static void check_all(void)
{
	size_t nr_pages = 0;

	for (size_t i = 0; i < w.nr_items; i++)
		check(&w.item[i]);
	if (!segfit_check(&w.segfit, NR_PAGES))
		wrong("segfit is not sound");
	if (fixheap_validate(w.heap))
		wrong("the heap is not sound");
	fixheap_walk(w.heap, count_pages, &nr_pages);
	if (nr_pages != w.segfit.nr_owned)
		wrong("page runs are not what segfit has");
}

/* ---- what comes and goes ------------------------------------------------- */

static size_t pick_bytes(void)
{
	static const uint32_t sizes[] = { 100,	100,  100,   300,
					  1000, 5000, 20000, 200000 };

	return (1 + pick(sizes[pick(8)]) + UNIT - 1) / UNIT * UNIT;
}

/* Refused by pages: then there really is no run for it. */
static void check_refused(size_t bytes)
{
	size_t nr = segfit_pages(&w.segfit, bytes);

	if (errno != ENOMEM)
		wrong("errno is not ENOMEM");
	if (fixheap_largest_free(w.heap, NULL) / fixheap_page_size() >= nr)
		wrong("there was room");
	w.nr_full++;
}

static bool add(void)
{
	struct item *item = &w.item[w.nr_items];
	uint32_t way = pick(10);

	if (w.nr_items == MAX_ITEMS)
		return false;
	item->bytes = pick_bytes();
	item->kind = way == 0 ? ARRAY : way == 1 ? OBJECT : OWN;
	item->mark = ++w.next_mark * 31;
	if (item->kind == OWN)
		item->start = segfit_alloc(&w.segfit, item->bytes);
	else if (item->kind == ARRAY)
		item->start = fixheap_array_alloc(w.heap, item->bytes, NULL);
	else
		item->start = fixheap_malloc(w.heap, item->bytes);
	if (!item->start) {
		if (item->kind == OWN)
			check_refused(item->bytes);
		return false;
	}
	if ((uintptr_t)item->start % UNIT)
		wrong("not aligned");
	flip(item, 0);
	fill(item);
	w.nr_items++;
	return true;
}

static void drop(size_t n)
{
	struct item *item = &w.item[n];

	check(item);
	flip(item, 1);
	if (item->kind == OWN)
		segfit_free(&w.segfit, item->start);
	else if (item->kind == ARRAY)
		fixheap_array_free(w.heap, item->start);
	else
		fixheap_free(w.heap, item->start);
	*item = w.item[--w.nr_items];
}

static void operate(void)
{
	uint32_t more = 7;

	for (unsigned op = 0; op < NR_OPS && !w.nr_errors; op++) {
		if (pick(10) < more || !w.nr_items) {
			if (!add())
				more = 3;
		} else {
			drop(pick((uint32_t)w.nr_items));
		}
		if (w.nr_items < 200)
			more = 7;
		if (op % 2000 == 0)
			check_all();
	}
}

/* ---- one heap ------------------------------------------------------------ */

static void ends_empty(void)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	while (w.nr_items && !w.nr_errors)
		drop(pick((uint32_t)w.nr_items));
	check_all();
	if (w.segfit.nr_owned || w.segfit.filled)
		wrong("segfit keeps pages of free blocks");
	fixheap_reclaim(w.heap);
	if (fixheap_stats(w.heap, &stats) || stats.used_bytes)
		wrong("the heap is not empty");
	if (fixheap_largest_free(w.heap, NULL) != stats.heap_bytes)
		wrong("the heap is not whole");
	if (!w.nr_full || !w.segfit.nr_joined ||
	    w.segfit.nr_given < w.segfit.nr_taken / 10)
		wrong("this was no test");
}

static bool round_of(uint64_t seed)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	const size_t bytes = NR_PAGES * fixheap_page_size();
	int error;

	memset(&w, 0, sizeof(w));
	w.seed = seed * 0x9e3779b97f4a7c15ull | 1;
	w.base = aligned_alloc(fixheap_page_size(), bytes);
	w.taken = calloc(bytes / UNIT, 1);
	w.segfit.owned = calloc(NR_PAGES / 64 + 1, sizeof(uint64_t));
	config.base = w.base;
	config.length = bytes;
	error = fixheap_create(&config, &w.heap);
	if (error || !w.taken || !w.segfit.owned) {
		printf("# no heap: %s\n", strerror(-error));
		return false;
	}
	w.segfit.heap = w.heap;
	w.segfit.base = w.base;
	segfit_init(&w.segfit);
	operate();
	ends_empty();
	printf("# %zu runs taken, %zu joined, %zu frees of pages, full %zu "
	       "times\n",
	       w.segfit.nr_taken, w.segfit.nr_joined, w.segfit.nr_given,
	       w.nr_full);
	fixheap_destroy(w.heap);
	free(w.segfit.owned);
	free(w.taken);
	free(w.base);
	return !w.nr_errors;
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0)
				 : (uint64_t)time(NULL);
	unsigned rounds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 0) : 4;
	int status = 0;

	for (unsigned n = 1; n <= rounds; n++, seed++) {
		bool right = round_of(seed);

		if (!right)
			printf("# again: %s %llu 1\n", argv[0],
			       (unsigned long long)seed);
		printf("%sok %u - seed %llu\n", right ? "" : "not ", n,
		       (unsigned long long)seed);
		fflush(stdout);
		status |= !right;
	}
	printf("1..%u\n", rounds);
	return status;
}
