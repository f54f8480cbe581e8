/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c: the benchmark.  It prints the numbers that the library promises.
 *
 * The library is used through fixheap.h alone.  Times are told beside those of
 * others that ran in turns with us, and what counts is the ratio.  So that runs
 * can be compared, everything but the workers of peer.c stays on one CPU (there
 * are caches for each) and every heap begins on the border of a pageblock.  The
 * loads with many objects still differ by up to two percent from run to run,
 * and ratios of times by a little more.
 *
 * Exit status: 0: every number was reached; 1: one was missed; 2: wrong
 * options, or something went wrong.
 */
#include "bench.h"

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "peer.h"
#include "table.h"
#include "trace.h"

static const char usage[] =
	"Usage: bench [OPTION]...\n"
	"Print what the allocator reaches, beside others.\n"
	"\n"
	"  -n, --nodes=N     each load on a heap of N nodes, too (1 to 64)\n"
	"  -o, --tsv=FILE    the figures there, too, separated by tabs\n"
	"  -q, --quick       fewer seeds, rounds and operations\n"
	"  -s, --seed=N      first seed of the loads (default 1)\n"
	"  -t, --trace=NAME  only this measure; see below\n"
	"      --threads=N   threads of what has several (1 to 64, default 2)\n"
	"  -h, --help        print this text\n"
	"\n"
	"Measures:\n";

enum {
	OPTION_THREADS = 256,
	OPTION_WORKER,
	OPTION_HEAP
};

static const struct option long_options[] = {
	{ "nodes", required_argument, NULL, 'n' },
	{ "tsv", required_argument, NULL, 'o' },
	{ "quick", no_argument, NULL, 'q' },
	{ "seed", required_argument, NULL, 's' },
	{ "trace", required_argument, NULL, 't' },
	{ "threads", required_argument, NULL, OPTION_THREADS },
	{ "help", no_argument, NULL, 'h' },
	/* peer.c starts these */
	{ "worker", required_argument, NULL, OPTION_WORKER },
	{ "heap", required_argument, NULL, OPTION_HEAP },
	{ NULL, 0, NULL, 0 },
};

/* In the order in which they run. */
static const struct measure {
	const char *name; /* NULL: those of the loads */
	const char *what;
	enum bench_result (*run)(const struct bench_options *options);
	bool spread; /* uses processes and threads: not on one CPU */
} measures[] = {
	/* first, as long as this process is small: see program.c */
	{ "programs", "whole programs under fixheap run / under jemalloc",
	  bench_programs, true },
	{ NULL, NULL, bench_overhead, false },
	{ "overhead", "smallest heap of every load / those of others",
	  bench_heaps, false },
	{ "pages", "pageblocks whole after random single-page traffic",
	  bench_pages, false },
	{ "nodes", "a get/put pair of pages on several nodes / on one",
	  bench_nodes, false },
	{ "pair", "a hot 64-byte malloc/free pair / the process's own",
	  bench_pair, false },
	{ "get-put", "pairs of pages / those of a buddy under a spinlock",
	  bench_get_put, true },
	{ "objects", "pairs of objects / those of other allocators",
	  bench_objects, true },
	{ "arrays", "array alloc and free on a full heap / mmap and munmap",
	  bench_arrays, false },
	{ "scale", "arrays on heaps of 16 GiB to 16 TiB", bench_scale, false },
	{ "create", "making a heap, and the metadata that it touches",
	  bench_create, false },
};
#define NR_MEASURES (sizeof(measures) / sizeof(*measures))

static void print_help(void)
{
	fputs(usage, stdout);
	for (const struct trace_spec *spec = trace_specs; spec->name; spec++)
		printf("  %-13s smallest heap / peak live: %s\n", spec->name,
		       spec->what);
	for (size_t i = 0; i < NR_MEASURES; i++)
		if (measures[i].name)
			printf("  %-13s %s\n", measures[i].name,
			       measures[i].what);
	puts("\nExit status: 0: all reached, 1: one missed, 2: an error.");
}

static bool known_measure(const char *name)
{
	for (const struct trace_spec *spec = trace_specs; spec->name; spec++)
		if (!strcmp(spec->name, name))
			return true;
	for (size_t i = 0; i < NR_MEASURES; i++)
		if (measures[i].name && !strcmp(measures[i].name, name))
			return true;
	return false;
}

bool bench_wants(const struct bench_options *options, const char *measure)
{
	return !options->only || !strcmp(options->only, measure);
}

static bool parse_number(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	return !errno && end != text && !*end && *text != '-';
}

/* 1 to 64. */
static bool parse_few(const char *text, unsigned *few)
{
	uint64_t nr;

	if (!parse_number(text, &nr) || !nr || nr > BENCH_NODES_MAX)
		return false;
	*few = (unsigned)nr;
	return true;
}

struct arguments {
	struct bench_options options;
	const char *tsv;
	const char *worker; /* a peer's name: be its worker */
	uint64_t heap_bytes;
};

/* False: a bad value. */
static bool parse_one(int c, struct arguments *arguments)
{
	struct bench_options *options = &arguments->options;

	switch (c) {
	case 'n':
		return parse_few(optarg, &options->nr_nodes);
	case 'o':
		arguments->tsv = optarg;
		return true;
	case 'q':
		options->quick = true;
		return true;
	case 's':
		return parse_number(optarg, &options->seed);
	case 't':
		options->only = optarg;
		return known_measure(optarg);
	case OPTION_THREADS:
		return parse_few(optarg, &options->nr_threads);
	case OPTION_WORKER:
		arguments->worker = optarg;
		return true;
	case OPTION_HEAP:
		return parse_number(optarg, &arguments->heap_bytes);
	default:
		return false;
	}
}

/* False: say no more, exit with *status. */
static bool parse(int argc, char **argv, struct arguments *arguments,
		  int *status)
{
	int c;

	*status = 2;
	while ((c = getopt_long(argc, argv, "n:o:qs:t:h", long_options,
				NULL)) != -1) {
		if (c == 'h') {
			print_help();
			*status = 0;
			return false;
		}
		if (parse_one(c, arguments))
			continue;
		if (c != '?')
			fprintf(stderr, "bench: bad value '%s'\n", optarg);
		fputs("Try 'bench --help'.\n", stderr);
		return false;
	}
	if (optind == argc)
		return true;
	fprintf(stderr, "bench: extra operand '%s'\nTry 'bench --help'.\n",
		argv[optind]);
	return false;
}

const char *bench_verdict(enum bench_result result)
{
	return result == BENCH_OK ? "ok" : "MISSED";
}

void bench_progress(const char *format, ...)
{
	static time_t told;
	struct timespec now;
	va_list args;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!told)
		told = now.tv_sec;
	if (now.tv_sec == told)
		return;
	told = now.tv_sec;
	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
}

void bench_without(const char *peer, const char *why)
{
	static char told[256];

	if (strstr(told, peer) ||
	    strlen(told) + strlen(peer) + 1 > sizeof(told))
		return;
	strcat(told, peer);
	printf("without %s: %s\n", peer, why);
}

enum bench_result bench_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("bench: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return BENCH_ERROR;
}

void *bench_reserve(size_t bytes)
{
	size_t block = BENCH_BLOCK_PAGES * fixheap_page_size();
	char *space = mmap(NULL, bytes + block, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	size_t head, tail;

	if (space == MAP_FAILED) {
		bench_error("no %zu bytes of address space: %s (see ulimit -v)",
			    bytes, strerror(errno));
		return NULL;
	}
	head = (block - (uintptr_t)space % block) % block;
	tail = block - head;
	if (head)
		munmap(space, head);
	munmap(space + head + bytes, tail);
	return space + head;
}

void bench_release(void *base, size_t bytes)
{
	munmap(base, bytes);
}

struct fixheap *bench_heap(void *base, size_t length, unsigned nr_nodes)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	unsigned cpu_node[BENCH_NODES_MAX];
	struct fixheap_topology topology = { .size = sizeof(topology),
					     .nr_nodes = nr_nodes,
					     .nr_cpus = nr_nodes,
					     .cpu_node = cpu_node };
	struct fixheap *heap;
	int err;

	for (unsigned i = 0; i < nr_nodes; i++)
		cpu_node[i] = i;
	if (nr_nodes > 1)
		config.topology = &topology;
	config.base = base;
	config.length = length;
	config.flags = FIXHEAP_PINNED;
	err = fixheap_create(&config, &heap);
	if (!err)
		return heap;
	bench_error("no heap of %zu bytes: %s", length, strerror(-err));
	return NULL;
}

#define PROBE_BYTES ((size_t)16 << 20)

/* What of the library is optional shows in what a fresh heap can do. */
static bool probe(bool arrays)
{
	void *base = bench_reserve(PROBE_BYTES);
	struct fixheap *heap = base ? bench_heap(base, PROBE_BYTES, 1) : NULL;
	bool there = false;

	if (heap && arrays) {
		there = fixheap_array_alloc(heap, 1, NULL);
	} else if (heap) {
		void *object = fixheap_malloc(heap, 64);

		there = object &&
			fixheap_usable_size(heap, object) < fixheap_page_size();
	}
	fixheap_destroy(heap);
	if (base)
		bench_release(base, PROBE_BYTES);
	return there;
}

bool bench_has_arrays(void)
{
	return probe(true);
}

bool bench_has_objects(void)
{
	return probe(false);
}

/* Where that is not allowed the counts differ in the last digit, no more. */
static void stay_on_this_cpu(void)
{
	int cpu = sched_getcpu();
	cpu_set_t set;

	CPU_ZERO(&set);
	if (cpu < 0 || cpu >= CPU_SETSIZE)
		return;
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

int main(int argc, char **argv)
{
	struct arguments arguments = {
		.options = { .seed = 1, .nr_nodes = 1, .nr_threads = 2 },
	};
	enum bench_result result = BENCH_OK;
	cpu_set_t all;
	int status;

	if (!parse(argc, argv, &arguments, &status))
		return status;
	if (arguments.worker)
		return worker_main(arguments.worker, arguments.heap_bytes);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!table_open(arguments.tsv))
		return BENCH_ERROR;
	sched_getaffinity(0, sizeof(all), &all);
	for (size_t i = 0; i < NR_MEASURES; i++) {
		if (!measures[i].spread)
			stay_on_this_cpu();
		result = bench_worse(result,
				     measures[i].run(&arguments.options));
		sched_setaffinity(0, sizeof(all), &all);
	}
	table_summary();
	table_close();
	return result;
}
