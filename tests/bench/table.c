/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * table.c: the figures, one a row.
 *
 * A row is one figure of ours beside the same of a peer that ran in turns with
 * us, and their ratio: not the ratio of the two figures, but the median of the
 * ratios of all rounds.  The TSV has the same rows with a head; a row that was
 * not measured is in it with a verdict "skipped".
 *
 * Locking: none, one thread.
 */
#include "table.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MISSED_MAX 64

static FILE *tsv;
static unsigned nr_reached, nr_missed;
static char missed[MISSED_MAX][320];

bool table_open(const char *path)
{
	if (!path)
		return true;
	tsv = fopen(path, "w");
	if (!tsv) {
		bench_error("%s: %s", path, strerror(errno));
		return false;
	}
	fputs("measure\tcase\tthreads\tagainst\tunit\tours\ttheirs\tratio\t"
	      "target\tverdict\n",
	      tsv);
	return true;
}

void table_close(void)
{
	if (tsv)
		fclose(tsv);
	tsv = NULL;
}

void table_title(const char *text)
{
	printf("\n%s\n%-28s %3s  %-14s %10s %10s %6s  %s\n", text, "case",
	       "thr", "against", "ours", "theirs", "ratio", "target");
}

/* A number in four digits or so. */
static const char *digits(char *text, size_t size, double value)
{
	int places = value < 10 ? 2 : value < 100 ? 1 : 0;

	snprintf(text, size, "%.*f", places, value);
	return text;
}

/* Means of what is counted may be a last digit above a target. */
#define DIGIT 1e-9

static bool row_missed(const struct row *row)
{
	if (row->at_most && row->ratio > row->at_most + DIGIT)
		return true;
	if (!row->limit)
		return false;
	return row->at_least ? row->ours < row->limit - DIGIT
			     : row->ours > row->limit + DIGIT;
}

/* What is promised: of the ratio, of ours, or of both. */
static void print_target(char *text, size_t size, const struct row *row)
{
	char ratio[24] = "", limit[40] = "", number[24];

	if (row->at_most)
		snprintf(ratio, sizeof(ratio), "%.2f", row->at_most);
	if (row->limit)
		snprintf(limit, sizeof(limit), "%s%s%s %s", *ratio ? ", " : "",
			 row->at_least ? ">= " : "<= ",
			 digits(number, sizeof(number), row->limit), row->unit);
	snprintf(text, size, "%s%s", ratio, limit);
}

static void note_missed(const struct row *row, const char *target)
{
	char text[3][40] = { "", "", "" };

	if (row->nr_threads)
		snprintf(text[0], 40, ", %u threads", row->nr_threads);
	if (row->peer)
		snprintf(text[1], 40, " against %s", row->peer);
	if (row->ratio)
		snprintf(text[2], 40, ", ratio %.2f", row->ratio);
	if (nr_missed < MISSED_MAX)
		snprintf(missed[nr_missed], sizeof(missed[0]),
			 "%.10s: %.40s%s%s: %.3g %.8s%s, target %.63s",
			 row->measure, row->what, text[0], text[1], row->ours,
			 row->unit, text[2], target);
	nr_missed++;
}

static void print_tsv(const struct row *row, const char *target,
		      const char *verdict)
{
	if (!tsv)
		return;
	fprintf(tsv, "%s\t%s\t%u\t%s\t%s\t%.6g\t%.6g\t%.4g\t%s\t%s\n",
		row->measure, row->what, row->nr_threads,
		row->peer ? row->peer : "-", row->unit, row->ours, row->theirs,
		row->ratio, target, verdict);
	fflush(tsv);
}

enum bench_result table_record(const struct row *row)
{
	bool promised = row->at_most || row->limit;
	enum bench_result result = row_missed(row) ? BENCH_MISSED : BENCH_OK;
	char target[64];

	print_target(target, sizeof(target), row);
	print_tsv(row, target, promised ? bench_verdict(result) : "-");
	if (result == BENCH_MISSED)
		note_missed(row, target);
	else
		nr_reached += promised;
	return result;
}

enum bench_result table_row(const struct row *row)
{
	char ours[24], theirs[24] = "", ratio[24] = "", target[64];
	bool promised = row->at_most || row->limit;
	enum bench_result result = table_record(row);
	char threads[12] = "", with_unit[40];

	print_target(target, sizeof(target), row);
	snprintf(with_unit, sizeof(with_unit), "%s %s",
		 digits(ours, sizeof(ours), row->ours), row->unit);
	if (row->theirs)
		digits(theirs, sizeof(theirs), row->theirs);
	if (row->ratio)
		snprintf(ratio, sizeof(ratio), "%.2f", row->ratio);
	if (row->nr_threads)
		snprintf(threads, sizeof(threads), "%u", row->nr_threads);
	printf("%-28s %3s  %-14s %10s %10s %6s  %s %s\n", row->what, threads,
	       row->peer ? row->peer : "", with_unit, theirs, ratio, target,
	       promised ? bench_verdict(result) : "-");
	return result;
}

void table_skip(const char *measure, const char *what, const char *why)
{
	printf("%-28s not measured: %s\n", what, why);
	if (tsv)
		fprintf(tsv, "%s\t%s\t0\t-\t-\t\t\t\t%s\tskipped\n", measure,
			what, why);
}

void table_summary(void)
{
	printf("\n%u targets reached, %u missed\n", nr_reached, nr_missed);
	for (unsigned i = 0; i < nr_missed && i < MISSED_MAX; i++)
		printf("  %s\n", missed[i]);
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double table_median(double *sample, unsigned nr)
{
	qsort(sample, nr, sizeof(*sample), compare);
	return nr ? sample[nr / 2] : 0;
}
