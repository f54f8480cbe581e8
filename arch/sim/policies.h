/* SPDX-License-Identifier: BSD-2-Clause */
/* policies.h: which policy each range of pages has. */
#ifndef ARCH_SIM_POLICIES_H
#define ARCH_SIM_POLICIES_H

#include "host.h"

/* Pages [first, end), numbered by address. */
struct policy_range {
	u64 first, end;
	enum host_policy policy;
	struct nodemask nodes;
};

/*
 * The range that page is in, or a gap as a range: LOCAL, no nodes, up to the
 * next range; behind the last one, up to UINT64_MAX.
 */
struct policy_range policies_at(u64 page);

/* Ranges, not counting gaps. */
u64 policies_count(void);

/* Give a range its policy, whatever it had. */
void policies_set(const struct policy_range *range);
/* Pages [first, end) have none. */
void policies_clear(u64 first, u64 end);
void policies_reset(void);

#endif
