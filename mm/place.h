/* SPDX-License-Identifier: BSD-2-Clause */
/* place.h: where in its zone, or over several, a run goes; see place.c. */
#ifndef MM_PLACE_H
#define MM_PLACE_H

#include "contig.h"

/* Where to put a run; false: no free run in the bounds holds it. */
bool place_find(const struct region *region, const struct contig_request *req,
		u64 *pfn);

#endif
