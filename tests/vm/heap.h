/* SPDX-License-Identifier: BSD-2-Clause */
/* heap.h: heaps for the tests on a machine with several nodes; see heap.c. */
#ifndef TESTS_VM_HEAP_H
#define TESTS_VM_HEAP_H

#include <fixheap/fixheap.h>

#include "vm.h"

/* What the library cuts memory and stripes by. */
#define BLOCK HUGE_PAGE

/* A heap that the library maps, of all nodes; NULL numa: the defaults. */
struct fixheap *heap_make(size_t bytes, const struct fixheap_numa *numa);
/* The same over memory of the test's, with these flags. */
struct fixheap *heap_over(void *base, size_t bytes, unsigned flags);
/* fixheap_create must succeed. */
struct fixheap *heap_create(const struct fixheap_config *config);
/* Validate and destroy. */
void heap_end(struct fixheap *heap);

/* The lowest zone of this node (or FIXHEAP_NODE_STRIPED, _MIXED); it MUST be
 * there. */
struct fixheap_zone zone_of(struct fixheap *heap, int node);
/* Bytes in all zones of this node. */
size_t zone_bytes(struct fixheap *heap, int node);

struct fixheap_nodemask mask_of(uint64_t nodes);
/* An array of this policy; NULL when it is refused. */
void *array_of(struct fixheap *heap, size_t bytes, enum fixheap_policy policy,
	       uint64_t nodes);
/* As that, and then touched; it must not be refused. */
void *array_touched(struct fixheap *heap, size_t bytes,
		    enum fixheap_policy policy, uint64_t nodes);

/* All pages are in memory, on the nodes that fixheap_node_of tells. */
void assert_as_told(struct fixheap *heap, const void *start, size_t bytes);
/*
 * The array is of as many equal parts as the mask has nodes, the i-th on the
 * i-th node; a border is within a pageblock of where it should be.
 */
void assert_blocked(const void *start, size_t bytes, uint64_t nodes);
/*
 * Stripes of 2 MiB on the nodes of the mask in turn, weight[i] in a row on the
 * i-th (NULL: one); the first and the last may be parts of one.
 */
void assert_interleaved(const void *start, size_t bytes, uint64_t nodes,
			const unsigned char *weights);

#endif
