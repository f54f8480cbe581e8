/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * validate_pcp.c: the invariants of the per-CPU caches, as pcp.c states them.
 *
 * Locking: all locks of the heap are held.  Cost: O(CPUs + pages in caches).
 */
#include "pcp.h"

#include "validate.h"

/* A page of a cache is in use for its node, and known as cached. */
static void check_page(struct check *check, const struct node *node, u64 pfn)
{
	const struct fixheap *heap = node->heap;

	if (!pfn_valid(heap, pfn) || zone_of(heap, pfn)->node != node->index) {
		check_fail(check, "page of a cache lies outside", pfn, pfn,
			   node->index);
		return;
	}
	check_equal(check, "descriptor of a page in a cache", pfn,
		    page_read(&node->heap->page[pfn]),
		    page_make(PAGE_CACHED, PLACE_SMALL, node->index));
}

static void check_cpu(struct check *check, const struct node *node, u32 cpu)
{
	const struct pcp *pcp = &node->pcp[cpu];
	u32 nr = (u32)__builtin_popcountll(pcp->word);

	if (pcp->nr > PCP_BUFFER) {
		check_fail(check, "buffer of a cache", cpu, pcp->nr,
			   PCP_BUFFER);
		return;
	}
	check_equal(check, "pages of a cache", cpu, pcp->nr_pages,
		    nr + pcp->nr);
	check_equal(check, "known-zero pages of a cache", cpu,
		    pcp->zero & ~pcp->word, 0);
	check_equal(check, "group of a cache", cpu, pcp->base % 64, 0);
	for (u64 word = pcp->word; word; word &= word - 1)
		check_page(check, node, pcp->base + (u64)__builtin_ctzll(word));
	for (u32 i = 0; i < pcp->nr; i++)
		check_page(check, node, pcp->buffer[i]);
}

void check_pcp(struct check *check, const struct node *node)
{
	for (u32 cpu = 0; cpu < node->heap->topo.nr_cpus; cpu++)
		check_cpu(check, node, cpu);
}
