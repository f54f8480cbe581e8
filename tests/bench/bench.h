/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bench.h: what the parts of the benchmark share; see main.c.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fixheap/fixheap.h>

struct bench_options {
	bool quick;	     /* fewer seeds and operations */
	uint64_t seed;	     /* the first seed */
	const char *only;    /* one measure by name; NULL: all */
	unsigned nr_nodes;   /* of the heaps for the loads */
	unsigned nr_threads; /* what has several threads: so many */
};

enum bench_result {
	BENCH_OK,     /* every target was reached */
	BENCH_MISSED, /* one was not */
	BENCH_ERROR,  /* something went wrong, and has been told */
};

/* Smallest heap over peak live, a row for each load; with several nodes: that
 * of one node, and of so many. */
enum bench_result bench_overhead(const struct bench_options *options);
/* The same beside fixed heaps of others. */
enum bench_result bench_heaps(const struct bench_options *options);
/* Pageblocks whole after random single-page traffic. */
enum bench_result bench_pages(const struct bench_options *options);
/* Choosing a zone: a pair on several nodes against one. */
enum bench_result bench_nodes(const struct bench_options *options);
/* A hot malloc/free pair against the process's own. */
enum bench_result bench_pair(const struct bench_options *options);
/* Pairs of page runs and of objects, beside other allocators. */
enum bench_result bench_get_put(const struct bench_options *options);
enum bench_result bench_objects(const struct bench_options *options);
/* Arrays on a full heap against mmap; heaps of 16 GiB to 16 TiB. */
enum bench_result bench_arrays(const struct bench_options *options);
enum bench_result bench_scale(const struct bench_options *options);
/* Programs under `fixheap run` and under jemalloc. */
enum bench_result bench_programs(const struct bench_options *options);
/* Making a heap, and the metadata that it touches. */
enum bench_result bench_create(const struct bench_options *options);

/* Whether --trace leaves this measure in. */
bool bench_wants(const struct bench_options *options, const char *measure);
/* Say once that a peer is not there. */
void bench_without(const char *peer, const char *why);

/* The worse of two results. */
static inline enum bench_result bench_worse(enum bench_result a,
					    enum bench_result b)
{
	return a > b ? a : b;
}

/* "ok" or "MISSED", for the last column. */
const char *bench_verdict(enum bench_result result);
/* A line on standard error, at most one a second. */
void bench_progress(const char *format, ...)
	__attribute__((format(printf, 1, 2)));
/* Why the benchmark cannot go on, on standard error. */
enum bench_result bench_error(const char *format, ...)
	__attribute__((format(printf, 1, 2)));

#define BENCH_BLOCK_PAGES 512 /* of a pageblock */

/*
 * Address space from the border of a pageblock on, whole pages of it, which
 * takes memory only where it is touched; NULL: told.
 */
void *bench_reserve(size_t bytes);
void bench_release(void *base, size_t bytes);

/*
 * A heap over the first `length` bytes at base; NULL: told.  nr_nodes 1: of
 * the machine's nodes; else of so many, with a CPU and an equal part each.
 */
struct fixheap *bench_heap(void *base, size_t length, unsigned nr_nodes);
#define BENCH_NODES_MAX 64

/* Whether the library was built with arrays, and with objects. */
bool bench_has_arrays(void);
bool bench_has_objects(void);

#endif
