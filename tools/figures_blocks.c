/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * figures_blocks.c: pageblocks of the zones, by placement
 *
 * Runs come by page.  Blocks that lie in one run are counted at once; the
 * others are gathered until the run that ends them.  Of what a block is that is
 * free in part, the program keeps a note; that is read 128 blocks at a time, as
 * there are none, and holes in the file, where nothing was ever used.
 */
#include <string.h>

#include "figures.h"

#define BLOCK_PAGES 512

unsigned figures_order(uint64_t nr_pages)
{
	return 63 - (unsigned)__builtin_clzll(nr_pages);
}

/* The placement of a block that is free in part. */
static const char *look_up(struct figures_blocks *blocks, uint64_t block,
			   unsigned *placement)
{
	uint64_t all =
		blocks->segment->head.column[FIXHEAP_SEGMENT_BLOCK_FREE].nr;
	uint64_t most = sizeof(blocks->open) / sizeof(blocks->open[0]);
	const char *wrong = NULL;

	if (block >= all)
		return "it has fewer pageblocks than pages";
	if (block - blocks->first >= blocks->nr) {
		blocks->first = block;
		blocks->nr = all - block < most ? all - block : most;
		wrong = segment_numbers(blocks->segment,
					FIXHEAP_SEGMENT_BLOCK_FREE, block,
					blocks->nr, blocks->open);
		if (!wrong)
			wrong = segment_numbers(blocks->segment,
						FIXHEAP_SEGMENT_BLOCK_PLACEMENT,
						block, blocks->nr,
						blocks->open_placement);
	}
	/* else it is just being taken or given back */
	if (!wrong && blocks->open[block - blocks->first])
		*placement =
			(unsigned)blocks->open_placement[block - blocks->first];
	return wrong || *placement < FIGURES_PLACEMENTS
		       ? wrong
		       : "a pageblock of it is damaged";
}

static void end_row(struct figures_blocks *blocks)
{
	struct figures_zone *zone = blocks->zone;

	if (!blocks->row)
		return;
	zone->blocks[FIGURES_WHOLE] += blocks->row / BLOCK_PAGES;
	zone->block_runs[FIGURES_WHOLE][figures_order(blocks->row)]++;
	blocks->row = 0;
}

/* What was gathered of the block in front of blocks->at. */
static const char *end_block(struct figures_blocks *blocks)
{
	uint64_t block = (blocks->at - 1) / BLOCK_PAGES;
	unsigned placement = blocks->placement;
	const char *wrong = NULL;

	if (!blocks->nr_free && !blocks->nr_used)
		return NULL;
	if (blocks->nr_free)
		wrong = look_up(blocks, block, &placement);
	if (!wrong) {
		blocks->zone->blocks[placement]++;
		for (unsigned i = 0; i < FIGURES_ORDERS; i++)
			blocks->zone->block_runs[placement][i] +=
				blocks->runs[i];
	}
	blocks->nr_free = 0;
	blocks->nr_used = 0;
	blocks->placement = 0;
	memset(blocks->runs, 0, sizeof(blocks->runs));
	return wrong;
}

/* Pages of the block at hand. */
static void gather(struct figures_blocks *blocks, uint64_t nr,
		   const struct segment_run *part)
{
	end_row(blocks);
	if (part->kind == FIXHEAP_SEGMENT_NONE) {
		blocks->runs[figures_order(nr)]++;
		blocks->nr_free += nr;
		return;
	}
	if (!blocks->nr_used)
		blocks->placement = part->placement;
	blocks->nr_used += nr;
}

/* Whole blocks. */
static void count(struct figures_blocks *blocks, uint64_t nr,
		  const struct segment_run *part)
{
	if (part->kind == FIXHEAP_SEGMENT_NONE) {
		blocks->row += nr;
		return;
	}
	end_row(blocks);
	blocks->zone->blocks[part->placement] += nr / BLOCK_PAGES;
}

const char *figures_blocks_add(struct figures_blocks *blocks,
			       struct figures_zone *zone,
			       const struct segment_run *part)
{
	uint64_t end = part->pfn + part->nr_pages;
	const char *wrong = NULL;

	if (zone != blocks->zone || part->pfn != blocks->at)
		wrong = figures_blocks_end(blocks);
	blocks->zone = zone;
	blocks->at = part->pfn;
	while (blocks->at < end && !wrong) {
		uint64_t nr = BLOCK_PAGES - blocks->at % BLOCK_PAGES;

		if (nr == BLOCK_PAGES && end - blocks->at >= nr) {
			nr = (end - blocks->at) / nr * nr;
			count(blocks, nr, part);
			blocks->at += nr;
			continue;
		}
		nr = nr < end - blocks->at ? nr : end - blocks->at;
		gather(blocks, nr, part);
		blocks->at += nr;
		if (blocks->at % BLOCK_PAGES == 0)
			wrong = end_block(blocks);
	}
	return wrong;
}

const char *figures_blocks_end(struct figures_blocks *blocks)
{
	const char *wrong = end_block(blocks);

	end_row(blocks);
	return wrong;
}
