/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_objects.c: small objects come from the node of the thread that asks, and
 * go home when another one frees them.
 *
 * Threads note what is wrong; the test judges, as cmocka's assertions are for
 * the thread that runs it.
 */
#include "heap.h"

#include <pthread.h>

#define HEAP (64 * MIB)
#define BIT(node) (1ull << (node))
#define OBJECTS 2000

struct worker {
	struct fixheap *heap;
	int cpu;
	int bind;      /* for fixheap_bind_thread; -1: not called */
	void **object; /* [OBJECTS] */
	/* pages of objects by node, as the library and the kernel say */
	size_t told[NR_NODES], found[NR_NODES], strange;
};

static void note(struct worker *worker, const void *object)
{
	int told = fixheap_node_of(worker->heap, object);
	int found = node_of((void *)((uintptr_t)object & ~(PAGE - 1)));

	if (told < 0 || found < 0 || told != found) {
		worker->strange++;
		return;
	}
	worker->told[told]++;
	worker->found[found]++;
}

/* Mostly of slabs; a thread's wish is for small objects only. */
static size_t object_bytes(const struct worker *worker, size_t i)
{
	static const size_t sizes[] = { 16, 64, 200, 1000, 5000, 14000, 20000 };
	size_t nr = NR(sizes) - (worker->bind >= 0);

	return sizes[i % 20 ? i % 5 : i / 20 % nr];
}

static void *allocate(void *data)
{
	struct worker *worker = data;
	size_t i;

	run_on_cpu(worker->cpu);
	if (worker->bind >= 0 &&
	    fixheap_bind_thread(worker->heap, worker->bind))
		worker->strange++;
	for (i = 0; i < OBJECTS; i++) {
		char *object =
			fixheap_malloc(worker->heap, object_bytes(worker, i));

		worker->object[i] = object;
		if (!object) {
			worker->strange++;
			continue;
		}
		*object = 1;
		note(worker, object);
	}
	return NULL;
}

static void *release(void *data)
{
	struct worker *worker = data;
	size_t i;

	run_on_cpu(worker->cpu);
	for (i = 0; i < OBJECTS; i++)
		fixheap_free(worker->heap, worker->object[i]);
	return NULL;
}

static void *release_and_allocate(void *data)
{
	release(data);
	return allocate(data);
}

static void run(void *(*fn)(void *data), struct worker *worker)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fn, worker), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(worker->strange, 0);
}

/* From each CPU; from a node that the thread chose. */
static void test_home(void **state)
{
	static const struct {
		int cpu, bind, wanted;
	} table[] = { { 0, -1, 0 }, { 1, -1, 1 }, { 2, -1, 1 },
		      { 0, 1, 1 },  { 1, 0, 0 },  { 0, NODE_SLOW, NODE_SLOW } };
	static void *objects[OBJECTS];
	struct fixheap *heap = heap_make(HEAP, NULL);
	size_t i;

	(void)state;
	for (i = 0; i < NR(table); i++) {
		struct worker worker = { .heap = heap,
					 .cpu = table[i].cpu,
					 .bind = table[i].bind,
					 .object = objects };

		run(allocate, &worker);
		assert_int_equal(worker.found[table[i].wanted], OBJECTS);
		run(release, &worker);
	}
	heap_end(heap);
}

/* Freed on another node, they are not handed out there. */
static void test_freed_elsewhere(void **state)
{
	static void *objects[OBJECTS];
	struct fixheap *heap = heap_make(HEAP, NULL);
	struct worker first = { .heap = heap, .bind = -1, .object = objects };
	struct worker second = first;
	int round;

	(void)state;
	run(allocate, &first);
	for (round = 1; round <= 4; round++) {
		memset(second.found, 0, sizeof(second.found));
		second.cpu = round & 1;
		run(release_and_allocate, &second);
		assert_int_equal(second.found[round & 1], OBJECTS);
	}
	run(release, &second);
	heap_end(heap);
}

#define ROUNDS 40

/* The cache is emptied and filled, until objects come from the other node. */
static void *wander(void *data)
{
	struct worker *worker = data;
	size_t round;

	worker->cpu = 0;
	allocate(worker);
	release(worker);
	worker->cpu = 1;
	for (round = 0; round < ROUNDS && worker->found[1] < OBJECTS; round++) {
		memset(worker->found, 0, sizeof(worker->found));
		allocate(worker);
		release(worker);
	}
	return NULL;
}

/* A thread that has moved is noticed after a while. */
static void test_migrated(void **state)
{
	static void *objects[OBJECTS];
	struct fixheap *heap = heap_make(HEAP, NULL);
	struct worker worker = { .heap = heap, .bind = -1, .object = objects };

	(void)state;
	run(wander, &worker);
	assert_int_equal(worker.found[1], OBJECTS);
	heap_end(heap);
}

static void test_bind_thread(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	char *object;

	(void)state;
	run_on_cpu(0);
	assert_int_equal(fixheap_bind_thread(heap, NODE_BARE), -EINVAL);
	assert_int_equal(fixheap_bind_thread(heap, 77), -EINVAL);
	assert_int_equal(fixheap_bind_thread(heap, -2), -EINVAL);
	assert_int_equal(fixheap_bind_thread(heap, 1), 0);
	object = fixheap_malloc(heap, 100);
	assert_int_equal(fixheap_node_of(heap, object), 1);
	fixheap_free(heap, object);
	assert_int_equal(fixheap_bind_thread(heap, -1), 0);
	object = fixheap_malloc(heap, 100);
	assert_int_equal(fixheap_node_of(heap, object), 0);
	fixheap_free(heap, object);
	run_on_cpu(-1);
	heap_end(heap);
}

static void test_malloc_node(void **state)
{
	static const int nodes[] = { 0, 1, NODE_SLOW };
	static const size_t sizes[] = { 1, 100, 4000, 14336, 20000, 3 * MIB };
	struct fixheap *heap = heap_make(HEAP, NULL);
	size_t i, j;

	(void)state;
	for (i = 0; i < NR(nodes); i++)
		for (j = 0; j < NR(sizes); j++) {
			char *object =
				fixheap_malloc_node(heap, sizes[j], nodes[i]);

			assert_non_null(object);
			*object = 1;
			assert_int_equal(fixheap_node_of(heap, object),
					 nodes[i]);
			assert_int_equal(node_of(object), nodes[i]);
			fixheap_free(heap, object);
		}
	errno = 0;
	assert_null(fixheap_malloc_node(heap, 100, NODE_BARE));
	assert_int_equal(errno, EINVAL);
	errno = 0;
	assert_null(fixheap_malloc_node(heap, HEAP / 2, NODE_SLOW));
	assert_int_equal(errno, ENOMEM);
	heap_end(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_home),
		cmocka_unit_test(test_freed_elsewhere),
		cmocka_unit_test(test_migrated),
		cmocka_unit_test(test_bind_thread),
		cmocka_unit_test(test_malloc_node),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
