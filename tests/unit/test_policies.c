/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_policies.c: arch/sim/policies.c, which policy each range of pages of the
 * simulated machine has, against a plain array.
 */
#include "nodes.h"

#include "sim/policies.h"

#define NR 96

/* What a page has; 0: nothing, else what it was given, as below. */
static u32 given[NR];

static struct policy_range range_of(u64 first, u64 end, u32 what)
{
	struct policy_range range = { first, end, HOST_POLICY_LOCAL,
				      NODEMASK_NONE };

	if (what) {
		range.policy = what % 2 ? HOST_POLICY_BIND
					: HOST_POLICY_PREFERRED;
		range.nodes = nodemask_of(what / 2);
	}
	return range;
}

static void set(u64 first, u64 end, u32 what)
{
	const struct policy_range range = range_of(first, end, what);

	if (what)
		policies_set(&range);
	else
		policies_clear(first, end);
	for (u64 page = first; page < end; page++)
		given[page] = what;
}

/* Each page is in the range that it should be in, from end to end. */
static void check(void)
{
	u64 nr = 0, first, end;

	for (first = 0; first < NR; first = end) {
		struct policy_range want;

		for (end = first; end < NR && given[end] == given[first];)
			end++;
		want = range_of(first, end, given[first]);
		nr += given[first] != 0;
		for (u64 page = first; page < end; page++) {
			struct policy_range is = policies_at(page);

			/* a gap begins where one asks, and may have no end */
			if (!given[first]) {
				is.first = first;
				is.end = end == NR && is.end == UINT64_MAX
						 ? NR
						 : is.end;
			}
			assert_int_equal(is.first, want.first);
			assert_int_equal(is.end, want.end);
			assert_int_equal(is.policy, want.policy);
			assert_true(nodemask_eq(&is.nodes, &want.nodes));
		}
	}
	assert_int_equal(policies_count(), nr);
	assert_int_equal(policies_at(NR).end, UINT64_MAX);
}

static int start(void **state)
{
	(void)state;
	policies_reset();
	memset(given, 0, sizeof(given));
	check();
	return 0;
}

static int end(void **state)
{
	(void)state;
	policies_reset();
	assert_int_equal(policies_count(), 0);
	return 0;
}

static void test_table(void **state)
{
	static const struct {
		u64 first, end;
		u32 what; /* 0: none */
		u64 nr;	  /* ranges then */
	} table[] = {
		{ 10, 20, 1, 1 },
		/* beside it: the same is one, others are not */
		{ 20, 30, 1, 1 },
		{ 5, 10, 1, 1 },
		{ 30, 40, 2, 2 },
		{ 0, 5, 3, 3 },
		/* out of the middle, and back again */
		{ 12, 13, 0, 4 },
		{ 12, 13, 2, 5 },
		{ 12, 13, 1, 3 },
		/* over several */
		{ 3, 35, 5, 3 },
		{ 0, 96, 0, 0 },
		{ 7, 7, 0, 0 },
		{ 0, 96, 4, 1 },
		{ 0, 1, 0, 1 },
		{ 95, 96, 0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		set(table[i].first, table[i].end, table[i].what);
		assert_int_equal(policies_count(), table[i].nr);
		check();
	}
}

/* Many, so that there must be room for more than at first. */
static void test_random(void **state)
{
	u64 seed = nodes_seed("test_policies");

	(void)state;
	for (u32 n = 0; n < TEST_STEPS(20000); n++) {
		u64 first = random_below(&seed, NR);
		u64 nr = 1 + random_below(&seed, n % 4 ? 2 : NR - first);

		set(first, min_u64(first + nr, NR),
		    (u32)random_below(&seed, 6));
		check();
	}
	for (u64 page = 0; page < NR; page++)
		set(page, page + 1, 1 + page % 2);
	check();
	assert_int_equal(policies_count(), NR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_table, start, end),
		cmocka_unit_test_setup_teardown(test_random, start, end),
	};

	return cmocka_run_group_tests_name("policies", tests, NULL, NULL);
}
