/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * objects_test.h: what the tests of the objects' side have in common: a heap
 * on a simulated machine, the faults that it reported, and what it holds.
 */
#ifndef TESTS_UNIT_OBJECTS_TEST_H
#define TESTS_UNIT_OBJECTS_TEST_H

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mmzone.h"
#include "sim/host_sim.h"

#include "../steps.h"

#define MIB (1ull << 20)

/* The last fault, and how many there were. */
struct faults {
	unsigned nr;
	const void *address;
	char api[32], what[64], state[32];
};

static inline void note_fault(void *data, const struct fixheap_fault *fault)
{
	struct faults *faults = data;

	faults->nr++;
	faults->address = fault->address;
	snprintf(faults->api, sizeof(faults->api), "%s", fault->api);
	snprintf(faults->what, sizeof(faults->what), "%s", fault->what);
	snprintf(faults->state, sizeof(faults->state), "%s", fault->state);
}

/* A heap of so many bytes, on the machine that is set; faults may be NULL. */
static inline struct fixheap *make_heap(size_t bytes, struct faults *faults)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap = NULL;

	config.length = bytes;
	config.fault = faults ? note_fault : NULL;
	config.fault_data = faults;
	assert_int_equal(fixheap_create(&config, &heap), 0);
	return heap;
}

static inline struct fixheap_stats stats_of(struct fixheap *heap)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	assert_int_equal(fixheap_stats(heap, &stats), 0);
	return stats;
}

/* Bytes in use after all caches were emptied. */
static inline size_t used_after_reclaim(struct fixheap *heap)
{
	fixheap_reclaim(heap);
	return stats_of(heap).used_bytes;
}

/* All of it was given back; then the heap ends. */
static inline void end_empty_heap(struct fixheap *heap)
{
	assert_int_equal(used_after_reclaim(heap), 0);
	assert_int_equal(stats_of(heap).live_bytes, 0);
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
}

/* Node of the page that ptr is in. */
static inline u32 node_at(struct fixheap *heap, const void *ptr)
{
	return page_node(page_read(&heap->page[addr_to_pfn(heap, ptr)]));
}

/* Numbers from a seed, the same on every machine. */
static inline u64 next_random(u64 *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static inline int reset_machine(void **state)
{
	(void)state;
	host_sim_reset();
	return 0;
}

static inline pthread_t start_thread(void *(*fn)(void *), void *arg)
{
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, fn, arg), 0);
	return thread;
}

static inline void join_thread(pthread_t thread)
{
	assert_int_equal(pthread_join(thread, NULL), 0);
}

/* Something that another thread decides; waits without a time limit. */
static inline void wait_for(unsigned *flag, unsigned value)
{
	while (__atomic_load_n(flag, __ATOMIC_ACQUIRE) != value)
		host_yield();
}

static inline void set_flag(unsigned *flag, unsigned value)
{
	__atomic_store_n(flag, value, __ATOMIC_RELEASE);
}

/* ---- contents ----------------------------------------------------------- */

static inline void fill(void *ptr, unsigned char byte, size_t bytes)
{
	memset(ptr, byte, bytes);
}

static inline bool filled(const void *ptr, unsigned char byte, size_t bytes)
{
	const unsigned char *p = ptr;

	return !bytes || (p[0] == byte && !memcmp(p, p + 1, bytes - 1));
}

/* ---- faults ------------------------------------------------------------- */

/* fixheap_free(ptr) is reported in these words, and does nothing else. */
static inline void expect_fault(struct fixheap *heap, void *ptr,
				const char *what)
{
	struct faults *faults = heap->fault_data;
	unsigned nr = faults->nr;
	size_t live = stats_of(heap).live_bytes;

	errno = 42;
	fixheap_free(heap, ptr);
	assert_int_equal(faults->nr, nr + 1);
	assert_string_equal(faults->api, "fixheap_free");
	assert_non_null(strstr(faults->what, what));
	assert_ptr_equal(faults->address, ptr);
	assert_int_equal(errno, 42);
	assert_int_equal(stats_of(heap).live_bytes, live);
}

/* And so are the other two functions that take an object. */
static inline void expect_both_faults(struct fixheap *heap, void *ptr)
{
	struct faults *faults = heap->fault_data;
	unsigned nr = faults->nr;
	char what[64];

	errno = 0;
	assert_null(fixheap_realloc(heap, ptr, 5));
	assert_int_equal(errno, EINVAL);
	assert_int_equal(faults->nr, nr + 1);
	assert_string_equal(faults->api, "fixheap_realloc");
	snprintf(what, sizeof(what), "%s", faults->what);
	assert_int_equal(fixheap_usable_size(heap, ptr), 0);
	assert_int_equal(faults->nr, nr + 2);
	assert_string_equal(faults->api, "fixheap_usable_size");
	/* in the same words */
	assert_string_equal(faults->what, what);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, reset_machine)

#endif
