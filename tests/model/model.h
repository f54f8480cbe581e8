/* SPDX-License-Identifier: BSD-2-Clause */
/* model.h: random operations on a heap, compared with an oracle; see
 * model.c. */
#ifndef TESTS_MODEL_H
#define TESTS_MODEL_H

#include <stddef.h>
#include <stdint.h>

/* Where decisions come from: a seed, or bytes that a fuzzer made. */
struct source {
	uint64_t seed; /* used when bytes is NULL */
	const uint8_t *bytes;
	size_t nr_bytes; /* those left */
};

struct model_options {
	unsigned nr_nodes; /* 1 or more: zones of the heap */
	int bound;	   /* its memory is bound to them; all policies */
	size_t heap_pages;
	size_t skew;	      /* bytes that the base is off a pageblock */
	unsigned long nr_ops; /* at most; bytes may end earlier */
	unsigned long validate_every; /* 1: after each operation */
};

/* NULL, or what went wrong in words, with the number of the operation. */
const char *model_run(struct source *source,
		      const struct model_options *options);

#endif
