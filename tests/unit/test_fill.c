/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_fill.c: how full a heap on several nodes can get: one array of nearly
 * all of it among small things, a full node, what is kept back.
 */
#include "nodes.h"

#define SIZE .size = sizeof(struct fixheap_numa)
#define BIND FIXHEAP_POLICY_BIND

#define NR_STEPS TEST_STEPS(200000u)

/* ---- one array of 90 % --------------------------------------------------- */

#define NR_SMALL 60000
struct small {
	char *start;
	u64 bytes; /* objects; 0: pages */
	u64 nr_pages;
};

/* Objects and runs of a few pages on every node, live up to so many pages. */
struct churn {
	struct test_heap t;
	struct small small[NR_SMALL];
	u32 nr;
	u64 seed, live, most; /* bytes */
};

static void drop_small(struct churn *churn, u32 i)
{
	struct small *small = &churn->small[i];

	if (small->bytes)
		fixheap_free(churn->t.heap, small->start);
	else
		fixheap_pages_free(churn->t.heap, small->start,
				   small->nr_pages);
	churn->live -= small->bytes + BYTES(small->nr_pages);
	*small = churn->small[--churn->nr];
}

static void make_small(struct churn *churn)
{
	struct small *small = &churn->small[churn->nr];

	*small = (struct small){ .start = NULL };
	if (random_below(&churn->seed, 3)) {
		small->bytes =
			1 +
			random_below(&churn->seed,
				     1ull << random_below(&churn->seed, 15));
		small->start = fixheap_malloc(churn->t.heap, small->bytes);
	} else {
		small->nr_pages = 1 + random_below(&churn->seed, 5);
		small->start = fixheap_pages_alloc(churn->t.heap,
						   small->nr_pages, 0, NULL);
	}
	assert_non_null(small->start);
	churn->live += small->bytes + BYTES(small->nr_pages);
	churn->nr++;
}

static void churn_run(struct churn *churn, u32 nr_nodes)
{
	for (u32 i = 0; i < NR_STEPS; i++) {
		/* a thread of each node for a while */
		if (i % 50 == 0) {
			host_sim_set_cpu(i / 50 % nr_nodes);
			fixheap_bind_thread(churn->t.heap, -1);
		}
		while (churn->live > churn->most || churn->nr == NR_SMALL)
			drop_small(churn,
				   (u32)random_below(&churn->seed, churn->nr));
		make_small(churn);
	}
}

static void test_ninety(void **state)
{
	static const struct {
		const char *machine;
		u32 nr_nodes;
		unsigned kept; /* of a hundred stay to the end */
	} table[] = {
		{ "1x1", 1, 100 }, { "2x1", 2, 100 }, { "4x1", 4, 100 },
		{ "8x1", 8, 100 }, { "4x1", 4, 10 },  { "8x1", 8, 1 },
	};
	static struct churn churn;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 nr_pages = BLOCKS(128 * table[i].nr_nodes), nr;
		char *array;

		/* PAGE_POISON writes to all of it */
		if (IS_ENABLED(CONFIG_PAGE_POISON) && table[i].nr_nodes > 2)
			continue;
		memset(&churn, 0, sizeof(churn));
		churn.seed = nodes_seed("test_fill");
		nodes_make(&churn.t,
			   &(struct node_spec){ .machine = table[i].machine,
						.nr_pages = nr_pages });
		churn.most = BYTES(nr_pages) * 3 / 100;
		churn_run(&churn, table[i].nr_nodes);
		for (u32 s = churn.nr; s--;) {
			if (random_below(&churn.seed, 100) >= table[i].kept)
				drop_small(&churn, s);
		}
		nr = nr_pages * 9 / 10;
		array = fixheap_array_alloc(churn.t.heap, BYTES(nr), NULL);
		if (!array)
			fail_msg("%s: largest is %zu of %zu pages, live %zu",
				 table[i].machine,
				 fixheap_largest_free(churn.t.heap, NULL) /
					 PAGE_BYTES,
				 (size_t)nr_pages,
				 (size_t)churn.live / PAGE_BYTES);
		fixheap_array_free(churn.t.heap, array);
		while (churn.nr)
			drop_small(&churn, churn.nr - 1);
		heap_is_empty(&churn.t);
		heap_end(&churn.t);
	}
}

/* ---- a full node --------------------------------------------------------- */

/* The longest run of free pages that are all of one node. */
struct longest {
	struct fixheap *heap;
	int node;
	u64 run, best;
};

static int note_free(void *data, const void *start, size_t bytes,
		     enum fixheap_use use)
{
	struct longest *longest = data;
	const char *page = start;

	for (size_t at = 0; at < bytes; at += PAGE_BYTES) {
		bool fits = use == FIXHEAP_USE_FREE &&
			    fixheap_node_of(longest->heap, page + at) ==
				    longest->node;

		longest->run = fits ? longest->run + 1 : 0;
		longest->best = max_u64(longest->best, longest->run);
	}
	return 0;
}

static const struct {
	const char *machine;
	u32 nr_nodes;
} machines[] = {
	{ "1x1", 1 }, { "2x1", 2 }, { "4x1", 4 }, { "8x1", 8 }, { "64x1", 64 }
};

/* Whenever the node has the run, a request that is bound to it gets it, and
 * no page from elsewhere: nodes have nothing to spare. */
static void test_full_node(void **state)
{
	(void)state;
	need(!IS_ENABLED(CONFIG_PAGE_POISON),
	     "PAGE_POISON writes to all that is only tried");
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		u32 nr_nodes = machines[i].nr_nodes, node = nr_nodes / 2;
		const struct fixheap_array_attr attr =
			ATTR(.policy = BIND, .nodes = 1ull << node);
		u64 nr_pages = BLOCKS(16), seed = nodes_seed("test_fill");
		struct node_spec spec = { .machine = machines[i].machine,
					  .nr_pages = nr_pages * nr_nodes };
		static char *run[1 << 13];
		u64 len[1 << 13], used = 0;
		struct test_heap t;
		u32 nr = 0;

		nodes_map(&t, &spec);
		for (u32 n = 0; n < nr_nodes; n++)
			host_sim_set_node_free(n, BYTES(nr_pages));
		assert_int_equal(nodes_create(&t, &spec), 0);
		/* 95 % of it, in pieces, some of which have gone again */
		while (used < nr_pages * 95 / 100) {
			u64 most = random_below(&seed, 8) ? 8 : 300;

			len[nr] = 1 + random_below(&seed, most);
			len[nr] = min_u64(len[nr], nr_pages * 95 / 100 - used);
			run[nr] =
				fixheap_pages_alloc(t.heap, len[nr], 0, &attr);
			if (!run[nr])
				run[nr] = fixheap_pages_alloc(
					t.heap, len[nr] = 1, 0, &attr);
			assert_non_null(run[nr]);
			used += len[nr++];
			if (random_below(&seed, 3))
				continue;
			most = random_below(&seed, nr);
			fixheap_pages_free(t.heap, run[most], len[most]);
			used -= len[most];
			run[most] = run[--nr];
			len[most] = len[nr];
		}
		for (u32 round = 0; round < 20; round++) {
			struct longest longest = { t.heap, (int)node, 0, 0 };
			char *array;

			fixheap_reclaim(t.heap);
			assert_int_equal(
				fixheap_walk(t.heap, note_free, &longest), 0);
			if (!longest.best)
				break;
			nodes_largest(t.heap, &attr);
			assert_int_equal(fixheap_largest_free(t.heap, &attr),
					 BYTES(longest.best));
			array = fixheap_array_alloc(
				t.heap,
				BYTES(1 + random_below(&seed, longest.best)),
				&attr);
			assert_non_null(array);
			nodes_touch(array, PAGE_BYTES);
			nodes_on(array, PAGE_BYTES, node);
		}
		/* to the last page */
		while (fixheap_pages_alloc(t.heap, 1, 0, &attr))
			;
		assert_int_equal(fixheap_largest_free(t.heap, &attr), 0);
		assert_int_equal(t.heap->used, nr_pages);
		heap_valid(&t);
		heap_drop(&t);
	}
}

/* ---- what is kept back --------------------------------------------------- */

/* Pages that one kind of request gets of a heap of 2 nodes of 8 blocks, of
 * which so many per mille are kept back. */
static void test_watermarks(void **state)
{
	static const struct {
		unsigned small, local;
		enum {
			ARRAYS,
			RUNS,
			OBJECTS
		} what;
		enum fixheap_policy policy;
		u64 nodes;
		u64 left[2]; /* pages that stay free in each zone */
	} table[] = {
		{ 0, 0, ARRAYS, 0, 0, { 0, 0 } },
		{ 100, 0, ARRAYS, 0, 0, { 409, 409 } },
		{ 100, 0, RUNS, 0, 0, { 0, 0 } },
		{ 100, 0, OBJECTS, 0, 0, { 0, 0 } },
		{ 0, 100, ARRAYS, 0, 0, { 0, 409 } },
		{ 0, 100, RUNS, 0, 0, { 0, 409 } },
		{ 100, 50, ARRAYS, 0, 0, { 409, 613 } },
		{ 0, 100, ARRAYS, BIND, 2, { 4096, 0 } },
		{ 0, 100, RUNS, BIND, 3, { 0, 0 } },
		{ 100, 100, ARRAYS, BIND, 2, { 4096, 409 } },
		{ 0, 1000, ARRAYS, 0, 0, { 0, 4096 } },
		{ 1000, 0, ARRAYS, 0, 0, { 4096, 4096 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct fixheap_array_attr attr =
			ATTR(.policy = table[i].policy,
			     .nodes = table[i].nodes);
		struct node_spec spec = {
			.machine = "2x1",
			.nr_pages = BLOCKS(16),
			.numa = { SIZE, .small_reserve = table[i].small,
				  .local_reserve = table[i].local }
		};
		struct test_heap t;
		void *got;

		nodes_map(&t, &spec);
		for (u32 n = 0; n < 2; n++)
			host_sim_set_node_free(n, BYTES(BLOCKS(8)));
		assert_int_equal(nodes_create(&t, &spec), 0);
		if (table[i].what == OBJECTS && !IS_ENABLED(CONFIG_JEMALLOC)) {
			heap_drop(&t);
			continue;
		}
		do {
			if (table[i].what == ARRAYS)
				got = fixheap_array_alloc(t.heap, 1, &attr);
			else if (table[i].what == RUNS)
				got = fixheap_pages_alloc(t.heap, 1, 0, &attr);
			else
				got = fixheap_malloc(t.heap, 4096);
		} while (got);
		fixheap_reclaim(t.heap);
		for (u32 z = 0; z < 2; z++)
			assert_int_equal(t.heap->zone[z].nr_free,
					 table[i].left[z]);
		if (table[i].what == ARRAYS)
			assert_int_equal(fixheap_largest_free(t.heap, &attr),
					 0);
		heap_valid(&t);
		heap_drop(&t);
	}
}

/* What is kept back is not given to an array or object that grows in place, nor
 * to one that reaches over the border while other pages of its nodes would
 * pay. */
static void test_kept_back(void **state)
{
	const struct fixheap_array_attr local =
		ATTR(.policy = FIXHEAP_POLICY_LOCAL);
	struct node_spec spec = { .machine = "2x1", .nr_pages = BLOCKS(16) };
	struct test_heap t;
	char *array, *object;

	(void)state;
	spec.numa = NUMA(.small_reserve = 500);
	nodes_make(&t, &spec);
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(1)), NULL);
	assert_ptr_equal(array, t.base);
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(BLOCKS(4))),
			 0);
	assert_int_equal(fixheap_array_resize(t.heap, array,
					      BYTES(BLOCKS(4) + 1)),
			 -ENOMEM);
	object = fixheap_malloc(t.heap, BYTES(BLOCKS(1)));
	assert_non_null(object);
	assert_null(fixheap_realloc(t.heap, object, BYTES(BLOCKS(12))));
	fixheap_free(t.heap, object);
	fixheap_array_free(t.heap, array);
	heap_end(&t);

	spec.numa = NUMA(.local_reserve = 1000);
	nodes_make(&t, &spec);
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(8)), NULL);
	assert_ptr_equal(array, t.base);
	assert_int_equal(fixheap_array_resize(t.heap, array,
					      BYTES(BLOCKS(8) + 1)),
			 -ENOMEM);
	fixheap_array_free(t.heap, array);
	heap_end(&t);

	/* node 0 in pieces: what is free there does not pay for node 1 */
	spec.nr_pages = BLOCKS(64);
	spec.numa = NUMA(.local_reserve = 100);
	nodes_make(&t, &spec);
	for (u64 b = 1; b < 28; b += 2)
		heap_place(&t, PAGE_RAW, BLOCKS(b), BLOCK_PAGES);
	while (fixheap_array_alloc(t.heap, BYTES(BLOCKS(2)), &local))
		;
	for (u32 n = 0; n < 2; n++) {
		u64 nr_free = 0, kept = 0;

		for (u32 z = 0; z < t.heap->nr_zones; z++) {
			const struct zone *zone = &t.heap->zone[z];

			nr_free += zone->node == n ? zone->nr_free : 0;
			kept += zone->node == n ? zone->local_reserve : 0;
		}
		assert_true(n == 0 || nr_free >= kept);
	}
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ninety),
		cmocka_unit_test(test_full_node),
		cmocka_unit_test(test_watermarks),
		cmocka_unit_test(test_kept_back),
	};

	return cmocka_run_group_tests_name("fill", tests, NULL, NULL);
}
