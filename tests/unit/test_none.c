/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_none.c: mm/array_none.c, explain_none.c, print_none.c, share_none.c,
 * shortage_none.c, tag_none.c and trim_none.c: functions of what was configured
 * out are there and say ENOTSUP, and those of what is there do not.
 */
#include "support.h"

#include <fixheap/segment.h>

#define NR 100 /* pages of the heaps here */

/* What a function that gives a pointer or a number has failed with. */
static int error_of(bool failed)
{
	return failed ? -errno : 0;
}

static int array_alloc(struct fixheap *heap)
{
	void *array = fixheap_array_alloc(heap, 1, NULL);

	fixheap_array_free(heap, array);
	return error_of(!array);
}

static int array_resize(struct fixheap *heap)
{
	void *array = fixheap_array_alloc(heap, 1, NULL);
	int ret = fixheap_array_resize(heap, array, 2);

	fixheap_array_free(heap, array);
	return ret;
}

static int array_realloc(struct fixheap *heap)
{
	void *array;

	errno = 0;
	array = fixheap_array_realloc(heap, NULL, 1);
	fixheap_array_free(heap, array);
	return error_of(!array);
}

static int array_touch(struct fixheap *heap)
{
	void *array = fixheap_array_alloc(heap, 1, NULL);
	int ret = fixheap_array_touch(heap, array, 1, 0);

	fixheap_array_free(heap, array);
	return ret;
}

static int reserve(struct fixheap *heap)
{
	uint64_t ticket = fixheap_reserve(heap, 1, NULL);

	fixheap_release(heap, ticket);
	return error_of(!ticket);
}

static int explain(struct fixheap *heap)
{
	struct fixheap_explanation answer = FIXHEAP_EXPLANATION_INIT;

	return fixheap_explain(heap, NULL, 1, &answer);
}

static int print(struct fixheap *heap)
{
	FILE *file = tmpfile();
	int ret = fixheap_print(heap, fileno(file), "vmstat");

	fclose(file);
	return ret;
}

static size_t give_nothing(void *data, const struct fixheap_shortage *shortage)
{
	(void)data;
	(void)shortage;
	return 0;
}

static int add_reclaim(struct fixheap *heap)
{
	int ret = fixheap_add_reclaim(heap, give_nothing, NULL);

	return ret ? ret : fixheap_del_reclaim(heap, give_nothing, NULL);
}

static int del_reclaim(struct fixheap *heap)
{
	int ret = fixheap_del_reclaim(heap, give_nothing, NULL);

	return ret == -ENOENT ? 0 : ret;
}

static int watermark(struct fixheap *heap)
{
	return fixheap_set_watermark(heap, 0, 0);
}

static int set_tag(struct fixheap *heap)
{
	(void)heap;
	return fixheap_set_tag(0);
}

static int see_tag(void *data, const struct fixheap_tag *tag)
{
	(void)data;
	(void)tag;
	return 0;
}

static int tags(struct fixheap *heap)
{
	return fixheap_tags(heap, see_tag, NULL);
}

static int trim(struct fixheap *heap)
{
	size_t given = 77;
	int ret = fixheap_trim(heap, 0, 0, &given);

	if (ret)
		assert_int_equal(given, 0);
	return ret;
}

static int trim_only(struct fixheap *heap)
{
	return fixheap_trim(heap, 0, 0, NULL);
}

static const struct {
	const char *name;
	bool there;
	int (*call)(struct fixheap *heap); /* 0 or -errno */
} functions[] = {
#define ROW(config, call)                       \
	{                                       \
#call, IS_ENABLED(config), call \
	}
	ROW(CONFIG_ARRAY, array_alloc),	  ROW(CONFIG_ARRAY, array_resize),
	ROW(CONFIG_ARRAY, array_realloc), ROW(CONFIG_ARRAY, array_touch),
	ROW(CONFIG_ARRAY, reserve),	  ROW(CONFIG_EXPLAIN, explain),
	ROW(CONFIG_PRINT, print),	  ROW(CONFIG_RECLAIM, add_reclaim),
	ROW(CONFIG_RECLAIM, del_reclaim), ROW(CONFIG_RECLAIM, watermark),
	ROW(CONFIG_TAGS, set_tag),	  ROW(CONFIG_TAGS, tags),
	ROW(CONFIG_TRIM, trim),		  ROW(CONFIG_TRIM, trim_only),
#undef ROW
};

static void test_functions(void **state)
{
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		int ret;

		errno = 0;
		ret = functions[i].call(t.heap);
		if (ret != (functions[i].there ? 0 : -ENOTSUP))
			fail_msg("%s: %d", functions[i].name, ret);
	}
	heap_is_empty(&t);
	heap_end(&t);
}

/* What cannot have been made is not there to be given back. */
static void test_mistakes(void **state)
{
	struct test_heap t;
	void *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	pages = fixheap_pages_alloc(t.heap, 2, 0, NULL);
	fixheap_array_free(t.heap, pages);
	assert_int_equal(t.nr_faults, 1);
	assert_string_equal(t.api, "fixheap_array_free");
	if (!IS_ENABLED(CONFIG_ARRAY))
		assert_string_equal(t.what, "no array");
	assert_int_equal(t.heap->used, 2);
	fixheap_release(t.heap, 12345);
	assert_int_equal(t.nr_faults, 2);
	assert_string_equal(t.api, "fixheap_release");
	t.nr_faults = 0;
	fixheap_pages_free(t.heap, pages, 2);
	heap_end(&t);
}

/* Who does not share has no file; without ATTACH nobody can. */
static void test_share(void **state)
{
	struct test_heap t;

	(void)state;
	for (u32 shared = 0; shared <= IS_ENABLED(CONFIG_ATTACH); shared++) {
		const struct heap_spec spec = { .nr_pages = NR,
						.flags = shared ? FIXHEAP_SHARE
								: 0 };

		heap_make(&t, &spec);
		assert_int_equal(fixheap_segment_path(t.heap) != NULL, shared);
		fixheap_segment_hide(t.heap);
		heap_end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_functions),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_share),
	};

	return cmocka_run_group_tests_name("none", tests, NULL, NULL);
}
