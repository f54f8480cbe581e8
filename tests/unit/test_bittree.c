/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_bittree.c: mm/bittree.c against a plain array.
 */
#include "support.h"

#include "bittree.h"

struct both {
	struct bittree tree;
	void *memory;
	bool *member;
	u64 nr;
};

static void both_make(struct both *both, u64 nr)
{
	both->nr = nr;
	both->memory = test_calloc(1, bittree_bytes(nr));
	both->member = test_calloc(nr, sizeof(bool));
	bittree_init(&both->tree, both->memory, nr);
}

static void both_end(struct both *both)
{
	test_free(both->memory);
	test_free(both->member);
}

static void both_set(struct both *both, u64 i, bool member)
{
	both->member[i] = member;
	if (member)
		bittree_set(&both->tree, i);
	else
		bittree_clear(&both->tree, i);
}

/* Every word that has a bit is known above; the last level has one word. */
static void check_levels(const struct both *both)
{
	const struct bittree *tree = &both->tree;
	u64 words = (both->nr + 63) / 64;

	for (u32 l = 1; l < tree->nr_levels; l++) {
		for (u64 w = 0; w < words; w++)
			assert_int_equal(tree->level[l][w / 64] >> w % 64 & 1,
					 tree->level[l - 1][w] != 0);
		words = (words + 63) / 64;
	}
	assert_int_equal(words, 1);
}

static void check_all(const struct both *both)
{
	u64 last = BITTREE_NONE, first = BITTREE_NONE;

	check_levels(both);
	for (u64 i = 0; i <= both->nr; i++) {
		assert_int_equal(bittree_last(&both->tree, i), last);
		if (i < both->nr && both->member[i])
			last = i;
	}
	for (u64 i = both->nr + 1; i--;) {
		if (i < both->nr && both->member[i])
			first = i;
		assert_int_equal(bittree_first(&both->tree, i), first);
		if (i < both->nr)
			assert_int_equal(bittree_has(&both->tree, i),
					 both->member[i]);
	}
}

static void test_random(void **state)
{
	static const u64 sizes[] = { 1,	  2,	63,   64,   65,
				     128, 4095, 4096, 4097, 9000 };
	u64 seed = 11;

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		struct both both;

		both_make(&both, sizes[s]);
		check_all(&both);
		for (u32 n = 0; n < 300; n++) {
			both_set(&both, random_below(&seed, sizes[s]), n % 3);
			if (sizes[s] < 300 || n % 50 == 49)
				check_all(&both);
		}
		for (u64 i = 0; i < sizes[s]; i++)
			both_set(&both, i, false);
		check_all(&both);
		both_end(&both);
	}
}

/* Each pair of members, at the places where words begin and end. */
static void test_borders(void **state)
{
	static const u64 place[] = { 0,	   1,	 63,   64,   127,
				     4031, 4032, 4095, 4096, 8191 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(place); i++) {
		for (size_t j = 0; j < ARRAY_LEN(place); j++) {
			struct both both;

			both_make(&both, 8192);
			both_set(&both, place[i], true);
			both_set(&both, place[j], true);
			check_all(&both);
			both_set(&both, place[i], false);
			check_all(&both);
			both_end(&both);
		}
	}
}

/* The sets of 16 TiB: four levels, a bit for each block and 1/63 more. */
static void test_size(void **state)
{
	const u64 nr = 1ull << 23;
	struct bittree tree;
	void *memory = test_calloc(1, bittree_bytes(nr));

	(void)state;
	assert_in_range(bittree_bytes(nr), nr / 8, nr / 8 * 64 / 63 + 256);
	bittree_init(&tree, memory, nr);
	assert_int_equal(tree.nr_levels, 4);
	bittree_set(&tree, nr - 1);
	assert_int_equal(bittree_first(&tree, 0), nr - 1);
	assert_int_equal(bittree_last(&tree, nr - 1), BITTREE_NONE);
	test_free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_borders),
		cmocka_unit_test(test_size),
	};

	return cmocka_run_group_tests_name("bittree", tests, NULL, NULL);
}
