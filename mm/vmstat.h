/* SPDX-License-Identifier: BSD-2-Clause */
/* vmstat.h: event counters; without CONFIG_VMSTAT they count nothing. */
#ifndef MM_VMSTAT_H
#define MM_VMSTAT_H

#include "types.h"

static inline void vmstat_add(u64 *counter, u64 nr)
{
	if (IS_ENABLED(CONFIG_VMSTAT))
		__atomic_add_fetch(counter, nr, __ATOMIC_RELAXED);
}

#endif
