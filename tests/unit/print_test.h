/* SPDX-License-Identifier: BSD-2-Clause */
/* print_test.h: what fixheap_print writes, for the tests to read. */
#ifndef TESTS_UNIT_PRINT_TEST_H
#define TESTS_UNIT_PRINT_TEST_H

#include "print.h"
#include "support.h"

#include <unistd.h>

static const char *const texts[] = {
	"buddyinfo", "zoneinfo",  "pagetypeinfo", "vmstat",
	"slabinfo",  "numa_maps", "map",	  "prometheus",
};

static char text[1 << 20]; /* the last one */

/* Into text; what fixheap_print has returned. */
static inline int print_to_file(struct test_heap *t, const char *what)
{
	FILE *file = tmpfile();
	size_t nr;
	int ret;

	assert_non_null(file);
	ret = fixheap_print(t->heap, fileno(file), what);
	rewind(file);
	nr = fread(text, 1, sizeof(text) - 1, file);
	assert_true(nr < sizeof(text) - 1);
	text[nr] = '\0';
	fclose(file);
	return ret;
}

static inline void printed(struct test_heap *t, const char *what)
{
	assert_int_equal(print_to_file(t, what), 0);
	assert_true(!text[0] || text[strlen(text) - 1] == '\n');
}

/* What follows this start of the one line that has it. */
static inline const char *line_of(const char *start)
{
	const char *at = text, *found = NULL;

	for (; at && *at; at = strchr(at, '\n'), at += at != NULL) {
		if (strncmp(at, start, strlen(start)))
			continue;
		if (found)
			fail_msg("twice: %s in:\n%s", start, text);
		found = at + strlen(start);
	}
	if (!found)
		fail_msg("no line: %s in:\n%s", start, text);
	return found;
}

static inline u64 number_of(const char *start)
{
	u64 value;

	if (sscanf(line_of(start), "%lu", &value) != 1)
		fail_msg("no number: %s in:\n%s", start, text);
	return value;
}

static inline u32 nr_lines(void)
{
	u32 nr = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		nr++;
	return nr;
}

/* Free runs by order, as a user reads a line of buddyinfo. */
static inline u32 numbers_of(const char *line, u64 *nr, u32 max)
{
	u32 n = 0;
	int used;

	while (n < max && sscanf(line, " %lu%n", &nr[n], &used) == 1) {
		line += used;
		n++;
	}
	return n;
}

/* One zone, known: pages 0 and 400 arrays, 401 to 450 a page run; 399 pages are
 * free in front and 573 behind. */
#define NR 1024 /* pages of the heaps here */
static inline void make_known(struct test_heap *t)
{
	heap_make(t, &(struct heap_spec){ .nr_pages = NR });
	heap_place(t, PAGE_ARRAY, 0, 1);
	heap_place(t, PAGE_ARRAY, 400, 1);
	heap_place(t, PAGE_RAW, 401, 50);
}

#endif
