/* SPDX-License-Identifier: BSD-2-Clause */
/* test_leaks.c: what is still allocated when a heap ends, mm/leaks.c. */
#include "support.h"

#define NR 2048 /* pages of the heaps here */

static void make(struct test_heap *t, unsigned flags)
{
	if (IS_ENABLED(CONFIG_JEMALLOC))
		heap_warm_objects();
	heap_make(t, &(struct heap_spec){ .nr_pages = NR, .flags = flags });
	host_sim_clear_output();
}

/* One line is this, or begins so where it does not end. */
static void has_line(const char *want)
{
	const char *at = host_sim_output();

	while (at && strncmp(at, want, strlen(want))) {
		at = strchr(at, '\n');
		at += at != NULL;
	}
	if (!at || !*at)
		fail_msg("no line: %s in:\n%s", want, host_sim_output());
}

static u32 nr_lines(void)
{
	u32 nr = 0;

	for (const char *at = host_sim_output(); (at = strchr(at, '\n')); at++)
		nr++;
	return nr;
}

static void *pages(struct test_heap *t, u64 nr, unsigned tag)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	void *start;

	attr.tag = tag;
	start = fixheap_pages_alloc(t->heap, nr, 0, &attr);
	assert_non_null(start);
	return start;
}

/* Nothing is left, or nobody asked: nothing is said. */
static void test_silent(void **state)
{
	struct test_heap t;

	(void)state;
	make(&t, FIXHEAP_REPORT_LEAKS);
	fixheap_pages_free(t.heap, pages(&t, 1, 0), 1);
	fixheap_pages_free(t.heap, pages(&t, 100, 0), 100);
	fixheap_free(t.heap, fixheap_malloc(t.heap, 100));
	fixheap_free(t.heap, fixheap_malloc(t.heap, 100000));
	heap_end(&t);
	assert_string_equal(host_sim_output(), "");
	make(&t, 0);
	pages(&t, 100, 0);
	heap_end(&t);
	assert_string_equal(host_sim_output(), "");
}

static void test_runs(void **state)
{
	bool tags = IS_ENABLED(CONFIG_TAGS);
	struct test_heap t;
	char want[200], *a, *b;

	(void)state;
	make(&t, FIXHEAP_REPORT_LEAKS);
	a = pages(&t, 100, 7);
	b = pages(&t, 50, 0);
	pages(&t, 3, 7);
	fixheap_pages_free(t.heap, a + BYTES(90), 10);
	heap_end(&t);
	snprintf(want, sizeof(want),
		 "fixheap: 3 allocations are left, %lu bytes\n", BYTES(143));
	has_line(want);
	if (tags) {
		snprintf(want, sizeof(want), "fixheap:   tag 7: 2, %lu bytes\n",
			 BYTES(93));
		has_line(want);
	}
	snprintf(want, sizeof(want), "fixheap:   no tag: %d, %lu bytes\n",
		 tags ? 1 : 3, tags ? BYTES(50) : BYTES(143));
	has_line(want);
	snprintf(want, sizeof(want), "fixheap: %p: %lu bytes, pages%s",
		 (void *)a, BYTES(90), tags ? ", tag 7" : "");
	has_line(want);
	snprintf(want, sizeof(want), "fixheap: %p: %lu bytes, pages%s",
		 (void *)b, BYTES(50),
		 IS_ENABLED(CONFIG_PAGE_OWNER) ? "; allocated at sim+0x"
					       : "\n");
	has_line(want);
	assert_int_equal(nr_lines(), 1 + tags + 1 + 3);
}

static void test_many(void **state)
{
	struct test_heap t;
	char want[200];

	(void)state;
	make(&t, FIXHEAP_REPORT_LEAKS);
	for (u32 i = 0; i < 15; i++)
		pages(&t, 1 + i * 7 % 15, 0);
	heap_end(&t);
	has_line("fixheap: 15 allocations are left, ");
	has_line("fixheap: and 5 more\n");
	assert_int_equal(nr_lines(), 1 + 1 + 10 + 1);
	/* the largest first */
	snprintf(want, sizeof(want), ": %lu bytes, pages", BYTES(15));
	assert_non_null(strstr(host_sim_output(), want));
	snprintf(want, sizeof(want), ": %lu bytes, pages", BYTES(5));
	assert_null(strstr(host_sim_output(), want));
}

static void test_small(void **state)
{
	static void *object[1000];
	struct test_heap t;

	(void)state;
	need(IS_ENABLED(CONFIG_JEMALLOC), "objects have no slabs");
	make(&t, FIXHEAP_REPORT_LEAKS);
	for (u32 i = 0; i < ARRAY_LEN(object); i++)
		object[i] = fixheap_malloc(t.heap, i % 2 ? 64 : 100);
	for (u32 i = 0; i < ARRAY_LEN(object); i++) {
		if (i > 20)
			fixheap_free(t.heap, object[i]);
	}
	heap_end(&t);
	has_line("fixheap: 21 allocations are left, 1872 bytes\n");
	has_line("fixheap:   objects of 64 bytes: 10\n");
	has_line("fixheap:   objects of 112 bytes: 11\n");
	assert_int_equal(nr_lines(), 3);
}

static void test_kinds(void **state)
{
	struct test_heap t;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	make(&t, FIXHEAP_REPORT_LEAKS);
	assert_non_null(fixheap_array_alloc(t.heap, BYTES(600), NULL));
	assert_true(fixheap_reserve(t.heap, BYTES(9), NULL) != 0);
	assert_non_null(fixheap_malloc(t.heap, 100000));
	heap_end(&t);
	has_line("fixheap: 3 allocations are left");
	assert_non_null(strstr(host_sim_output(), " bytes, array"));
	assert_non_null(strstr(host_sim_output(), " bytes, reserved"));
	assert_non_null(strstr(host_sim_output(), " bytes, large"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_silent), cmocka_unit_test(test_runs),
		cmocka_unit_test(test_many),   cmocka_unit_test(test_small),
		cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests_name("leaks", tests, NULL, NULL);
}
