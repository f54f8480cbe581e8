/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * machine.c: what a simulated machine may be, and its text form.
 *
 * A topology is a machine when
 * 1. it has 1 to NODES_MAX nodes and 1 to CPUS_MAX CPUs,
 * 2. every CPU is on one of its nodes,
 * 3. a node is at distance 10 of itself and at 10 or more of the others,
 * 4. at least one node has memory,
 * 5. the numbers of nodes ascend, and are below NODE_IDS.
 * These are the promises of host_topology, so that a simulated machine is
 * never stranger than a real one; it can be as strange.
 *
 * The text is read from left to right by a cursor; a function that reads a
 * part of it moves the cursor behind that part, or returns false.
 *
 * Locking: none, nothing is shared.  Cost: O(text + nodes * nodes + CPUs).
 * What it is not: a parser for input from outside; it is for tests.
 */
#include "machine.h"

#include <errno.h>
#include <string.h>

#define DEFAULT_BYTES (1ull << 30)
#define LOCAL_DISTANCE 10
#define REMOTE_DISTANCE 20

/* Room for more digits than any number here has. */
#define NUMBER_MAX (1ull << 48)

/* No node: cpu_node of a CPU that the text has not named yet. */
#define NODE_NONE 0xff

bool machine_valid(const struct topology *topo)
{
	u64 bytes = 0;
	u32 i, j;

	if (topo->nr_nodes - 1 >= NODES_MAX || topo->nr_cpus - 1 >= CPUS_MAX)
		return false;
	for (i = 0; i < topo->nr_cpus; i++)
		if (topo->cpu_node[i] >= topo->nr_nodes)
			return false;
	for (i = 0; i < topo->nr_nodes; i++) {
		bytes |= topo->node_bytes[i];
		if (topo->number[i] >= NODE_IDS ||
		    (i && topo->number[i] <= topo->number[i - 1]))
			return false;
		if (topo->distance[i][i] != LOCAL_DISTANCE)
			return false;
		for (j = 0; j < topo->nr_nodes; j++)
			if (topo->distance[i][j] < LOCAL_DISTANCE)
				return false;
	}
	return bytes != 0;
}

/* The character c, or false and the cursor stays. */
static bool parse_char(const char **at, char c)
{
	if (**at != c)
		return false;
	++*at;
	return true;
}

static bool parse_number(const char **at, u64 *number)
{
	if (**at < '0' || **at > '9')
		return false;
	for (*number = 0; **at >= '0' && **at <= '9'; ++*at) {
		*number = *number * 10 + (u64)(**at - '0');
		if (*number > NUMBER_MAX)
			return false;
	}
	return true;
}

/* A number of bytes with K, M, G or T behind it. */
static bool parse_size(const char **at, u64 *bytes)
{
	const char *unit, *units = "KMGT";
	unsigned shift;

	if (!parse_number(at, bytes))
		return false;
	unit = **at ? strchr(units, **at) : NULL;
	if (!unit)
		return true;
	++*at;
	shift = 10 * (unsigned)(unit - units + 1);
	if (*bytes > NUMBER_MAX >> shift)
		return false;
	*bytes <<= shift;
	return true;
}

/* "4x8" */
static bool parse_grid(const char **at, struct topology *topo)
{
	u64 nodes, cpus;
	u32 i;

	if (!parse_number(at, &nodes) || !parse_char(at, 'x') ||
	    !parse_number(at, &cpus))
		return false;
	if (!nodes || nodes > NODES_MAX || !cpus || cpus > CPUS_MAX ||
	    nodes * cpus > CPUS_MAX)
		return false;
	topo->nr_nodes = (u32)nodes;
	topo->nr_cpus = (u32)(nodes * cpus);
	for (i = 0; i < topo->nr_cpus; i++)
		topo->cpu_node[i] = (u8)(i / cpus);
	return true;
}

/* "3" or "0-3": CPUs of the node */
static bool parse_range(const char **at, struct topology *topo, u32 node)
{
	u64 first, last, i;

	if (!parse_number(at, &first))
		return false;
	last = first;
	if (parse_char(at, '-') && !parse_number(at, &last))
		return false;
	if (first > last || last >= CPUS_MAX)
		return false;
	for (i = first; i <= last; i++) {
		if (topo->cpu_node[i] != NODE_NONE)
			return false;
		topo->cpu_node[i] = (u8)node;
	}
	topo->nr_cpus = (u32)max_u64(topo->nr_cpus, last + 1);
	return true;
}

/* "0-3,8" or "-": CPUs of the node */
static bool parse_list(const char **at, struct topology *topo, u32 node)
{
	if (parse_char(at, '-'))
		return true;
	do {
		if (!parse_range(at, topo, node))
			return false;
	} while (parse_char(at, ','));
	return true;
}

/* "0-3,8/4-7/-" */
static bool parse_lists(const char **at, struct topology *topo)
{
	u32 cpu;

	memset(topo->cpu_node, NODE_NONE, sizeof(topo->cpu_node));
	do {
		if (topo->nr_nodes == NODES_MAX ||
		    !parse_list(at, topo, topo->nr_nodes))
			return false;
		topo->nr_nodes++;
	} while (parse_char(at, '/'));
	/* A CPU left out stays on no node, which is no machine; behind the
	 * last one nobody looks. */
	for (cpu = topo->nr_cpus; cpu < CPUS_MAX; cpu++)
		topo->cpu_node[cpu] = 0;
	return true;
}

/* "0,8,252" */
static bool parse_numbers(const char **at, struct topology *topo)
{
	u32 node = 0;
	u64 number;

	do {
		if (node == topo->nr_nodes || !parse_number(at, &number) ||
		    number >= NODE_IDS)
			return false;
		topo->number[node++] = (u16)number;
	} while (parse_char(at, ','));
	return node == topo->nr_nodes;
}

/* "1G,512M,0", or one size for all */
static bool parse_sizes(const char **at, struct topology *topo)
{
	u32 node = 0;

	do {
		if (node == topo->nr_nodes ||
		    !parse_size(at, &topo->node_bytes[node++]))
			return false;
	} while (parse_char(at, ','));
	if (node == 1)
		for (; node < topo->nr_nodes; node++)
			topo->node_bytes[node] = topo->node_bytes[0];
	return node == topo->nr_nodes;
}

/* "10,21" */
static bool parse_row(const char **at, struct topology *topo, u32 from)
{
	u64 distance;
	u32 to;

	for (to = 0; to < topo->nr_nodes; to++) {
		if (to && !parse_char(at, ','))
			return false;
		if (!parse_number(at, &distance) || distance > 255)
			return false;
		topo->distance[from][to] = (u8)distance;
	}
	return true;
}

static bool parse_machine(const char **at, struct topology *topo)
{
	const char *start = *at;
	u32 i, j;

	if (!parse_grid(at, topo)) {
		*at = start;
		memset(topo, 0, sizeof(*topo));
		if (!parse_lists(at, topo))
			return false;
	}
	for (i = 0; i < topo->nr_nodes; i++) {
		topo->node_bytes[i] = DEFAULT_BYTES;
		topo->number[i] = (u16)i;
		for (j = 0; j < topo->nr_nodes; j++)
			topo->distance[i][j] = i == j ? LOCAL_DISTANCE
						      : REMOTE_DISTANCE;
	}
	if (parse_char(at, '@') && !parse_numbers(at, topo))
		return false;
	if (parse_char(at, ':') && !parse_sizes(at, topo))
		return false;
	if (!**at)
		return true;
	for (i = 0; i < topo->nr_nodes; i++)
		if (!parse_char(at, ';') || !parse_row(at, topo, i))
			return false;
	return !**at;
}

int machine_parse(const char *text, struct topology *topo)
{
	memset(topo, 0, sizeof(*topo));
	if (!parse_machine(&text, topo) || !machine_valid(topo))
		return -EINVAL;
	return 0;
}
