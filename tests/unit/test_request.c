/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_request.c: mm/request.c, attributes as the public functions take them,
 * and that a request fails only after everything was taken back.
 */
#include "support.h"

#define GOOD sizeof(struct fixheap_array_attr)
static const struct {
	const char *machine;
	struct {
		size_t size;
		enum fixheap_policy policy;
		uint64_t nodes;
		size_t alignment;
		unsigned flags;
	} attr;
	int ret;
} attrs[] = {
	{ "2x1", { GOOD, FIXHEAP_POLICY_DEFAULT, 0, 0, 0 }, 0 },
	{ "2x1", { GOOD, FIXHEAP_POLICY_LOCAL, 0, 0, 0 }, 0 },
	{ "2x1", { GOOD, FIXHEAP_POLICY_BIND, 2, 0, 0 }, 0 },
	{ "2x1", { GOOD, FIXHEAP_POLICY_BIND, ~0ull, 0, 0 }, 0 },
	{ "2x1", { GOOD, FIXHEAP_POLICY_PREFERRED, 1, 0, 0 }, 0 },
	{ "2x1", { GOOD, 0, 0, 0, FIXHEAP_ZERO }, 0 },
	{ "2x1", { GOOD, 0, 0, 1, 0 }, 0 },
	{ "2x1", { GOOD, 0, 0, PAGE_BYTES * 4, 0 }, 0 },
	{ "2x1", { GOOD, 0, 0, 1ull << 63, 0 }, -ENOMEM },
	/* from another version, unknown flags and policies */
	{ "2x1", { 0, 0, 0, 0, 0 }, -EINVAL },
	{ "2x1", { GOOD + 8, 0, 0, 0, 0 }, -EINVAL },
	{ "2x1", { GOOD, 0, 0, 0, FIXHEAP_FRESH }, -ENOTSUP },
	{ "2x1", { GOOD, 0, 0, 0, 8 }, -EINVAL },
	{ "2x1", { GOOD, 0, 0, 0, 1u << 31 | 1 }, -EINVAL },
	{ "2x1", { GOOD, (enum fixheap_policy)6, 0, 0, 0 }, -EINVAL },
	{ "2x1", { GOOD, (enum fixheap_policy)9, 0, 0, 0 }, -EINVAL },
	/* alignments that are none */
	{ "2x1", { GOOD, 0, 0, 3, 0 }, -EINVAL },
	{ "2x1", { GOOD, 0, 0, PAGE_BYTES + 1, 0 }, -EINVAL },
	{ "2x1", { GOOD, 0, 0, ~(size_t)0, 0 }, -EINVAL },
	/* nodes on which nothing of the heap lies */
	{ "2x1", { GOOD, FIXHEAP_POLICY_BIND, 0, 0, 0 }, -EINVAL },
	{ "2x1", { GOOD, FIXHEAP_POLICY_BIND, 4, 0, 0 }, -EINVAL },
	{ "2x1", { GOOD, FIXHEAP_POLICY_PREFERRED, 8, 0, 0 }, -EINVAL },
	{ "2x1:0,1G", { GOOD, FIXHEAP_POLICY_BIND, 1, 0, 0 }, -EINVAL },
	{ "2x1:0,1G", { GOOD, FIXHEAP_POLICY_BIND, 2, 0, 0 }, 0 },
	/* trivial with one node; else they need pages of both */
	{ "1x1", { GOOD, FIXHEAP_POLICY_INTERLEAVE, 0, 0, 0 }, 0 },
	{ "1x1", { GOOD, FIXHEAP_POLICY_BLOCKED, 0, 0, 0 }, 0 },
	{ "2x1", { GOOD, FIXHEAP_POLICY_INTERLEAVE, 0, 0, 0 }, -ENOMEM },
	{ "2x1", { GOOD, FIXHEAP_POLICY_BLOCKED, 0, 0, 0 }, 0 },
	{ "2x1", { GOOD, FIXHEAP_POLICY_BLOCKED, 7, 0, 0 }, -EINVAL },
};

static void test_attr(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(attrs); i++) {
		struct fixheap_array_attr attr = {
			.size = attrs[i].attr.size,
			.policy = attrs[i].attr.policy,
			.nodes = attrs[i].attr.nodes,
			.alignment = attrs[i].attr.alignment,
			.flags = attrs[i].attr.flags,
		};
		struct test_heap t;
		void *start;

		heap_make(&t, &(struct heap_spec){ .machine = attrs[i].machine,
						   .nr_pages = BLOCKS(4) });
		errno = 0;
		start = fixheap_pages_alloc(t.heap, 3, 0, &attr);
		assert_int_equal(!start, !!attrs[i].ret);
		assert_int_equal(errno, -attrs[i].ret);
		if (start)
			fixheap_pages_free(t.heap, start, 3);
		errno = 0;
		if (attrs[i].ret == -EINVAL) {
			assert_int_equal(fixheap_largest_free(t.heap, &attr),
					 0);
			assert_int_equal(errno, -attrs[i].ret);
		}
		heap_is_empty(&t);
		heap_end(&t);
	}
}

static void test_fields(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct run_request req;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "3x1",
					   .nr_pages = BLOCKS(3) });
	memset(&req, 0x5a, sizeof(req));
	assert_int_equal(heap_attr(t.heap, NULL, &req), 0);
	assert_int_equal(req.align, 1);
	assert_int_equal(req.node, NODE_ANY);
	assert_int_equal(req.policy, FIXHEAP_POLICY_DEFAULT);
	assert_false(req.zero);
	attr.alignment = PAGE_BYTES / 2;
	assert_int_equal(heap_attr(t.heap, &attr, &req), 0);
	assert_int_equal(req.align, 1);
	attr.alignment = PAGE_BYTES * 16;
	attr.policy = FIXHEAP_POLICY_PREFERRED;
	attr.nodes = 5;
	attr.flags = FIXHEAP_ZERO;
	assert_int_equal(heap_attr(t.heap, &attr, &req), 0);
	assert_int_equal(req.align, 16);
	assert_int_equal(req.policy, FIXHEAP_POLICY_PREFERRED);
	assert_int_equal(req.nodes, 5);
	assert_true(req.zero);
	heap_end(&t);
}

/* Nodes are the machine's in the attribute, the heap's own in the request. */
static void test_nodes(void **state)
{
	static const struct {
		const char *machine;
		u64 ids, nodes;
	} table[] = {
		{ "1x1", 1, 1 },
		{ "1x1", 5, 1 },
		{ "4x1", 5, 5 },
		{ "4x1", ~0ull, 0xf },
		{ "3x1:1G,0,1G", 5, 3 },
		{ "3x1:1G,0,1G", 4, 2 },
		{ "3x1:1G,0,1G", 6, 2 },
		{ "3x1:0,0,1G", 4, 1 },
		{ "64x1", 1ull << 63, 1ull << 63 },
		{ "64x1", ~0ull, ~0ull },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		struct run_request req;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .machine = table[i].machine,
						   .nr_pages = BLOCKS(64) });
		attr.policy = FIXHEAP_POLICY_BIND;
		attr.nodes = table[i].ids;
		assert_int_equal(heap_attr(t.heap, &attr, &req), 0);
		assert_true(req.nodes == table[i].nodes);
		heap_end(&t);
	}
}

static void test_bytes_to_pages(void **state)
{
	static const struct {
		size_t bytes;
		u64 pages;
	} table[] = {
		{ 0, 1 },
		{ 1, 1 },
		{ PAGE_BYTES - 1, 1 },
		{ PAGE_BYTES, 1 },
		{ PAGE_BYTES + 1, 2 },
		{ PAGE_BYTES * 7, 7 },
		{ ~(size_t)0, 1ull << (64 - PAGE_SHIFT) },
		{ ~(size_t)0 - PAGE_BYTES, (1ull << (64 - PAGE_SHIFT)) - 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(bytes_to_pages(table[i].bytes),
				 table[i].pages);
}

/* Objects that were freed still hold pages, in caches of several threads'
 * CPUs: an array of all pages takes them back. */
static void test_retry(void **state)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	void *object[200], *array;
	struct test_heap t;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	heap_warm_objects();
	heap_make(&t, &(struct heap_spec){ .machine = "1x4", .nr_pages = 700 });
	for (u32 i = 0; i < 200; i++) {
		host_sim_set_cpu(i);
		object[i] = fixheap_malloc(t.heap, 16 + i * 5);
		assert_non_null(object[i]);
	}
	for (u32 i = 0; i < 200; i++) {
		host_sim_set_cpu(i / 7);
		fixheap_free(t.heap, object[i]);
	}
	array = fixheap_array_alloc(t.heap, BYTES(700), NULL);
	assert_ptr_equal(array, t.base);
	assert_int_equal(fixheap_stats(t.heap, &stats), 0);
	assert_int_equal(stats.used_bytes, BYTES(700));
	assert_int_equal(stats.nr_fails, 0);
	fixheap_array_free(t.heap, array);
	heap_is_empty(&t);
	heap_end(&t);
}

/* The same for the pages behind an array that grows. */
static void test_retry_resize(void **state)
{
	struct test_heap t;
	char *array, *page;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	heap_make(&t, &(struct heap_spec){ .nr_pages = 64 });
	array = fixheap_array_alloc(t.heap, BYTES(64), NULL);
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(10)), 0);
	page = fixheap_pages_alloc(t.heap, 1, 0, NULL);
	assert_non_null(page);
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(64)),
			 -ENOMEM);
	fixheap_pages_free(t.heap, page, 1);
	assert_int_equal(fixheap_array_resize(t.heap, array, BYTES(64)), 0);
	fixheap_array_free(t.heap, array);
	heap_is_empty(&t);
	heap_end(&t);
}

/* One refusal counts as one, and nothing has changed. */
static void test_refused(void **state)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct test_heap t;
	void *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 100 });
	pages = fixheap_pages_alloc(t.heap, 60, 0, NULL);
	assert_non_null(pages);
	for (u32 i = 1; i <= 3; i++) {
		errno = 0;
		assert_null(fixheap_pages_alloc(t.heap, 41, 0, NULL));
		assert_int_equal(errno, ENOMEM);
		errno = 0;
		assert_null(fixheap_pages_alloc(t.heap, ~(size_t)0, 0, NULL));
		assert_int_equal(errno, ENOMEM);
		assert_int_equal(fixheap_stats(t.heap, &stats), 0);
		assert_int_equal(stats.used_bytes, BYTES(60));
		if (IS_ENABLED(CONFIG_VMSTAT))
			assert_int_equal(stats.nr_fails, 2 * i);
		heap_valid(&t);
	}
	fixheap_pages_free(t.heap, pages, 60);
	heap_end(&t);
}

static void test_reclaim(void **state)
{
	struct test_heap t;
	void *page;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 640 });
	assert_int_equal(fixheap_reclaim(t.heap), 0);
	page = fixheap_pages_alloc(t.heap, 1, 0, NULL);
	assert_int_equal(fixheap_reclaim(t.heap),
			 IS_ENABLED(CONFIG_PER_CPU) ? BYTES(63) : 0);
	assert_int_equal(fixheap_reclaim(t.heap), 0);
	fixheap_pages_free(t.heap, page, 1);
	heap_is_empty(&t);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_attr),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_bytes_to_pages),
		cmocka_unit_test(test_retry),
		cmocka_unit_test(test_retry_resize),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_reclaim),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
