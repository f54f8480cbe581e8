/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * main.c: Chapel's memory layer as its runtime uses it, with what Chapel tests
 * its heap with.
 *
 *	--comm none|fixed|dynamic	what the comm layer offers
 *	--heap MIB	the heap; without one, what is called memory here
 *	--mib MIB	what all cores together allocate at a time
 *	--seed N	of the sizes; printed
 *
 * Every array is filled and its contents are checked: an element has the
 * array's number and its own in it.  Prints TAP.
 */
#define _GNU_SOURCE
#include "comm.h"

#include "chpl-comm.h"
#include "chpl-mem.h"
#include "chpl-mem-array.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)
#define THRESHOLD MIB
/* Of a dynamic heap, for what shares its regions. */
#define SHARED (64 * MIB)
#define NR_TASKS 8
#define MAX_THREADS 64

static struct {
	enum test_comm_kind comm;
	size_t heap, bytes;
	uint64_t seed;
} options = { TEST_COMM_NONE, 64 * MIB, 32 * MIB, 0 };

static int test_number, failures;

static void result(bool passed, const char *name)
{
	static const char *const kind[] = { "none", "fixed", "dynamic" };

	failures += !passed;
	printf("%sok %d - comm %s: %s\n", passed ? "" : "not ", ++test_number,
	       kind[options.comm], name);
	fflush(stdout);
}

static bool fails(const char *what, size_t bytes)
{
	printf("# %s, %zu bytes: %s\n", what, bytes, strerror(errno));
	return false;
}

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* ---- an array of a Chapel program --------------------------------------- */

struct array {
	uint64_t *p;
	size_t n;
	uint64_t number;
};

static uint64_t element(const struct array *a, size_t i)
{
	return (a->number + 1) * 0x9e3779b97f4a7c15u + i;
}

static void fill(struct array *a, size_t from)
{
	for (size_t i = from; i < a->n; i++)
		a->p[i] = element(a, i);
}

static bool check(const struct array *a)
{
	for (size_t i = 0; i < a->n; i++) {
		if (a->p[i] != element(a, i))
			return fails("wrong contents", a->n * 8);
	}
	return true;
}

/* The peers can get at all of it. */
static bool reaches(const struct array *a)
{
	if (options.comm != TEST_COMM_DYNAMIC ||
	    test_comm_reaches(a->p, a->n * 8))
		return true;
	return fails("not in one registered region", a->n * 8);
}

/* As the compiler does it: allocate, touch first, then tell the comm layer.
 * The threshold counts whole pages. */
static bool array_new(struct array *a, size_t bytes, uint64_t number)
{
	chpl_bool post;

	a->n = bytes / 8;
	a->number = number;
	a->p = chpl_mem_array_alloc(a->n, 8, c_sublocid_none_val, &post, false,
				    0, 0);
	if (!a->p)
		return fails("no array", bytes);
	fill(a, 0);
	if (post != (options.comm == TEST_COMM_DYNAMIC &&
		     bytes + test_comm_page_size() > THRESHOLD))
		return fails("callPostAlloc is wrong", bytes);
	test_comm_touched(post ? a->n * 8 : 0);
	if (post)
		chpl_mem_array_postAlloc(a->p, a->n, 8, 0, 0);
	test_comm_touched(0);
	return reaches(a);
}

static void array_free(struct array *a)
{
	if (a->p)
		chpl_mem_array_free(a->p, a->n, 8, c_sublocid_none_val, 0, 0);
	a->p = NULL;
}

/* Without realloc a program makes a new one, copies and frees. */
static bool array_copy(struct array *a, size_t bytes)
{
	struct array old = *a;

	if (!array_new(a, bytes, old.number)) {
		array_free(&old);
		return false;
	}
	memcpy(a->p, old.p, 8 * (old.n < a->n ? old.n : a->n));
	array_free(&old);
	return true;
}

static bool array_resize(struct array *a, size_t bytes)
{
	struct array old = *a;
	chpl_bool post;

	if (!chpl_mem_array_supports_realloc(a->p, a->n, bytes / 8, 8, 0, 0))
		return array_copy(a, bytes);
	a->n = bytes / 8;
	a->p = chpl_mem_array_realloc(a->p, old.n, a->n, 8, c_sublocid_none_val,
				      &post, 0, 0);
	if (!a->p)
		return fails("no realloc", bytes);
	fill(a, old.n);
	test_comm_touched(post ? a->n * 8 : 0);
	if (post)
		chpl_mem_array_postRealloc(old.p, old.n, a->p, a->n, 8, 0, 0);
	test_comm_touched(0);
	return reaches(a);
}

/* ---- the patterns ------------------------------------------------------- */

static bool test_growth(void)
{
	struct array a;
	size_t bytes = options.heap / 4;
	bool good = array_new(&a, bytes, 1);

	for (int i = 0; good && i < 8; i++) {
		bytes += bytes / 10;
		good = array_resize(&a, bytes) && check(&a);
	}
	array_free(&a);
	return good;
}

static bool test_halves(void)
{
	static struct array a[512];
	bool good = true;

	for (size_t nr = 1; good && nr <= 512; nr *= 2) {
		for (size_t i = 0; i < nr; i++)
			good &= array_new(&a[i], options.heap / 2 / nr, i);
		for (size_t i = 0; good && i < nr; i++)
			good = check(&a[i]);
		for (size_t i = 0; i < nr; i++)
			array_free(&a[i]);
	}
	return good;
}

/* Arrays of odd sizes, at most half of the heap in all, come, grow, shrink
 * and go; each is checked before and after. */
static bool test_churn(void)
{
	static struct array a[16];
	uint64_t random = options.seed + 1;
	bool good = true;

	for (size_t i = 0; good && i < 400; i++) {
		struct array *one = &a[next_random(&random) % 16];
		size_t bytes = 8 + next_random(&random) % (options.heap / 32);

		if (one->p && !check(one)) {
			good = false;
		} else if (one->p && next_random(&random) % 4) {
			good = array_resize(one, bytes) && check(one);
		} else {
			array_free(one);
			good = array_new(one, bytes, i);
		}
	}
	for (size_t i = 0; i < 16; i++) {
		if (a[i].p)
			good &= check(&a[i]);
		array_free(&a[i]);
	}
	return good;
}

static void *task(void *data)
{
	struct array a;
	bool good = array_new(&a, options.heap / 4, (uintptr_t)data) &&
		    check(&a);

	array_free(&a);
	return good ? data : NULL;
}

static bool test_tasks(void)
{
	bool good = true;

	for (uintptr_t i = 0; good && i < NR_TASKS; i++) {
		pthread_t thread;
		void *done = NULL;

		good = !pthread_create(&thread, NULL, task, (void *)(i + 1)) &&
		       !pthread_join(thread, &done) && done;
	}
	return good;
}

/* ---- all cores ---------------------------------------------------------- */

struct block {
	struct block *next;
	size_t bytes;
	unsigned char fill, data[];
};

enum {
	MALLOC,
	ALIGNED,
	CALLOC,
	NR_KINDS
};

static struct block *block_new(int kind, size_t bytes, unsigned number)
{
	struct block *block;

	if (kind == MALLOC)
		block = chpl_malloc(bytes);
	else if (kind == ALIGNED)
		block = chpl_memalign(64 << number % 8, bytes);
	else
		block = chpl_calloc(1, bytes);
	if (!block)
		return NULL;
	if (kind == ALIGNED && (uintptr_t)block % (64 << number % 8))
		return NULL;
	for (size_t i = 0; kind == CALLOC && i < bytes; i++) {
		if (((unsigned char *)block)[i])
			return NULL;
	}
	block->bytes = bytes;
	block->fill = (unsigned char)(number * 7 + 1);
	memset(block->data, block->fill, bytes - offsetof(struct block, data));
	return block;
}

static bool block_free(struct block *block)
{
	size_t bytes = block->bytes - offsetof(struct block, data);
	bool good = true;

	for (size_t i = 0; i < bytes; i++)
		good &= block->data[i] == block->fill;
	chpl_free(block);
	return good;
}

struct core {
	pthread_t thread;
	pthread_barrier_t *barrier;
	int kind;
	size_t bytes; /* its share */
	uint64_t random;
	bool good;
};

/* Small objects mostly, but most bytes in large ones. */
static size_t block_bytes(struct core *core)
{
	uint64_t bits = 5 + next_random(&core->random) % 14;

	return ((size_t)1 << bits) + next_random(&core->random) % (1u << bits);
}

static void *core_main(void *data)
{
	struct core *core = data;
	struct block *list = NULL, *block;
	size_t bytes;

	pthread_barrier_wait(core->barrier);
	core->good = true;
	for (size_t done = 0, i = 0; done < core->bytes; done += bytes, i++) {
		bytes = block_bytes(core);
		block = block_new(core->kind, bytes, (unsigned)i);
		if (!block) {
			core->good = fails("no block, or a bad one", bytes);
			break;
		}
		block->next = list;
		list = block;
	}
	pthread_barrier_wait(core->barrier);
	while ((block = list)) {
		list = block->next;
		core->good &= block_free(block);
	}
	return NULL;
}

static bool test_cores(int kind)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned nr = online < 1 ? 1 : (unsigned)online;
	struct core core[MAX_THREADS];
	pthread_barrier_t barrier;
	bool good = true;

	nr = nr > MAX_THREADS ? MAX_THREADS : nr;
	pthread_barrier_init(&barrier, NULL, nr);
	for (unsigned i = 0; i < nr; i++) {
		core[i] = (struct core){ .barrier = &barrier,
					 .kind = kind,
					 .bytes = options.bytes / nr,
					 .random = options.seed * 64 + i + 1 };
		if (pthread_create(&core[i].thread, NULL, core_main, &core[i]))
			abort();
	}
	for (unsigned i = 0; i < nr; i++) {
		pthread_join(core[i].thread, NULL);
		good &= core[i].good;
	}
	pthread_barrier_destroy(&barrier);
	return good;
}

/* ---- the interface ------------------------------------------------------ */

/* Over the borders of objects, arrays, and arrays with their own region. */
static bool test_sizes(void)
{
	static const size_t size[] = { 8,	 14336,	     14344,   64 << 10,
				       MIB - 8,	 MIB,	     3 * MIB, 2 * MIB,
				       20 << 10, 14336 - 80, 4 * MIB, 160 };
	struct array a;
	bool good = array_new(&a, 80, 3);

	for (size_t i = 0; good && i < sizeof(size) / sizeof(*size); i++)
		good = array_resize(&a, size[i]) && check(&a);
	array_free(&a);
	return good;
}

static bool test_questions(void)
{
	void *p = chpl_malloc(1000);
	bool good = p && chpl_real_alloc_size(p) >= 1000 &&
		    chpl_good_alloc_size(1000) == chpl_real_alloc_size(p) &&
		    chpl_good_alloc_size(0) == 0;

	chpl_free(p);
	return good;
}

static bool test_none_left(void)
{
	chpl_bool post = true;
	long tracked = test_tracked();
	void *p = chpl_mem_array_alloc(SIZE_MAX / 4, 8, c_sublocid_none_val,
				       &post, false, 0, 0);

	if (p || post)
		return false;
	if (options.comm != TEST_COMM_NONE)
		p = chpl_mem_array_alloc(8 * options.heap, 1,
					 c_sublocid_none_val, &post, false, 0,
					 0);
	return !p && !post && test_tracked() == tracked;
}

static bool test_books(void)
{
	struct test_comm_sums sums;

	test_comm_sums(&sums);
	printf("# %zu registrations, %zu mistakes; now %zu of %zu regions, "
	       "%zu bytes\n",
	       sums.nr_registrations, sums.nr_mistakes, sums.nr_registered,
	       sums.nr_regions, sums.registered_bytes);
	/* arrays' own regions are gone, those for blocks stay */
	if (sums.registered_bytes > SHARED + 2 * options.bytes)
		return false;
	return !sums.nr_mistakes && sums.nr_registered == sums.nr_regions &&
	       !test_tracked() && !fixheap_validate(chpl_fixheap) &&
	       (sums.nr_registrations > 0) ==
		       (options.comm == TEST_COMM_DYNAMIC);
}

static int parse(int argc, char **argv)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		const char *value = argv[i + 1];

		if (!strcmp(argv[i], "--heap"))
			options.heap = strtoul(value, NULL, 10) * MIB;
		else if (!strcmp(argv[i], "--mib"))
			options.bytes = strtoul(value, NULL, 10) * MIB;
		else if (!strcmp(argv[i], "--seed"))
			options.seed = strtoul(value, NULL, 10);
		else if (!strcmp(argv[i], "--comm"))
			options.comm = !strcmp(value, "fixed") ? TEST_COMM_FIXED
				       : !strcmp(value, "dynamic")
					       ? TEST_COMM_DYNAMIC
					       : TEST_COMM_NONE;
		else
			return -1;
	}
	return argc % 2 && options.heap >= 16 * MIB ? 0 : -1;
}

int main(int argc, char **argv)
{
	char text[32];

	options.seed = (uint64_t)time(NULL) % 100000;
	if (parse(argc, argv)) {
		fprintf(stderr,
			"usage: %s [--comm none|fixed|dynamic] "
			"[--heap MIB] [--mib MIB] [--seed N]\n",
			argv[0]);
		return 2;
	}
	printf("# --heap %zu --mib %zu --seed %" PRIu64 "\n",
	       options.heap / MIB, options.bytes / MIB, options.seed);
	if (options.comm == TEST_COMM_DYNAMIC) {
		snprintf(text, sizeof(text), "%zuM",
			 (options.heap + SHARED) / MIB);
		test_set_max_heap(text);
		test_comm_init(options.comm, options.heap + SHARED, THRESHOLD);
	} else {
		test_comm_init(options.comm, options.heap, THRESHOLD);
	}
	chpl_mem_layerInit();
	result(test_growth(), "25 % of the heap, eight times 1.1");
	result(test_halves(), "half of memory, count doubling, size halving");
	result(test_tasks(), "eight tasks take 25 %, one after the other");
	result(test_churn(), "sixteen arrays, at random");
	result(test_cores(MALLOC), "malloc from all cores");
	result(test_cores(ALIGNED), "memalign from all cores");
	result(test_cores(CALLOC), "calloc from all cores");
	result(test_sizes(), "realloc over all borders");
	result(test_questions(), "good and real sizes");
	result(test_none_left(), "no memory, no halt");
	result(test_growth(), "25 % of the heap once more");
	result(test_books(), "the comm layer's books");
	chpl_mem_layerExit();
	printf("1..%d\n", test_number);
	return !!failures;
}
