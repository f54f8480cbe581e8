/* SPDX-License-Identifier: BSD-2-Clause */
/* suite.h: the tests that every mode passes; see test_modes.c. */
#ifndef TESTS_MODES_SUITE_H
#define TESTS_MODES_SUITE_H

#include "support.h"

/* The heap of the test that runs: made before it, empty and gone after it. */
extern struct test_heap suite;
/* Of the random tests. */
extern uint64_t suite_seed;
extern unsigned long suite_steps; /* 0: as many as they like */

int suite_setup(void **state);
int suite_teardown(void **state);

#define SUITE_TEST(name)                                          \
	cmocka_unit_test_setup_teardown(test_##name, suite_setup, \
					suite_teardown)

struct suite_part {
	const struct CMUnitTest *tests;
	unsigned nr;
};
extern const struct suite_part suite_objects, suite_arrays, suite_limits,
	suite_threads, suite_model, suite_trim, suite_filter;

#endif
