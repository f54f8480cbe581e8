/* SPDX-License-Identifier: BSD-2-Clause */
/* vm.h: what the tests on a machine with several nodes share; see vm.c. */
#ifndef TESTS_VM_VM_H
#define TESTS_VM_VM_H

#include <errno.h>
#include <numaif.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The machine of four.sh: nodes 0 and 1 have memory and a CPU each. */
#define NR_NODES 4
#define NODE_BARE 2 /* has CPU 2 and no memory */
#define NODE_SLOW 3 /* has memory, half as much as 0, and no CPU */
#define MEMORY_NODES 0xbul

#define PAGE ((size_t)4096)
#define HUGE_PAGE ((size_t)2 << 20)
#define MIB ((size_t)1 << 20)
#define NR(array) (sizeof(array) / sizeof((array)[0]))

/* Pages of each node in a range, and those that are not in memory. */
struct places {
	size_t on[NR_NODES];
	size_t absent;
};
void places_of(const void *start, size_t bytes, struct places *places);
/* As move_pages says: the node, or a negative errno value. */
int node_of(const void *address);
void nodes_of(const void *start, size_t nr_pages, int *node);
/* All pages of the range are in memory, and on this node. */
void assert_on_node(const void *start, size_t bytes, int node);

/* Private memory, aligned to 2 MiB; flags: MAP_HUGETLB, or 0. */
void *map_memory(size_t bytes, int flags);
void unmap_memory(void *start, size_t bytes);
/* mlock; AddressSanitizer's does nothing. */
void lock_memory(void *start, size_t bytes);
/* Write to each page, one byte at its start. */
void touch(void *start, size_t bytes);
/* mbind to the nodes of a mask of bits; 0 or -errno. */
int bind_memory(void *start, size_t bytes, int mode, unsigned long nodes);
/* What the kernel keeps for this address. */
void policy_of(void *address, int *mode, unsigned long *nodes);
/* kB in the line "NAME:" of the mapping, from /proc/self/smaps. */
size_t smaps_kb(const void *start, const char *name);

/* Bytes that the node has free. */
size_t node_free_bytes(int node);
/* 2 MiB pages that are kept for hugetlb on this node. */
size_t node_pool(int node);
void node_set_pool(int node, size_t nr);
/* Take pages for hugetlb until the node has about this much free; return how
 * many it had, for node_set_pool to give them back. */
size_t node_fill(int node, size_t free_bytes);
/* For setup and teardown of a test: NODE_SLOW is full but for SLOW_LEFT, of
 * which the kernel keeps 13 MiB for itself. */
#define SLOW_LEFT (32 * MIB)
#define SLOW_KEPT (13 * MIB)
int fill_slow(void **state);
int empty_slow(void **state);

/*
 * fn in a child that the kernel kills first when memory is short.  It must end
 * well, or by this signal.  cmocka's assertions must not fail in it; MUST, and
 * all of vm.c, can be used in a test and in its child.
 */
void assert_child(void (*fn)(void *data), void *data, int signal_wanted);
#define MUST(it) must((it), #it, __FILE__, __LINE__)
void must(bool it, const char *text, const char *file, int line);
void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A group of processes that may use these nodes only, like "0-1". */
void cpuset_make(const char *nodes);
void cpuset_change(const char *nodes);
void cpuset_enter(void);
void cpuset_end(void);
/* For setup and teardown of a test: one without NODE_SLOW. */
int cpuset_without_slow(void **state);
int cpuset_gone(void **state);

/* Run the calling thread on this CPU only; -1: on all. */
void run_on_cpu(int cpu);
/* Mappings of this process. */
size_t nr_mappings(void);
/* What /proc/self/numa_maps says of the mapping that begins there. */
void numa_maps_of(const void *start, char *line, size_t bytes);

/* Where random tests begin, from SEED in the environment; it is printed. */
uint64_t first_seed(void);
uint64_t random_below(uint64_t *seed, uint64_t below);

#endif
