/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_print_stats.c: mm/print_stats.c, sums as text: vmstat, prometheus.
 *
 * The latter is read by the rules of the exposition format, version 0.0.4, and
 * by those that `promtool check metrics` has on top: one HELP and one TYPE in
 * front of the samples of a metric, which stand in a row, none of them twice;
 * counters end in _total, and nothing else does.
 */
#include "print_test.h"

#include <ctype.h>

#define MAX_SAMPLES 4000

static bool name_char(char c, bool first)
{
	return c == '_' || isalpha((unsigned char)c) ||
	       (!first && isdigit((unsigned char)c));
}

/* A name into a buffer of 100 bytes; where it ends. */
static const char *name_at(const char *at, char *name)
{
	size_t nr = 0;

	while (name_char(*at, !nr)) {
		assert_true(nr < 99);
		name[nr++] = *at++;
	}
	name[nr] = '\0';
	assert_true(nr > 0);
	return at;
}

/* {name="value",...}; where it ends.  Values have no backslash here. */
static const char *labels_at(const char *at)
{
	char name[100];

	if (*at != '{')
		return at;
	do {
		at = name_at(at + 1, name);
		assert_true(at[0] == '=' && at[1] == '"');
		for (at += 2; *at != '"'; at++)
			assert_true(*at && *at != '\\' && *at != '\n');
		at++;
	} while (*at == ',');
	assert_int_equal(*at, '}');
	return at + 1;
}

struct metric {
	char name[100];
	bool counter, typed;
};

static void read_comment(const char *line, struct metric *metric)
{
	char name[100], type[100];

	if (!strncmp(line, "# HELP ", 7)) {
		line = name_at(line + 7, metric->name);
		assert_true(line[0] == ' ' && line[1]);
		metric->typed = false;
		return;
	}
	assert_int_equal(strncmp(line, "# TYPE ", 7), 0);
	line = name_at(line + 7, name);
	assert_string_equal(name, metric->name);
	assert_int_equal(*line, ' ');
	assert_int_equal(*name_at(line + 1, type), '\0');
	metric->counter = !strcmp(type, "counter");
	assert_true(metric->counter || !strcmp(type, "gauge"));
	metric->typed = true;
	assert_int_equal(!strcmp(name + strlen(name) - 6, "_total"),
			 metric->counter);
}

/* Reads all of text; how many metrics there are. */
static u32 read_all(void)
{
	static char *series[MAX_SAMPLES];
	static char metrics[100][100];
	struct metric metric = { .typed = false };
	u32 nr_series = 0, nr = 0;

	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		char name[100], *end;
		const char *at;

		if (*line == '#') {
			bool was = metric.typed;

			read_comment(line, &metric);
			for (u32 i = 0; was && i < nr; i++)
				assert_string_not_equal(metrics[i],
							metric.name);
			if (metric.typed)
				strcpy(metrics[nr++], metric.name);
			continue;
		}
		assert_true(metric.typed);
		at = labels_at(name_at(line, name));
		assert_string_equal(name, metric.name);
		assert_int_equal(*at, ' ');
		strtoull(at + 1, &end, 10);
		assert_true(end > at + 1 && !*end);
		line[at - line] = '\0';
		for (u32 i = 0; i < nr_series; i++)
			assert_string_not_equal(series[i], line);
		assert_true(nr_series < MAX_SAMPLES);
		series[nr_series++] = line;
	}
	return nr;
}

static void test_format(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;
	char *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(8),
					   .unbound = 1 });
	printed(&t, "prometheus");
	assert_int_equal(read_all(), 19);
	attr.tag = 1023;
	pages = fixheap_pages_alloc(t.heap, 100, 0, &attr);
	printed(&t, "prometheus");
	assert_int_equal(read_all(), IS_ENABLED(CONFIG_TAGS) ? 22 : 19);
	fixheap_pages_free(t.heap, pages, 100);
	heap_end(&t);
}

static void test_values(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	bool count = IS_ENABLED(CONFIG_VMSTAT);
	struct test_heap t;
	char *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1000 });
	attr.tag = 5;
	pages = fixheap_pages_alloc(t.heap, 100, 0, &attr);
	fixheap_pages_free(t.heap, pages + BYTES(60), 40);
	printed(&t, "prometheus");
	assert_int_equal(number_of("fixheap_heap_bytes "), BYTES(1000));
	assert_int_equal(number_of("fixheap_used_bytes "), BYTES(60));
	assert_int_equal(number_of("fixheap_peak_used_bytes "), BYTES(100));
	assert_int_equal(number_of("fixheap_live_bytes "), count * BYTES(60));
	assert_int_equal(number_of("fixheap_run_allocs_total "), count);
	assert_int_equal(number_of("fixheap_run_frees_total "), count);
	assert_int_equal(
		number_of("fixheap_zone_bytes{zone=\"0\",node=\"0\"} "),
		BYTES(1000));
	/* 940 pages in a row are of the highest order that there can be */
	assert_int_equal(number_of("fixheap_zone_free_runs{zone=\"0\","
				   "node=\"0\",order=\"9\"} "),
			 1);
	assert_int_equal(number_of("fixheap_zone_use_bytes{zone=\"0\","
				   "node=\"0\",use=\"pages\"} "),
			 BYTES(60));
	if (IS_ENABLED(CONFIG_TAGS)) {
		assert_int_equal(
			number_of("fixheap_tag_live_bytes{tag=\"5\"} "),
			BYTES(60));
		assert_int_equal(
			number_of("fixheap_tag_peak_bytes{tag=\"5\"} "),
			BYTES(100));
		assert_int_equal(number_of("fixheap_tag_runs{tag=\"5\"} "), 1);
	}
	fixheap_pages_free(t.heap, pages, 60);
	heap_end(&t);
}

static void test_vmstat(void **state)
{
	struct test_heap t;
	bool count = IS_ENABLED(CONFIG_VMSTAT);
	void *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	pages = fixheap_pages_alloc(t.heap, 100, 0, NULL);
	assert_null(fixheap_pages_alloc(t.heap, NR, 0, NULL));
	printed(&t, "vmstat");
	assert_int_equal(number_of("nr_pages "), NR);
	assert_int_equal(number_of("nr_free_pages "), NR - 100);
	assert_int_equal(number_of("nr_used_pages "), 100);
	assert_int_equal(number_of("nr_largest_free_pages "), NR - 100);
	assert_int_equal(number_of("live_bytes "), count * BYTES(100));
	assert_int_equal(number_of("run_alloc "), count);
	assert_int_equal(number_of("alloc_fail "), count);
	assert_int_equal(number_of("nr_zones "), 1);
	assert_int_equal(number_of("nr_regions "), 1);
	fixheap_pages_free(t.heap, pages, 100);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_vmstat),
	};

	return cmocka_run_group_tests_name("print_stats", tests, NULL, NULL);
}
