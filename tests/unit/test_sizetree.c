/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_sizetree.c: mm/sizetree.c, rows of free blocks by length, against a
 * plain list of them.
 */
#include "support.h"

#include "sizetree.h"
#include "span.h"

#define NR_BLOCKS 3000

/* Length of the row that begins at each block, 0: none does. */
static u32 length[NR_BLOCKS];

/* The shortest row of nr_blocks or more; of those of that length the first
 * from b on. */
static bool naive_find(u32 nr_blocks, u32 b, u32 *first)
{
	bool found = false;

	for (u32 i = 0; i < NR_BLOCKS; i++) {
		if (length[i] < nr_blocks || !length[i] ||
		    (length[i] == nr_blocks && i < b))
			continue;
		if (!found || length[i] < length[*first])
			*first = i;
		found = true;
	}
	return found;
}

static void check(struct test_heap *t, u32 nr_blocks, u32 b)
{
	u32 have = 0, want = 0;
	bool found = naive_find(nr_blocks, b, &want);

	assert_int_equal(sizetree_find(t->region, nr_blocks, b, &have), found);
	if (found)
		assert_int_equal(have, want);
}

/* Every row, in the order of lengths, then of places. */
static void check_order(struct test_heap *t)
{
	u32 nr_blocks = 0, b = 0, first = 0, nr = 0, want = 0;

	for (u32 i = 0; i < NR_BLOCKS; i++)
		want += length[i] != 0;
	while (sizetree_find(t->region, nr_blocks, b, &first)) {
		assert_true(length[first] > nr_blocks ||
			    (length[first] == nr_blocks && first >= b));
		nr_blocks = length[first];
		b = first + 1;
		nr++;
	}
	assert_int_equal(nr, want);
}

static void test_random(void **state)
{
	u64 seed = 12;
	struct test_heap t;

	(void)state;
	zone_make(&t, NR_BLOCKS);
	memset(length, 0, sizeof(length));
	check(&t, 1, 0);
	for (u32 n = 0; n < 3000; n++) {
		u32 b = (u32)random_below(&seed, NR_BLOCKS - 150);
		u32 nr = 1 + (u32)random_below(&seed, n % 4 ? 5 : 150);

		if (length[b]) {
			sizetree_del(t.region, b);
			length[b] = 0;
		} else {
			t.zone->block[b].span_end = b + nr;
			length[b] = nr;
			sizetree_add(t.region, b);
		}
		check(&t, nr, b);
		check(&t, (u32)random_below(&seed, 160),
		      (u32)random_below(&seed, NR_BLOCKS));
		if (n % 200 == 0)
			check_order(&t);
	}
	check_order(&t);
	for (u32 b = 0; b < NR_BLOCKS; b++) {
		if (length[b])
			sizetree_del(t.region, b);
		length[b] = 0;
	}
	assert_int_equal(bittree_first(&t.region->short_rows, 0), BITTREE_NONE);
	assert_int_equal(t.region->size_root, 0);
	assert_int_equal(t.region->size_hand, 0);
	heap_drop(&t);
}

/* Long rows that come in order of place, of length, or are all alike: the tree
 * stays flat. */
static u32 depth_of(const struct region *region, u32 b)
{
	u32 at = region->size_root, depth = 0;
	u32 nr = region->block[b].span_end - b;

	if (region->size_hand == b + 1)
		return 0;
	while (at != b + 1) {
		u32 other = region->block[at - 1].span_end - (at - 1);
		bool less = nr < other || (nr == other && b < at - 1);

		at = less ? region->block[at - 1].size_left
			  : region->block[at - 1].size_right;
		depth++;
	}
	return depth;
}

static void test_depth(void **state)
{
	(void)state;
	for (u32 how = 0; how < 3; how++) {
		struct test_heap t;
		u32 deepest = 0;

		zone_make(&t, NR_BLOCKS);
		for (u32 i = 0; i < NR_BLOCKS / 2; i++) {
			u32 b = how == 1 ? NR_BLOCKS - 2 - 2 * i : 2 * i;

			t.zone->block[b].span_end =
				b + LONG_ROW + (how ? i : 0);
			sizetree_add(t.region, b);
		}
		for (u32 i = 0; i < NR_BLOCKS / 2; i++) {
			u32 depth = depth_of(t.region, 2 * i);

			deepest = depth > deepest ? depth : deepest;
		}
		/* log2 of 1,500 is 10.6 */
		assert_in_range(deepest, 10, 40);
		heap_drop(&t);
	}
}

/* In the whole region span_shortest finds a row that holds the pages whenever
 * one has enough whole blocks, and no shorter one that would do with certainty
 * is left. */
static void test_shortest(void **state)
{
	static const struct {
		const char *picture;
		u64 nr_pages;
		long first; /* block of the row; -1: none */
	} table[] = {
		{ "#..#.#...#", 512, 4 },
		{ "#..#.#...#", 513, 1 },
		{ "#..#.#...#", 1024, 1 },
		{ "#..#.#...#", 1025, 6 },
		{ "#..#.#...#", 1536, 6 },
		{ "#..#.#...#", 1537, -1 },
		/* the pages at the ends count */
		{ "#>.<#....#", 700, 2 },
		{ "#>.<#....#", 713, 5 },
		{ "#>.###...#", 612, 2 },
		{ "#>.###...#", 613, 6 },
		{ "##.<##...#", 612, 2 },
		{ "##.<##...#", 613, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct bounds all = { 0, BLOCKS(10) };
		struct test_heap t;
		struct span span;
		bool found;

		zone_make(&t, 10);
		zone_draw(&t, table[i].picture);
		found = span_shortest(t.region, &all, table[i].nr_pages, &span);
		assert_int_equal(found, table[i].first >= 0);
		if (found) {
			assert_int_equal(span.first, table[i].first);
			assert_true(span.nr_pages >= table[i].nr_pages);
		}
		heap_drop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_shortest),
	};

	return cmocka_run_group_tests_name("sizetree", tests, NULL, NULL);
}
