/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * placement_sim.c: what tests do to the nodes of the simulated machine, and
 * ask of them; host_sim.h is the contract.
 *
 * None of these counts as a call, and none calls the hook.
 *
 * Locking: that of settle.c.  Cost: as in settle.c; where all pages have to be
 * settled first, O(pages in memory of all ranges with a policy).
 */
#include "placement.h"
#include "resident.h"
#include "settle.h"
#include "sim.h"

void placement_reset(void)
{
	u32 node;

	pthread_mutex_lock(&place.lock);
	policies_reset();
	placed_reset();
	for (node = 0; node < NODES_MAX; node++)
		place.room[node] = LIMITLESS;
	place.limited = place.confined = false;
	place.killed = 0;
	place.refuse = 0;
	place.mapping_page = 0;
	pthread_mutex_unlock(&place.lock);
}

void host_sim_settle(const void *start, size_t bytes)
{
	pthread_mutex_lock(&place.lock);
	settle(page_of(start), page_end(start, bytes));
	pthread_mutex_unlock(&place.lock);
}

struct count {
	u64 pages;
	u32 node;
};

static u32 count_page(void *data, u64 page, u32 node)
{
	struct count *count = data;

	(void)page;
	count->pages += node == count->node ? 1 : 0;
	return node;
}

u64 host_sim_on_node(const void *start, size_t bytes, u32 node)
{
	struct count count = { .node = placement_node(node) };
	u64 first = page_of(start), end = page_end(start, bytes);

	pthread_mutex_lock(&place.lock);
	settle(first, end);
	placed_walk(first, end, count_page, &count);
	pthread_mutex_unlock(&place.lock);
	return count.pages * resident_page();
}

static u32 move_page(void *data, u64 page, u32 node)
{
	const u32 *to = data;

	(void)page;
	place.room[node] += (int64_t)resident_page();
	place.room[*to] -= (int64_t)resident_page();
	return *to;
}

void host_sim_move(const void *start, size_t bytes, u32 number)
{
	u64 first = page_of(start), end = page_end(start, bytes);
	u32 node = placement_node(number);

	if (node >= sim_topology()->nr_nodes)
		sim_misuse("host_sim_move to a node that is not there");
	pthread_mutex_lock(&place.lock);
	settle(first, end);
	placed_walk(first, end, move_page, &node);
	pthread_mutex_unlock(&place.lock);
}

void host_sim_set_node_free(u32 number, u64 bytes)
{
	u32 node = placement_node(number);

	if (node >= sim_topology()->nr_nodes)
		sim_misuse("host_sim_set_node_free of what is no node");
	pthread_mutex_lock(&place.lock);
	settle_all();
	place.room[node] = (int64_t)min_u64(bytes, LIMITLESS);
	place.limited = true;
	pthread_mutex_unlock(&place.lock);
}

u64 host_sim_killed(void)
{
	u64 killed;

	pthread_mutex_lock(&place.lock);
	settle_all();
	killed = place.killed;
	pthread_mutex_unlock(&place.lock);
	return killed;
}

/* The cpuset changes. */
struct change {
	struct nodemask from, to;
};

/* The node that takes the place of this one. */
static u32 replace(const struct change *change, u32 node)
{
	u32 n = 0, i;

	if (!nodemask_test(&change->from, node))
		return node;
	for (i = 0; i < node; i++)
		n += nodemask_test(&change->from, i) ? 1 : 0;
	return nth_node(&change->to, n);
}

static u32 replace_page(void *data, u64 page, u32 node)
{
	const struct change *change = data;
	u32 to = node;

	if (!nodemask_test(&change->to, node))
		to = replace(change, node);
	return move_page(&to, page, node);
}

/* A mask of one node that is bound stays, and so do preferred ones. */
static void replace_policy(void *data, const struct policy_range *range)
{
	const struct change *change = data;
	struct policy_range changed = *range;
	u32 node;

	if (range->policy == HOST_POLICY_PREFERRED ||
	    (range->policy == HOST_POLICY_BIND &&
	     nodemask_weight(&range->nodes) == 1))
		return;
	changed.nodes = NODEMASK_NONE;
	nodemask_for_each(node, &range->nodes)
		nodemask_set(&changed.nodes, replace(change, node));
	policies_set(&changed);
}

void host_sim_set_allowed(const struct nodemask *nodes)
{
	struct change change;

	pthread_mutex_lock(&place.lock);
	settle_all();
	change.from = usable_nodes();
	place.confined = true;
	place.allowed = placement_nodes(nodes);
	change.to = usable_nodes();
	if (nodemask_empty(&change.to))
		sim_misuse("host_sim_set_allowed leaves no node with memory");
	placed_walk(0, UINT64_MAX, replace_page, &change);
	each_policy(replace_policy, &change);
	pthread_mutex_unlock(&place.lock);
}

void host_sim_refuse_placement(int err)
{
	pthread_mutex_lock(&place.lock);
	place.refuse = err;
	pthread_mutex_unlock(&place.lock);
}

void host_sim_set_mapping_page(size_t bytes)
{
	pthread_mutex_lock(&place.lock);
	place.mapping_page = bytes;
	pthread_mutex_unlock(&place.lock);
}

u64 host_sim_mapping_calls(void)
{
	return host_sim_calls(HOST_SIM_BIND) +
	       host_sim_calls(HOST_SIM_DISCARD) +
	       host_sim_calls(HOST_SIM_POPULATE) +
	       host_sim_calls(HOST_SIM_ADVISE_HUGE);
}

u64 host_sim_policies(void)
{
	u64 count;

	pthread_mutex_lock(&place.lock);
	count = policies_count();
	pthread_mutex_unlock(&place.lock);
	return count;
}
