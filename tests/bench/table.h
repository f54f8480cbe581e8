/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.h: the figures, one a row, on standard output and as TSV; see table.c.
 */
#ifndef BENCH_TABLE_H
#define BENCH_TABLE_H

#include "bench.h"

/* One figure of ours beside one of somebody else's (or a bare one). */
struct row {
	const char *measure; /* for --trace */
	const char *what;    /* the case */
	unsigned nr_threads; /* 0: says nothing here */
	const char *peer;    /* whom it is held against; NULL: nobody */
	const char *unit;    /* of ours and theirs: "ns", "MiB", ... */
	double ours, theirs; /* theirs 0: there is none */
	double ratio;	     /* median of the rounds; 0: none */
	double at_most;	     /* target of the ratio; 0: none */
	double limit;	     /* target of ours, in its unit; 0: none */
	bool at_least;	     /* limit is from below */
};

/* Where the TSV goes; NULL: nowhere.  False: told. */
bool table_open(const char *path);
void table_close(void);

/* A title, and the heads of the columns. */
void table_title(const char *text);
/* Print one; BENCH_MISSED where a target is. */
enum bench_result table_row(const struct row *row);
/* The same for a row that was printed in a manner of its own. */
enum bench_result table_record(const struct row *row);
/* What is not measured, and why: in the table and in the TSV. */
void table_skip(const char *measure, const char *what, const char *why);
/* How many targets were reached and missed, and which. */
void table_summary(void);

/* The middle of nr samples, which are sorted by it. */
double table_median(double *sample, unsigned nr);

#endif
