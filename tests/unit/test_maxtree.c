/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_maxtree.c: mm/maxtree.c against a plain array.
 */
#include "support.h"

#include "maxtree.h"

/* A tree over nr values in memory of its own, with the array beside it. */
struct both {
	struct maxtree tree;
	u32 *memory, *value;
	u64 nr;
};

static void both_make(struct both *both, u64 nr)
{
	both->nr = nr;
	both->memory = test_calloc(maxtree_bytes(nr), 1);
	both->value = test_calloc(nr, sizeof(u32));
	maxtree_init(&both->tree, both->memory, nr);
}

static void both_end(struct both *both)
{
	test_free(both->memory);
	test_free(both->value);
}

static void both_set(struct both *both, u64 i, u32 value)
{
	both->value[i] = value;
	maxtree_set(&both->tree, i, value);
}

/* Every line's maximum stands above it; the last level has one entry. */
static void check_levels(const struct both *both)
{
	const struct maxtree *tree = &both->tree;

	assert_int_equal(tree->nr[tree->nr_levels - 1], 1);
	for (u32 l = 1; l < tree->nr_levels; l++) {
		for (u64 i = 0; i < tree->nr[l]; i++) {
			u32 max = 0;

			for (u64 j = i * 16; j < i * 16 + 16; j++)
				max = tree->level[l - 1][j] > max
					      ? tree->level[l - 1][j]
					      : max;
			assert_int_equal(tree->level[l][i], max);
		}
	}
}

static void check_searches(const struct both *both, u32 min)
{
	u64 last = MAXTREE_NONE, first = MAXTREE_NONE;

	for (u64 i = 0; i <= both->nr; i++) {
		assert_int_equal(maxtree_last(&both->tree, i, min), last);
		if (i < both->nr && both->value[i] >= min)
			last = i;
	}
	for (u64 i = both->nr + 1; i--;) {
		if (i < both->nr && both->value[i] >= min)
			first = i;
		assert_int_equal(maxtree_first(&both->tree, i, min), first);
	}
}

static void check_all(const struct both *both)
{
	u32 max = 0;

	check_levels(both);
	for (u64 i = 0; i < both->nr; i++) {
		assert_int_equal(maxtree_get(&both->tree, i), both->value[i]);
		max = both->value[i] > max ? both->value[i] : max;
	}
	assert_int_equal(maxtree_max(&both->tree), max);
	for (u32 min = 1; min <= max + 1 && min < 12; min++)
		check_searches(both, min);
}

static void test_random(void **state)
{
	static const u64 sizes[] = { 1, 2, 15, 16, 17, 255, 256, 257, 5000 };
	u64 seed = 5;

	(void)state;
	for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
		struct both both;

		both_make(&both, sizes[s]);
		check_all(&both);
		for (u32 n = 0; n < 400; n++) {
			both_set(&both, random_below(&seed, sizes[s]),
				 (u32)random_below(&seed, n % 3 ? 10 : 3));
			if (sizes[s] < 300 || n % 100 == 99)
				check_all(&both);
		}
		for (u64 i = 0; i < sizes[s]; i++)
			both_set(&both, i, 0);
		check_all(&both);
		both_end(&both);
	}
}

/* One change after another, at the places where summaries move. */
static void test_steps(void **state)
{
	static const struct {
		u64 i;
		u32 value, max;
	} table[] = {
		{ 16, 5, 5 },	   /* alone in its line */
		{ 17, 5, 5 },	   /* an equal one beside it */
		{ 16, 0, 5 },	   /* the equal one stays */
		{ 17, 3, 3 },	   /* the maximum of all goes down */
		{ 0, 4, 4 },	   /* another line takes over */
		{ 256, ~0u, ~0u }, /* the last one, the largest number */
		{ 256, 0, 4 },	   { 0, 0, 3 }, { 17, 0, 0 },
	};
	struct both both;

	(void)state;
	both_make(&both, 257);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		both_set(&both, table[i].i, table[i].value);
		assert_int_equal(maxtree_max(&both.tree), table[i].max);
		check_all(&both);
	}
	both_end(&both);
}

/* The trees of 16 TiB: nothing is touched but the lines on the way up. */
static void test_sparse(void **state)
{
	static const u64 place[] = { 0,	    15,	     16,	   65535,
				     65536, 4000000, (1 << 23) - 1 };
	const u64 nr = 1 << 23;
	size_t bytes = maxtree_bytes(nr);
	struct maxtree tree;
	void *memory;

	(void)state;
	host_sim_reset();
	memory = host_reserve(bytes);
	assert_non_null(memory);
	maxtree_init(&tree, memory, nr);
	assert_int_equal(host_sim_resident(memory, bytes), 0);
	for (u32 i = 0; i < ARRAY_LEN(place); i++)
		maxtree_set(&tree, place[i], i + 1);
	assert_true(tree.nr_levels <= MAXTREE_LEVELS);
	assert_true(host_sim_resident(memory, bytes) <=
		    ARRAY_LEN(place) * tree.nr_levels * 4096);
	for (u32 i = 0; i < ARRAY_LEN(place); i++) {
		u64 from = i ? place[i - 1] + 1 : 0;

		assert_int_equal(maxtree_first(&tree, from, 1), place[i]);
		assert_int_equal(maxtree_first(&tree, 0, i + 1), place[i]);
		assert_int_equal(maxtree_last(&tree, place[i] + 1, 1),
				 place[i]);
		assert_int_equal(maxtree_last(&tree, place[i], 1),
				 i ? place[i - 1] : MAXTREE_NONE);
	}
	assert_int_equal(maxtree_first(&tree, nr - 1, ARRAY_LEN(place) + 1),
			 MAXTREE_NONE);
	host_release(memory, bytes);
}

static void test_bytes(void **state)
{
	(void)state;
	for (u64 nr = 1; nr < 5000; nr++) {
		u64 want = 0, level = nr;

		for (;;) {
			want += (level + 15) / 16 * 64;
			if (level <= 1)
				break;
			level = (level + 15) / 16;
		}
		assert_int_equal(maxtree_bytes(nr), want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests_name("maxtree", tests, NULL, NULL);
}
