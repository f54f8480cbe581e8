/* SPDX-License-Identifier: BSD-2-Clause */
/* comm.h: what the test asks of its comm layer, comm.c, and its runtime. */
#ifndef TEST_COMM_H
#define TEST_COMM_H

#include <stdbool.h>
#include <stddef.h>

enum test_comm_kind {
	TEST_COMM_NONE,	  /* no heap of its own */
	TEST_COMM_FIXED,  /* one heap, registered at the start */
	TEST_COMM_DYNAMIC /* large arrays are registered one by one */
};

/* bytes: of the fixed heap, or of all regions at most. */
void test_comm_init(enum test_comm_kind kind, size_t bytes, size_t threshold);

struct test_comm_sums {
	size_t nr_regions;	 /* that there are now */
	size_t nr_registered;	 /* of them */
	size_t registered_bytes; /* of them */
	size_t nr_registrations; /* ever */
	size_t nr_mistakes;	 /* of the memory layer; each was written */
};
/* The calling thread has touched so many bytes of the region that is registered
 * next, which may be longer than its array; 0: all of it. */
void test_comm_touched(size_t bytes);
/* Whether all of it lies in one region, which is registered. */
bool test_comm_reaches(const void *p, size_t bytes);
void test_comm_sums(struct test_comm_sums *sums);

/* Allocations that Chapel's memory tracking knows of. */
long test_tracked(void);
/* What chpl_env_rt_get("MAX_HEAP_SIZE") gives. */
void test_set_max_heap(const char *text);

#endif
