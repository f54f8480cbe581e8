/* SPDX-License-Identifier: BSD-2-Clause */
/* settle.h: how pages get their nodes; see settle.c. */
#ifndef ARCH_SIM_SETTLE_H
#define ARCH_SIM_SETTLE_H

#include <pthread.h>

#include "placed.h"
#include "policies.h"

/* Room on a node before a test says something else. */
#define LIMITLESS ((int64_t)1 << 60)

/* All under the lock, and so is every function here. */
extern struct place {
	pthread_mutex_t lock;
	int64_t room[NODES_MAX]; /* bytes; below 0: killed */
	bool limited;		 /* a test said what is free */
	bool confined;		 /* a test said what is allowed */
	struct nodemask allowed; /* then: the cpuset */
	u64 killed;		 /* bytes */
	int refuse;		 /* -errno, or 0 */
	size_t mapping_page;	 /* bytes; 0: the system's */
} place;

/* Pages are numbered by address; the page behind the last of a range. */
u64 page_of(const void *addr);
u64 page_end(const void *start, size_t bytes);
size_t mapping_page(void);

/* Nodes that memory may come from. */
struct nodemask usable_nodes(void);
/* The n-th node of a mask that is not empty, counted round and round. */
u32 nth_node(const struct nodemask *nodes, u64 n);

/* Settle pages [first, end). */
void settle(u64 first, u64 end);
/* Settle all pages with a policy other than LOCAL. */
void settle_all(void);
/* For placed_walk: the page goes, its node has room for another. */
u32 forget_page(void *data, u64 page, u32 node);

/* Call fn for each range with a policy other than LOCAL; fn may change it. */
typedef void (*policy_fn)(void *data, const struct policy_range *range);
void each_policy(policy_fn fn, void *data);

#endif
