/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * placement.c: where the pages of an array are, for `make placement`.
 *
 * The array is used half by a thread of node 0, half by one of node 1.  It is
 * allocated from a heap that is new, or in which many arrays came and went
 * before, and each page is asked for of the kernel.  Memory is placed
 *   - by whoever touches it first, as runtimes do by default;
 *   - page by page in turn, once and for all, as `numactl -i` does;
 *   - by the library, for an array that is blocked or interleaved.
 * The first two are heaps of the same library over memory that it does not
 * bind, so that all of them reuse memory in the same manner.
 */
#include "heap.h"

#include <sys/mman.h>

#define HEAP (128 * MIB)
#define ARRAY (32 * MIB)
#define CHURN 100
#define LIVE 5
#define LARGEST (12 * MIB)
#define COLUMNS 64
#define USERS 3ull /* nodes 0 and 1 */

struct manner {
	const char *name;
	bool bound; /* by the library; else see mode */
	int mode;   /* MPOL_DEFAULT, MPOL_INTERLEAVE */
	enum fixheap_policy policy;
	bool used; /* many arrays before */
};

static struct fixheap *make(const struct manner *manner)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;

	numa.nodes = mask_of(USERS);
	if (!manner->bound)
		numa.binding = FIXHEAP_BINDING_NONE;
	config.length = HEAP;
	config.base = map_memory(HEAP, 0);
	config.numa = &numa;
	/* Pages of 4 KiB, so that counts are fine. */
	MUST(!madvise(config.base, HEAP, MADV_NOHUGEPAGE));
	if (manner->mode != MPOL_DEFAULT)
		MUST(!bind_memory(config.base, HEAP, manner->mode, USERS));
	return heap_create(&config);
}

/* Each half is touched by a thread of its node. */
static void use_halves(char *array, size_t bytes)
{
	size_t half = bytes / 2 / PAGE * PAGE;

	run_on_cpu(0);
	touch(array, half);
	run_on_cpu(1);
	touch(array + half, bytes - half);
	run_on_cpu(-1);
}

static void churn(struct fixheap *heap, const struct manner *manner)
{
	void *live[LIVE] = { NULL };
	uint64_t seed = 1;
	size_t i, step;

	for (step = 0; step < CHURN; step++) {
		size_t bytes;

		i = random_below(&seed, LIVE);
		bytes = (1 + random_below(&seed, LARGEST / PAGE)) * PAGE;
		fixheap_array_free(heap, live[i]);
		live[i] = array_of(heap, bytes, manner->policy, USERS);
		MUST(live[i]);
		use_halves(live[i], bytes);
	}
	for (i = 0; i < LIVE; i++)
		fixheap_array_free(heap, live[i]);
}

/* A digit for each part of the array: its node, or - where none has most. */
static void picture(const int *node, size_t nr, char *text)
{
	size_t column, i, part = nr / COLUMNS;

	for (column = 0; column < COLUMNS; column++) {
		size_t count[NR_NODES] = { 0 };

		text[column] = '-';
		for (i = column * part; i < (column + 1) * part; i++)
			count[node[i]]++;
		for (i = 0; i < NR_NODES; i++)
			if (count[i] > part / 3 * 2)
				text[column] = (char)('0' + i);
	}
	text[column] = '\0';
}

static void show(const struct manner *manner)
{
	static int node[ARRAY / PAGE];
	struct fixheap *heap = make(manner);
	size_t nr = ARRAY / PAGE, i, there = 0;
	char text[COLUMNS + 1];
	struct places places;
	char *array;

	if (manner->used)
		churn(heap, manner);
	array = array_of(heap, ARRAY, manner->policy, USERS);
	MUST(array);
	use_halves(array, ARRAY);
	places_of(array, ARRAY, &places);
	nodes_of(array, nr, node);
	for (i = 0; i < nr; i++)
		there += node[i] == (i < nr / 2 ? 0 : 1);
	picture(node, nr, text);
	printf("%-28s %6zu %6zu %6zu %6zu %%\n  %s\n", manner->name,
	       places.on[0], places.on[1], places.on[NODE_SLOW],
	       there * 100 / nr, text);
	fflush(stdout);
	fixheap_destroy(heap);
}

int main(void)
{
	static const struct manner manners[] = {
		{ "first touch, new heap", false, MPOL_DEFAULT,
		  FIXHEAP_POLICY_DEFAULT, false },
		{ "first touch, used heap", false, MPOL_DEFAULT,
		  FIXHEAP_POLICY_DEFAULT, true },
		{ "interleaved for ever, used", false, MPOL_INTERLEAVE,
		  FIXHEAP_POLICY_DEFAULT, true },
		{ "BLOCKED, used heap", true, MPOL_DEFAULT,
		  FIXHEAP_POLICY_BLOCKED, true },
		{ "INTERLEAVE, used heap", true, MPOL_DEFAULT,
		  FIXHEAP_POLICY_INTERLEAVE, true },
	};
	size_t i;

	printf("%zu pages of an array; halves are used by nodes 0 and 1\n\n",
	       ARRAY / PAGE);
	printf("%-28s %6s %6s %6s %8s\n", "", "node 0", "node 1", "node 3",
	       "its user");
	for (i = 0; i < NR(manners); i++)
		show(&manners[i]);
	return 0;
}
