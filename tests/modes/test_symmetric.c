/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_symmetric.c: FIXHEAP_DETERMINISTIC: the same calls, the same offsets.
 *
 * Processes that differ in everything that may differ (base address, flags,
 * threads, objects and page runs, which thread calls) make the same sequence of
 * array calls and write down where each array is.  The lists must be equal.
 */
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "support.h"

#define LENGTH (64 * MIB)
#define PRIVATE (8 * MIB)
#define ALIGN_MAX (64 * KIB) /* of arrays, and so of the base */
#define NR_PEERS 6
#define NR_CALLS_MADE (TEST_STEPS(3000) < 1000 ? 1000 : TEST_STEPS(3000))
#define NR_ARRAYS 48

static const struct peer {
	size_t base; /* from a border of 2 MiB */
	unsigned flags;
	unsigned nr_threads; /* that use objects meanwhile */
	unsigned nr_objects; /* of its own, for each array call */
	bool handed_on;	     /* every call is made by a new thread */
	bool cached;	     /* caches are taken back now and then */
} peers[NR_PEERS] = {
	{ 0, 0, 0, 0, false, false },
	{ 64 * KIB, FIXHEAP_PINNED, 0, 3, false, true },
	{ 192 * KIB, FIXHEAP_ZEROED, 2, 0, false, false },
	{ 1472 * KIB, 0, 3, 5, false, true },
	{ MIB, FIXHEAP_PINNED | FIXHEAP_ZEROED, 1, 1, true, false },
	{ 704 * KIB, 0, 2, 20, false, false },
};

struct trace {
	uint64_t seed;
	int64_t offset[NR_CALLS_MADE]; /* -1: refused */
	uint64_t private_fails;	       /* objects refused: it was full */
	int done;
};

static struct test_heap heap;
static char *base;

static void prepare(size_t skew)
{
	char *memory = mmap(NULL, LENGTH + 4 * MIB, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(memory != MAP_FAILED);
	base = (char *)(((uintptr_t)memory + 2 * MIB) & -(2 * MIB)) + skew;
	heap_prepare(&heap, &modes[0]);
	heap.config.base = base;
	heap.config.length = LENGTH;
	heap.config.flags = FIXHEAP_DETERMINISTIC;
	heap.config.private_bytes = PRIVATE;
}

/* ---- what may differ ----------------------------------------------------- */

static int stop;
static uint64_t nr_refused;

static void *allocate(uint64_t *seed, size_t *pages)
{
	size_t bytes = random_below(seed, 1 << random_below(seed, 18));
	void *made;

	*pages = random_below(seed, 5) ? 0 : 1 + random_below(seed, 30);
	made = *pages ? fixheap_pages_alloc(heap.heap, *pages, 0, NULL)
		      : fixheap_malloc(heap.heap, bytes);
	if (!made) {
		__atomic_add_fetch(&nr_refused, 1, __ATOMIC_RELAXED);
		return NULL;
	}
	/* they live apart, at the high end */
	must((char *)made >= base + LENGTH - PRIVATE);
	must((char *)made < base + LENGTH);
	memset(made, 1, *pages ? 64 : bytes);
	return made;
}

static void release(void *made, size_t pages)
{
	if (pages && made)
		fixheap_pages_free(heap.heap, made, pages);
	else
		fixheap_free(heap.heap, made);
}

static struct {
	void *made;
	size_t pages;
} mine[200];

static void use_objects(uint64_t *seed, unsigned nr)
{
	while (nr--) {
		unsigned i = (unsigned)random_below(seed, ARRAY_LEN(mine));

		release(mine[i].made, mine[i].pages);
		mine[i].made = allocate(seed, &mine[i].pages);
	}
}

static void *be_busy(void *data)
{
	uint64_t seed = (uint64_t)(uintptr_t)data;
	size_t pages;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		void *made = allocate(&seed, &pages);

		sched_yield();
		release(made, pages);
	}
	return NULL;
}

/* ---- what may not -------------------------------------------------------- */

struct player {
	uint64_t seed;
	void *array[NR_ARRAYS];
	size_t bytes[NR_ARRAYS]; /* and what it is filled with */
	int64_t result;
};

static size_t pick_bytes(uint64_t *seed)
{
	static const size_t most[] = { 4096,   40000,	40000,	400000,
				       400000, 3 * MIB, 9 * MIB };

	return random_below(seed, most[random_below(seed, ARRAY_LEN(most))]);
}

static void made(struct player *p, unsigned i, void *array, size_t bytes)
{
	p->result = array ? (char *)array - base : -1;
	if (!array)
		return;
	must(p->result >= 0);
	must((size_t)p->result + in_pages(bytes) <= LENGTH - PRIVATE);
	p->array[i] = array;
	p->bytes[i] = bytes;
	fill(array, bytes < 64 ? bytes : 64, i);
}

/* One call on an array; where it is then. */
static void *play(void *data)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct player *p = data;
	unsigned i = (unsigned)random_below(&p->seed, NR_ARRAYS);
	uint64_t what = random_below(&p->seed, 8);
	size_t bytes = pick_bytes(&p->seed);

	attr.alignment = (size_t)1 << random_below(&p->seed, 17);
	attr.flags = what % 2 ? FIXHEAP_ZERO : 0;
	if (what == 7) {
		attr.flags = 0;
		p->result = (int64_t)fixheap_largest_free(heap.heap, &attr);
	} else if (!p->array[i]) {
		made(p, i,
		     fixheap_array_alloc(heap.heap, bytes,
					 what < 3 ? &attr : NULL),
		     bytes);
	} else if (what < 4) {
		must(is_filled(p->array[i], p->bytes[i] < 64 ? p->bytes[i] : 64,
			       i));
		fixheap_array_free(heap.heap, p->array[i]);
		p->array[i] = NULL;
		p->result = -2;
	} else if (what < 6) {
		p->result = fixheap_array_resize(heap.heap, p->array[i], bytes);
		if (!p->result)
			made(p, i, p->array[i], bytes);
	} else {
		made(p, i, fixheap_array_realloc(heap.heap, p->array[i], bytes),
		     bytes);
	}
	return NULL;
}

static void play_all(const struct peer *peer, struct trace *trace)
{
	static struct player player;
	uint64_t own_seed = (uint64_t)(peer - peers) + 1;
	pthread_t thread;

	player.seed = trace->seed;
	for (unsigned i = 0; i < NR_CALLS_MADE; i++) {
		use_objects(&own_seed, peer->nr_objects);
		if (peer->handed_on && i % 4 == 0) {
			must(!pthread_create(&thread, NULL, play, &player));
			must(!pthread_join(thread, NULL));
		} else {
			play(&player);
		}
		trace->offset[i] = player.result;
		if (peer->cached && i % 100 == 7)
			fixheap_reclaim(heap.heap);
		if (i % 250 == 0)
			must(!fixheap_validate(heap.heap));
	}
}

/* One process. */
static int be_peer(void *data)
{
	struct trace *trace = data;
	const struct peer *peer = &peers[trace->done - 1];
	pthread_t thread[8];

	prepare(peer->base);
	heap.config.flags |= peer->flags;
	must(!fixheap_create(&heap.config, &heap.heap));
	for (unsigned i = 0; i < peer->nr_threads; i++)
		must(!pthread_create(&thread[i], NULL, be_busy,
				     (void *)(uintptr_t)(i + 5)));
	play_all(peer, trace);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (unsigned i = 0; i < peer->nr_threads; i++)
		pthread_join(thread[i], NULL);
	must(!fixheap_validate(heap.heap));
	must(!heap.nr_faults);
	trace->private_fails = nr_refused;
	return 0;
}

static void check_traces(const struct trace *trace, uint64_t seed)
{
	unsigned placed = 0, refused = 0;

	for (unsigned k = 0; k < NR_CALLS_MADE; k++) {
		for (unsigned i = 1; i < NR_PEERS; i++) {
			if (trace[i].offset[k] == trace[0].offset[k])
				continue;
			print_message("seed %llu: call %u of peer %u gave "
				      "%lld, not %lld\n",
				      (unsigned long long)seed, k, i,
				      (long long)trace[i].offset[k],
				      (long long)trace[0].offset[k]);
			fail();
		}
		placed += trace[0].offset[k] >= 0;
		refused += trace[0].offset[k] == -1;
	}
	/* It was a real load, which filled the heap now and then. */
	assert_true(placed > NR_CALLS_MADE / 4);
	assert_true(refused > 0);
}

static void test_peers(void **state)
{
	struct trace *trace = mmap(NULL, NR_PEERS * sizeof(*trace),
				   PROT_READ | PROT_WRITE,
				   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(trace != MAP_FAILED);
	for (uint64_t seed = 1; seed <= 3; seed++) {
		for (unsigned i = 0; i < NR_PEERS; i++) {
			trace[i].seed = seed;
			trace[i].done = (int)i + 1;
			assert_int_equal(in_child(be_peer, &trace[i], NULL, 0),
					 0);
		}
		check_traces(trace, seed);
	}
	munmap(trace, NR_PEERS * sizeof(*trace));
}

/* ---- private_bytes ------------------------------------------------------- */

static void test_private(void **state)
{
	void *array, *last = NULL, *object;
	size_t bytes = 0;

	(void)state;
	prepare(0);
	heap_open(&heap);
	assert_int_equal(fixheap_largest_free(heap.heap, NULL),
			 LENGTH - PRIVATE);
	while ((object = fixheap_malloc(heap.heap, 20000))) {
		assert_true((char *)object >= base + LENGTH - PRIVATE);
		memcpy(object, &last, sizeof(last));
		last = object;
		bytes += 20480;
	}
	assert_int_equal(errno, ENOMEM);
	assert_in_range(bytes, PRIVATE / 10 * 9, PRIVATE);
	/* Arrays have theirs all the same, and no more. */
	assert_int_equal(fixheap_largest_free(heap.heap, NULL),
			 LENGTH - PRIVATE);
	array = array_make(&heap, LENGTH - PRIVATE, 0);
	assert_ptr_equal(array, base);
	assert_null(array_make(&heap, 1, 0));
	for (; last; last = object) {
		memcpy(&object, last, sizeof(object));
		fixheap_free(heap.heap, last);
	}
	assert_null(array_make(&heap, 1, 0));
	fixheap_free(heap.heap, fixheap_malloc(heap.heap, 100));
	fixheap_array_free(heap.heap, array);
	heap_close(&heap);
}

static void test_bad(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	static const enum fixheap_policy policies[] = {
		FIXHEAP_POLICY_BIND, FIXHEAP_POLICY_PREFERRED,
		FIXHEAP_POLICY_INTERLEAVE, FIXHEAP_POLICY_BLOCKED
	};
	struct fixheap *none = NULL;
	void *array;
	int err;

	(void)state;
	for (unsigned i = 0; i < 5; i++) {
		prepare(0);
		heap.config.mode = i == 0   ? FIXHEAP_DYNAMIC
				   : i == 1 ? FIXHEAP_SIMPLE
					    : FIXHEAP_FIXED;
		heap.config.comm = i ? NULL : &heap.layer.comm;
		heap.config.base = i < 2 ? NULL : base + (i == 2 ? 100 : 0);
		heap.config.length -= i == 3 ? 100 : 0;
		heap.config.private_bytes = i == 4 ? 2 * LENGTH : PRIVATE;
		err = fixheap_create(&heap.config, &none);
		if (err != -EINVAL)
			print_message("# row %u: %d\n", i, err);
		assert_int_equal(err, -EINVAL);
		assert_null(none);
	}
	prepare(ALIGN_MAX);
	heap_open(&heap);
	for (unsigned i = 0; i < ARRAY_LEN(policies); i++) {
		attr.policy = policies[i];
		attr.nodes = 1;
		errno = 0;
		assert_null(fixheap_array_alloc(heap.heap, 1000, &attr));
		assert_int_equal(errno, ENOTSUP);
	}
	attr = (struct fixheap_array_attr)FIXHEAP_ARRAY_ATTR_INIT;
	attr.policy = FIXHEAP_POLICY_LOCAL;
	attr.alignment = ALIGN_MAX;
	array = fixheap_array_alloc(heap.heap, 1000, &attr);
	assert_non_null(array);
	fixheap_array_free(heap.heap, array);
	/* more than the base has */
	attr.alignment = 2 * ALIGN_MAX;
	errno = 0;
	assert_null(fixheap_array_alloc(heap.heap, 1000, &attr));
	assert_int_equal(errno, EINVAL);
	region.base = base + LENGTH;
	region.bytes = MIB;
	assert_int_equal(fixheap_add_region(heap.heap, &region), -ENOTSUP);
	assert_int_equal(fixheap_offline_region(heap.heap, 0, 0), -ENOTSUP);
	heap_close(&heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
