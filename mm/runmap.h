/* SPDX-License-Identifier: BSD-2-Clause */
/* runmap.h: which run covers a page; see runmap.c. */
#ifndef MM_RUNMAP_H
#define MM_RUNMAP_H

#include "run.h"

/* Record run [pfn, pfn + nr_pages) with this head; of an EXTENT every page
 * is a run.  page: the descriptor, its length is filled in. */
void runmap_set(struct region *region, const struct run *run, u64 page);
void runmap_clear(struct region *region, const struct run *run);
/* Head and descriptor of the run that covers pfn; false: none does. */
bool runmap_find(const struct region *region, u64 pfn, struct run *run,
		 u64 *page);

#endif
