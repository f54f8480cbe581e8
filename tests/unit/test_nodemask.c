/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_nodemask.c: sets of nodes, nodemask.h.  Each function is compared with
 * an array of one byte a node.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "nodemask.h"

/* Around the borders of words, and the ends. */
static const u32 nodes[] = { 0, 1, 62, 63, 64, 65, 127, 128, 511, 1022, 1023 };

static void compare(const struct nodemask *mask, const char *wanted)
{
	u32 node, next = NODE_IDS, nr = 0;

	for (node = NODE_IDS; node-- > 0;) {
		assert_int_equal(nodemask_test(mask, node), wanted[node]);
		nr += wanted[node] ? 1 : 0;
		next = wanted[node] ? node : next;
		assert_int_equal(nodemask_next(mask, node), next);
	}
	assert_int_equal(nodemask_first(mask), next);
	assert_int_equal(nodemask_weight(mask), nr);
	assert_int_equal(nodemask_empty(mask), nr == 0);
	nodemask_for_each(node, mask) nr -= wanted[node] ? 1 : 2;
	assert_int_equal(nr, 0);
}

static void test_set(void **state)
{
	struct nodemask mask = NODEMASK_NONE;
	char wanted[NODE_IDS] = "";
	size_t i;

	(void)state;
	compare(&mask, wanted);
	for (i = 0; i < ARRAY_LEN(nodes); i++) {
		nodemask_set(&mask, nodes[i]);
		wanted[nodes[i]] = 1;
		compare(&mask, wanted);
	}
	for (i = 0; i < ARRAY_LEN(nodes); i += 2) {
		nodemask_clear(&mask, nodes[i]);
		wanted[nodes[i]] = 0;
		compare(&mask, wanted);
	}
}

/* Numbers that no node has. */
static void test_beyond(void **state)
{
	static const u32 table[] = { NODE_IDS, NODE_IDS + 1, UINT32_MAX };
	struct nodemask mask = nodemask_of_bits(UINT64_MAX);
	struct nodemask before = mask;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(table); i++) {
		nodemask_set(&mask, table[i]);
		nodemask_clear(&mask, table[i]);
		assert_true(nodemask_eq(&mask, &before));
		assert_false(nodemask_test(&mask, table[i]));
		assert_int_equal(nodemask_next(&mask, table[i]), NODE_IDS);
		mask = nodemask_of(table[i]);
		assert_true(nodemask_empty(&mask));
		mask = before;
	}
}

static void test_two(void **state)
{
	struct nodemask low = nodemask_of_bits(0xf0f0), all = low, both;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(nodes); i++) {
		struct nodemask one = nodemask_of(nodes[i]);

		assert_int_equal(nodemask_weight(&one), 1);
		assert_int_equal(nodemask_first(&one), nodes[i]);
		assert_false(nodemask_subset(&one, &low));
		assert_false(nodemask_eq(&one, &low));
		both = nodemask_and(&one, &low);
		assert_true(nodemask_empty(&both));
		nodemask_set(&all, nodes[i]);
		assert_true(nodemask_subset(&one, &all));
		assert_true(nodemask_subset(&low, &all));
		assert_false(nodemask_subset(&all, &low));
		both = nodemask_and(&low, &all);
		assert_true(nodemask_eq(&both, &low));
	}
	both = NODEMASK_NONE;
	assert_true(nodemask_subset(&both, &low));
	assert_true(nodemask_subset(&low, &low));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set),
		cmocka_unit_test(test_beyond),
		cmocka_unit_test(test_two),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
