/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * usable.c: which nodes a heap uses, and in which order.
 *
 * What the caller of fixheap_create wants of nodes, as far as the machine has
 * them and the process may use them.
 *
 * Locking: none.  Cost: O(nodes), and two calls into the kernel.
 */
#include "layout.h"

#include <errno.h>
#include <string.h>

/* Whether the order names each node once. */
static bool is_order(const unsigned *number, unsigned nr)
{
	struct nodemask seen = NODEMASK_NONE;

	for (unsigned i = 0; i < nr; i++) {
		if (number[i] >= NODE_IDS || nodemask_test(&seen, number[i]))
			return false;
		nodemask_set(&seen, number[i]);
	}
	return true;
}

int usable_check(const struct fixheap_numa *numa)
{
	if (numa->size != sizeof(*numa) || (int)numa->binding < 0 ||
	    numa->binding > FIXHEAP_BINDING_NONE ||
	    numa->stripe_percent > 100 || numa->small_reserve > 1000 ||
	    numa->local_reserve > 1000 - numa->small_reserve ||
	    (numa->share && !numa->nr_share) ||
	    (numa->nr_fallback && !numa->fallback) ||
	    !is_order(numa->fallback, numa->nr_fallback))
		return -EINVAL;
	return 0;
}

/* Whether the node can be used; 0 or why not. */
static int check_node(const struct topology *topo, u32 id,
		      const struct nodemask *allowed)
{
	if (!topo->node_bytes[id])
		return -ENODEV;
	return nodemask_test(allowed, topo->number[id]) ? 0 : -EACCES;
}

/*
 * Nodes that may be used: of the cpuset, and when nothing was said about nodes,
 * of the policy that the program runs under: `numactl --membind`.
 */
static void find_allowed(const struct layout *layout, bool any,
			 struct nodemask *allowed)
{
	enum host_policy policy;
	struct nodemask nodes;

	if (!layout->asked || host_allowed_nodes(allowed))
		memset(allowed, 0xff, sizeof(*allowed));
	if (layout->asked && any && !host_policy_of(NULL, &policy, &nodes) &&
	    policy == HOST_POLICY_BIND)
		*allowed = nodemask_and(allowed, &nodes);
}

/* Whether the machine has all of these. */
static bool has_all(const struct topology *topo, const struct nodemask *nodes)
{
	u32 number;

	nodemask_for_each(number, nodes)
	{
		if (topology_find(topo, number) == topo->nr_nodes)
			return false;
	}
	return true;
}

/* The share of each node that is used. */
static int choose_nodes(const struct fixheap_config *config,
			struct layout *layout)
{
	const struct fixheap_numa *numa = &layout->numa;
	const struct topology *topo = layout->topo;
	struct nodemask wanted = nodemask_from(&numa->nodes), allowed;
	bool any = nodemask_empty(&wanted);
	bool strict = !any && !(config->flags & FIXHEAP_SHRINK);
	u32 nr = 0;

	find_allowed(layout, any, &allowed);
	if (strict && !has_all(topo, &wanted))
		return -ENODEV;
	for (u32 id = 0; id < topo->nr_nodes; id++) {
		u32 number = topo->number[id];
		int ret;

		if (!any && !nodemask_test(&wanted, number))
			continue;
		ret = check_node(topo, id, &allowed);
		if (ret && strict)
			return ret;
		if (ret)
			continue;
		layout->share[id] = topo->node_bytes[id];
		if (numa->share)
			layout->share[id] = number < numa->nr_share
						    ? numa->share[number]
						    : 0;
		nr += layout->share[id] != 0;
	}
	return nr ? 0 : -ENODEV;
}

/* Which nodes the striped zone is over. */
static int choose_stripe(struct layout *layout)
{
	struct nodemask wanted = nodemask_from(&layout->numa.stripe_nodes);
	bool any = nodemask_empty(&wanted);

	if (!has_all(layout->topo, &wanted))
		return -ENODEV;
	for (u32 id = 0; id < layout->topo->nr_nodes; id++) {
		if (any ? !layout->share[id]
			: !nodemask_test(&wanted, layout->topo->number[id]))
			continue;
		if (!layout->share[id])
			return -ENODEV;
		layout->stripe[layout->nr_stripe++] = (u8)id;
	}
	if (!layout->numa.stripe_percent)
		layout->nr_stripe = 0;
	return 0;
}

/* The places of the nodes in the caller's order; others have none. */
static void choose_fallback(struct layout *layout)
{
	const struct fixheap_numa *numa = &layout->numa;
	u8 place = 0;

	for (unsigned i = 0; i < numa->nr_fallback; i++) {
		u32 id = topology_find(layout->topo, numa->fallback[i]);

		if (id < layout->topo->nr_nodes)
			layout->fallback[id] = ++place;
	}
}

int usable_choose(const struct fixheap_config *config, struct layout *layout)
{
	int ret = choose_nodes(config, layout);

	if (!ret)
		ret = choose_stripe(layout);
	choose_fallback(layout);
	return ret;
}
