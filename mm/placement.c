/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * placement.c: answers about where pages are.
 *
 * fixheap_node_of answers from the heap's own books.  fixheap_verify_placement
 * walks runs and free pages alike, and compares with what the kernel says; for
 * what disagrees it finds out why, as far as that can be known afterwards.
 *
 * Locking: the region lock to find one run, none while the kernel is asked or
 * a callback runs.  Cost: node_of that of zone_of; only in pageblocks with an
 * array that is not at home it takes the lock, too.
 */
#include "heap.h"

#include "binding.h"
#include "policy.h"
#include "ranges.h"
#include "runmap.h"

#include <errno.h>
#include <string.h>

#define BATCH 1024

/* Where page pfn shall be; *end: so far it is the same. */
static int wanted_node(struct fixheap *heap, u64 pfn, u64 *end)
{
	struct region *region = &heap->region;
	struct run run;
	u64 page, block_end = round_down(pfn, BLOCK_PAGES) + BLOCK_PAGES;
	u32 b = (u32)(pfn >> BLOCK_SHIFT);
	int node;

	if (!__atomic_load_n(&heap->region.block[b].nr_moved,
			     __ATOMIC_RELAXED)) {
		node = home_node(heap, pfn, end);
		*end = min_u64(*end, block_end);
		return node;
	}
	spin_lock(&region->lock);
	if (runmap_find(region, pfn, &run, &page)) {
		node = policy_node(heap, &run, page, pfn, end);
	} else {
		*end = pfn + 1;
		node = home_node(heap, pfn, &block_end);
	}
	spin_unlock(&region->lock);
	return node;
}

int fixheap_node_of(const struct fixheap *heap, const void *ptr)
{
	u64 end, pfn = addr_to_pfn(heap, ptr);

	if (!pfn_valid(heap, pfn))
		return -EFAULT;
	/* the lock that it may take is no part of what the caller sees */
	return heap_node_number(heap,
				wanted_node((struct fixheap *)(uintptr_t)heap,
					    pfn, &end));
}

static void mask_add(const struct fixheap *heap, u32 id,
		     struct fixheap_nodemask *mask)
{
	u32 number = heap->topo.number[id];

	mask->bits[number / 64] |= 1ull << number % 64;
}

int fixheap_zones(struct fixheap *heap,
		  int (*fn)(void *data, const struct fixheap_zone *zone),
		  void *data)
{
	struct bounds pages;
	int ret = 0;

	for (u32 z = 0; z < heap->nr_zones && !ret; z++) {
		const struct zone *zone = &heap->zone[z];
		const struct node *node = &heap->node[zone->node];
		struct fixheap_zone info = { .size = sizeof(info) };

		if (!range_pages(heap, zone->start_pfn, &pages) ||
		    pages.pfn >= zone->end_pfn)
			continue;
		info.start = pfn_to_addr(heap, pages.pfn);
		info.bytes = __atomic_load_n(&zone->nr_pages, __ATOMIC_RELAXED)
			     << PAGE_SHIFT;
		info.free_bytes =
			__atomic_load_n(&zone->nr_free, __ATOMIC_RELAXED)
			<< PAGE_SHIFT;
		info.bound = zone->bound;
		info.node = FIXHEAP_NODE_MIXED;
		if (node->kind == NODE_REAL) {
			info.node = heap->topo.number[node->id];
			mask_add(heap, node->id, &info.nodes);
		}
		if (node->kind == NODE_STRIPED)
			info.node = FIXHEAP_NODE_STRIPED;
		for (u32 i = 0;
		     node->kind == NODE_STRIPED && i < heap->nr_stripe; i++)
			mask_add(heap, heap->stripe[i], &info.nodes);
		ret = fn(data, &info);
	}
	return ret;
}

/* --- what the kernel says ------------------------------------------------- */

struct verify {
	struct fixheap *heap;
	struct fixheap_verification *result;
	struct fixheap_misplacement row; /* bytes 0: none */
};

static bool is_bound_to(u64 addr, int node)
{
	enum host_policy policy;
	struct nodemask nodes;

	if (host_policy_of((void *)(uintptr_t)addr, &policy, &nodes))
		return true;
	return policy != HOST_POLICY_LOCAL && nodemask_test(&nodes, (u32)node);
}

static enum fixheap_misplaced why(const struct verify *verify,
				  const void *start, int wanted)
{
	struct nodemask allowed;

	if (!host_allowed_nodes(&allowed) &&
	    !nodemask_test(&allowed, (u32)wanted))
		return FIXHEAP_MISPLACED_CPUSET;
	if (!verify->heap->bind)
		return FIXHEAP_MISPLACED_MOVED;
	if (!is_bound_to((uintptr_t)start, wanted))
		return FIXHEAP_MISPLACED_POLICY;
	return verify->heap->host_policy == HOST_POLICY_PREFERRED
		       ? FIXHEAP_MISPLACED_SPILLED
		       : FIXHEAP_MISPLACED_MOVED;
}

/* Report the row that has ended.  What the callback returned. */
static int flush_row(struct verify *verify)
{
	struct fixheap_misplacement row = verify->row;

	verify->row.bytes = 0;
	if (!row.bytes || !verify->result->report)
		return 0;
	row.why = why(verify, row.start, row.wanted);
	return verify->result->report(verify->result->data, &row);
}

/* Page at addr is on this node. */
static int count_page(struct verify *verify, const void *addr, int wanted,
		      int node)
{
	struct fixheap_misplacement *row = &verify->row;
	int ret = 0;

	verify->result->checked_bytes += PAGE_BYTES;
	if (node < 0)
		return 0;
	verify->result->present_bytes += PAGE_BYTES;
	if (node == wanted) {
		verify->result->right_bytes += PAGE_BYTES;
		return 0;
	}
	if (row->bytes && (const char *)row->start + row->bytes == addr &&
	    row->wanted == wanted && row->node == node) {
		row->bytes += PAGE_BYTES;
		return 0;
	}
	ret = flush_row(verify);
	*row = (struct fixheap_misplacement){ .size = sizeof(*row),
					      .start = addr,
					      .bytes = PAGE_BYTES,
					      .wanted = wanted,
					      .node = node };
	return ret;
}

/* Pages [pfn, end), which shall be on one node; at most BATCH. */
static int verify_batch(struct verify *verify, const struct bounds *pages,
			int wanted)
{
	u32 nr = (u32)(pages->end - pages->pfn);
	void *addr[BATCH] = { NULL };
	int node[BATCH];
	int ret;

	for (u32 i = 0; i < nr; i++)
		addr[i] = pfn_to_addr(verify->heap, pages->pfn + i);
	ret = host_nodes_of(addr, node, nr);
	for (u32 i = 0; i < nr && !ret; i++)
		ret = count_page(verify, addr[i], wanted, node[i]);
	return ret;
}

static int verify_range(struct verify *verify, const struct bounds *pages)
{
	u64 pfn = pages->pfn;
	int ret = 0;

	while (pfn < pages->end && !ret) {
		struct bounds part = { .pfn = pfn };
		int wanted = wanted_node(verify->heap, pfn, &part.end);

		wanted = heap_node_number(verify->heap, wanted);
		part.end = min_u64(part.end, pages->end);
		part.end = min_u64(part.end, pfn + BATCH);
		if (wanted >= 0)
			ret = verify_batch(verify, &part, wanted);
		pfn = part.end;
	}
	return ret ? ret : flush_row(verify);
}

/* All of the pages are the heap's. */
static bool all_valid(struct fixheap *heap, const struct bounds *pages)
{
	struct bounds part = { .end = pages->pfn };

	while (part.end < pages->end) {
		u64 pfn = part.end;

		if (!range_pages(heap, pfn, &part) || part.pfn != pfn)
			return false;
	}
	return true;
}

int fixheap_verify_placement(struct fixheap *heap, const void *start,
			     size_t bytes,
			     struct fixheap_verification *verification)
{
	struct verify verify = { .heap = heap, .result = verification };
	struct bounds pages = { 0, 0 };
	int ret = 0;

	if (!verification || verification->size != sizeof(*verification))
		return -EINVAL;
	if (start) {
		pages.pfn = addr_to_pfn(heap, start);
		pages.end = pages.pfn + bytes_to_pages(bytes);
		if (!all_valid(heap, &pages))
			return -EFAULT;
	}
	verification->checked_bytes = 0;
	verification->present_bytes = 0;
	verification->right_bytes = 0;
	if (start)
		ret = verify_range(&verify, &pages);
	while (!start && !ret && range_pages(heap, pages.end, &pages))
		ret = verify_range(&verify, &pages);
	if (ret < 0)
		return ret;
	return ret || verification->right_bytes != verification->present_bytes;
}
