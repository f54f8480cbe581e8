/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c: the benchmark.  It prints the numbers that the library promises.
 *
 * Only counts and ratios are printed, no absolute times.  The library is used
 * through fixheap.h alone.  So that runs can be compared, everything stays on
 * one CPU (there are caches for each) and every heap begins on the border of a
 * pageblock.  The loads with many objects still differ by up to two percent
 * from run to run, and so does the one ratio of times by a little more.
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

#include "trace.h"

static const char usage[] =
	"Usage: bench [OPTION]...\n"
	"Print what the allocator reaches: counts and ratios.\n"
	"\n"
	"  -n, --nodes=N     each load on a heap of N nodes, too (1 to 64)\n"
	"  -q, --quick       fewer seeds and operations\n"
	"  -s, --seed=N      first seed of the loads (default 1)\n"
	"  -t, --trace=NAME  only this measure; see below\n"
	"  -h, --help        print this text\n"
	"\n"
	"Measures:\n";

static const struct option long_options[] = {
	{ "nodes", required_argument, NULL, 'n' },
	{ "quick", no_argument, NULL, 'q' },
	{ "seed", required_argument, NULL, 's' },
	{ "trace", required_argument, NULL, 't' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void print_help(void)
{
	fputs(usage, stdout);
	for (const struct trace_spec *spec = trace_specs; spec->name; spec++)
		printf("  %-13s smallest heap / peak live: %s\n", spec->name,
		       spec->what);
	printf("  %-13s pageblocks whole after random single-page traffic\n",
	       "pages");
	printf("  %-13s a get/put pair of pages on several nodes / on one\n",
	       "nodes");
	printf("  %-13s a hot 64-byte malloc/free pair / the process's own\n",
	       "pair");
	puts("\nExit status: 0: all reached, 1: one missed, 2: an error.");
}

static bool known_measure(const char *name)
{
	for (const struct trace_spec *spec = trace_specs; spec->name; spec++)
		if (!strcmp(spec->name, name))
			return true;
	return !strcmp(name, "pages") || !strcmp(name, "nodes") ||
	       !strcmp(name, "pair");
}

static bool parse_number(const char *text, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 0);
	return !errno && end != text && !*end && *text != '-';
}

static bool parse_nodes(const char *text, unsigned *nr_nodes)
{
	uint64_t nr;

	if (!parse_number(text, &nr) || !nr || nr > BENCH_NODES_MAX)
		return false;
	*nr_nodes = (unsigned)nr;
	return true;
}

/* False: say no more, exit with *status. */
static bool parse(int argc, char **argv, struct bench_options *options,
		  int *status)
{
	int c;

	*status = 2;
	while ((c = getopt_long(argc, argv, "n:qs:t:h", long_options, NULL)) !=
	       -1) {
		if (c == 'q') {
			options->quick = true;
		} else if (c == 's' && parse_number(optarg, &options->seed)) {
			continue;
		} else if (c == 'n' &&
			   parse_nodes(optarg, &options->nr_nodes)) {
			continue;
		} else if (c == 't' && known_measure(optarg)) {
			options->only = optarg;
		} else if (c == 'h') {
			print_help();
			*status = 0;
			return false;
		} else {
			if (c != '?')
				fprintf(stderr, "bench: bad value '%s'\n",
					optarg);
			fputs("Try 'bench --help'.\n", stderr);
			return false;
		}
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
	struct bench_options options = { .seed = 1, .nr_nodes = 1 };
	enum bench_result result;
	int status;

	if (!parse(argc, argv, &options, &status))
		return status;
	setvbuf(stdout, NULL, _IOLBF, 0);
	stay_on_this_cpu();
	result = bench_overhead(&options);
	result = bench_worse(result, bench_pages(&options));
	result = bench_worse(result, bench_nodes(&options));
	result = bench_worse(result, bench_pair(&options));
	return result;
}
