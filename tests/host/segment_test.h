/* SPDX-License-Identifier: BSD-2-Clause */
/* segment_test.h: heaps to be looked at, for the tests of tools/segment.c. */
#ifndef SEGMENT_TEST_H
#define SEGMENT_TEST_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <fixheap/fixheap.h>

#include "figures.h"

#define MIB ((size_t)1 << 20)
#define TEST(name) cmocka_unit_test(test_##name)

static uint64_t random_state;

static inline uint64_t next_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static inline struct fixheap *make_heap(size_t max_bytes)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap;

	config.length = 64 * MIB;
	config.max_bytes = max_bytes;
	config.flags = FIXHEAP_SHARE;
	if (fixheap_create(&config, &heap))
		skip();
	return heap;
}

/* Runs of all lengths, and every third of them free again. */
static inline void use_heap(struct fixheap *heap)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	void *run[100];
	size_t nr[100];

	for (int i = 0; i < 100; i++) {
		nr[i] = 1 + next_random() % 200;
		fixheap_set_tag((unsigned)i % 5);
		run[i] = fixheap_pages_alloc(heap, nr[i], 0, NULL);
		fixheap_malloc(heap, (size_t)i * 300);
	}
	for (int i = 0; i < 100; i += 3)
		if (run[i])
			fixheap_pages_free(heap, run[i], nr[i]);
	attr.policy = FIXHEAP_POLICY_LOCAL;
	fixheap_array_alloc(heap, 5 * MIB + 1, NULL);
	fixheap_array_alloc(heap, 100000, &attr);
	fixheap_set_tag(0);
}

/* The number that the tests begin with, which is printed. */
static inline void random_begin(int argc, char **argv)
{
	random_state = argc > 1 ? strtoull(argv[1], NULL, 0)
				: (uint64_t)getpid() * 7919;
	print_message("again: %s %llu\n", argv[0],
		      (unsigned long long)random_state);
}

#endif
