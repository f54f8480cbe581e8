/* SPDX-License-Identifier: BSD-2-Clause */
/* layout.h: how the memory of a heap is cut into zones; see layout.c. */
#ifndef MM_LAYOUT_H
#define MM_LAYOUT_H

#include "mmzone.h"

/* A slice with one placement; place: index of layout.place. */
struct layout_zone {
	struct bounds pages;
	u32 place;
	bool arrays_only; /* of a symmetric heap */
	u64 present;	  /* NODE_REAL: pages that are in memory already */
};

struct layout_place {
	enum node_kind kind;
	u32 id; /* NODE_REAL */
};

/* All zero begins. */
struct layout {
	struct fixheap_numa numa; /* the caller's, or the defaults */
	const struct topology *topo;
	struct bounds pages;  /* of the heap, as far as it is used */
	uintptr_t origin;     /* address of pfn 0 */
	u64 pad;	      /* pages below the first one; layout_grow */
	u64 grain;	      /* pages; zones begin at multiples of it */
	size_t mapping_page;  /* bytes, of the memory */
	bool asked;	      /* the kernel is asked and told */
	bool bind;	      /* zones shall be bound, */
	bool strict;	      /* and strictly */
	u64 share[NODES_MAX]; /* parts of the heap, 0: not used */
	u32 nr_places, nr_zones;
	struct layout_place place[PLACES_MAX];
	struct layout_zone zone[ZONES_MAX];
	u64 taken[NODES_MAX]; /* pages promised by other heaps */
	u8 stripe[NODES_MAX]; /* nodes of the striped zone, in turn */
	u32 nr_stripe;
	u8 fallback[NODES_MAX]; /* place in the caller's order, 0: none */
};

/* topology.c: the caller's topology or the host's.  0 or -errno. */
int topology_get(const struct fixheap_config *config, struct topology *topo);

/* One node, whatever there is. */
void topology_forget_nodes(struct topology *topo);

/*
 * usable.c: what the caller wants of nodes.
 *
 * usable_check: 0 or -EINVAL.  usable_choose: fill share, stripe and fallback;
 * 0 or what fixheap_create says of nodes.
 */
int usable_check(const struct fixheap_numa *numa);
int usable_choose(const struct fixheap_config *config, struct layout *layout);

/*
 * layout_begin - what the caller wants, and what the memory consists of; topo
 * is known.  layout_make - plan the zones; pages and origin are, too
 *
 * pages count from a multiple of grain in memory, which origin is.
 * Return: 0 or what fixheap_create says of nodes.
 */
int layout_begin(const struct fixheap_config *config, struct layout *layout);
int layout_make(const struct fixheap_config *config, struct layout *layout);
/*
 * Room for regions that are added later: the zones, and pages, are moved up,
 * and behind them each node gets a zone without pages, or, if there is one zone
 * only, that one reaches over all [BLOCK_PAGES, end_pfn).
 */
void layout_grow(struct layout *layout, u64 end_pfn);
/* A symmetric heap: arrays have one zone, the last pages another. */
void layout_divide(struct layout *layout, u64 nr_private);
/* The place of this kind and node, made if it is new. */
u32 layout_place(struct layout *layout, enum node_kind kind, u32 id);
/* Add the zone [pfn, end), joined with the one before if they are alike;
 * false: there is no room for it. */
bool layout_add(struct layout *layout, u64 pfn, u64 end, u32 place);

/*
 * room.c: whether nodes have the memory.
 *
 * room_pages: what the node can promise.  room_cut: there is less than planned:
 * 0, the heap is not strict, or may be cut if it still is; or -ENOSPC.
 * room_weigh: the same for zones that follow pages in memory: 0 or -ENOSPC.
 */
u64 room_pages(const struct layout *layout, u32 id);
int room_cut(const struct fixheap_config *config, struct layout *layout);
int room_weigh(const struct fixheap_config *config, struct layout *layout);

/*
 * survey.c: where pages are already.
 *
 * survey_touched: whether any of a thousand pages is in memory; 0, 1 or
 * -errno.  survey_apply: replace the zones of the plan where pages are.
 */
int survey_touched(const struct layout *layout);
int survey_apply(struct layout *layout);
/* Add what nodes of the topology have promised to this heap and is not in
 * memory to taken; estimated by a thousand pages. */
void survey_untouched(struct fixheap *heap, const struct topology *topo,
		      u64 *taken);

#endif
