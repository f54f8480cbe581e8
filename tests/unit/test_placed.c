/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_placed.c: arch/sim/placed.c, the node of each page of the simulated
 * machine that was put on one.
 */
#include "support.h"

#include "sim/placed.h"

/* Pages that are far apart, and close together, in ascending order. */
static const u64 pages[] = {
	0,
	1,
	511,
	512,
	513,
	1023,
	1024,
	1ull << 20,
	(1ull << 20) + 1,
	5ull << 30,
	(5ull << 30) + 511,
	1ull << 51,
};

static int reset(void **state)
{
	(void)state;
	placed_reset();
	return 0;
}

static void test_pages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		assert_int_equal(placed_get(pages[i]), PLACED_NOWHERE);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		placed_set(pages[i], (u32)(i * 5 % NODES_MAX));
	placed_set(7, NODES_MAX - 1);
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		assert_int_equal(placed_get(pages[i]), i * 5 % NODES_MAX);
	assert_int_equal(placed_get(7), NODES_MAX - 1);
	assert_int_equal(placed_get(2), PLACED_NOWHERE);
	assert_int_equal(placed_get(510), PLACED_NOWHERE);
	assert_int_equal(placed_get((5ull << 30) + 1), PLACED_NOWHERE);
	placed_reset();
	for (size_t i = 0; i < ARRAY_LEN(pages); i++)
		assert_int_equal(placed_get(pages[i]), PLACED_NOWHERE);
}

/* More chunks than there is room for at first; none is lost. */
static void test_many(void **state)
{
	const u64 nr = 3000;

	(void)state;
	for (u64 i = 0; i < nr; i++)
		placed_set(i * 512 + i % 512, (u32)(i % NODES_MAX));
	for (u64 i = 0; i < nr; i++) {
		assert_int_equal(placed_get(i * 512 + i % 512), i % NODES_MAX);
		assert_int_equal(placed_get(i * 512 + (i + 1) % 512),
				 PLACED_NOWHERE);
	}
}

struct seen {
	u64 first, end;
	u32 nr;
	u64 sum;
};

/* All of them move one node on, those of node 9 go. */
static u32 move(void *data, u64 page, u32 node)
{
	struct seen *seen = data;

	assert_true(page >= seen->first && page < seen->end);
	seen->nr++;
	seen->sum += page;
	return node == 9 ? PLACED_NOWHERE : node + 1;
}

/* Pages of the range and no others are seen, whether it is short or is longer
 * than the table. */
static void test_walk(void **state)
{
	static const struct {
		u64 first, end;
	} table[] = {
		{ 0, 0 },
		{ 1, 1 },
		{ 0, 1 },
		{ 1, 512 },
		{ 511, 513 },
		{ 513, 1 << 20 },
		{ 512, 1ull << 40 },
		{ 1, (5ull << 30) + 511 },
		{ 0, 1ull << 52 },
		{ 2, 511 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct seen seen = { table[i].first, table[i].end, 0, 0 };
		u64 sum = 0;
		u32 nr = 0;

		placed_reset();
		for (size_t p = 0; p < ARRAY_LEN(pages); p++)
			placed_set(pages[p], p % 2 ? 9 : 3);
		placed_walk(table[i].first, table[i].end, move, &seen);
		for (size_t p = 0; p < ARRAY_LEN(pages); p++) {
			bool in = pages[p] >= table[i].first &&
				  pages[p] < table[i].end;

			nr += in;
			sum += in ? pages[p] : 0;
			if (p % 2)
				assert_int_equal(placed_get(pages[p]),
						 in ? PLACED_NOWHERE : 9);
			else
				assert_int_equal(placed_get(pages[p]),
						 in ? 4 : 3);
		}
		assert_int_equal(seen.nr, nr);
		assert_int_equal(seen.sum, sum);
		/* those that went are not seen again */
		for (size_t p = 1; p < ARRAY_LEN(pages); p += 2)
			nr -= pages[p] >= table[i].first &&
			      pages[p] < table[i].end;
		seen.nr = 0;
		placed_walk(table[i].first, table[i].end, move, &seen);
		assert_int_equal(seen.nr, nr);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, reset, reset)

int main(void)
{
	const struct CMUnitTest tests[] = { TEST(pages), TEST(many),
					    TEST(walk) };

	return cmocka_run_group_tests_name("placed", tests, NULL, NULL);
}
