/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_explain.c: why an array would not fit, and what is in the way,
 * mm/explain.c and mm/blockers.c.
 */
#include "nodes.h"
#include "regions_test.h"

#define NR 1024 /* pages of the heaps here */

static struct fixheap_blocker blocker[NR];
static struct fixheap_zone_room zone[8];

static struct fixheap_explanation
explain(struct fixheap *heap, const struct fixheap_array_attr *attr, u64 nr)
{
	struct fixheap_explanation answer = FIXHEAP_EXPLANATION_INIT;

	answer.blocker = blocker;
	answer.max_blockers = NR;
	answer.zone = zone;
	answer.max_zones = ARRAY_LEN(zone);
	assert_int_equal(fixheap_explain(heap, attr, BYTES(nr), &answer), 0);
	assert_int_equal(answer.requested_bytes, BYTES(nr));
	return answer;
}

static void reason_is(struct fixheap *heap,
		      const struct fixheap_array_attr *attr, u64 nr,
		      const char *reason)
{
	struct fixheap_explanation answer = explain(heap, attr, nr);

	assert_string_equal(fixheap_reason_name(answer.reason), reason);
	assert_int_equal(fixheap_will_fit(heap, BYTES(nr), attr),
			 answer.reason == FIXHEAP_REASON_NONE);
}

/* --- reasons -------------------------------------------------------------- */

static void test_one_node(void **state)
{
	struct fixheap_array_attr aligned = FIXHEAP_ARRAY_ATTR_INIT;
	struct fixheap_explanation answer;
	struct test_heap t;
	u64 ticket;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	reason_is(t.heap, NULL, NR, "NONE");
	reason_is(t.heap, NULL, NR + 1, "LIMIT");
	heap_place(&t, PAGE_ARRAY, 0, 1);
	heap_place(&t, PAGE_ARRAY, 400, 1);
	heap_place(&t, PAGE_RAW, 401, 50);
	reason_is(t.heap, NULL, NR, "TOTAL");
	reason_is(t.heap, NULL, NR - 100, "FRAGMENTED");
	aligned.alignment = BYTES(512);
	reason_is(t.heap, &aligned, 513, "ALIGNMENT");

	answer = explain(t.heap, NULL, 700);
	assert_int_equal(answer.free_bytes, BYTES(NR - 52));
	assert_int_equal(answer.largest_bytes, BYTES(NR - 451));
	assert_int_equal(answer.largest_run_bytes, BYTES(NR - 451));
	assert_int_equal(answer.nr_free_runs[8], 1); /* 399 pages */
	assert_int_equal(answer.nr_free_runs[9], 1); /* 573 pages */
	assert_int_equal(answer.nr_zones, 1);
	assert_int_equal(zone[0].bytes, BYTES(NR));
	assert_int_equal(zone[0].free_bytes, BYTES(NR - 52));
	assert_int_equal(zone[0].largest_bytes, BYTES(NR - 451));
	assert_int_equal(answer.nr_blockers, 2);
	assert_int_equal(answer.nr_live, 2);
	assert_int_equal(answer.blocker_bytes, BYTES(51));
	assert_ptr_equal(blocker[0].start, pfn_to_addr(t.heap, 400));
	assert_int_equal(blocker[0].use, FIXHEAP_USE_ARRAY);
	assert_int_equal(blocker[1].use, FIXHEAP_USE_PAGES);
	assert_int_equal(blocker[1].bytes, BYTES(50));

	ticket = fixheap_reserve(t.heap, BYTES(100), NULL);
	reason_is(t.heap, NULL, NR - 60, "RESERVED");
	fixheap_release(t.heap, ticket);
	heap_drop(&t);
}

static void test_nodes(void **state)
{
	const struct fixheap_array_attr bind =
		ATTR(.policy = FIXHEAP_POLICY_BIND, .nodes = 1);
	const struct node_spec spec = {
		.machine = "2x1",
		.nr_pages = BLOCKS(8),
		.numa = NUMA(.small_reserve = 100,
			     .binding = FIXHEAP_BINDING_NONE)
	};
	const struct fixheap_array_attr local =
		ATTR(.policy = FIXHEAP_POLICY_LOCAL);
	struct test_heap t;

	(void)state;
	nodes_make(&t, &spec);
	reason_is(t.heap, &bind, BLOCKS(5), "NODE");
	reason_is(t.heap, &bind, BLOCKS(1), "NONE");
	reason_is(t.heap, &local, BLOCKS(8), "RESERVED");
	heap_drop(&t);
}

static void test_regions(void **state)
{
	static const struct {
		u64 nr;
		const char *reason;
	} table[] = { { 512, "NONE" }, { 600, "REGION" }, { 1025, "TOTAL" } };
	const struct regions_spec spec = { .nr_blocks = 4,
					   .nr_pages = 512,
					   .max_bytes = 8 * BLOCK_BYTES };
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	struct test_heap t;

	(void)state;
	regions_make(&t, &spec);
	region.base = t.base + BYTES(512);
	region.bytes = BYTES(512);
	region.key = 7;
	assert_int_equal(fixheap_add_region(t.heap, &region), 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		reason_is(t.heap, NULL, table[i].nr, table[i].reason);
	heap_end(&t);
}

/* --- blockers ------------------------------------------------------------- */

static void *place[2 * NR]; /* what lies at each page, by its first one */
static u64 length[2 * NR];  /* of it, in pages */

/* BLOCKED: each part of an array of nr pages at `at` is on its node. */
static bool is_at_home(struct fixheap *heap, u64 at, u64 nr, u32 nr_nodes)
{
	for (u64 i = 0, n = 0; i < nr; i++) {
		while (nr * (n + 1) / nr_nodes <= i)
			n++;
		if (heap->node[zone_of(heap, at + i)->node].id != n)
			return false;
	}
	return true;
}

/* The fewest allocations that some window of nr pages touches; over so many
 * nodes, if there are any. */
static u64 fewest(struct fixheap *heap, u64 nr, u64 align, u32 nr_nodes)
{
	u64 best = ~0ull;

	for (u64 at = 0; at + nr <= heap->nr_pages; at += align) {
		u64 touched = 0;

		if (nr_nodes && !is_at_home(heap, at, nr, nr_nodes))
			continue;
		for (u64 p = 0; p < at + nr; p++)
			touched += place[p] && p + length[p] > at;
		best = min_u64(best, touched);
	}
	return best;
}

static void free_blocker(struct fixheap *heap, const struct fixheap_blocker *b)
{
	if (b->use == FIXHEAP_USE_ARRAY)
		fixheap_array_free(heap, (void *)(uintptr_t)b->start);
	else
		fixheap_pages_free(heap, (void *)(uintptr_t)b->start,
				   b->bytes / PAGE_BYTES);
}

/* All but one of the blockers are freed, then that one too. */
static void blockers_are_exact(struct test_heap *t,
			       const struct fixheap_array_attr *attr, u64 nr,
			       u64 last)
{
	struct fixheap_explanation answer = explain(t->heap, attr, nr);
	const char *freed = blocker[last].start;
	char *array;

	for (u64 i = 0; i < answer.nr_blockers; i++) {
		assert_true(answer.reason != FIXHEAP_REASON_NONE);
		if (i != last)
			free_blocker(t->heap, &blocker[i]);
	}
	assert_false(fixheap_will_fit(t->heap, BYTES(nr), attr));
	free_blocker(t->heap, &blocker[last]);
	assert_true(fixheap_will_fit(t->heap, BYTES(nr), attr));
	array = fixheap_array_alloc(t->heap, BYTES(nr), attr);
	assert_true(array < freed + blocker[last].bytes &&
		    array + BYTES(nr) > freed);
	fixheap_array_free(t->heap, array);
}

/* Arrays and runs of random lengths, of which some are free again. */
static void fill(struct test_heap *t, u64 *seed)
{
	memset(place, 0, sizeof(place));
	for (u64 pfn = 0, nr; pfn < t->heap->nr_pages; pfn += nr) {
		nr = min_u64(1 + random_below(seed, 60),
			     t->heap->nr_pages - pfn);
		if (random_below(seed, 3) == 0)
			continue;
		heap_place(t, random_below(seed, 2) ? PAGE_ARRAY : PAGE_RAW,
			   pfn, nr);
		place[pfn] = pfn_to_addr(t->heap, pfn);
		length[pfn] = nr;
	}
}

static void test_random(void **state)
{
	u64 seed = nodes_seed("test_explain");

	(void)state;
	for (u32 n = 0; n < TEST_STEPS(300); n++) {
		struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		u64 align = 1ull << random_below(&seed, 8), nr, best;
		struct fixheap_explanation answer;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
		fill(&t, &seed);
		attr.alignment = BYTES(align);
		nr = fixheap_largest_free(t.heap, &attr) / PAGE_BYTES + 1;
		nr += random_below(&seed, (NR - nr) / 2 + 1);
		best = fewest(t.heap, nr, align, 0);
		answer = explain(t.heap, &attr, nr);
		assert_int_equal(answer.nr_blockers, best);
		assert_int_equal(answer.nr_live, best);
		if (best)
			blockers_are_exact(&t, &attr, nr,
					   random_below(&seed, best));
		heap_drop(&t);
	}
}

/* Over two or three nodes, whose zones are only a layout; or bound, and then it
 * may lie anywhere. */
static void test_blocked(void **state)
{
	static const char *const machine[] = { "2x1", "3x1" };
	u64 seed = nodes_seed("test_explain");
	u32 nr_found = 0;

	(void)state;
	need(IS_ENABLED(CONFIG_NUMA), "no NUMA");
	for (u32 n = 0; n < TEST_STEPS(200); n++) {
		const struct fixheap_array_attr attr =
			ATTR(.policy = FIXHEAP_POLICY_BLOCKED,
			     .alignment =
				     BYTES(1ull << random_below(&seed, 4)));
		u32 k = (u32)random_below(&seed, 2), bound = n % 2;
		struct heap_spec spec = { .nr_pages = BLOCKS(k + 2),
					  .machine = machine[k],
					  .unbound = !bound };
		struct fixheap_explanation answer;
		struct test_heap t;
		u64 nr, best;

		heap_make(&t, &spec);
		fill(&t, &seed);
		nr = fixheap_largest_free(t.heap, &attr) / PAGE_BYTES + 1;
		nr += random_below(&seed, NR / 4);
		best = fewest(t.heap, nr, attr.alignment / PAGE_BYTES,
			      bound ? 0 : k + 2);
		answer = explain(t.heap, &attr, nr);
		if (best == ~0ull)
			best = 0;
		if (answer.reason == FIXHEAP_REASON_NONE)
			assert_int_equal(answer.nr_blockers, 0);
		else
			assert_int_equal(answer.nr_blockers, best);
		if (best && answer.reason != FIXHEAP_REASON_NONE) {
			blockers_are_exact(&t, &attr, nr,
					   random_below(&seed, best));
			nr_found++;
		}
		heap_drop(&t);
	}
	assert_true(nr_found > TEST_STEPS(200) / 10);
}

/* Small objects count each, and slabs with fewer of them are cheaper. */
static void test_objects(void **state)
{
	static void *object[20000];
	struct fixheap_explanation answer;
	struct test_heap t;
	u32 nr = 0, live = 0;

	(void)state;
	need(IS_ENABLED(CONFIG_JEMALLOC), "objects have no slabs");
	heap_warm_objects();
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(1) });
	while (nr < ARRAY_LEN(object) &&
	       (object[nr] = fixheap_malloc(t.heap, 200)))
		nr++;
	for (u32 i = 0; i < nr; i++) {
		if (i % 64 == 0)
			continue;
		fixheap_free(t.heap, object[i]);
		object[i] = NULL;
	}
	answer = explain(t.heap, NULL, 200);
	assert_true(answer.nr_blockers > 0);
	for (size_t i = 0; i < answer.nr_blockers; i++) {
		const char *start = blocker[i].start;
		size_t here = 0;

		assert_int_equal(blocker[i].use, FIXHEAP_USE_SMALL);
		for (u32 j = 0; j < nr; j++) {
			if ((uintptr_t)object[j] - (uintptr_t)start >=
				    blocker[i].bytes ||
			    !object[j])
				continue;
			here++;
			fixheap_free(t.heap, object[j]);
			object[j] = NULL;
		}
		assert_int_equal(blocker[i].nr_live, here);
		live += (u32)here;
	}
	assert_int_equal(answer.nr_live, live);
	assert_true(fixheap_will_fit(t.heap, BYTES(200), NULL));
	for (u32 j = 0; j < nr; j++)
		fixheap_free(t.heap, object[j]);
	heap_is_empty(&t);
	heap_end(&t);
}

static void test_arguments(void **state)
{
	struct fixheap_explanation answer = FIXHEAP_EXPLANATION_INIT;
	struct fixheap_array_attr bad = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	/* nobody wants to see zones and blockers */
	heap_place(&t, PAGE_ARRAY, 500, 10);
	assert_int_equal(fixheap_explain(t.heap, NULL, BYTES(600), &answer), 0);
	assert_int_equal(answer.nr_blockers, 1);
	answer.size--;
	assert_int_equal(fixheap_explain(t.heap, NULL, 1, &answer), -EINVAL);
	assert_int_equal(fixheap_explain(t.heap, NULL, 1, NULL), -EINVAL);
	answer.size++;
	bad.alignment = 3;
	assert_int_equal(fixheap_explain(t.heap, &bad, 1, &answer), -EINVAL);
	assert_null(fixheap_reason_name((enum fixheap_reason)99));
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_node),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
