/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_zeromap.c: mm/zeromap.c, kinds of pageblocks, against a plain array.
 */
#include "support.h"

#include <time.h>

#include "zeromap.h"

#define NR_BLOCKS 600

/* Steps "from-end=kind" on eight blocks, and what they leave. */
static void test_set(void **state)
{
	static const struct {
		const char *steps, *kinds;
		u32 nr_notes; /* entries of the tree */
	} table[] = {
		{ "", "11111111", 0 },
		{ "0-8=1", "11111111", 0 },
		{ "0-8=2", "22222222", 1 },
		{ "2-4=2", "11221111", 2 },
		{ "2-4=2 2-4=1", "11111111", 0 },
		{ "2-4=2 3-5=2", "11222111", 2 },
		{ "2-4=2 4-5=2", "11222111", 2 },
		{ "2-4=2 1-2=2", "12221111", 2 },
		{ "0-8=2 3-4=1", "22212222", 3 },
		{ "0-8=2 3-4=1 3-4=2", "22222222", 1 },
		{ "1-2=2 3-4=2 5-6=2 7-8=2", "12121212", 7 },
		{ "1-2=2 3-4=2 5-6=2 7-8=2 0-8=1", "11111111", 0 },
		{ "1-2=2 3-4=2 5-6=2 7-8=2 2-7=5", "12555552", 3 },
		{ "0-4=2 4-8=3 2-6=1", "22111133", 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *s = table[i].steps;
		u32 first, end, kind, nr = 0;
		struct test_heap t;
		int len;

		zone_make(&t, 8);
		for (; sscanf(s, "%u-%u=%u%n", &first, &end, &kind, &len) == 3;
		     s += len)
			zeromap_set(t.region, first, end, kind);
		for (u32 b = 0; b < 8; b++) {
			end = b + 1;
			assert_int_equal(zeromap_get(t.region, b, &end),
					 table[i].kinds[b] - '0');
			nr += bittree_has(&t.region->zeromap, b);
			assert_int_equal(bittree_has(&t.region->zeromap, b),
					 t.region->block[b].kind != 0);
		}
		assert_int_equal(nr, table[i].nr_notes);
		heap_drop(&t);
	}
}

static void test_random(void **state)
{
	static u32 kinds[NR_BLOCKS];
	u64 seed = (u64)(uintptr_t)&seed ^ (u64)time(NULL);
	struct test_heap t;

	(void)state;
	if (getenv("SEED"))
		seed = strtoull(getenv("SEED"), NULL, 0);
	print_message("# SEED=%llu\n", (unsigned long long)seed);
	zone_make(&t, NR_BLOCKS);
	for (u32 b = 0; b < NR_BLOCKS; b++)
		kinds[b] = BLOCK_USED;
	for (u32 step = 0; step < TEST_STEPS(20000); step++) {
		u32 first = (u32)random_below(&seed, NR_BLOCKS);
		u32 end = first + 1;
		u32 kind = 1 + (u32)random_below(&seed, 4);

		end += (u32)random_below(&seed, seed % 4 ? 4 : 300);
		end = end < NR_BLOCKS ? end : NR_BLOCKS;
		zeromap_set(t.region, first, end, kind);
		for (u32 b = first; b < end; b++)
			kinds[b] = kind;
		first = (u32)random_below(&seed, NR_BLOCKS);
		end = first + 1 + (u32)random_below(&seed, NR_BLOCKS - first);
		kind = end;
		assert_int_equal(zeromap_get(t.region, first, &end),
				 kinds[first]);
		for (u32 b = first; b < end; b++)
			assert_int_equal(kinds[b], kinds[first]);
		assert_true(end == kind || kinds[end] != kinds[first]);
	}
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
