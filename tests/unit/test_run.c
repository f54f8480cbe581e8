/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_run.c: mm/run.c, the waist: policies, zeroing, mistakes.
 */
#include "support.h"

#include "pcp.h"
#include "runmap.h"

static struct run_request request(enum page_kind kind, u64 nr_pages)
{
	return (struct run_request){ .nr_pages = nr_pages,
				     .align = 1,
				     .kind = kind,
				     .placement = PLACE_ARRAY,
				     .zone = ZONE_ANY };
}

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
		struct run_request req = request(PAGE_RAW, 1);
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
	struct run_request req = request(PAGE_RAW, 1);
	struct test_heap t;
	struct run run;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(4) });
	/* runs do not reach over the border of two zones */
	req.nr_pages = BLOCKS(2) + 1;
	assert_int_equal(run_alloc(t.heap, &req, &run), -ENOMEM);
	req.nr_pages = BLOCKS(2);
	assert_int_equal(run_alloc(t.heap, &req, &run), 0);
	assert_int_equal(run_alloc(t.heap, &req, &run), 0);
	req.nr_pages = 1;
	assert_int_equal(run_alloc(t.heap, &req, &run), -ENOMEM);
	assert_int_equal(t.heap->used, BLOCKS(4));
	heap_end(&t);
}

/* Pages in the caches of other CPUs are taken back before a refusal. */
static void test_drain(void **state)
{
	struct run_request small = request(PAGE_RAW, 1);
	struct run_request req = request(PAGE_ARRAY, BLOCK_PAGES - 2);
	struct run run[2], large;
	struct test_heap t;

	(void)state;
	need(IS_ENABLED(CONFIG_PER_CPU), "PER_CPU is off");
	heap_make(&t, &(struct heap_spec){ .machine = "1x4",
					   .nr_pages = BLOCK_PAGES });
	small.placement = PLACE_SMALL;
	host_sim_set_cpu(1);
	assert_int_equal(run_alloc(t.heap, &small, &run[0]), 0);
	host_sim_set_cpu(2);
	assert_int_equal(run_alloc(t.heap, &small, &run[1]), 0);
	assert_int_equal(t.heap->used, 128);
	assert_int_equal(pcp_count(t.zone), 126);
	heap_valid(&t);
	/* the second page lies between what would be free */
	host_sim_set_cpu(3);
	assert_int_equal(run_alloc(t.heap, &req, &large), -ENOMEM);
	assert_int_equal(t.heap->used, 2);
	assert_null(run_free(t.heap, &run[1], PAGE_RAW));
	req.nr_pages = BLOCK_PAGES - 1;
	assert_int_equal(run_alloc(t.heap, &req, &large), 0);
	assert_int_equal(pcp_count(t.zone), 0);
	assert_int_equal(t.heap->used, BLOCK_PAGES);
	heap_end(&t);
}

static void test_drain_count(void **state)
{
	struct run_request small = request(PAGE_RAW, 1);
	struct test_heap t;
	struct run run;

	(void)state;
	need(IS_ENABLED(CONFIG_PER_CPU), "PER_CPU is off");
	heap_make(&t, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(2) });
	small.placement = PLACE_SMALL;
	for (u32 cpu = 0; cpu < 2; cpu++) {
		host_sim_set_cpu(cpu);
		assert_int_equal(run_alloc(t.heap, &small, &run), 0);
	}
	assert_int_equal(run_drain(t.heap), 126);
	assert_int_equal(run_drain(t.heap), 0);
	assert_int_equal(t.heap->used, 2);
	heap_end(&t);
}

/* What must be cleared of a zeroed run, after some pages were used. */
static void test_zeroing(void **state)
{
	static const struct {
		unsigned flags;
		u64 used;	 /* pages taken, written and freed before */
		u64 nr;		 /* pages asked for */
		u64 least, most; /* pages cleared */
	} table[] = {
		{ FIXHEAP_ZEROED, 0, 2048, 0, 0 },
		{ FIXHEAP_ZEROED, 0, 1, 0, 0 },
		{ FIXHEAP_ZEROED, 1, 1, 0, 1 },
		{ FIXHEAP_ZEROED, 10, 2048, 10, 512 },
		{ FIXHEAP_ZEROED, 512, 2048, 512, 512 },
		{ FIXHEAP_ZEROED, 2048, 2048, 2048, 2048 },
		{ 0, 0, 2048, 2048, 2048 },
		{ 0, 0, 7, 7, 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table) * 2; i++) {
		size_t row = i / 2;
		struct run_request req = request(PAGE_ARRAY, table[row].nr);
		struct test_heap t;
		struct run run;
		const char *start;
		u64 pages;

		heap_make(&t, &(struct heap_spec){ .nr_pages = 2048,
						   .flags = table[row].flags });
		if (table[row].used) {
			req.nr_pages = table[row].used;
			assert_int_equal(run_alloc(t.heap, &req, &run), 0);
			memset(pfn_to_addr(t.heap, run.pfn), 0x5a,
			       BYTES(req.nr_pages));
			assert_null(run_free(t.heap, &run, PAGE_ARRAY));
		}
		req.nr_pages = table[row].nr;
		req.zero = i % 2;
		assert_int_equal(run_alloc(t.heap, &req, &run), 0);
		pages = host_sim_cleared() >> PAGE_SHIFT;
		assert_in_range(pages, req.zero ? table[row].least : 0,
				req.zero ? table[row].most : 0);
		start = pfn_to_addr(t.heap, run.pfn);
		for (size_t b = 0; req.zero && b < BYTES(req.nr_pages); b++)
			assert_false(start[b]);
		heap_end(&t);
	}
}

/* A single page that comes and goes through the cache. */
static void test_zeroing_single(void **state)
{
	struct run_request req = request(PAGE_RAW, 1);
	struct test_heap t;
	struct run run;
	char *page;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 64,
					   .flags = FIXHEAP_ZEROED });
	req.placement = PLACE_SMALL;
	req.zero = true;
	for (u32 i = 0; i < 64; i++) {
		assert_int_equal(run_alloc(t.heap, &req, &run), 0);
		memset(pfn_to_addr(t.heap, run.pfn), 0x5a, PAGE_BYTES);
	}
	assert_int_equal(host_sim_cleared(), 0);
	for (u32 i = 1; i <= 100; i++) {
		assert_null(run_free(t.heap, &run, PAGE_RAW));
		assert_int_equal(run_alloc(t.heap, &req, &run), 0);
		assert_int_equal(host_sim_cleared(), i * PAGE_BYTES);
		page = pfn_to_addr(t.heap, run.pfn);
		for (size_t b = 0; b < PAGE_BYTES; b++)
			assert_false(page[b]);
		memset(page, 0x5a, PAGE_BYTES);
	}
	heap_end(&t);
}

/* Nothing is cleared while a lock is held. */
static void assert_unlocked(void *data, enum host_sim_call call)
{
	struct test_heap *t = data;

	if (call != HOST_SIM_CLEAR)
		return;
	assert_true(spin_trylock(&t->zone->lock));
	spin_unlock(&t->zone->lock);
}

static void test_clear_unlocked(void **state)
{
	struct run_request req = request(PAGE_ARRAY, 1024);
	struct run run, wanted;
	const char *what;
	struct test_heap t;
	u64 old;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	host_sim_set_hook(assert_unlocked, &t);
	req.zero = true;
	assert_int_equal(run_alloc(t.heap, &req, &run), 0);
	run_set_zero(t.heap, &run);
	wanted = (struct run){ run.pfn, 100 };
	assert_int_equal(run_resize(t.heap, &wanted, PAGE_ARRAY, &old, &what),
			 0);
	assert_int_equal(old, 1024);
	assert_int_equal(host_sim_calls(HOST_SIM_CLEAR), 1);
	wanted.nr_pages = 700;
	assert_int_equal(run_resize(t.heap, &wanted, PAGE_ARRAY, &old, &what),
			 0);
	assert_int_equal(old, 100);
	assert_int_equal(host_sim_calls(HOST_SIM_CLEAR), 2);
	assert_int_equal(host_sim_cleared(), BYTES(1024 + 600));
	host_sim_set_hook(NULL, NULL);
	heap_end(&t);
}

/* What lies in the heap for the tests of mistakes, at these pages. */
enum {
	ARRAY_AT = 100,
	RAW_AT = 200,
	DIRECT_AT = 300,
	FREE_AT = 400
};

static void place(struct test_heap *t, enum page_kind kind, u64 pfn, u64 nr)
{
	const struct run run = { pfn, nr };

	zone_take_locked(t->zone, &run, PLACE_MEDIUM);
	runmap_set(t->zone, &run, page_make(kind, PLACE_MEDIUM, 0));
}

static void furnish(struct test_heap *t)
{
	heap_make(t, &(struct heap_spec){ .nr_pages = 1024 });
	place(t, PAGE_ARRAY, ARRAY_AT, 10);
	place(t, PAGE_RAW, RAW_AT, 10);
	place(t, PAGE_DIRECT, DIRECT_AT, 10);
	heap_valid(t);
}

#define GONE "double free, or never allocated"
#define OTHER "memory of another kind"
#define INSIDE "interior pointer"
#define LENGTH "wrong length"

static void test_free_mistakes(void **state)
{
	static const struct {
		enum page_kind kind;
		u64 pfn, nr;
		const char *what;
	} table[] = {
		{ PAGE_ARRAY, FREE_AT, 0, GONE },
		{ PAGE_ARRAY, ARRAY_AT + 1, 0, INSIDE },
		{ PAGE_ARRAY, ARRAY_AT + 9, 0, INSIDE },
		{ PAGE_ARRAY, ARRAY_AT + 10, 0, GONE },
		{ PAGE_ARRAY, ARRAY_AT, 9, LENGTH },
		{ PAGE_ARRAY, ARRAY_AT, 11, LENGTH },
		{ PAGE_ARRAY, RAW_AT, 0, OTHER },
		{ PAGE_ARRAY, DIRECT_AT + 3, 0, OTHER },
		{ PAGE_DIRECT, ARRAY_AT, 0, OTHER },
		{ PAGE_DIRECT, DIRECT_AT + 3, 0, INSIDE },
		{ PAGE_RAW, ARRAY_AT, 10, OTHER },
		{ PAGE_RAW, FREE_AT, 1, GONE },
		{ PAGE_RAW, FREE_AT, 5, GONE },
		{ PAGE_EXTENT, RAW_AT, 1, OTHER },
		{ PAGE_ARRAY, ARRAY_AT, 0, NULL },
		{ PAGE_ARRAY, ARRAY_AT, 10, NULL },
		{ PAGE_DIRECT, DIRECT_AT, 10, NULL },
		{ PAGE_RAW, RAW_AT, 10, NULL },
		{ PAGE_RAW, RAW_AT + 4, 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct run run = { table[i].pfn, table[i].nr };
		const char *what;
		struct test_heap t;

		furnish(&t);
		what = run_free(t.heap, &run, table[i].kind);
		if (!table[i].what) {
			assert_null(what);
			assert_int_equal(run.nr_pages, table[i].nr ?: 10);
			run_drain(t.heap);
			assert_int_equal(t.heap->used, 30 - run.nr_pages);
		} else {
			assert_string_equal(what, table[i].what);
			assert_int_equal(t.heap->used, 30);
			if (table[i].kind != PAGE_ARRAY || !table[i].nr)
				assert_string_equal(run_mistake(t.heap, run.pfn,
								table[i].kind),
						    table[i].what);
		}
		heap_end(&t);
	}
}

static void test_resize(void **state)
{
	static const struct {
		enum page_kind kind;
		u64 pfn, nr;
		int ret;
		const char *what;
	} table[] = {
		{ PAGE_ARRAY, ARRAY_AT, 10, 0, NULL },
		{ PAGE_ARRAY, ARRAY_AT, 1, 0, NULL },
		{ PAGE_ARRAY, ARRAY_AT, 100, 0, NULL },
		{ PAGE_ARRAY, ARRAY_AT, 101, -ENOMEM, NULL },
		{ PAGE_ARRAY, ARRAY_AT, 1ull << 52, -ENOMEM, NULL },
		{ PAGE_DIRECT, DIRECT_AT, 724, 0, NULL },
		{ PAGE_DIRECT, DIRECT_AT, 725, -ENOMEM, NULL },
		{ PAGE_ARRAY, ARRAY_AT + 1, 3, -EINVAL, INSIDE },
		{ PAGE_ARRAY, DIRECT_AT, 3, -EINVAL, OTHER },
		{ PAGE_ARRAY, FREE_AT, 3, -EINVAL, GONE },
		{ PAGE_DIRECT, RAW_AT, 10, -EINVAL, OTHER },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run wanted = { table[i].pfn, table[i].nr };
		u64 used = 30, old, page;
		const char *what;
		struct test_heap t;
		struct run run;

		furnish(&t);
		assert_int_equal(run_resize(t.heap, &wanted, table[i].kind,
					    &old, &what),
				 table[i].ret);
		if (table[i].what)
			assert_string_equal(what, table[i].what);
		else
			assert_null(what);
		if (table[i].ret != -EINVAL)
			assert_int_equal(old, 10);
		if (!table[i].ret) {
			used = 20 + wanted.nr_pages;
			assert_true(run_find(t.heap, wanted.pfn, &run, &page));
			assert_int_equal(run.nr_pages, wanted.nr_pages);
			assert_int_equal(page_kind(page), table[i].kind);
		}
		assert_int_equal(t.heap->used, used);
		heap_end(&t);
	}
}

static void test_largest(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes, align, largest;
	} table[] = {
		{ FIXHEAP_POLICY_DEFAULT, 0, 1, 1036 },
		{ FIXHEAP_POLICY_BIND, 1, 1, 1024 - 100 },
		{ FIXHEAP_POLICY_BIND, 1, 512, 512 },
		{ FIXHEAP_POLICY_BIND, 2, 1, 1036 },
		{ FIXHEAP_POLICY_BIND, 2, 64, 1036 },
		{ FIXHEAP_POLICY_PREFERRED, 1, 1, 1036 },
		{ FIXHEAP_POLICY_DEFAULT, 0, 2048, 12 },
		{ FIXHEAP_POLICY_DEFAULT, 0, 4096, 0 },
	};
	struct run_request req = request(PAGE_ARRAY, 1);
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "2x1:1G",
					   .nr_pages = 1024 + 1036 });
	assert_int_equal(t.zone->end_pfn, 1024);
	place(&t, PAGE_ARRAY, 0, 100);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		req.policy = table[i].policy;
		req.nodes = table[i].nodes;
		req.align = table[i].align;
		assert_int_equal(run_largest(t.heap, &req), table[i].largest);
	}
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_count),
		cmocka_unit_test(test_zeroing),
		cmocka_unit_test(test_zeroing_single),
		cmocka_unit_test(test_clear_unlocked),
		cmocka_unit_test(test_free_mistakes),
		cmocka_unit_test(test_resize),
		cmocka_unit_test(test_largest),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
