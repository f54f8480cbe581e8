/* SPDX-License-Identifier: BSD-2-Clause */
/* zeromap.h: what is known of the contents of pageblocks; see zeromap.c. */
#ifndef MM_ZEROMAP_H
#define MM_ZEROMAP_H

#include "mmzone.h"

/* What a block that nobody uses holds. */
#define BLOCK_USED 1u /* what somebody wrote */
#define BLOCK_ZERO 2u /* zeroes */
#define BLOCK_AGED 3u /* as USED; and above: since when it was free */

/* Blocks [first, end) are of this kind now. */
void zeromap_set(struct region *region, u32 first, u32 end, u32 kind);
/* The kind of block b; *end, which is the end of what is looked at, gets to
 * where the kind changes. */
u32 zeromap_get(const struct region *region, u32 b, u32 *end);

static inline bool zeromap_is_zero(const struct region *region, u32 b)
{
	u32 end = b + 1;

	return zeromap_get(region, b, &end) == BLOCK_ZERO;
}

#endif
