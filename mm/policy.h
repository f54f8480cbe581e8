/* SPDX-License-Identifier: BSD-2-Clause */
/* policy.h: which nodes an array's pages shall be on; see policy.c. */
#ifndef MM_POLICY_H
#define MM_POLICY_H

#include "run.h"

static inline bool policy_is_strict(enum fixheap_policy policy)
{
	return policy == FIXHEAP_POLICY_BIND ||
	       policy == FIXHEAP_POLICY_INTERLEAVE ||
	       policy == FIXHEAP_POLICY_BLOCKED;
}

size_t policy_bytes(u64 nr_pages);

/* Fill the nodes of req from a public attribute.  0 or -EINVAL. */
int policy_parse(const struct fixheap *heap,
		 const struct fixheap_array_attr *attr,
		 struct run_request *req);
/* What the array with this head and descriptor was asked with. */
void policy_again(const struct fixheap *heap, u64 pfn, u64 page,
		  struct run_request *req);

/* Whether the run with this head and descriptor is an array whose node the
 * next touch decides.  The region lock is held. */
bool policy_is_fresh(const struct fixheap *heap, u64 pfn, u64 page);

/* Whether there is room for what policy_note would note. */
bool policy_has_set(struct fixheap *heap, const struct run_request *req);

/*
 * Note what the array was asked with; target: the node of a BIND array that
 * is not at home.  false: there are too many sets of nodes in use.
 * policy_drop_locked: the region lock is held.
 */
bool policy_note(struct fixheap *heap, const struct run *run,
		 const struct run_request *req, u32 target);
void policy_drop_locked(struct fixheap *heap, u64 pfn, u64 page);
void policy_drop(struct fixheap *heap, u64 pfn, u64 page);

/* The node where page at of the array [head with this descriptor] shall be,
 * FIXHEAP_NODE_MIXED: anywhere; *end: so far it is the same. */
int policy_node(const struct fixheap *heap, const struct run *run, u64 page,
		u64 at, u64 *end);
/* The same for an array that is to be made as req says. */
int policy_plan(const struct fixheap *heap, const struct run *run,
		const struct run_request *req, u64 at, u64 *end);
/* So far the array may grow in place. */
u64 policy_limit(const struct fixheap *heap, u64 pfn, u64 page);

/* Zones in which the parts of a BLOCKED array lie on their nodes, the first
 * at zone *from or behind it: where such an array may begin and end. */
bool policy_blocked(const struct fixheap *heap, const struct run_request *req,
		    u32 *from, struct bounds *in);
/* The same with the first part in zone z, and only there. */
bool policy_blocked_at(const struct fixheap *heap,
		       const struct run_request *req, u32 z, struct bounds *in);
/* Nodes that are asked for. */
u32 policy_nr_nodes(const struct run_request *req);
/* The striped zone as a bit of heap->node; 0: there is none. */
u128 policy_striped_place(const struct fixheap *heap);
/* Whose zones have nothing but pages of these nodes: them, and the striped zone
 * if all of its nodes are among them. */
u128 policy_places(const struct fixheap *heap, u128 nodes);
/* Whether the striped zone has the stripes that are asked for. */
bool policy_striped(const struct fixheap *heap, const struct run_request *req);

#endif
