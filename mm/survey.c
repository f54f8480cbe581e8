/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * survey.c: on which nodes is memory that was touched before?
 *
 * Pages that are in memory are not moved: the zones are made from where they
 * are.  Of each pageblock four pages are looked at; when they are on one node,
 * the block is taken to be there, else it is mixed.  Blocks of which no page
 * is in memory stay as they were planned, or count as mixed in a heap that may
 * not be bound.  Then each row of equal blocks is a zone.  When these are too
 * many, the shortest rows count as mixed: a heap that was interleaved page by
 * page, or block by block, becomes one mixed zone.
 *
 * Locking: none.  Cost: a thousand pages are asked for to see whether any was
 * touched, 0.2 ms at most; if so, 0.4 us a pageblock.
 */
#include "layout.h"

#include "binding.h"
#include "ranges.h"

#include <errno.h>

#define BATCH 1024
#define SAMPLES 4

/* A place as where[] has it, node + 1, below the samples in memory, by 256;
 * 0: none is. */
#define WHERE_MIXED 0xff
#define WHERE_PLACE 0xff
#define WHERE_SHIFT 8

struct survey {
	struct layout *layout;
	u32 first_block, end_block;
	u16 *where; /* [end_block - first_block] */
};

static void *page_addr(const struct layout *layout, u64 pfn)
{
	return (void *)(layout->origin + (pfn << PAGE_SHIFT));
}

int survey_touched(const struct layout *layout)
{
	u64 nr_pages = layout->pages.end - layout->pages.pfn;
	u32 nr = (u32)min_u64(nr_pages, BATCH);
	void *addr[BATCH] = { NULL };
	int node[BATCH];
	int ret;

	for (u32 i = 0; i < nr; i++)
		addr[i] = page_addr(layout, layout->pages.pfn +
						    i * (nr_pages - 1) / nr);
	ret = host_nodes_of(addr, node, nr);
	if (ret)
		return ret == -ENOSYS ? 0 : ret;
	for (u32 i = 0; i < nr; i++) {
		if (node[i] >= 0)
			return 1;
	}
	return 0;
}

/* The samples of one block, as where[] has it. */
static u16 judge(const struct survey *survey, const int *node)
{
	const struct topology *topo = survey->layout->topo;
	int found = -1;
	u32 nr = 0, id;

	for (u32 i = 0; i < SAMPLES; i++) {
		if (node[i] < 0)
			continue;
		if (found >= 0 && node[i] != found)
			return WHERE_MIXED;
		found = node[i];
		nr++;
	}
	if (!nr)
		return 0;
	id = topology_find(topo, (u32)found);
	if (id == topo->nr_nodes)
		return WHERE_MIXED;
	return (u16)(id + 1 + (nr << WHERE_SHIFT));
}

/* Ask for blocks [b, b + nr), SAMPLES * nr <= BATCH. */
static int ask(const struct survey *survey, u32 b, u32 nr)
{
	const struct bounds *pages = &survey->layout->pages;
	void *addr[BATCH];
	int node[BATCH];
	int ret;

	for (u32 i = 0; i < SAMPLES * nr; i++) {
		u64 pfn = (u64)(b + i / SAMPLES) << BLOCK_SHIFT;

		pfn += i % SAMPLES * (BLOCK_PAGES - 1) / (SAMPLES - 1);
		pfn = max_u64(pfn, pages->pfn);
		addr[i] =
			page_addr(survey->layout, min_u64(pfn, pages->end - 1));
	}
	ret = host_nodes_of(addr, node, SAMPLES * nr);
	for (u32 i = 0; i < nr && !ret; i++)
		survey->where[b - survey->first_block + i] =
			judge(survey, node + SAMPLES * i);
	return ret;
}

/* Tell how far it is; -ECANCELED. */
static int tell(const struct survey *survey, u32 done)
{
	const struct fixheap_numa *numa = &survey->layout->numa;
	size_t total = survey->end_block - survey->first_block;

	if (!numa->progress ||
	    !numa->progress(numa->progress_data,
			    (size_t)done * BLOCK_PAGES * PAGE_BYTES,
			    total * BLOCK_PAGES * PAGE_BYTES))
		return 0;
	return -ECANCELED;
}

static int ask_all(const struct survey *survey)
{
	u32 total = survey->end_block - survey->first_block;
	int ret = 0;

	for (u32 done = 0; done < total && !ret; done += BATCH / SAMPLES) {
		u32 nr = (u32)min_u64(total - done, BATCH / SAMPLES);

		ret = tell(survey, done);
		if (!ret)
			ret = ask(survey, survey->first_block + done, nr);
	}
	return ret ? ret : tell(survey, total);
}

/* The place of block b; plan: the zones as they were planned. */
static u32 place_of(const struct survey *survey, const struct layout *plan,
		    u32 b)
{
	u32 where = survey->where[b - survey->first_block] & WHERE_PLACE;
	const struct layout_place *planned;
	u32 z = 0;

	if (where && where != WHERE_MIXED)
		return layout_place(survey->layout, NODE_REAL, where - 1u);
	if (where || !plan->bind)
		return layout_place(survey->layout, NODE_MIXED, 0);
	while (plan->zone[z].pages.end <= (u64)b << BLOCK_SHIFT)
		z++;
	planned = &plan->place[plan->zone[z].place];
	return layout_place(survey->layout, planned->kind, planned->id);
}

/* Pages of blocks [b, end) that are in memory. */
static u64 count_present(const struct survey *survey, u32 b, u32 end)
{
	u64 nr = 0;

	for (; b < end; b++)
		nr += survey->where[b - survey->first_block] >> WHERE_SHIFT;
	return nr * BLOCK_PAGES / SAMPLES;
}

/* Zones of rows; those of less than so many blocks are mixed. */
static bool make_zones(const struct survey *survey, const struct layout *plan,
		       u32 least)
{
	struct layout *layout = survey->layout;
	u32 end, place;

	layout->nr_zones = 0;
	layout->nr_places = 0;
	for (u32 b = survey->first_block; b < survey->end_block; b = end) {
		place = place_of(survey, plan, b);
		end = b + 1;
		while (end < survey->end_block &&
		       place_of(survey, plan, end) == place)
			end++;
		if (end - b < least)
			place = layout_place(layout, NODE_MIXED, 0);
		if (!layout_add(
			    layout,
			    max_u64((u64)b << BLOCK_SHIFT, layout->pages.pfn),
			    min_u64((u64)end << BLOCK_SHIFT, layout->pages.end),
			    place))
			return false;
		layout->zone[layout->nr_zones - 1].present +=
			count_present(survey, b, end);
	}
	return true;
}

int survey_apply(struct layout *layout)
{
	struct survey survey = { .layout = layout };
	const struct layout plan = *layout;
	size_t bytes;
	u32 least = 1;
	int ret;

	survey.first_block = (u32)(layout->pages.pfn >> BLOCK_SHIFT);
	survey.end_block =
		(u32)((layout->pages.end + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
	bytes = (survey.end_block - survey.first_block) * sizeof(u16);
	survey.where = host_reserve(bytes);
	if (!survey.where)
		return -ENOMEM;
	ret = ask_all(&survey);
	while (!ret && !make_zones(&survey, &plan, least))
		least *= 2;
	host_release(survey.where, bytes);
	return ret;
}

/* How many pages of a heap belong to a node, and how many samples of them are
 * in memory. */
struct tally {
	u64 nr_pages[NODES_MAX];
	u32 nr_samples[NODES_MAX], nr_present[NODES_MAX];
};

static void count_home(struct fixheap *heap, struct tally *tally)
{
	struct bounds pages = { 0, 0 };
	u64 pfn = 0, end;

	for (; range_pages(heap, pfn, &pages); pfn = end) {
		int id = home_node(heap, pages.pfn, &end);

		end = min_u64(end, pages.end);
		if (id >= 0)
			tally->nr_pages[id] += end - pages.pfn;
	}
}

/* The heap's page with this number, not counting those that are not there. */
static u64 nth_page(struct fixheap *heap, u64 n)
{
	struct bounds pages = { 0, 0 };

	while (range_pages(heap, pages.end, &pages) &&
	       n >= pages.end - pages.pfn)
		n -= pages.end - pages.pfn;
	return pages.pfn + n;
}

/* False: the kernel does not tell. */
static bool count_samples(struct fixheap *heap, struct tally *tally)
{
	u64 nr_pages = __atomic_load_n(&heap->nr_pages, __ATOMIC_RELAXED), end;
	u32 nr = (u32)min_u64(nr_pages, BATCH);
	void *addr[BATCH] = { NULL };
	int node[BATCH];

	for (u32 i = 0; i < nr; i++)
		addr[i] = pfn_to_addr(heap,
				      nth_page(heap, i * (nr_pages - 1) / nr));
	if (host_nodes_of(addr, node, nr))
		return false;
	for (u32 i = 0; i < nr; i++) {
		int id = home_node(heap, addr_to_pfn(heap, addr[i]), &end);

		if (id < 0)
			continue;
		tally->nr_samples[id]++;
		tally->nr_present[id] += node[i] >= 0;
	}
	return true;
}

void survey_untouched(struct fixheap *heap, const struct topology *topo,
		      u64 *taken)
{
	struct tally tally = { { 0 }, { 0 }, { 0 } };

	count_home(heap, &tally);
	if (!count_samples(heap, &tally))
		return;
	for (u32 n = 0; n < heap->topo.nr_nodes; n++) {
		u32 id = topology_find(topo, heap->topo.number[n]);
		u64 nr = tally.nr_samples[n];
		u64 absent = nr - tally.nr_present[n];

		/* none was looked at: as if none were there */
		if (!nr)
			absent = nr = 1;
		if (id < topo->nr_nodes)
			taken[id] +=
				(u64)((u128)tally.nr_pages[n] * absent / nr);
	}
}
