/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nodes.c: the model test's mode with a heap that is bound to its nodes, and
 * every policy.
 *
 * Nodes have memory without end, so a strict array is refused only where no run
 * of the heap is long enough.  Which node a page shall be on is worked out here
 * from the attribute; it must be what fixheap_node_of says, and where the
 * simulated kernel has put it.
 */
#include "oracle.h"

#include <string.h>

#include "sim/host_sim.h"

#define STRIPE_PAGES 512

static const unsigned char weights[64] = { 2, 1, 3, 1, 1, 2 };

bool nodes_is_strict(const struct live *live)
{
	return live->policy == FIXHEAP_POLICY_BIND ||
	       live->policy == FIXHEAP_POLICY_INTERLEAVE ||
	       live->policy == FIXHEAP_POLICY_BLOCKED;
}

/* Nodes that the heap has, of those that the request names. */
static uint64_t all_of(const struct model *m, uint64_t nodes)
{
	return nodes & m->nodes ? nodes & m->nodes : m->nodes;
}

void nodes_pick(struct model *m, struct fixheap_array_attr *attr,
		struct live *live)
{
	live->wanted = all_of(m, attr->nodes);
	attr->nodes = live->wanted;
	attr->policy = FIXHEAP_POLICY_DEFAULT + model_pick(m, 6);
	if (attr->policy == FIXHEAP_POLICY_INTERLEAVE && model_pick(m, 2))
		attr->weights = weights;
	if (attr->policy <= FIXHEAP_POLICY_LOCAL && !model_pick(m, 3))
		attr->flags |= FIXHEAP_FRESH;
	live->policy = attr->policy;
	live->fresh = attr->flags & FIXHEAP_FRESH;
	live->weighted = attr->weights != NULL;
	if (nodes_is_strict(live) && !(live->wanted & (live->wanted - 1)))
		live->policy = FIXHEAP_POLICY_BIND;
}

static unsigned nth(uint64_t nodes, size_t i)
{
	while (i--)
		nodes &= nodes - 1;
	return (unsigned)__builtin_ctzll(nodes);
}

/* Node of page i of an INTERLEAVE array. */
static unsigned striped(const struct live *live, size_t i)
{
	size_t k = (size_t)__builtin_popcountll(live->wanted), n, sum = 0;
	size_t turn;

	for (n = 0; n < k; n++)
		sum += live->weighted ? weights[n] : 1;
	turn = i / STRIPE_PAGES % sum;
	for (n = 0; turn >= (live->weighted ? weights[n] : 1u); n++)
		turn -= live->weighted ? weights[n] : 1;
	return nth(live->wanted, n);
}

/* Node of page i of a BLOCKED array. */
static unsigned blocked(const struct live *live, size_t i)
{
	size_t k = (size_t)__builtin_popcountll(live->wanted), n = 0;

	while (live->divided * (n + 1) / k <= i && n + 1 < k)
		n++;
	return nth(live->wanted, n);
}

/* Whether page i of the array may be on this node. */
static bool may_be(const struct model *m, const struct live *live, size_t i,
		   int node)
{
	if (live->fresh)
		return node == FIXHEAP_NODE_MIXED;
	switch (live->policy) {
	case FIXHEAP_POLICY_BIND:
		return node >= 0 && live->wanted >> node & 1;
	case FIXHEAP_POLICY_INTERLEAVE:
		return node == (int)striped(live, i);
	case FIXHEAP_POLICY_BLOCKED:
		return node == (int)blocked(live, i);
	default:
		return node == m->node[live->page + i];
	}
}

bool nodes_check(struct model *m, const struct live *live)
{
	if (!m->options->bound || live->kind == OBJECT)
		return true;
	for (size_t i = 0; i < live->nr; i++) {
		int node =
			fixheap_node_of(m->heap, oracle_at(m, live->page + i));

		if (!may_be(m, live, i, node))
			return model_fail(m, "told to be on the wrong node",
					  live->page + i, live->nr);
	}
	return true;
}

bool nodes_check_all(struct model *m)
{
	size_t page, end;

	if (!m->options->bound)
		return true;
	if (host_sim_killed())
		return model_fail(m, "a node gave more than it has", 0, 0);
	for (page = 0; page < m->nr_pages; page = end) {
		int node = fixheap_node_of(m->heap, oracle_at(m, page));
		void *start = oracle_at(m, page);
		size_t bytes;

		for (end = page + 1; end < m->nr_pages; end++) {
			if (fixheap_node_of(m->heap, oracle_at(m, end)) != node)
				break;
		}
		bytes = (end - page) * m->page_bytes;
		if (node >= 0 && host_sim_on_node(start, bytes, (u32)node) !=
					 host_sim_touched(start, bytes))
			return model_fail(m, "pages elsewhere", page,
					  end - page);
	}
	return true;
}

void nodes_made(struct model *m, struct live *live)
{
	live->divided = live->nr;
	live->stuck = live->fresh;
	if (live->policy == FIXHEAP_POLICY_BLOCKED ||
	    live->policy == FIXHEAP_POLICY_INTERLEAVE)
		live->stuck = true;
	for (size_t i = 0; nodes_is_strict(live) && i < live->nr; i++) {
		if (!(live->wanted >> m->node[live->page + i] & 1))
			live->stuck = true;
	}
}
