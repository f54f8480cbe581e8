/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * figures.h: what can be said of a heap that one looks at.  See figures.c.
 */
#ifndef TOOLS_FIGURES_H
#define TOOLS_FIGURES_H

#include "segment.h"

#define FIGURES_KINDS 8
#define FIGURES_PLACEMENTS 3
#define FIGURES_ZONES_MOST 4096
#define FIGURES_ORDERS 33
#define FIGURES_WHOLE FIGURES_PLACEMENTS /* all 512 pages are free */
#define FIGURES_TYPES (FIGURES_PLACEMENTS + 1)

struct figures_zone {
	uint64_t start, end; /* pages, of which some may not be there */
	uint64_t bytes, free_bytes, largest_bytes;
	int64_t node;				   /* -1: of several */
	uint64_t placed_bytes[FIGURES_PLACEMENTS]; /* in use */
	uint64_t kind_bytes[FIGURES_KINDS];
	/* kept back; without the program's asking, low is 0 */
	uint64_t small_min_bytes, local_min_bytes, low_bytes;
	bool bound;
	uint64_t free_runs[FIGURES_ORDERS]; /* of 2^i to 2^(i+1)-1 pages */
	/* pageblocks, and the parts of free runs that lie in them: rows of
	 * whole ones are one */
	uint64_t blocks[FIGURES_TYPES];
	uint64_t block_runs[FIGURES_TYPES][FIGURES_ORDERS];
};

struct figures_class {
	uint64_t object_bytes, slab_bytes; /* 0, 0: there is none */
	uint64_t nr_pages;		   /* of slabs */
};

struct figures_tag {
	unsigned tag;
	uint64_t live_bytes, peak_bytes, nr_live;
};

struct figures {
	bool alive;
	size_t page_bytes;
	uint64_t heap_bytes, used_bytes, free_bytes, peak_used_bytes;
	uint64_t held_bytes; /* by tickets */
	uint64_t live_bytes, peak_live_bytes, cleared_bytes;
	uint64_t metadata_bytes, rehomed_bytes, nr_regions;
	uint64_t nr_allocs, nr_frees, nr_fails, nr_reclaims, nr_arrays;
	uint64_t nr_rehomes;
	uint64_t largest_bytes, largest_pfn, nr_free_runs;
	uint64_t kind_bytes[FIGURES_KINDS], kind_runs[FIGURES_KINDS];
	uint64_t placed_bytes[FIGURES_PLACEMENTS];
	struct figures_zone *zone;
	size_t nr_zones;
	struct figures_tag *tag; /* those ever used, by number */
	size_t nr_tags;
	struct figures_class class[SEGMENT_CLASSES];
};

/* NULL or what is wrong.  figures_end in either case. */
const char *figures_read(struct figures *figures, struct segment *segment);
void figures_end(struct figures *figures);

/* The words of fixheap.schema.json. */
const char *figures_kind_name(enum fixheap_segment_kind kind);
const char *figures_placement_name(unsigned placement); /* or "whole" */

/*
 * figures_blocks.c: pageblocks of the zones, from their runs.  All parts of
 * runs that lie in one zone, by page, then no run for the end.
 */
struct figures_blocks {
	struct segment *segment;
	struct figures_zone *zone; /* of the block at hand */
	uint64_t at;		   /* the next page */
	uint64_t nr_free, nr_used, runs[FIGURES_ORDERS];
	unsigned placement; /* of the first run that is in use */
	uint64_t row;	    /* pages of whole blocks */
	uint64_t first, nr, open[128], open_placement[128];
};
unsigned figures_order(uint64_t nr_pages);
const char *figures_blocks_add(struct figures_blocks *blocks,
			       struct figures_zone *zone,
			       const struct segment_run *part);
const char *figures_blocks_end(struct figures_blocks *blocks);

#endif
