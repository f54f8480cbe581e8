/* SPDX-License-Identifier: BSD-2-Clause */
/* validate.h: how the checks of validate*.c report what is wrong. */
#ifndef MM_VALIDATE_H
#define MM_VALIDATE_H

#include "contig.h"
#include "mmzone.h"
#include "ranges.h"

/* So many mistakes are written out, in so many bytes each at most. */
#define CHECK_LINES 10
#define CHECK_LINE_BYTES 200

/* What a check of a region gathers on its way. */
struct check {
	struct region *region;
	u64 nr_errors;
	u64 nr_free;		    /* free pages seen */
	u64 free_of[ZONES_MAX];	    /* in each zone */
	u64 pages_of[ZONES_MAX];    /* that ranges have there, */
	u64 isolated_of[ZONES_MAX]; /* less those that are out of use */
	u64 nr_isolated;	    /* of this range, which is */
	bool isolated;
	u64 nr_cached;	   /* pages in per-CPU caches seen */
	u64 nr_open;	   /* open blocks seen */
	u64 nr_spans;	   /* filed spans seen */
	u64 nr_rows;	   /* of them with whole blocks */
	u64 nr_cross;	   /* runs that leave their block */
	u64 last_open;	   /* open block seen last + 1 */
	size_t text_bytes; /* what to write, */
	char text[CHECK_LINES * CHECK_LINE_BYTES];
};

/* Note that invariant `what` is broken at pfn: have instead of want. */
void check_fail(struct check *check, const char *what, u64 pfn, u64 have,
		u64 want);
/* have must equal want. */
void check_equal(struct check *check, const char *what, u64 pfn, u64 have,
		 u64 want);

/* validate_block.c: one open block; one that is all in use; the row that
 * starts at block b, its end is returned; the lists and trees as a whole.
 * check_summaries: false: searching the trees would go wrong. */
void check_open(struct check *check, u32 b);
void check_closed(struct check *check, u32 b);
u32 check_row(struct check *check, u32 b);
void check_border(struct check *check, u32 b);
void check_lists(struct check *check);
void check_trees(struct check *check);
/* That only changes of the kind of blocks are noted. */
void check_zeromap(struct check *check);
bool check_summaries(struct check *check);
/* validate_range.c: the list of ranges; false: it leads astray. */
bool check_ranges(struct check *check);

#if IS_ENABLED(CONFIG_PER_CPU)

/* validate_pcp.c: the caches of the node. */
void check_pcp(struct check *check, const struct node *node);

#else

static inline void check_pcp(struct check *check, const struct node *node)
{
	(void)check;
	(void)node;
}

#endif

#endif
