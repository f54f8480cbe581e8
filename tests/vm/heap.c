/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * heap.c: heaps for the tests on a machine with several nodes, and what their
 * policies promise, as the kernel sees it.
 */
#include "heap.h"

/* --- heaps --------------------------------------------------------------- */

struct fixheap *heap_create(const struct fixheap_config *config)
{
	struct fixheap *heap = NULL;
	int err = fixheap_create(config, &heap);

	if (err)
		broken("fixheap_create: %s", strerror(-err));
	return heap;
}

struct fixheap *heap_make(size_t bytes, const struct fixheap_numa *numa)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	config.length = bytes;
	config.numa = numa;
	return heap_create(&config);
}

struct fixheap *heap_over(void *base, size_t bytes, unsigned flags)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	config.base = base;
	config.length = bytes;
	config.flags = flags;
	return heap_create(&config);
}

void heap_end(struct fixheap *heap)
{
	MUST(!fixheap_validate(heap));
	fixheap_destroy(heap);
}

/* --- zones --------------------------------------------------------------- */

struct looked_for {
	int node;
	size_t bytes;
	struct fixheap_zone zone;
};

static int look(void *data, const struct fixheap_zone *zone)
{
	struct looked_for *for_this = data;

	if (zone->node != for_this->node)
		return 0;
	if (!for_this->bytes)
		for_this->zone = *zone;
	for_this->bytes += zone->bytes;
	return 0;
}

struct fixheap_zone zone_of(struct fixheap *heap, int node)
{
	struct looked_for for_this = { .node = node };

	MUST(!fixheap_zones(heap, look, &for_this));
	MUST(for_this.bytes);
	return for_this.zone;
}

size_t zone_bytes(struct fixheap *heap, int node)
{
	struct looked_for for_this = { .node = node };

	MUST(!fixheap_zones(heap, look, &for_this));
	return for_this.bytes;
}

/* --- arrays -------------------------------------------------------------- */

struct fixheap_nodemask mask_of(uint64_t nodes)
{
	struct fixheap_nodemask mask = { { nodes } };

	return mask;
}

void *array_of(struct fixheap *heap, size_t bytes, enum fixheap_policy policy,
	       uint64_t nodes)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;

	attr.policy = policy;
	attr.nodes = nodes;
	return fixheap_array_alloc(heap, bytes, &attr);
}

void *array_touched(struct fixheap *heap, size_t bytes,
		    enum fixheap_policy policy, uint64_t nodes)
{
	void *array = array_of(heap, bytes, policy, nodes);

	if (!array)
		broken("no array of %zu KiB, policy %d, nodes 0x%llx: %s",
		       bytes >> 10, policy, (unsigned long long)nodes,
		       strerror(errno));
	touch(array, bytes);
	return array;
}

/* --- where they are ------------------------------------------------------ */

static int *must_have_nodes(const void *start, size_t nr_pages)
{
	int *node = malloc(nr_pages * sizeof(*node));
	size_t i;

	MUST(node);
	nodes_of(start, nr_pages, node);
	for (i = 0; i < nr_pages; i++)
		if (node[i] < 0)
			broken("page %zu of %zu is not in memory", i, nr_pages);
	return node;
}

void assert_as_told(struct fixheap *heap, const void *start, size_t bytes)
{
	size_t nr = bytes / PAGE, i;
	int *node = must_have_nodes(start, nr);

	for (i = 0; i < nr; i++) {
		int told = fixheap_node_of(heap, (char *)start + i * PAGE);

		if (node[i] != told)
			broken("page %zu of %zu is on node %d, not on %d", i,
			       nr, node[i], told);
	}
	free(node);
}

void assert_blocked(const void *start, size_t bytes, uint64_t nodes)
{
	size_t nr = bytes / PAGE, part = 0, first, after, i = 0;
	size_t parts = (size_t)__builtin_popcountll(nodes);
	int *node = must_have_nodes(start, nr);
	uint64_t left;

	for (left = nodes; left; left &= left - 1) {
		first = part++ * nr / parts;
		after = part * nr / parts;
		for (; i < nr && node[i] == __builtin_ctzll(left); i++)
			;
		if (i + BLOCK / PAGE < after || i > after + BLOCK / PAGE)
			broken("node %d has pages %zu to %zu of %zu, not to "
			       "%zu",
			       __builtin_ctzll(left), first, i, nr, after);
	}
	if (i < nr)
		broken("page %zu of %zu is on node %d", i, nr, node[i]);
	free(node);
}

/* How many nodes of the mask are below this one. */
static size_t rank(uint64_t nodes, int node)
{
	return (size_t)__builtin_popcountll(nodes & ((1ull << node) - 1));
}

/* The node of the mask that comes after this one, the first after the last. */
static int next_node(uint64_t nodes, int node)
{
	uint64_t above = nodes & ~((2ull << node) - 1);

	return __builtin_ctzll(above ? above : nodes);
}

void assert_interleaved(const void *start, size_t bytes, uint64_t nodes,
			const unsigned char *weights)
{
	size_t nr = bytes / PAGE, i, first = 0;
	int *node = must_have_nodes(start, nr);

	MUST(nodes & (nodes - 1));
	for (i = 0; i <= nr; i++) {
		size_t weight, wanted;

		if (i < nr && !(nodes >> node[i] & 1))
			broken("page %zu of %zu is on node %d", i, nr, node[i]);
		if (i < nr && node[i] == node[first])
			continue;
		/* Pages [first, i) are a stripe, or some in a row. */
		weight = weights ? weights[rank(nodes, node[first])] : 1;
		wanted = weight * BLOCK / PAGE;
		if (i - first > wanted ||
		    (first && i < nr && i - first < wanted))
			broken("%zu pages in a row on node %d", i - first,
			       node[first]);
		if (i < nr && node[i] != next_node(nodes, node[first]))
			broken("node %d comes after node %d", node[i],
			       node[first]);
		first = i;
	}
	free(node);
}
