/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c: many threads on a few heaps, for the sanitizers and for validate.
 *
 *	stress [--seed N] [--threads N] [--ops N] [--rounds N]
 *
 * Each thread allocates, resizes and frees page runs, arrays and objects on
 * all heaps, and swaps what it has with the others, so that most of it is
 * freed by another thread than the one that made it.  Every page carries the
 * mark of its owner, which is checked before it is given back: a page that was
 * handed out twice is seen.  Now and then a thread validates a heap, walks it,
 * or takes the caches back.  At the end everything is freed, and no page may
 * be in use.
 *
 * The threads run as the machine lets them, so a seed gives the same
 * operations, but not the same order.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <fixheap/fixheap.h>

#include "sim/host_sim.h"

#define NR_HEAPS 2
#define HEAP_PAGES 6000
#define MAX_THREADS 64
#define MAX_ITEMS 48
#define NR_SLOTS 32

enum kind {
	NOTHING,
	PAGES,
	ARRAY,
	OBJECT
};

struct item {
	enum kind kind;
	struct fixheap *heap;
	char *start;
	size_t bytes;
	bool zero;
	uint64_t mark;
};

static struct {
	struct fixheap *heap[NR_HEAPS];
	void *memory[NR_HEAPS];
	size_t page_bytes;
	pthread_mutex_t lock;
	struct item slot[NR_SLOTS]; /* what threads swap; under the lock */
	unsigned nr_errors;	    /* atomic */
	unsigned long nr_ops;
} shared = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct worker {
	pthread_t thread;
	unsigned index;
	uint64_t seed, next_mark;
	struct item item[MAX_ITEMS];
};

static void wrong(const char *what, const struct item *item)
{
	if (__atomic_fetch_add(&shared.nr_errors, 1, __ATOMIC_RELAXED) < 10)
		fprintf(stderr, "stress: %s: kind %d at %p, %zu bytes\n", what,
			item->kind, (void *)item->start, item->bytes);
}

static uint32_t pick(struct worker *w, uint32_t below)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (uint32_t)((w->seed * 0x2545f4914f6cdd1dull >> 32) % below);
}

/* Where marks are: the first bytes of each page, and the last ones of all. */
static void put_mark(const struct item *item)
{
	size_t last = item->bytes - sizeof(item->mark);

	for (size_t at = 0; at <= last; at += shared.page_bytes)
		memcpy(item->start + at, &item->mark, sizeof(item->mark));
	memcpy(item->start + last, &item->mark, sizeof(item->mark));
}

static bool has_mark(const struct item *item, size_t bytes, uint64_t mark)
{
	size_t last = bytes - sizeof(mark);

	for (size_t at = 0; at <= last; at += shared.page_bytes) {
		if (memcmp(item->start + at, &mark, sizeof(mark)))
			return false;
	}
	return true;
}

static bool last_mark(const struct item *item)
{
	return !memcmp(item->start + item->bytes - sizeof(item->mark),
		       &item->mark, sizeof(item->mark));
}

static void check(const struct item *item)
{
	if (!has_mark(item, item->bytes, item->mark) || !last_mark(item))
		wrong("the mark is lost", item);
}

static void give_back(struct item *item)
{
	check(item);
	if (item->kind == PAGES)
		fixheap_pages_free(item->heap, item->start,
				   item->bytes / shared.page_bytes);
	else if (item->kind == ARRAY)
		fixheap_array_free(item->heap, item->start);
	else
		fixheap_free(item->heap, item->start);
	item->kind = NOTHING;
}

static size_t pick_pages(struct worker *w)
{
	static const uint16_t sizes[] = { 1, 1, 1, 1, 3, 7, 60, 600 };

	return 1 + pick(w, sizes[pick(w, 8)]);
}

/* A multiple of a mark: two of them never overlap. */
static size_t pick_bytes(struct worker *w)
{
	return sizeof(uint64_t) *
	       (1 + (pick(w, 20) ? pick(w, 50) : pick(w, 8000)));
}

static void make(struct worker *w, struct item *item)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	size_t nr = pick_pages(w);

	item->heap = shared.heap[pick(w, NR_HEAPS)];
	item->zero = !pick(w, 4);
	item->bytes = nr * shared.page_bytes;
	attr.flags = item->zero ? FIXHEAP_ZERO : 0;
	errno = 0;
	switch (pick(w, 3)) {
	case 0:
		item->kind = PAGES;
		item->start = fixheap_pages_alloc(item->heap, nr, 0, &attr);
		break;
	case 1:
		item->kind = ARRAY;
		item->start =
			fixheap_array_alloc(item->heap, item->bytes, &attr);
		break;
	default:
		item->kind = OBJECT;
		item->bytes = pick_bytes(w);
		item->start = fixheap_calloc(item->heap, 1, item->bytes);
		item->zero = true;
	}
	item->mark = (uint64_t)(w->index + 1) << 48 | ++w->next_mark;
	if (!item->start) {
		if (errno != ENOMEM)
			wrong("refused for another reason", item);
		item->kind = NOTHING;
		return;
	}
	if (item->zero && !has_mark(item, item->bytes, 0))
		wrong("not zero", item);
	put_mark(item);
}

/* The first page of a run of its own, or the last one. */
static void free_part(struct worker *w, struct item *item)
{
	size_t page = shared.page_bytes;

	check(item);
	if (pick(w, 2)) {
		fixheap_pages_free(item->heap, item->start, 1);
		item->start += page;
	} else {
		fixheap_pages_free(item->heap, item->start + item->bytes - page,
				   1);
	}
	item->bytes -= page;
	put_mark(item);
}

static void resize(struct worker *w, struct item *item)
{
	size_t bytes = pick_pages(w) * shared.page_bytes, keep;
	char *moved = item->start;

	keep = bytes < item->bytes ? bytes : item->bytes;
	if (item->kind == OBJECT) {
		bytes = pick_bytes(w);
		keep = bytes < item->bytes ? bytes : item->bytes;
		moved = fixheap_realloc(item->heap, item->start, bytes);
	} else if (pick(w, 2)) {
		moved = fixheap_array_realloc(item->heap, item->start, bytes);
	} else if (fixheap_array_resize(item->heap, item->start, bytes)) {
		moved = NULL;
	}
	if (!moved) {
		check(item);
		return;
	}
	item->start = moved;
	if (!has_mark(item, keep, item->mark))
		wrong("the mark is lost in a resize", item);
	item->bytes = bytes;
	put_mark(item);
}

static void swap(struct worker *w, struct item *item)
{
	struct item *slot = &shared.slot[pick(w, NR_SLOTS)], other;

	pthread_mutex_lock(&shared.lock);
	other = *slot;
	*slot = *item;
	*item = other;
	pthread_mutex_unlock(&shared.lock);
}

static int count_range(void *data, const void *start, size_t bytes,
		       enum fixheap_use use)
{
	(void)start;
	(void)use;
	*(size_t *)data += bytes;
	return 0;
}

static void look(struct worker *w)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct item item = { .heap = shared.heap[pick(w, NR_HEAPS)] };

	switch (pick(w, 5)) {
	case 0:
		if (fixheap_validate(item.heap))
			wrong(host_sim_output(), &item);
		return;
	case 1:
		fixheap_reclaim(item.heap);
		return;
	case 2:
		fixheap_largest_free(item.heap, NULL);
		return;
	case 3:
		fixheap_walk(item.heap, count_range, &item.bytes);
		if (item.bytes != HEAP_PAGES * shared.page_bytes)
			wrong("a walk of another length", &item);
		return;
	default:
		fixheap_stats(item.heap, &stats);
		if (stats.used_bytes > stats.heap_bytes ||
		    stats.peak_used_bytes > stats.heap_bytes)
			wrong("more is used than there is", &item);
	}
}

static void step(struct worker *w)
{
	struct item *item = &w->item[pick(w, MAX_ITEMS)];
	uint32_t what = pick(w, 16);

	if (!pick(w, 200))
		look(w);
	if (item->kind == NOTHING) {
		make(w, item);
		return;
	}
	if (what < 4)
		swap(w, item);
	else if (what < 7 && item->kind != PAGES)
		resize(w, item);
	else if (what < 8 && item->kind == PAGES &&
		 item->bytes > shared.page_bytes)
		free_part(w, item);
	else if (what < 13)
		give_back(item);
	else
		check(item);
}

static void *work(void *data)
{
	struct worker *w = data;

	host_sim_set_cpu(w->index % 3 ? w->index : HOST_SIM_ROVING);
	for (unsigned long i = 0; i < shared.nr_ops; i++)
		step(w);
	for (unsigned i = 0; i < MAX_ITEMS; i++) {
		if (w->item[i].kind != NOTHING)
			give_back(&w->item[i]);
	}
	return NULL;
}

static void on_fault(void *data, const struct fixheap_fault *fault)
{
	struct item item = { .start = (char *)fault->address };

	(void)data;
	wrong(fault->message, &item);
}

static void create(unsigned i)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct item item = { .kind = NOTHING };

	config.length = HEAP_PAGES * shared.page_bytes;
	shared.memory[i] = mmap(NULL, config.length, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
				0);
	config.base = shared.memory[i];
	config.flags = FIXHEAP_ZEROED;
	config.fault = on_fault;
	if (shared.memory[i] == MAP_FAILED ||
	    fixheap_create(&config, &shared.heap[i])) {
		wrong("no heap", &item);
		exit(1);
	}
}

static void finish(unsigned i)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct item item = { .heap = shared.heap[i] };

	fixheap_reclaim(item.heap);
	if (fixheap_validate(item.heap))
		wrong(host_sim_output(), &item);
	fixheap_stats(item.heap, &stats);
	item.bytes = stats.used_bytes;
	if (stats.used_bytes || stats.cached_bytes)
		wrong("pages are left", &item);
	fixheap_destroy(item.heap);
	munmap(shared.memory[i], HEAP_PAGES * shared.page_bytes);
}

static void play(uint64_t seed, unsigned nr_threads)
{
	static struct worker workers[MAX_THREADS];
	static const char *const machines[] = { "1x4", "2x2", "1x1", "4x2" };

	host_sim_reset();
	host_sim_describe(machines[seed % 4]);
	for (unsigned i = 0; i < NR_HEAPS; i++)
		create(i);
	memset(workers, 0, sizeof(workers));
	for (unsigned i = 0; i < nr_threads; i++) {
		workers[i].index = i;
		workers[i].seed = (seed + i) * 0x9e3779b97f4a7c15ull | 1;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			exit(1);
	}
	for (unsigned i = 0; i < nr_threads; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned i = 0; i < NR_SLOTS; i++) {
		if (shared.slot[i].kind != NOTHING)
			give_back(&shared.slot[i]);
	}
	for (unsigned i = 0; i < NR_HEAPS; i++)
		finish(i);
}

static int usage(const char *name)
{
	fprintf(stderr,
		"usage: %s [--seed N] [--threads N] [--ops N] [--rounds N]\n",
		name);
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t seed = (uint64_t)time(NULL);
	unsigned long nr_threads = 4, nr_rounds = 4;

	shared.page_bytes = fixheap_page_size();
	shared.nr_ops = 20000;
	for (int i = 1; i + 1 < argc; i += 2) {
		unsigned long value = strtoul(argv[i + 1], NULL, 0);

		if (!strcmp(argv[i], "--seed"))
			seed = value;
		else if (!strcmp(argv[i], "--threads") && value &&
			 value <= MAX_THREADS)
			nr_threads = value;
		else if (!strcmp(argv[i], "--ops"))
			shared.nr_ops = value;
		else if (!strcmp(argv[i], "--rounds"))
			nr_rounds = value;
		else
			return usage(argv[0]);
	}
	if (argc % 2 == 0)
		return usage(argv[0]);
	printf("stress: seed %llu, %lu threads, %lu rounds of %lu operations\n",
	       (unsigned long long)seed, nr_threads, nr_rounds, shared.nr_ops);
	for (unsigned long i = 0; i < nr_rounds && !shared.nr_errors; i++)
		play(seed + i, (unsigned)nr_threads);
	if (!shared.nr_errors)
		return 0;
	printf("replay: %s --seed %llu --threads %lu --ops %lu --rounds %lu\n",
	       argv[0], (unsigned long long)seed, nr_threads, shared.nr_ops,
	       nr_rounds);
	return 1;
}
