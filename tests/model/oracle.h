/* SPDX-License-Identifier: BSD-2-Clause */
/* oracle.h: what the model test knows of a heap; see oracle.c and ops.c. */
#ifndef TESTS_MODEL_ORACLE_H
#define TESTS_MODEL_ORACLE_H

#include <stdbool.h>

#include <fixheap/fixheap.h>

#include "model.h"

#define MAX_LIVE 4096

enum kind {
	PAGES,
	ARRAY,
	OBJECT
};

/* Something that was handed out and not yet given back. */
struct live {
	enum kind kind;
	bool zero;	/* ARRAY: made with FIXHEAP_ZERO */
	uint64_t nodes; /* zones in which it must stay: a BIND array */
	/* bound heaps: an array's policy, for its nodes; see nodes.c */
	enum fixheap_policy policy;
	bool fresh, weighted;
	bool stuck;	 /* it may not grow in place */
	uint64_t wanted; /* nodes */
	size_t divided;	 /* pages that were divided among them */
	size_t page, nr; /* PAGES, ARRAY: in pages of the heap */
	unsigned char *object;
	size_t bytes;	    /* OBJECT: those asked for */
	unsigned char fill; /* OBJECT: what they hold */
};

struct model {
	struct source *source;
	const struct model_options *options;
	struct fixheap *heap;
	char *base; /* of the first whole page */
	size_t nr_pages;
	size_t page_bytes;
	uint32_t *owner; /* by page: mark of its array or pages; 0: none */
	uint8_t *node;	 /* by page: its zone's node */
	uint64_t nodes;	 /* those of its zones */
	uint8_t *use;	 /* by page: enum fixheap_use, as last walked */
	struct live live[MAX_LIVE];
	unsigned nr_live;
	uint32_t next_mark;
	bool mistake;	    /* the call that is being made is one */
	unsigned nr_faults; /* reported for it */
	char error[256];
};

/* Note what is wrong, unless something is already; false. */
bool model_fail(struct model *m, const char *what, size_t page, size_t nr);
/* A number below this one, from the source. */
uint32_t model_pick(struct model *m, uint32_t below);

void *oracle_at(const struct model *m, size_t page);
size_t oracle_page(const struct model *m, const void *address);
/* Walk the heap: what each page is in use for must agree with the oracle.
 * Pages of objects are known from here only. */
bool oracle_walk(struct model *m);
/* Longest run of pages that belong to nobody and are all in these nodes, from a
 * multiple of align pages on; as of the last walk. */
size_t oracle_largest(const struct model *m, uint64_t nodes, size_t align);
/* The pages behind [page, page + nr) are nobody's, whatever their nodes, up to
 * wanted pages in all; as of the last walk. */
bool oracle_can_grow(const struct model *m, const struct live *live,
		     size_t wanted);
/* The pages now belong to an allocation: check and mark them. */
bool oracle_claim(struct model *m, const struct live *part, uint32_t mark);
void oracle_give(struct model *m, size_t page, size_t nr);
/* What was written there is still there. */
bool oracle_intact(struct model *m, const struct live *live);
/* All that is used is known: the heap's own count agrees. */
bool oracle_used(struct model *m);

/* nodes.c: the heap is bound.  A policy for an array. */
void nodes_pick(struct model *m, struct fixheap_array_attr *attr,
		struct live *live);
bool nodes_is_strict(const struct live *live);
/* The array was made, or has moved. */
void nodes_made(struct model *m, struct live *live);
/* The heap says that its pages are where they shall be. */
bool nodes_check(struct model *m, const struct live *live);
/* And all pages of the heap in memory are where it says. */
bool nodes_check_all(struct model *m);

/* One random operation, checked. */
bool model_step(struct model *m);
/* Free one of what is live; all: not just a part of it. */
bool model_free_any(struct model *m, bool all);

#endif
