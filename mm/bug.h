/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bug.h: checks of our own invariants, two tiers.  MM_BUG_ON stays in every
 * build and is for what would corrupt the caller's memory; MM_DEBUG_ON costs
 * time and is there with CONFIG_DEBUG_MM only.
 */
#ifndef MM_BUG_H
#define MM_BUG_H

#include "host.h"

#define MM_BUG_TEXT(cond, file, line) \
	"fixheap: bug: " cond " at " file ":" line "\n"
#define MM_BUG_LINE(line) #line
#define MM_BUG_STR(line) MM_BUG_LINE(line)

#define MM_BUG_ON(cond)                                                 \
	do {                                                            \
		if (unlikely(cond)) {                                   \
			static const char text[] = MM_BUG_TEXT(         \
				#cond, __FILE__, MM_BUG_STR(__LINE__)); \
			host_print(text, sizeof(text) - 1);             \
			host_abort();                                   \
		}                                                       \
	} while (0)

#define MM_DEBUG_ON(cond)                        \
	do {                                     \
		if (IS_ENABLED(CONFIG_DEBUG_MM)) \
			MM_BUG_ON(cond);         \
	} while (0)

#endif
