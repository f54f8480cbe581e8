/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * leaks.c: what is still allocated when a heap ends.
 *
 * Caches are taken back first, so that what is left is the program's.  A run
 * that reaches over the border of two regions is told once.
 *
 * Locking: as print_runs.c; nobody else uses the heap.  Cost: a walk over all
 * runs, and a look at each small object.
 */
#include "page_owner.h"
#include "print.h"
#include "size_class.h"
#include "tag.h"
#include "walk.h"

#define ULL(value) ((unsigned long long)(value))

/* The largest ones are told each. */
#define NR_LARGEST 10

struct leak {
	u64 pfn, nr_pages;
	enum fixheap_use use;
};

struct leaks {
	struct printer p;
	struct leak largest[NR_LARGEST]; /* largest first */
	u64 nr, nr_pages;		 /* runs that are left */
	u64 nr_tagged, tagged_pages;	 /* of them: with a tag */
	struct slab_scan slabs[NR_SIZE_CLASSES + 1];
	u64 nr_small, small_bytes;
};

static bool is_leak(enum fixheap_use use)
{
	return use == FIXHEAP_USE_LARGE || use == FIXHEAP_USE_ARRAY ||
	       use == FIXHEAP_USE_PAGES || use == FIXHEAP_USE_RESERVED;
}

static void keep_largest(struct leaks *leaks, const struct leak *leak)
{
	u32 i = NR_LARGEST;

	while (i && leaks->largest[i - 1].nr_pages < leak->nr_pages)
		i--;
	for (u32 j = NR_LARGEST - 1; j > i; j--)
		leaks->largest[j] = leaks->largest[j - 1];
	if (i < NR_LARGEST)
		leaks->largest[i] = *leak;
}

static void find_runs(struct leaks *leaks)
{
	struct fixheap *heap = leaks->p.heap;
	struct piece piece = { .end = 0 };

	while (piece_next(heap, piece.end, &piece)) {
		struct leak leak = { piece.run_pfn, page_len(piece.page),
				     page_use(piece.page) };

		if (!is_leak(leak.use) || piece.pfn != piece.run_pfn)
			continue;
		leaks->nr++;
		leaks->nr_pages += leak.nr_pages;
		keep_largest(leaks, &leak);
	}
}

static void find_small(struct leaks *leaks)
{
	scan_slabs(leaks->p.heap, leaks->slabs);
	for (u32 i = 1; IS_ENABLED(CONFIG_JEMALLOC) && i <= NR_SIZE_CLASSES;
	     i++) {
		leaks->nr_small += leaks->slabs[i].nr_live;
		leaks->small_bytes +=
			leaks->slabs[i].nr_live * size_class[i].size;
	}
}

static int tell_tag(void *data, const struct fixheap_tag *tag)
{
	struct leaks *leaks = data;

	if (tag->nr_live)
		print_text(&leaks->p, "fixheap:   tag %u: %llu, %zu bytes\n",
			   tag->tag, ULL(tag->nr_live), tag->live_bytes);
	leaks->nr_tagged += tag->nr_live;
	leaks->tagged_pages += tag->live_bytes >> PAGE_SHIFT;
	return 0;
}

static void tell_tags(struct leaks *leaks)
{
	fixheap_tags(leaks->p.heap, tell_tag, leaks);
	if (leaks->nr > leaks->nr_tagged)
		print_text(&leaks->p, "fixheap:   no tag: %llu, %llu bytes\n",
			   ULL(leaks->nr - leaks->nr_tagged),
			   ULL((leaks->nr_pages - leaks->tagged_pages)
			       << PAGE_SHIFT));
}

static void tell_small(struct leaks *leaks)
{
	for (u32 i = 1; IS_ENABLED(CONFIG_JEMALLOC) && i <= NR_SIZE_CLASSES;
	     i++) {
		if (leaks->slabs[i].nr_live)
			print_text(&leaks->p,
				   "fixheap:   objects of %u bytes: %llu\n",
				   size_class[i].size,
				   ULL(leaks->slabs[i].nr_live));
	}
}

static void tell_largest(struct leaks *leaks)
{
	const struct fixheap *heap = leaks->p.heap;
	char owner[OWNER_TEXT_BYTES];

	for (u32 i = 0; i < NR_LARGEST && leaks->largest[i].nr_pages; i++) {
		const struct leak *leak = &leaks->largest[i];
		u32 tag = tag_of(heap, leak->pfn);

		print_text(&leaks->p, "fixheap: %p: %llu bytes, %s",
			   pfn_to_addr(heap, leak->pfn),
			   ULL(leak->nr_pages << PAGE_SHIFT),
			   print_use(leak->use));
		if (tag)
			print_text(&leaks->p, ", tag %u", tag);
		page_owner_text(heap, leak->pfn, owner, sizeof(owner));
		/* longer than the buffer of the printer */
		print_flush(&leaks->p);
		host_print(owner, __builtin_strlen(owner));
		print_text(&leaks->p, "\n");
	}
	if (leaks->nr > NR_LARGEST)
		print_text(&leaks->p, "fixheap: and %llu more\n",
			   ULL(leaks->nr - NR_LARGEST));
}

void leaks_report(struct fixheap *heap)
{
	struct leaks leaks = { .p = { .heap = heap, .fd = PRINT_STDERR } };

	fixheap_reclaim(heap);
	find_runs(&leaks);
	find_small(&leaks);
	if (!leaks.nr && !leaks.nr_small)
		return;
	print_text(&leaks.p, "fixheap: %llu allocations are left, %llu bytes\n",
		   ULL(leaks.nr + leaks.nr_small),
		   ULL((leaks.nr_pages << PAGE_SHIFT) + leaks.small_bytes));
	tell_tags(&leaks);
	tell_small(&leaks);
	tell_largest(&leaks);
	print_flush(&leaks.p);
}
