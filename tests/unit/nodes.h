/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * nodes.h: heaps whose memory is bound to the nodes of the simulated machine,
 * for the unit tests of placement; see nodes.c.
 */
#ifndef TESTS_UNIT_NODES_H
#define TESTS_UNIT_NODES_H

#include "support.h"

/* A test_heap that heap_end ends is made in two steps, so that a test can
 * touch the memory first; zeros are the defaults. */
struct node_spec {
	const char *machine; /* for host_sim_describe; NULL: "4x1" */
	u64 nr_pages;
	size_t skew; /* bytes that the base is off a pageblock */
	unsigned flags;
	struct fixheap_numa numa; /* size 0: not given */
	enum fixheap_policy policy;
	const struct fixheap_topology *topology;
	int reserved; /* address space without memory behind it */
};

#define NUMA(...)                                                    \
	((struct fixheap_numa){ .size = sizeof(struct fixheap_numa), \
				__VA_ARGS__ })
#define ATTR(...)                     \
	((struct fixheap_array_attr){ \
		.size = sizeof(struct fixheap_array_attr), __VA_ARGS__ })

/* The machine, and memory for the heap, of which no page was touched. */
void nodes_map(struct test_heap *t, const struct node_spec *spec);
/* What fixheap_create says over that memory. */
int nodes_create(struct test_heap *t, const struct node_spec *spec);
/* Both; the heap is made. */
void nodes_make(struct test_heap *t, const struct node_spec *spec);
/* A heap of zones of 4 blocks, one a node, whose nodes have so many blocks more
 * than their zones. */
void nodes_make_spare(struct test_heap *t, const char *machine, u64 spare);
/* No page of the memory is bound to a node. */
void nodes_unbound(const struct test_heap *t);
/* fixheap_create fails like this and leaves nothing behind: it holds nothing,
 * no page is bound or was touched. */
void nodes_refused(struct test_heap *t, const struct node_spec *spec, int ret);
/* Like that, or with ret 0 a heap with these zones, which is destroyed. */
void nodes_result(struct test_heap *t, const struct node_spec *spec, int ret,
		  const char *zones);
/* Unmap what nodes_map has mapped; there is no heap. */
void nodes_unmap(struct test_heap *t);

/* Write to each page, as the thread that calls; they get their nodes. */
void nodes_touch(void *start, size_t bytes);
/* The pages are in memory, and all of them on this node. */
void nodes_on(const void *start, size_t bytes, u32 node);
/* Each touched page is where fixheap_node_of says; bytes of it that are in
 * memory. */
size_t nodes_as_told(struct fixheap *heap, const void *start, size_t bytes);
/* fixheap_verify_placement finds the whole heap in order. */
void nodes_verified(struct fixheap *heap);
/* Touch an array of nr pages: all of it is where the heap says, nobody was
 * killed, and the heap is in order. */
void nodes_check_away(struct test_heap *t, char *array, u64 nr);
/* An array with this policy and nodes, as fixheap_array_alloc. */
void *nodes_array(struct fixheap *heap, size_t bytes,
		  enum fixheap_policy policy, u64 nodes);
/* So many bytes are what fixheap_largest_free says, succeed, and a page more
 * does not. */
void nodes_largest(struct fixheap *heap, const struct fixheap_array_attr *attr);
/* The zones, in blocks: "0:0-8 1:8-16 S:16-18 M:18-20". */
const char *nodes_zones(struct fixheap *heap);
/* A seed for this run, printed with the command that plays it again; SEED in
 * the environment sets it. */
u64 nodes_seed(const char *test);

/* What shows that the whole heap is at home and bound as it was when made. */
struct nodes_home {
	u64 policies;
	u64 held;
};
void nodes_home_note(struct nodes_home *home);
void nodes_home_check(const struct nodes_home *home, struct test_heap *t);

#endif
