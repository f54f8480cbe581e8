/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_run_zones.c: mm/run.c on heaps of several zones: policies, and runs that
 * lie over the borders of zones.
 */
#include "support.h"

/* Zones of four nodes with a pageblock each, in the order in which they are
 * used up by requests for single pages. */
static void test_policies(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes;
		u32 cpu;
		const char *order;
	} table[] = {
		{ FIXHEAP_POLICY_DEFAULT, 0, 0, "0123" },
		{ FIXHEAP_POLICY_LOCAL, 0, 2, "2301" },
		{ FIXHEAP_POLICY_BIND, 4, 0, "2" },
		{ FIXHEAP_POLICY_BIND, 0xa, 3, "31" },
		{ FIXHEAP_POLICY_PREFERRED, 4, 0, "2013" },
		{ FIXHEAP_POLICY_PREFERRED, 0xa, 1, "1320" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table) * NR_PLACEMENTS; i++) {
		struct run_request req = run_request_of(PAGE_RAW, 1);
		char order[8] = "";
		struct test_heap t;
		struct run run;
		u64 nr = 0;

		heap_make(&t, &(struct heap_spec){ .machine = "4x1",
						   .nr_pages = BLOCKS(4) });
		req.policy = table[i / NR_PLACEMENTS].policy;
		req.nodes = table[i / NR_PLACEMENTS].nodes;
		req.placement = i % NR_PLACEMENTS;
		host_sim_set_cpu(table[i / NR_PLACEMENTS].cpu);
		while (run_alloc(t.heap, &req, &run) == 0) {
			char zone =
				(char)('0' + zone_of(t.heap, run.pfn)->index);

			if (nr++ % BLOCK_PAGES == 0)
				order[strlen(order)] = zone;
			assert_int_equal(order[strlen(order) - 1], zone);
		}
		assert_string_equal(order, table[i / NR_PLACEMENTS].order);
		assert_int_equal(nr, BLOCKS(strlen(order)));
		heap_end(&t);
	}
}

static void test_refused(void **state)
{
	struct run_request req = run_request_of(PAGE_RAW, 1);
	struct test_heap t;
	struct run run;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(4) });
	req.nr_pages = BLOCKS(4) + 1;
	assert_int_equal(run_alloc(t.heap, &req, &run), -ENOMEM);
	/* a strict one does not reach over the border of its node */
	req.nr_pages = BLOCKS(2) + 1;
	req.policy = FIXHEAP_POLICY_BIND;
	req.nodes = 2;
	assert_int_equal(run_alloc(t.heap, &req, &run), -ENOMEM);
	req.policy = FIXHEAP_POLICY_DEFAULT;
	req.node = 1;
	assert_int_equal(run_alloc(t.heap, &req, &run), -ENOMEM);
	assert_int_equal(t.heap->used, 0);
	req.node = NODE_ANY;
	req.nr_pages = BLOCKS(2);
	assert_int_equal(run_alloc(t.heap, &req, &run), 0);
	assert_int_equal(run_alloc(t.heap, &req, &run), 0);
	req.nr_pages = 1;
	assert_int_equal(run_alloc(t.heap, &req, &run), -ENOMEM);
	assert_int_equal(t.heap->used, BLOCKS(4));
	heap_end(&t);
}

/* Four nodes of two blocks each: borders at 1024, 2048, 3072.  What is used
 * before, the request, and what it gets. */
static const struct {
	struct run used[3];
	enum fixheap_policy policy;
	u64 nodes, nr, align;
	u32 cpu;
	long pfn; /* -1: refused */
} spanning[] = {
#define DEFAULT FIXHEAP_POLICY_DEFAULT, 0
#define HOLES                            \
	{                                \
		{ 0, 600 }, { 1600, 1 }, \
		{                        \
			2900, 1196       \
		}                        \
	}
#define BIND FIXHEAP_POLICY_BIND
#define PREFERRED FIXHEAP_POLICY_PREFERRED
	/* a zone that holds it comes first, though it is farther */
	{ { { 0 } }, DEFAULT, 1024, 1, 2, 2048 },
	{ { { 0, 1 } }, DEFAULT, 1024, 1, 0, 1024 },
	{ { { 2100, 1 } }, DEFAULT, 1024, 1, 2, 3072 },
	/* else over the border */
	{ { { 0 } }, DEFAULT, 1025, 1, 2, 0 },
	{ { { 0 } }, DEFAULT, 4096, 1, 3, 0 },
	{ { { 0 } }, DEFAULT, 4097, 1, 3, -1 },
	{ { { 0, 1 } }, DEFAULT, 4095, 1, 0, 1 },
	{ { { 0, 1 } }, DEFAULT, 4096, 1, 0, -1 },
	{ HOLES, DEFAULT, 1200, 1, 0, 1601 },
	{ HOLES, DEFAULT, 1300, 1, 0, -1 },
	{ HOLES, DEFAULT, 1000, 1, 0, 600 },
	/* aligned, over a border */
	{ { { 0, 1 } }, DEFAULT, 1536, 512, 0, 512 },
	{ { { 0, 1 } }, DEFAULT, 1536, 2048, 0, 2048 },
	{ { { 0, 1 } }, DEFAULT, 2049, 2048, 0, -1 },
	/* strict: neighbours that are all in the mask */
	{ { { 0 } }, BIND, 3, 2048, 1, 0, 0 },
	{ { { 0 } }, BIND, 3, 2049, 1, 0, -1 },
	{ { { 0 } }, BIND, 6, 2048, 1, 0, 1024 },
	{ { { 0 } }, BIND, 0xe, 3072, 1, 0, 1024 },
	{ { { 0 } }, BIND, 5, 1024, 1, 0, 0 },
	{ { { 0 } }, BIND, 5, 1025, 1, 0, -1 },
	{ { { 0 } }, BIND, 0xd, 1025, 1, 0, 2048 },
	{ { { 0 } }, BIND, 0xb, 1025, 1, 3, 0 },
	{ { { 0 } }, BIND, 0xb, 2049, 1, 3, -1 },
	{ { { 1000, 1 } }, BIND, 3, 1030, 1, 0, 1001 },
	{ { { 1000, 1 }, { 2030, 1 } }, BIND, 3, 1030, 1, 0, -1 },
	/* what touches the part from outside is of no use */
	{ { { 0, 1500 } }, BIND, 2, 549, 1, 0, -1 },
	{ { { 0, 1500 } }, BIND, 6, 549, 1, 1, 2048 },
	{ { { 0, 1500 }, { 2100, 1 }, { 2600, 1496 } },
	  BIND,
	  6,
	  549,
	  1,
	  1,
	  1500 },
	/* preferred: its nodes, all others, then over the borders */
	{ { { 0 } }, PREFERRED, 4, 1024, 1, 0, 2048 },
	{ { { 2100, 1 } }, PREFERRED, 4, 1024, 1, 0, 0 },
	{ { { 0 } }, PREFERRED, 4, 1025, 1, 0, 0 },
	{ { { 0, 1 } }, PREFERRED, 1, 4095, 1, 0, 1 },
#undef DEFAULT
#undef HOLES
#undef BIND
#undef PREFERRED
};

static void test_spanning(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spanning); i++) {
		struct run_request req =
			run_request_of(PAGE_ARRAY, spanning[i].nr);
		u64 used = 0, page;
		struct test_heap t;
		struct run run;

		heap_make(&t, &(struct heap_spec){ .machine = "4x2",
						   .nr_pages = BLOCKS(8) });
		for (u32 u = 0; u < 3; u++) {
			if (spanning[i].used[u].nr_pages)
				heap_place(&t, PAGE_RAW,
					   spanning[i].used[u].pfn,
					   spanning[i].used[u].nr_pages);
			used += spanning[i].used[u].nr_pages;
		}
		host_sim_set_cpu(2 * spanning[i].cpu);
		req.policy = spanning[i].policy;
		req.nodes = spanning[i].nodes;
		req.align = spanning[i].align;
		if (run_alloc(t.heap, &req, &run))
			run = (struct run){ -1ull, 0 };
		if (run.pfn != (u64)spanning[i].pfn)
			fail_msg("line %zu: at %ld, not %ld", i, (long)run.pfn,
				 spanning[i].pfn);
		assert_int_equal(t.heap->used, used + run.nr_pages);
		heap_valid(&t);
		if (run.nr_pages) {
			assert_int_equal(run.nr_pages, spanning[i].nr);
			assert_true(run_find(t.heap, run.pfn + run.nr_pages - 1,
					     &run, &page));
			assert_int_equal(run.pfn, spanning[i].pfn);
			assert_int_equal(page_node(page),
					 zone_of(t.heap, run.pfn)->node);
			assert_null(run_free(t.heap, &run, PAGE_ARRAY));
		}
		assert_int_equal(t.heap->used, used);
		heap_end(&t);
	}
}

/* Runs below a pageblock, of all placements, over a border at last. */
static void test_spanning_small(void **state)
{
	(void)state;
	for (u32 i = 0; i < NR_PLACEMENTS; i++) {
		struct run_request req = run_request_of(PAGE_RAW, 150);
		struct test_heap t;
		struct run run;

		heap_make(&t, &(struct heap_spec){ .machine = "2x1",
						   .nr_pages = BLOCKS(2) });
		heap_place(&t, PAGE_RAW, 0, 412);
		heap_place(&t, PAGE_RAW, 612, 412);
		req.placement = (enum placement)i;
		assert_int_equal(run_alloc(t.heap, &req, &run), 0);
		assert_in_range(run.pfn, 412, 462);
		assert_int_equal(
			t.heap->zone[0].nr_free + t.heap->zone[1].nr_free, 50);
		heap_valid(&t);
		assert_null(run_free(t.heap, &run, PAGE_RAW));
		req.nr_pages = 201;
		assert_int_equal(run_alloc(t.heap, &req, &run), -ENOMEM);
		req.nr_pages = 101;
		req.policy = FIXHEAP_POLICY_BIND;
		req.nodes = 1;
		assert_int_equal(run_alloc(t.heap, &req, &run), -ENOMEM);
		req.nodes = 3;
		assert_int_equal(run_alloc(t.heap, &req, &run), 0);
		heap_end(&t);
	}
}

/* With any number of nodes one run can have all of the heap, or all that is
 * left beside a page of each node. */
static void test_whole(void **state)
{
	static const struct {
		const char *machine;
		u32 nr_nodes;
	} table[] = {
		{ "1x1", 1 }, { "2x4", 2 },   { "4x2", 4 },
		{ "8x1", 8 }, { "64x1", 64 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table) * 2; i++) {
		u32 nr_nodes = table[i / 2].nr_nodes;
		u64 nr_pages = BLOCKS(2 * nr_nodes) - (i % 2 ? 700 : 0);
		struct run_request req = run_request_of(PAGE_ARRAY, nr_pages);
		struct test_heap t;
		struct run run;

		heap_make(&t,
			  &(struct heap_spec){ .machine = table[i / 2].machine,
					       .nr_pages = nr_pages,
					       .skew = i % 2 ? BYTES(30) : 0 });
		assert_int_equal(t.heap->nr_nodes, nr_nodes);
		assert_int_equal(run_largest(t.heap, &req), nr_pages);
		assert_int_equal(run_alloc(t.heap, &req, &run), 0);
		assert_int_equal(run.pfn, t.heap->start_pfn);
		for (u32 z = 0; z < t.heap->nr_zones; z++)
			assert_int_equal(t.heap->zone[z].nr_free, 0);
		heap_valid(&t);
		assert_null(run_free(t.heap, &run, PAGE_ARRAY));
		assert_int_equal(run_largest(t.heap, &req), nr_pages);
		/* the last pages of each zone but the last */
		for (u32 z = 0; z + 1 < nr_nodes; z++)
			heap_place(&t, PAGE_RAW, t.heap->zone[z].end_pfn - 1,
				   1);
		req.nr_pages = run_largest(t.heap, &req);
		if (i % 2 == 0)
			assert_int_equal(req.nr_pages, BLOCKS(2));
		else if (nr_nodes > 2)
			assert_int_equal(req.nr_pages, BLOCKS(2) - 1);
		assert_int_equal(run_alloc(t.heap, &req, &run), 0);
		heap_end(&t);
	}
}

/* In place over the borders of 2, 4, 8 and 64 zones, and back. */
static void test_resize_over_border(void **state)
{
	static const struct {
		const char *machine;
		u32 nr_nodes;
	} table[] = {
		{ "2x4", 2 },
		{ "4x2", 4 },
		{ "8x1", 8 },
		{ "64x1", 64 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 all = BLOCKS(2 * table[i].nr_nodes), old = 100;
		const u64 sizes[] = { 1024, 1025, all,	1500, all - 1, 1,
				      1030, 1030, 1023, all,  100 };
		struct test_heap t;
		const char *what;
		struct run run;
		u64 page, had;

		heap_make(&t, &(struct heap_spec){ .machine = table[i].machine,
						   .nr_pages = all });
		heap_place(&t, PAGE_ARRAY, 0, old);
		for (size_t n = 0; n < ARRAY_LEN(sizes); n++) {
			const struct run wanted = { 0, sizes[n] };

			assert_int_equal(run_resize(t.heap, &wanted, PAGE_ARRAY,
						    &had, &what),
					 0);
			assert_int_equal(had, old);
			old = sizes[n];
			assert_int_equal(t.heap->used, old);
			assert_true(run_find(t.heap, old - 1, &run, &page));
			assert_int_equal(run.pfn, 0);
			assert_int_equal(run.nr_pages, old);
			assert_int_equal(contig_free_from(t.region, old),
					 all - old);
			heap_valid(&t);
		}
		/* a page behind a border is in the way */
		heap_place(&t, PAGE_RAW, 1030, 1);
		run = (struct run){ 0, 1031 };
		assert_int_equal(run_resize(t.heap, &run, PAGE_ARRAY, &had,
					    &what),
				 -ENOMEM);
		run.nr_pages = 1030;
		assert_int_equal(
			run_resize(t.heap, &run, PAGE_ARRAY, &had, &what), 0);
		assert_int_equal(t.heap->used, 1031);
		heap_end(&t);
	}
}

static void test_largest(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes, align, largest;
	} table[] = {
		{ FIXHEAP_POLICY_DEFAULT, 0, 1, 1036 + 924 },
		{ FIXHEAP_POLICY_LOCAL, 0, 1, 1036 + 924 },
		{ FIXHEAP_POLICY_BIND, 1, 1, 1024 - 100 },
		{ FIXHEAP_POLICY_BIND, 1, 512, 512 },
		{ FIXHEAP_POLICY_BIND, 2, 1, 1036 },
		{ FIXHEAP_POLICY_BIND, 2, 64, 1036 },
		{ FIXHEAP_POLICY_BIND, 3, 1, 1036 + 924 },
		{ FIXHEAP_POLICY_BIND, 3, 512, 1036 + 512 },
		{ FIXHEAP_POLICY_PREFERRED, 1, 1, 1036 + 924 },
		{ FIXHEAP_POLICY_PREFERRED, 1, 1024, 1036 },
		{ FIXHEAP_POLICY_DEFAULT, 0, 2048, 12 },
		{ FIXHEAP_POLICY_DEFAULT, 0, 4096, 0 },
	};
	struct run_request req = run_request_of(PAGE_ARRAY, 1);
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "2x1:1G",
					   .nr_pages = 1024 + 1036 });
	assert_int_equal(t.zone->end_pfn, 1024);
	heap_place(&t, PAGE_ARRAY, 0, 100);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		req.policy = table[i].policy;
		req.nodes = table[i].nodes;
		req.align = table[i].align;
		heap_largest(&t, &req, table[i].largest);
	}
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_spanning),
		cmocka_unit_test(test_spanning_small),
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_resize_over_border),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests_name("run_zones", tests, NULL, NULL);
}
