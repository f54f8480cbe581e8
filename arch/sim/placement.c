/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * placement.c: the functions of host.h about nodes, on the simulated machine.
 *
 * What they ask for is written down in policies.c, which page is where in
 * placed.c; settle.c has the rules.  In these files nodes are counted as in the
 * topology; here they get their numbers.  As everywhere in the simulation, a
 * call is counted, the hook runs, and a failure that is due happens first.
 *
 * Locking: that of settle.c, taken behind the hook.  Cost: as in settle.c.
 */
#include "placement.h"

#include <errno.h>
#include <sys/mman.h>

#include "resident.h"
#include "settle.h"
#include "sim.h"

/* A call about placement came; 0, or the -errno that it fails with. */
static int enter(enum host_sim_call call)
{
	int err = sim_enter(call);

	if (err)
		return err;
	pthread_mutex_lock(&place.lock);
	err = place.refuse;
	pthread_mutex_unlock(&place.lock);
	return err;
}

static bool is_mapped(u64 page)
{
	unsigned char in_core[RESIDENT_PARTS];

	return !mincore((void *)(page * resident_page()), resident_page(),
			in_core);
}

/* Size of the page that addr is mapped with. */
static size_t page_at(const void *addr)
{
	size_t page = pools_page(addr);

	return page ? page : mapping_page();
}

/* Whether these are whole pages, of which the first and the last one are
 * mapped. */
static bool is_range(const void *start, size_t bytes)
{
	uintptr_t mask = page_at(start) - 1;
	int saved = errno;
	bool mapped;

	if (!bytes || (bytes & mask) || ((uintptr_t)start & mask) ||
	    (uintptr_t)start + bytes < bytes)
		return false;
	mapped = is_mapped(page_of(start)) &&
		 is_mapped(page_end(start, bytes) - 1);
	errno = saved;
	return mapped;
}

u32 placement_node(u32 number)
{
	return topology_find(sim_topology(), number);
}

struct nodemask placement_nodes(const struct nodemask *numbers)
{
	struct nodemask nodes = NODEMASK_NONE;
	u32 number;

	nodemask_for_each(number, numbers)
	{
		u32 node = placement_node(number);

		if (node < sim_topology()->nr_nodes)
			nodemask_set(&nodes, node);
	}
	return nodes;
}

/* The numbers of these nodes. */
static struct nodemask to_numbers(const struct nodemask *nodes)
{
	struct nodemask numbers = NODEMASK_NONE;
	u32 node;

	nodemask_for_each(node, nodes)
		nodemask_set(&numbers, sim_topology()->number[node]);
	return numbers;
}

/* 0; -EXDEV: range is LOCAL now, but may be used; -EINVAL: it may not. */
static int trim(struct policy_range *range, const struct nodemask *nodes)
{
	struct nodemask usable = usable_nodes();

	if (range->policy == HOST_POLICY_LOCAL)
		return 0;
	if ((unsigned)range->policy > HOST_POLICY_LOCAL || !nodes)
		return -EINVAL;
	range->nodes = placement_nodes(nodes);
	range->nodes = nodemask_and(&range->nodes, &usable);
	if (nodemask_empty(&range->nodes))
		return -EINVAL;
	if (nodemask_weight(&range->nodes) == nodemask_weight(nodes))
		return 0;
	range->policy = HOST_POLICY_LOCAL;
	range->nodes = NODEMASK_NONE;
	return -EXDEV;
}

int host_bind(void *start, size_t bytes, enum host_policy policy,
	      const struct nodemask *nodes)
{
	int err = enter(HOST_SIM_BIND);
	struct policy_range range = { .policy = policy };

	if (err)
		return err;
	pthread_mutex_lock(&place.lock);
	err = is_range(start, bytes) ? trim(&range, nodes) : -EINVAL;
	if (err != -EINVAL) {
		range.first = page_of(start);
		range.end = page_end(start, bytes);
		settle(range.first, range.end);
		policies_set(&range);
	}
	pthread_mutex_unlock(&place.lock);
	return err;
}

/*
 * What is shared has to be removed, what is private cannot be.  The second call
 * says whether it worked: qemu-user ignores the first one, and returns 0.
 */
static int drop(void *start, size_t bytes)
{
	madvise(start, bytes, MADV_REMOVE);
	return madvise(start, bytes, MADV_DONTNEED);
}

int host_discard(void *start, size_t bytes)
{
	int err = sim_enter(HOST_SIM_DISCARD), saved = errno;

	if (err)
		return err;
	pthread_mutex_lock(&place.lock);
	if (!is_range(start, bytes))
		err = -EINVAL;
	else if (drop(start, bytes))
		err = -errno;
	else
		placed_walk(page_of(start), page_end(start, bytes), forget_page,
			    NULL);
	pthread_mutex_unlock(&place.lock);
	errno = saved;
	return err;
}

/* Page by page, by an atomic operation, as others may write to it. */
int host_populate(void *start, size_t bytes)
{
	int err = sim_enter(HOST_SIM_POPULATE);
	volatile u32 nothing = 0;
	size_t at;

	if (err)
		return err;
	for (at = 0; at < bytes; at += HOST_PAGE_MIN)
		__atomic_fetch_or((u32 *)((char *)start + at), nothing,
				  __ATOMIC_RELAXED);
	placement_touched(start, bytes);
	return 0;
}

void host_advise_huge(void *start, size_t bytes)
{
	(void)start;
	(void)bytes;
	sim_enter(HOST_SIM_ADVISE_HUGE);
}

/* How many of the addresses from the first on are of pages in a row. */
static u32 in_a_row(void *const *addr, u32 nr)
{
	u32 i = 1;

	while (i < nr && page_of(addr[i]) == page_of(addr[0]) + i)
		i++;
	return i;
}

int host_nodes_of(void *const *addr, int *node, u32 nr)
{
	int err = enter(HOST_SIM_NODES_OF);
	u32 i, known = 0;

	if (err)
		return err;
	pthread_mutex_lock(&place.lock);
	for (i = 0; i < nr; i++) {
		u64 page = page_of(addr[i]);
		u32 on;

		if (i == known) {
			known += in_a_row(addr + i, nr - i);
			settle(page, page + known - i);
		}
		on = placed_get(page);
		/* Kernels differ in what they say; nobody may rely on one. */
		if (on == PLACED_NOWHERE)
			node[i] = page & 1 ? -EFAULT : -ENOENT;
		else
			node[i] = sim_topology()->number[on];
	}
	pthread_mutex_unlock(&place.lock);
	return 0;
}

int host_policy_of(const void *addr, enum host_policy *policy,
		   struct nodemask *nodes)
{
	int err = enter(HOST_SIM_POLICY_OF);
	struct policy_range range;

	if (err)
		return err;
	pthread_mutex_lock(&place.lock);
	range = policies_at(page_of(addr));
	pthread_mutex_unlock(&place.lock);
	*policy = range.policy;
	*nodes = to_numbers(&range.nodes);
	return 0;
}

int host_allowed_nodes(struct nodemask *nodes)
{
	int err = enter(HOST_SIM_ALLOWED_NODES);

	if (err)
		return err;
	pthread_mutex_lock(&place.lock);
	*nodes = usable_nodes();
	pthread_mutex_unlock(&place.lock);
	*nodes = to_numbers(nodes);
	return 0;
}

u64 host_memory(void)
{
	const struct topology *topo = sim_topology();
	u64 bytes = 0;

	for (u32 node = 0; node < topo->nr_nodes; node++)
		bytes += topo->node_bytes[node];
	return bytes;
}

size_t host_mapping_page(const void *addr)
{
	sim_enter(HOST_SIM_MAPPING_PAGE);
	return page_at(addr);
}

u64 host_node_free(u32 number, size_t page)
{
	const struct topology *topo = sim_topology();
	u32 node = placement_node(number);
	int64_t room;

	sim_enter(HOST_SIM_NODE_FREE);
	if (node >= topo->nr_nodes || !topo->node_bytes[node])
		return 0;
	pthread_mutex_lock(&place.lock);
	/* What was touched has been taken, though nobody asked yet. */
	if (place.limited)
		settle_all();
	room = place.room[node];
	pthread_mutex_unlock(&place.lock);
	return room > 0 ? round_down((u64)room, page) : 0;
}

void placement_forget(void *start, size_t bytes)
{
	u64 first = page_of(start), end = page_end(start, bytes);

	pthread_mutex_lock(&place.lock);
	placed_walk(first, end, forget_page, NULL);
	policies_clear(first, end);
	pthread_mutex_unlock(&place.lock);
}

void placement_touched(void *start, size_t bytes)
{
	if (sim_topology()->nr_nodes > 1)
		host_sim_settle(start, bytes);
}
