/* SPDX-License-Identifier: BSD-2-Clause */
/* spread.h: a fixed heap whose regions lie in memory of the test's, where the
 * test says; see spread.c. */
#ifndef TESTS_MODES_SPREAD_H
#define TESTS_MODES_SPREAD_H

#include "support.h"

#define SPREAD_BYTES (256 * MIB)
/* The region that the heap is made with: at the start of the memory. */
#define SPREAD_FIRST (4 * MIB)
#define BLOCK_BYTES (2 * MIB)

struct spread {
	struct test_heap t;
	char *memory; /* SPREAD_BYTES, from a pageblock's border on */
	char *mapping;
};

/* Not opened yet; its memory is dirty if it is touched. */
void spread_prepare(struct spread *s);
/* Empty, or not looked at. */
void spread_close(struct spread *s);
void spread_drop(struct spread *s);

/* [offset, + bytes) of the memory becomes a region: 0 and *id. */
int spread_add(struct spread *s, size_t offset, size_t bytes, uint64_t key,
	       unsigned *id);
/* The same; it must be possible.  Its id. */
unsigned spread_must_add(struct spread *s, size_t offset, size_t bytes,
			 uint64_t key);
/* Bytes of the heap, in use or not. */
size_t spread_bytes(struct spread *s);
/* Take everything in runs of so many pages, none of which reaches over the
 * border of two regions unless `across`.  How many pages; they are freed. */
size_t spread_fill(struct spread *s, size_t nr_pages, bool across);
/* All the heap in one array after another: pages in use are none of the
 * region, then they are given back. */
void spread_avoids(struct spread *s, unsigned id);

#endif
