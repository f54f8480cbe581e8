/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * policies.c: which policy each range of pages has.
 *
 * 1. Ranges are in order, not empty, and do not overlap.
 * 2. Two that touch each other differ in policy or nodes: the kernel merges
 *    mappings like that as well.
 *
 * Locking: the caller's, that of placement.c.  Cost: O(log n) to find one,
 * O(n) to change one.
 */
#include "policies.h"

#include <stdlib.h>
#include <string.h>

#include "sim.h"

static struct {
	struct policy_range *range;
	u64 nr, room;
} table;

/* The first range that ends behind page; nr: none. */
static u64 find(u64 page)
{
	u64 low = 0, high = table.nr;

	while (low < high) {
		u64 middle = (low + high) / 2;

		if (table.range[middle].end > page)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

struct policy_range policies_at(u64 page)
{
	u64 i = find(page);
	struct policy_range gap = { page, UINT64_MAX, HOST_POLICY_LOCAL,
				    NODEMASK_NONE };

	if (i == table.nr)
		return gap;
	if (table.range[i].first <= page)
		return table.range[i];
	gap.end = table.range[i].first;
	return gap;
}

u64 policies_count(void)
{
	return table.nr;
}

static void insert(u64 at, const struct policy_range *range)
{
	if (table.nr == table.room) {
		table.room = table.room ? 2 * table.room : 64;
		table.range =
			realloc(table.range, table.room * sizeof(*table.range));
		if (!table.range)
			sim_misuse("no memory for policies");
	}
	memmove(&table.range[at + 1], &table.range[at],
		(table.nr - at) * sizeof(*table.range));
	table.range[at] = *range;
	table.nr++;
}

/* Ranges [from, to) go. */
static void erase(u64 from, u64 to)
{
	if (from == to)
		return;
	memmove(&table.range[from], &table.range[to],
		(table.nr - to) * sizeof(*table.range));
	table.nr -= to - from;
}

/* A range that reaches over page becomes two. */
static void split(u64 page)
{
	u64 i = find(page);
	struct policy_range low;

	if (i == table.nr || table.range[i].first >= page)
		return;
	low = table.range[i];
	low.end = page;
	table.range[i].first = page;
	insert(i, &low);
}

void policies_clear(u64 first, u64 end)
{
	if (!table.nr || first >= end)
		return;
	split(first);
	split(end);
	erase(find(first), find(end));
}

/* Ranges i - 1 and i become one if they may. */
static void merge(u64 i)
{
	struct policy_range *low, *high;

	if (!i || i >= table.nr)
		return;
	low = &table.range[i - 1];
	high = &table.range[i];
	if (low->end != high->first || low->policy != high->policy ||
	    !nodemask_eq(&low->nodes, &high->nodes))
		return;
	low->end = high->end;
	erase(i, i + 1);
}

void policies_set(const struct policy_range *range)
{
	u64 i;

	policies_clear(range->first, range->end);
	i = find(range->first);
	insert(i, range);
	merge(i + 1);
	merge(i);
}

void policies_reset(void)
{
	free(table.range);
	memset(&table, 0, sizeof(table));
}
