/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * print_runs.c: what is allocated as text: map, numa_maps, slabinfo.
 *
 * Locking: the region lock to look at one run, which then cannot be freed: an
 * array with all of its parts, a slab with all of its objects.  Cost: O(runs
 * and their parts); slabinfo reads the first bytes of each small object.
 */
#include "print.h"

#include "binding.h"
#include "je.h"
#include "policy.h"
#include "runmap.h"
#include "slab.h"
#include "tag.h"
#include "walk.h"

#include <stdio.h>
#include <string.h>

static unsigned long long address(const struct fixheap *heap, u64 pfn)
{
	return (uintptr_t)pfn_to_addr(heap, pfn);
}

/* ---- map ---------------------------------------------------------------- */

void print_map(struct printer *p)
{
	struct piece piece = { .end = 0 };

	while (!p->err && piece_next(p->heap, piece.end, &piece)) {
		unsigned long long start = address(p->heap, piece.pfn);
		u64 nr = piece.end - piece.pfn;
		enum fixheap_use use = page_use(piece.page);
		u32 tag = tag_of(p->heap, piece.run_pfn);
		bool out = use == FIXHEAP_USE_FREE && !piece.is_free;

		print_text(p, "%llx-%llx %-8s pages=%llu zone=%u", start,
			   start + (nr << PAGE_SHIFT),
			   out ? "isolated" : print_use(use),
			   (unsigned long long)nr,
			   zone_of(p->heap, piece.pfn)->index);
		if (tag &&
		    (use == FIXHEAP_USE_ARRAY || use == FIXHEAP_USE_LARGE ||
		     use == FIXHEAP_USE_PAGES || use == FIXHEAP_USE_RESERVED))
			print_text(p, " tag=%u", tag);
		print_text(p, "\n");
	}
}

/* ---- numa_maps ---------------------------------------------------------- */

/* Pages by node of the topology. */
struct spread {
	u64 nr[NODES_MAX];
	struct run_request req; /* what an array was asked with */
	struct run run;
};

static void spread_add(struct spread *spread, int id, u64 nr)
{
	if (id >= 0)
		spread->nr[id] += nr;
}

static void print_nodes(struct printer *p, const struct spread *spread)
{
	for (u32 id = 0; id < p->heap->topo.nr_nodes; id++) {
		if (spread->nr[id])
			print_text(p, " N%u=%llu", p->heap->topo.number[id],
				   (unsigned long long)spread->nr[id]);
	}
	print_text(p, " kernelpagesize_kB=%llu\n",
		   (unsigned long long)max_u64(p->heap->mapping_page,
					       PAGE_BYTES) >>
			   10);
}

/* The nodes of a policy as the kernel writes them: ":0-1,3". */
static void print_list(struct printer *p, const struct nodemask *mask)
{
	const char *comma = ":";
	u32 n;

	nodemask_for_each(n, mask)
	{
		u32 last = n;

		if (n && nodemask_test(mask, n - 1))
			continue;
		while (nodemask_test(mask, last + 1))
			last++;
		print_text(p, last == n ? "%s%u" : "%s%u-%u", comma, n, last);
		comma = ",";
	}
}

/* Bits of heap->node. */
static struct nodemask mask_of(const struct fixheap *heap, u128 nodes)
{
	struct nodemask mask = NODEMASK_NONE;

	for (u32 n = 0; n < heap->nr_nodes; n++) {
		if (nodes >> n & 1 && heap->node[n].kind == NODE_REAL)
			nodemask_set(&mask,
				     heap->topo.number[heap->node[n].id]);
	}
	return mask;
}

static const char *policy_name(const struct run_request *req)
{
	static const char name[][12] = {
		[FIXHEAP_POLICY_DEFAULT] = "default",
		[FIXHEAP_POLICY_LOCAL] = "local",
		[FIXHEAP_POLICY_BIND] = "bind",
		[FIXHEAP_POLICY_PREFERRED] = "prefer",
		[FIXHEAP_POLICY_INTERLEAVE] = "interleave",
		[FIXHEAP_POLICY_BLOCKED] = "blocked",
	};

	return req->weight ? "weighted interleave" : name[req->policy];
}

/* The array at pfn; false: it is there no more. */
static bool look_at_array(struct fixheap *heap, u64 pfn, struct spread *spread)
{
	struct region *region = &heap->region;
	struct run *run = &spread->run;
	u64 page, end;
	bool found;

	memset(spread, 0, sizeof(*spread));
	spin_lock(&region->lock);
	found = runmap_find(region, pfn, run, &page) && run->pfn == pfn &&
		page_kind(page) == PAGE_ARRAY;
	if (found)
		policy_again(heap, pfn, page, &spread->req);
	for (u64 at = pfn; found && at < pfn + run->nr_pages; at = end) {
		int id = policy_node(heap, run, page, at, &end);

		end = min_u64(end, pfn + run->nr_pages);
		spread_add(spread, id, end - at);
	}
	spin_unlock(&region->lock);
	return found;
}

static void print_array(struct printer *p, const struct spread *spread)
{
	struct nodemask mask = mask_of(p->heap, spread->req.nodes);
	u32 tag = tag_of(p->heap, spread->run.pfn);

	print_text(p, "%llx %s", address(p->heap, spread->run.pfn),
		   policy_name(&spread->req));
	print_list(p, &mask);
	print_text(p, " array=%llu", (unsigned long long)spread->run.nr_pages);
	if (tag)
		print_text(p, " tag=%u", tag);
	print_nodes(p, spread);
}

/* What the zone was bound with, if it was. */
static enum fixheap_policy zone_policy(const struct fixheap *heap,
				       const struct zone *zone)
{
	if (!zone->bound)
		return FIXHEAP_POLICY_DEFAULT;
	if (heap->node[zone->node].kind == NODE_STRIPED)
		return FIXHEAP_POLICY_INTERLEAVE;
	return heap->host_policy == HOST_POLICY_PREFERRED
		       ? FIXHEAP_POLICY_PREFERRED
		       : FIXHEAP_POLICY_BIND;
}

static struct nodemask zone_mask(const struct fixheap *heap,
				 const struct zone *zone)
{
	struct nodemask mask = NODEMASK_NONE;

	if (zone->bound)
		mask = mask_of(heap, (u128)1 << zone->node);
	for (u32 i = 0; zone->bound && i < heap->nr_stripe; i++) {
		if (heap->node[zone->node].kind == NODE_STRIPED)
			nodemask_set(&mask, heap->topo.number[heap->stripe[i]]);
	}
	return mask;
}

static void print_zone(struct printer *p, const struct zone *zone, u64 pfn)
{
	const struct fixheap *heap = p->heap;
	struct spread spread = { .req = { .policy = zone_policy(heap, zone) } };
	struct nodemask mask = zone_mask(heap, zone);
	struct piece piece = { .end = pfn };
	u64 end;

	while (piece_next(p->heap, piece.end, &piece) &&
	       piece.pfn < zone->end_pfn) {
		piece.end = min_u64(piece.end, zone->end_pfn);
		for (u64 at = piece.pfn; at < piece.end; at = end) {
			int id = home_node(heap, at, &end);

			end = min_u64(end, piece.end);
			spread_add(&spread, id, end - at);
		}
	}
	print_text(p, "%llx %s", address(heap, pfn), policy_name(&spread.req));
	print_list(p, &mask);
	print_text(p, " zone=%u free=%llu", zone->index,
		   (unsigned long long)__atomic_load_n(&zone->nr_free,
						       __ATOMIC_RELAXED));
	print_nodes(p, &spread);
}

/* Each zone, then the arrays that begin in it. */
void print_numa_maps(struct printer *p)
{
	const struct zone *zone = NULL, *now;
	struct piece piece = { .end = 0 };
	struct spread spread;

	while (!p->err && piece_next(p->heap, piece.end, &piece)) {
		u64 zone_end;

		now = zone_of(p->heap, piece.pfn);
		if (now != zone)
			print_zone(p, now, piece.pfn);
		zone = now;
		if (page_kind(piece.page) == PAGE_ARRAY &&
		    piece.run_pfn == piece.pfn &&
		    look_at_array(p->heap, piece.pfn, &spread))
			print_array(p, &spread);
		/* what reaches into the next zone is seen there again */
		zone_end = now->end_pfn;
		piece.end = min_u64(piece.end, zone_end);
	}
}

/* ---- slabinfo ----------------------------------------------------------- */

/* The slab at pfn into the counts of its class; where it ends. */
static u64 count_slab(struct fixheap *heap, u64 pfn, struct slab_scan *slabs)
{
	struct bounds slab = { pfn, pfn + 1 };
	struct slab_scan *scan;
	u64 page, nr;

	spin_lock(&heap->region.lock);
	page = page_read(&heap->page[pfn]);
	if (IS_ENABLED(CONFIG_JEMALLOC) && slab_class_of(page)) {
		scan = &slabs[slab_class_of(page)];
		nr = slab_live(heap, pfn, page, &slab);
		scan->nr_live += nr;
		scan->nr_slabs++;
		scan->nr_active += nr != 0;
	}
	spin_unlock(&heap->region.lock);
	return max_u64(slab.end, pfn + 1);
}

void scan_slabs(struct fixheap *heap, struct slab_scan *slabs)
{
	struct piece piece = { .end = 0 };
	u64 pfn = 0;

	if (!IS_ENABLED(CONFIG_JEMALLOC))
		return;
	while (piece_next(heap, piece.end, &piece)) {
		if (page_kind(piece.page) != PAGE_EXTENT)
			continue;
		/* a slab may reach into the next pageblock */
		for (pfn = max_u64(pfn, piece.pfn); pfn < piece.end;)
			pfn = count_slab(heap, pfn, slabs);
	}
}

void print_slabinfo(struct printer *p)
{
	struct slab_scan slabs[NR_SIZE_CLASSES + 1] = { { 0, 0, 0 } };

	print_text(p, "slabinfo - version: 2.1\n"
		      "# name            <active_objs> <num_objs> <objsize> "
		      "<objperslab> <pagesperslab> : tunables <limit> "
		      "<batchcount> <sharedfactor> : slabdata "
		      "<active_slabs> <num_slabs> <sharedavail>\n");
	if (!IS_ENABLED(CONFIG_JEMALLOC))
		return;
	scan_slabs(p->heap, slabs);
	for (u32 i = 1; i <= NR_SIZE_CLASSES && !p->err; i++) {
		const struct slab_scan *scan = &slabs[i];
		u32 size = size_class[i].size;
		u32 bytes = size_class_slab(&size_class[i], je_page_shift);
		char name[32];

		snprintf(name, sizeof(name), "fixheap-%u", size);
		print_text(p,
			   "%-17s %6llu %6llu %6u %4u %4u : tunables %4u %4u "
			   "%4u : slabdata %6llu %6llu %6u\n",
			   name, (unsigned long long)scan->nr_live,
			   (unsigned long long)scan->nr_slabs * (bytes / size),
			   size, bytes / size, bytes >> PAGE_SHIFT, 0, 0, 0,
			   (unsigned long long)scan->nr_active,
			   (unsigned long long)scan->nr_slabs, 0);
	}
}
