/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_churn.c: strict arrays of all policies, with objects between them, come,
 * grow, shrink, move and go; every page of each is on its node all the time.
 *
 * By one thread, and by several on different CPUs on one heap.  A thread that
 * finds something wrong ends the program, as cmocka cannot.
 */
#include "heap.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#define HEAP (96 * MIB)
#define BIT(node) (1ull << (node))
#define ARRAYS 24
#define OBJECTS 256
#define CHECK_PERIOD 600 /* operations between checks of all arrays */

static const int memory_node[] = { 0, 1, NODE_SLOW };

struct kept {
	char *start;
	size_t bytes;
	enum fixheap_policy policy;
	uint64_t nodes;
};

struct churn {
	struct fixheap *heap;
	uint64_t seed;
	size_t operations, largest;
	int cpu; /* -1: any */
	struct kept kept[ARRAYS];
	void *object[OBJECTS];
	size_t nr_made, nr_refused, nr_resized;
};

static void check(const struct churn *churn, const struct kept *kept)
{
	uint64_t nodes = kept->nodes ? kept->nodes : MEMORY_NODES;

	if (!kept->start)
		return;
	touch(kept->start, kept->bytes);
	switch (kept->policy) {
	case FIXHEAP_POLICY_BIND:
		assert_on_node(kept->start, kept->bytes,
			       __builtin_ctzll(nodes));
		break;
	case FIXHEAP_POLICY_BLOCKED:
		assert_blocked(kept->start, kept->bytes, nodes);
		break;
	default:
		assert_interleaved(kept->start, kept->bytes, nodes, NULL);
	}
	assert_as_told(churn->heap, kept->start, kept->bytes);
}

/* A strict policy. */
static void choose(struct churn *churn, struct kept *kept)
{
	static const uint64_t masks[] = { 0, MEMORY_NODES, 3, 9, 10 };
	static const enum fixheap_policy policies[] = {
		FIXHEAP_POLICY_BIND, FIXHEAP_POLICY_BIND,
		FIXHEAP_POLICY_BLOCKED, FIXHEAP_POLICY_INTERLEAVE
	};
	uint64_t *seed = &churn->seed, most = churn->largest / PAGE;

	kept->policy = policies[random_below(seed, NR(policies))];
	if (kept->policy == FIXHEAP_POLICY_BIND)
		kept->nodes = BIT(memory_node[random_below(seed, 3)]);
	else
		kept->nodes = masks[random_below(seed, NR(masks))];
	/* Many small ones, some large ones. */
	most >>= random_below(seed, 8);
	kept->bytes = (1 + random_below(seed, most)) * PAGE;
}

/* Small things between the arrays. */
static void replace_object(struct churn *churn)
{
	void **object = &churn->object[random_below(&churn->seed, OBJECTS)];

	fixheap_free(churn->heap, *object);
	*object = fixheap_malloc(churn->heap,
				 1 + random_below(&churn->seed, 20000));
}

static void allocate(struct churn *churn, struct kept *kept)
{
	choose(churn, kept);
	kept->start =
		array_of(churn->heap, kept->bytes, kept->policy, kept->nodes);
	churn->nr_made += !!kept->start;
	churn->nr_refused += !kept->start;
	if (kept->start && random_below(&churn->seed, 8) == 0)
		check(churn, kept);
}

/* Only BIND is said to stay what it was when the size changes. */
static void resize(struct churn *churn, struct kept *kept)
{
	size_t bytes =
		(1 + random_below(&churn->seed, 2 * kept->bytes / PAGE)) * PAGE;
	int err = fixheap_array_resize(churn->heap, kept->start, bytes);

	MUST(!err || (err == -ENOMEM && bytes > kept->bytes));
	if (!err)
		kept->bytes = bytes;
	churn->nr_resized += !err;
}

static void free_array(struct churn *churn, struct kept *kept)
{
	fixheap_array_free(churn->heap, kept->start);
	kept->start = NULL;
}

/* So many times the operations, from the environment, for long runs. */
static size_t times(void)
{
	const char *text = getenv("TIMES");
	size_t nr = text ? strtoul(text, NULL, 10) : 1;

	return nr ? nr : 1;
}

static void *run(void *data)
{
	struct churn *churn = data;
	size_t i, step;

	churn->operations *= times();
	run_on_cpu(churn->cpu);
	for (step = 1; step <= churn->operations; step++) {
		struct kept *kept =
			&churn->kept[random_below(&churn->seed, ARRAYS)];

		replace_object(churn);
		if (!kept->start)
			allocate(churn, kept);
		else if (kept->policy == FIXHEAP_POLICY_BIND &&
			 random_below(&churn->seed, 3) == 0)
			resize(churn, kept);
		else
			free_array(churn, kept);
		for (i = 0; !(step % CHECK_PERIOD) && i < ARRAYS; i++)
			check(churn, &churn->kept[i]);
	}
	run_on_cpu(-1);
	return NULL;
}

static void end(struct churn *churn)
{
	size_t i;

	for (i = 0; i < ARRAYS; i++)
		free_array(churn, &churn->kept[i]);
	for (i = 0; i < OBJECTS; i++)
		fixheap_free(churn->heap, churn->object[i]);
	print_message("# %zu arrays, %zu refused, %zu resized\n",
		      churn->nr_made, churn->nr_refused, churn->nr_resized);
	assert_true(churn->nr_made > churn->operations / 4);
}

/* After all is freed, everything is at home and where it should be. */
static void assert_at_home(struct fixheap *heap)
{
	struct fixheap_verification seen = { .size = sizeof(seen) };

	assert_int_equal(fixheap_validate(heap), 0);
	assert_int_equal(fixheap_verify_placement(heap, NULL, 0, &seen), 0);
	assert_int_equal(seen.checked_bytes, HEAP);
	assert_int_equal(seen.right_bytes, seen.present_bytes);
}

/* Much room: few arrays have to be bound away from their zones. */
static void test_roomy(void **state)
{
	static struct churn churn;

	(void)state;
	churn = (struct churn){ .heap = heap_make(HEAP, NULL),
				.seed = first_seed(),
				.operations = 2000,
				.largest = 6 * MIB,
				.cpu = -1 };
	run(&churn);
	assert_at_home(churn.heap);
	end(&churn);
	assert_at_home(churn.heap);
	heap_end(churn.heap);
}

/* Nearly full: many are, and some are refused. */
static void test_full(void **state)
{
	static struct churn churn;

	(void)state;
	churn = (struct churn){ .heap = heap_make(HEAP, NULL),
				.seed = first_seed(),
				.operations = 1500,
				.largest = 32 * MIB,
				.cpu = -1 };
	run(&churn);
	assert_at_home(churn.heap);
	assert_true(churn.nr_refused > 0);
	end(&churn);
	assert_at_home(churn.heap);
	heap_end(churn.heap);
}

/* With a zone of stripes. */
static void test_striped(void **state)
{
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	static struct churn churn;

	(void)state;
	numa.stripe_percent = 30;
	churn = (struct churn){ .heap = heap_make(HEAP, &numa),
				.seed = first_seed(),
				.operations = 1000,
				.largest = 16 * MIB,
				.cpu = -1 };
	run(&churn);
	assert_at_home(churn.heap);
	end(&churn);
	heap_end(churn.heap);
}

static void test_threads(void **state)
{
	static struct churn churn[3];
	struct fixheap *heap = heap_make(HEAP, NULL);
	uint64_t seed = first_seed();
	pthread_t thread[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++) {
		churn[i] = (struct churn){ .heap = heap,
					   .seed = seed + (uint64_t)i,
					   .operations = 600,
					   .largest = 8 * MIB,
					   .cpu = i };
		assert_int_equal(
			pthread_create(&thread[i], NULL, run, &churn[i]), 0);
	}
	for (i = 0; i < 3; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
	assert_at_home(heap);
	for (i = 0; i < 3; i++)
		end(&churn[i]);
	assert_at_home(heap);
	heap_end(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_roomy),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_striped),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
