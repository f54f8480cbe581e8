/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * segfit.h: a malloc of a client's own, on page runs of a fixed heap
 */
#ifndef TESTS_OWN_SEGFIT_H
#define TESTS_OWN_SEGFIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <fixheap/fixheap.h>

#define SEGFIT_BINS 64

struct segfit_block;

/* The caller's, zero but for the first three; one thread at a time. */
struct segfit {
	struct fixheap *heap;
	char *base;	   /* of the heap's memory, a multiple of the page */
	uint64_t *owned;   /* bit n: page n is ours; for one page more */
	size_t page_bytes; /* set by segfit_init */
	size_t nr_owned;   /* pages */
	size_t nr_taken;   /* page runs, ever */
	size_t nr_given;   /* frees of page runs, ever */
	size_t nr_joined;  /* times that a run lay beside ours */
	uint64_t filled;   /* bit n: bin n has blocks */
	struct segfit_block *bin[SEGFIT_BINS];
};

void segfit_init(struct segfit *s);
/* Pages of a run that bytes may need. */
size_t segfit_pages(const struct segfit *s, size_t bytes);
/* 16-byte aligned; NULL when the heap has no run of pages for it. */
void *segfit_alloc(struct segfit *s, size_t bytes);
void segfit_free(struct segfit *s, void *ptr);
/* Whether blocks, bins and pages agree; says on stdout what does not. */
bool segfit_check(const struct segfit *s, size_t nr_pages);

#endif
