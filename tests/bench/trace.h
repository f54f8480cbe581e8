/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h: the loads that `make bench` measures overhead with; see trace.c
 * for what each of them does.
 */
#ifndef BENCH_TRACE_H
#define BENCH_TRACE_H

#include <stddef.h>
#include <stdint.h>

enum trace_kind {
	TRACE_FREE,	  /* free the object or stack that id names */
	TRACE_FREE_ARRAY, /* free the array that id names */
	TRACE_OBJECT,	  /* allocate an object: the malloc interface */
	TRACE_STACK,	  /* allocate a task's stack: the malloc interface */
	TRACE_ARRAY,	  /* allocate an array: the array interface */
};

struct trace_op {
	uint64_t bytes; /* as asked for; of a free: as it was */
	uint32_t id;	/* below trace.nr_ids, one live thing each */
	uint32_t kind;	/* enum trace_kind */
};

struct trace {
	const char *name;
	uint64_t seed;
	struct trace_op *op;
	size_t nr_ops;
	uint32_t nr_ids;
	uint64_t peak_live; /* bytes asked for and not yet freed, highest */
	uint64_t live;	    /* the same, at the end */
};

struct trace_spec {
	const char *name;  /* for --trace and the table */
	const char *what;  /* one line for --help */
	uint64_t limit;	   /* bytes live that the load aims at */
	double target;	   /* smallest heap / peak live; 0: none is set */
	unsigned nr_seeds; /* what the mean is taken over */
};

extern const struct trace_spec trace_specs[]; /* ends with name NULL */

/*
 * trace_make - write out the load `spec` for one seed
 *
 * The same spec and seed give the same operations on every machine.
 * Return: 0; -EINVAL: no load of that name; -ENOMEM.
 */
int trace_make(struct trace *trace, const struct trace_spec *spec,
	       uint64_t seed);
void trace_fini(struct trace *trace);

/* The generator's own random numbers, for other parts of the benchmark. */
uint64_t trace_random(uint64_t *state);
/* Uniform in [0, n); n at least 1. */
uint64_t trace_below(uint64_t *state, uint64_t n);

#endif
