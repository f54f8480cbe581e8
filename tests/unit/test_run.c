/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_run.c: mm/run.c, the waist: caches, zeroing, mistakes.  What concerns
 * several zones is in test_run_zones.c.
 */
#include "support.h"

#include "pcp.h"
#include "runmap.h"

/* Pages in the caches of other CPUs are taken back before a refusal. */
static void test_drain(void **state)
{
	struct run_request small = run_request_of(PAGE_RAW, 1);
	struct run_request req = run_request_of(PAGE_ARRAY, BLOCK_PAGES - 2);
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
	assert_int_equal(pcp_count(&t.heap->node[0]), 126);
	heap_valid(&t);
	/* the second page lies between what would be free */
	host_sim_set_cpu(3);
	assert_int_equal(run_alloc(t.heap, &req, &large), -ENOMEM);
	assert_int_equal(t.heap->used, 2);
	assert_null(run_free(t.heap, &run[1], PAGE_RAW));
	req.nr_pages = BLOCK_PAGES - 1;
	assert_int_equal(run_alloc(t.heap, &req, &large), 0);
	assert_int_equal(pcp_count(&t.heap->node[0]), 0);
	assert_int_equal(t.heap->used, BLOCK_PAGES);
	heap_end(&t);
}

static void test_drain_count(void **state)
{
	struct run_request small = run_request_of(PAGE_RAW, 1);
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
		struct run_request req =
			run_request_of(PAGE_ARRAY, table[row].nr);
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
	struct run_request req = run_request_of(PAGE_RAW, 1);
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
	assert_true(spin_trylock(&t->region->lock));
	spin_unlock(&t->region->lock);
}

static void test_clear_unlocked(void **state)
{
	struct run_request req = run_request_of(PAGE_ARRAY, 1024);
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

static void furnish(struct test_heap *t)
{
	heap_make(t, &(struct heap_spec){ .nr_pages = 1024 });
	heap_place(t, PAGE_ARRAY, ARRAY_AT, 10);
	heap_place(t, PAGE_RAW, RAW_AT, 10);
	heap_place(t, PAGE_DIRECT, DIRECT_AT, 10);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain),
		cmocka_unit_test(test_drain_count),
		cmocka_unit_test(test_zeroing),
		cmocka_unit_test(test_zeroing_single),
		cmocka_unit_test(test_clear_unlocked),
		cmocka_unit_test(test_free_mistakes),
		cmocka_unit_test(test_resize),
	};

	return cmocka_run_group_tests_name("run", tests, NULL, NULL);
}
