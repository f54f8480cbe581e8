/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_rehome.c: mm/rehome.c, arrays whose pages are bound elsewhere than their
 * zones, what that takes from the nodes, and their way home.
 */
#include "nodes.h"

#include "policy.h"
#include "rehome.h"

#define SIZE .size = sizeof(struct fixheap_numa)
#define BIND FIXHEAP_POLICY_BIND
#define PREFERRED FIXHEAP_POLICY_PREFERRED
#define INTERLEAVE FIXHEAP_POLICY_INTERLEAVE
#define BLOCKED FIXHEAP_POLICY_BLOCKED

/* Arrays that no zone fits, on 2 to 64 nodes; the nodes of their parts. */
static const struct {
	const char *machine;
	enum fixheap_policy policy;
	u64 nodes, nr_pages;
	const char *parts; /* "node:pages ..." */
} aways[] = {
	{ "2x1", BIND, 1, BLOCKS(5), "0:2560" },
	{ "2x1", BIND, 2, BLOCKS(8), "1:4096" },
	{ "4x1", BIND, 8, BLOCKS(6), "3:3072" },
	{ "4x1", INTERLEAVE, 0, BLOCKS(6),
	  "0:512 1:512 2:512 3:512 0:512 1:512" },
	{ "4x1", INTERLEAVE, 12, 1200, "2:512 3:512 2:176" },
	{ "4x1", BLOCKED, 0, BLOCKS(15), "0:1920 1:1920 2:1920 3:1920" },
	{ "4x1", BLOCKED, 0, 2, "1:1 3:1" },
	{ "4x1", BLOCKED, 9, 1001, "0:500 3:501" },
	{ "8x1", BLOCKED, 0, BLOCKS(8),
	  "0:512 1:512 2:512 3:512 4:512 5:512 6:512 7:512" },
	{ "8x1", BIND, 0x80, BLOCKS(8), "7:4096" },
	{ "8x1", BIND, 0xa0, BLOCKS(5), "5:2560" },
	{ "64x1", BIND, 1ull << 63, BLOCKS(6), "63:3072" },
	{ "64x1", INTERLEAVE, 1ull << 63 | 1, BLOCKS(4),
	  "0:512 63:512 0:512 63:512" },
};

static void check_parts(const char *array, const char *parts)
{
	u64 at = 0, nr;
	u32 node;
	int len;

	for (;
	     sscanf(parts, "%u:%lu%n", &node, (unsigned long *)&nr, &len) == 2;
	     parts += len) {
		nodes_on(array + BYTES(at), BYTES(nr), node);
		at += nr;
	}
	assert_int_equal(*parts, 0);
}

static void test_away(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(aways); i++) {
		size_t bytes = BYTES(aways[i].nr_pages);
		struct nodes_home home;
		struct test_heap t;
		char *array;

		nodes_make_spare(&t, aways[i].machine, 8);
		/* what lies there must not be seen */
		nodes_touch(t.base, BYTES(t.heap->end_pfn));
		nodes_home_note(&home);
		array = nodes_array(t.heap, bytes, aways[i].policy,
				    aways[i].nodes);
		assert_non_null(array);
		assert_int_equal(t.heap->rehomed_pages, aways[i].nr_pages);
		if (IS_ENABLED(CONFIG_VMSTAT))
			assert_int_equal(t.heap->nr_rehomed, 1);
		/* dropped: it reads as zero and is not in memory */
		assert_int_equal(host_sim_resident(array, bytes), 0);
		for (size_t p = 0; p < bytes; p += PAGE_BYTES)
			assert_int_equal(array[p], 0);
		nodes_check_away(&t, array, aways[i].nr_pages);
		check_parts(array, aways[i].parts);
		if (i % 2)
			fixheap_pages_free(t.heap, array, aways[i].nr_pages);
		else
			fixheap_array_free(t.heap, array);
		/* empty again (but for poison), and home */
		if (!IS_ENABLED(CONFIG_PAGE_POISON))
			assert_int_equal(host_sim_resident(array, bytes), 0);
		nodes_home_check(&home, &t);
		nodes_touch(t.base, BYTES(t.heap->end_pfn));
		nodes_as_told(t.heap, t.base, BYTES(t.heap->end_pfn));
		heap_end(&t);
	}
}

/* Nodes give what they have and no page more; what is freed is there again. */
static void test_spare(void **state)
{
	static const struct {
		u64 spare; /* blocks of each node beyond its zone */
		enum fixheap_policy policy;
		u64 nodes, most; /* pages of the largest array */
	} table[] = {
		/* the zones are 0-4, 4-8, 8-12, 12-16: what lies over the
		 * node's own zone needs nothing of it */
		{ 0, BIND, 1, BLOCKS(4) },
		{ 1, BIND, 1, BLOCKS(5) },
		{ 3, BIND, 1, BLOCKS(7) },
		{ 99, BIND, 1, BLOCKS(16) },
		{ 12, BIND, 8, BLOCKS(16) },
		{ 0, BLOCKED, 0, BLOCKS(16) },
		{ 4, BLOCKED, 0, BLOCKS(16) },
		/* pages that are away come home: no node can lend them */
		{ 0, INTERLEAVE, 0, BLOCKS(1) },
		{ 16, INTERLEAVE, 0, BLOCKS(16) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct fixheap_array_attr attr =
			ATTR(.policy = table[i].policy,
			     .nodes = table[i].nodes);
		struct nodes_home home;
		struct test_heap t;
		void *array;

		nodes_make_spare(&t, "4x1", table[i].spare);
		nodes_home_note(&home);
		for (u32 round = 0; round < 3; round++) {
			assert_int_equal(fixheap_largest_free(t.heap, &attr),
					 BYTES(table[i].most));
			nodes_largest(t.heap, &attr);
			array = fixheap_array_alloc(
				t.heap, BYTES(table[i].most), &attr);
			assert_non_null(array);
			nodes_touch(array, BYTES(table[i].most));
			nodes_as_told(t.heap, array, BYTES(table[i].most));
			fixheap_array_free(t.heap, array);
			nodes_home_check(&home, &t);
		}
		/* and all of the heap can be touched, full as it is */
		nodes_touch(t.base, BYTES(BLOCKS(16)));
		assert_int_equal(host_sim_killed(), 0);
		heap_end(&t);
	}
}

/* What is promised to one array is not promised to the next. */
static void test_promises(void **state)
{
	struct nodes_home home;
	struct test_heap t;
	char *array[3];

	(void)state;
	nodes_make_spare(&t, "2x1", 1);
	nodes_home_note(&home);
	array[0] = nodes_array(t.heap, BYTES(BLOCKS(4)), BIND, 1);
	array[1] = nodes_array(t.heap, BYTES(300), BIND, 1);
	array[2] = nodes_array(t.heap, BYTES(212), BIND, 1);
	for (u32 i = 0; i < 3; i++)
		assert_non_null(array[i]);
	assert_null(nodes_array(t.heap, 1, BIND, 1));
	assert_int_equal(t.heap->beyond[0], 512);
	assert_int_equal(t.heap->beyond[1], 0);
	nodes_touch(t.base, BYTES(BLOCKS(8)));
	nodes_as_told(t.heap, t.base, BYTES(BLOCKS(8)));
	assert_int_equal(host_sim_killed(), 0);
	fixheap_array_free(t.heap, array[1]);
	array[1] = nodes_array(t.heap, BYTES(300), BIND, 1);
	assert_non_null(array[1]);
	for (u32 i = 0; i < 3; i++)
		fixheap_array_free(t.heap, array[i]);
	nodes_home_check(&home, &t);
	heap_end(&t);
}

/* An array that shrinks takes its tail home. */
static void test_shrink(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes, nr_pages;
		u64 sizes[4];
	} table[] = {
		{ BIND, 2, BLOCKS(7), { BLOCKS(6), 1025, 1024, 1 } },
		{ BLOCKED, 0, BLOCKS(7), { BLOCKS(6), BLOCKS(3), 700, 3 } },
		{ INTERLEAVE, 0, BLOCKS(7), { 3000, 2999, 513, 512 } },
		{ INTERLEAVE, 3, BLOCKS(3), { 1536, 1024, 1023, 1 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct nodes_home home;
		struct test_heap t;
		char *array;
		int parts[BLOCKS(7)];

		nodes_make_spare(&t, "4x1", 8);
		nodes_home_note(&home);
		array = nodes_array(t.heap, BYTES(table[i].nr_pages),
				    table[i].policy, table[i].nodes);
		assert_non_null(array);
		for (u64 p = 0; p < table[i].nr_pages; p++)
			parts[p] = fixheap_node_of(t.heap, array + BYTES(p));
		nodes_touch(array, BYTES(table[i].nr_pages));
		for (u32 s = 0; s < 4; s++) {
			u64 nr = table[i].sizes[s];

			assert_int_equal(fixheap_array_resize(t.heap, array,
							      BYTES(nr)),
					 0);
			assert_int_equal(t.heap->used, nr);
			assert_int_equal(t.heap->rehomed_pages, nr);
			/* what is left stays where it was */
			for (u64 p = 0; p < nr; p++)
				assert_int_equal(
					fixheap_node_of(t.heap,
							array + BYTES(p)),
					parts[p]);
			assert_int_equal(host_sim_touched(array, BYTES(nr)),
					 BYTES(nr));
			nodes_touch(t.base, BYTES(BLOCKS(16)));
			nodes_as_told(t.heap, t.base, BYTES(BLOCKS(16)));
			heap_valid(&t);
		}
		fixheap_array_free(t.heap, array);
		nodes_home_check(&home, &t);
		heap_end(&t);
	}
}

/* An array that is away does not grow in place; it moves, keeps its policy and
 * its contents. */
static void test_move(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes;
	} table[] = {
		{ BIND, 2 },	  { BIND, 9 },	     { BLOCKED, 0 },
		{ BLOCKED, 6 },	  { INTERLEAVE, 0 }, { INTERLEAVE, 10 },
		{ PREFERRED, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct run_request before = { 0 }, after = { 0 };
		u64 nr = BLOCKS(5) + 3, pfn;
		struct nodes_home home;
		struct test_heap t;
		char *array, *moved;

		nodes_make_spare(&t, "4x1", 16);
		nodes_home_note(&home);
		array = nodes_array(t.heap, BYTES(nr), table[i].policy,
				    table[i].nodes);
		assert_non_null(array);
		nodes_touch(array, BYTES(nr));
		for (u64 p = 0; p < nr; p++)
			memcpy(array + BYTES(p), &p, sizeof(p));
		pfn = addr_to_pfn(t.heap, array);
		policy_again(t.heap, pfn, page_read(&t.heap->page[pfn]),
			     &before);
		if (table[i].policy != PREFERRED)
			assert_int_equal(fixheap_array_resize(t.heap, array,
							      BYTES(nr + 1)),
					 -ENOMEM);
		moved = fixheap_array_realloc(t.heap, array, BYTES(nr + 100));
		assert_non_null(moved);
		for (u64 p = 0; p < nr; p++)
			assert_memory_equal(moved + BYTES(p), &p, sizeof(p));
		pfn = addr_to_pfn(t.heap, moved);
		policy_again(t.heap, pfn, page_read(&t.heap->page[pfn]),
			     &after);
		assert_int_equal(after.policy, before.policy);
		assert_int_equal(after.policy, table[i].policy);
		assert_true(after.nodes == before.nodes);
		nodes_check_away(&t, moved, nr + 100);
		/* smaller, in place */
		assert_ptr_equal(fixheap_array_realloc(t.heap, moved, 1),
				 moved);
		fixheap_array_free(t.heap, moved);
		nodes_home_check(&home, &t);
		heap_end(&t);
	}
}

/* Weights, which no zone has; and more stripes than nodes. */
static void test_weights(void **state)
{
	static const unsigned char weights[] = { 2, 0, 3, 1 };
	static const u32 turn[] = { 0, 0, 2, 2, 2, 3 };
	const struct fixheap_array_attr attr =
		ATTR(.policy = INTERLEAVE, .weights = weights);
	struct nodes_home home;
	struct test_heap t;
	char *array, *other;

	(void)state;
	nodes_make_spare(&t, "4x1", 16);
	nodes_home_note(&home);
	array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(14) + 100), &attr);
	assert_non_null(array);
	nodes_touch(array, BYTES(BLOCKS(14) + 100));
	for (u32 b = 0; b < 15; b++)
		nodes_on(array + BYTES(BLOCKS(b)), BYTES(b < 14 ? 512 : 100),
			 turn[b % 6]);
	/* it moves with its weights */
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(BLOCKS(4))),
			 0);
	other = fixheap_array_realloc(t.heap, array, BYTES(BLOCKS(8)));
	assert_non_null(other);
	nodes_touch(other, BYTES(BLOCKS(8)));
	for (u32 b = 0; b < 8; b++)
		nodes_on(other + BYTES(BLOCKS(b)), BYTES(512), turn[b % 6]);
	fixheap_array_free(t.heap, other);
	nodes_home_check(&home, &t);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_away),	 cmocka_unit_test(test_spare),
		cmocka_unit_test(test_promises), cmocka_unit_test(test_shrink),
		cmocka_unit_test(test_move),	 cmocka_unit_test(test_weights),
	};

	return cmocka_run_group_tests_name("rehome", tests, NULL, NULL);
}
