/* SPDX-License-Identifier: BSD-2-Clause */
/* lacks.h: what the system that a test runs on is known not to do. */
#ifndef TESTS_LACKS_H
#define TESTS_LACKS_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/*
 * Whether LACKS has this word.  Only tests/cross.sh sets it, and says why: a
 * test that asked the system would not see that a kernel has stopped doing it.
 */
static inline bool lacks(const char *word)
{
	const char *list = getenv("LACKS");

	return list && strstr(list, word);
}

#endif
