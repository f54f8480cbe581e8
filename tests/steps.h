/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * steps.h: how often a long test does something: a tenth under a sanitizer or
 * without optimization, which is how the configurations of the matrix are
 * built; ten times as often with TEST_LONG, in `make check-slow`.
 */
#ifndef TESTS_STEPS_H
#define TESTS_STEPS_H

#if defined(TEST_LONG)
#define TEST_STEPS(nr) ((nr)*10)
#elif defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || \
	!defined(__OPTIMIZE__)
#define TEST_STEPS(nr) ((nr) / 10)
#else
#define TEST_STEPS(nr) (nr)
#endif

#endif
