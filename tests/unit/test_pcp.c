/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_pcp.c: mm/pcp.c, the per-CPU caches of single pages.
 */
#include "pcp_test.h"

#include <unistd.h>

#define NR_PAGES (8 * 512)

static void make(struct test_heap *t, const char *machine, unsigned flags)
{
	heap_make(t, &(struct heap_spec){ .machine = machine,
					  .nr_pages = NR_PAGES,
					  .flags = flags });
}

/* A hot pair: not even the region's lock is asked for. */
static void test_hot(void **state)
{
	struct test_heap t;
	u64 pfn;

	(void)state;
	make(&t, "1x1", 0);
	pfn = get(&t);
	alarm(60); /* the lock is not recursive: it would wait for ever */
	spin_lock(&t.region->lock);
	for (u32 i = 0; i < 1000; i++) {
		put(&t, pfn);
		pfn = get(&t);
	}
	for (u32 i = 1; i < 64; i++)
		get(&t);
	spin_unlock(&t.region->lock);
	alarm(0);
	assert_int_equal(pcp_count(&t.heap->node[0]), 0);
	assert_int_equal(t.heap->used, 64);
	heap_end(&t);
}

/* Which pages of the last group are claimed, by those in use before. */
static void test_claim(void **state)
{
	static const struct {
		u64 used; /* bits of the first group of the last block */
	} table[] = {
		{ 0 },
		{ 1 },
		{ 0xffff },
		{ 1ull << 63 },
		{ 0x5555555555555555 },
		{ 0x00ff00ff0f0f3355 },
		{ ~1ull },
		{ ~(1ull << 63) },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const u64 base = NR_PAGES - BLOCK_PAGES;
		u64 used = table[i].used, got = 0;
		const struct run rest = { base + 64, BLOCK_PAGES - 64 };
		struct test_heap t;
		u32 nr;

		make(&t, "1x1", 0);
		/* one block is open, with the first group only */
		region_take_locked(t.region, &rest, PLACE_SMALL);
		runmap_set(t.region, &rest, raw_page());
		for (u32 bit = 0; bit < 64; bit++) {
			if (used >> bit & 1)
				take(&t, base + bit);
		}
		nr = 64 - (u32)__builtin_popcountll(used);
		for (u32 n = 0; n < nr; n++) {
			u64 pfn = get(&t);

			assert_in_range(pfn, base, base + 63);
			got |= 1ull << (pfn - base);
			assert_int_equal(pcp_count(&t.heap->node[0]),
					 nr - n - 1);
			heap_valid(&t);
		}
		assert_int_equal(got, ~used);
		heap_end(&t);
	}
}

/* A page of the own group comes straight back, others are kept aside. */
static void test_put(void **state)
{
	struct test_heap t;
	u64 own;

	(void)state;
	make(&t, "1x1", 0);
	own = get(&t);
	for (u64 pfn = 0; pfn < 10; pfn++)
		take(&t, 2 * pfn);
	for (u64 pfn = 0; pfn < 10; pfn++)
		put(&t, 2 * pfn);
	assert_int_equal(pcp_count(&t.heap->node[0]), 63 + 10);
	put(&t, own);
	assert_int_equal(get(&t), own);
	for (u32 n = 0; n < 63; n++)
		assert_true(get(&t) > 20);
	assert_int_equal(pcp_count(&t.heap->node[0]), 10);
	heap_valid(&t);
	assert_int_equal(pcp_drain(&t.heap->node[0]), 10);
	assert_int_equal(pcp_count(&t.heap->node[0]), 0);
	assert_int_equal(t.heap->used, 64);
	heap_end(&t);
}

/* A full buffer goes back at once, what is of one block together. */
static void test_flush(void **state)
{
	static const struct {
		u32 step;     /* between pages put, which come shuffled */
		u64 nr_frees; /* parts given back */
	} table[] = { { 1, 1 }, { 2, 1 }, { 16, 3 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u32 step = table[i].step;
		struct test_heap t;
		u64 frees;

		make(&t, "1x1", 0);
		take(&t, 1000);
		for (u32 n = 0; n < 64; n++)
			take(&t, 64 + n * step);
		frees = t.region->nr_frees;
		for (u32 n = 0; n < 64; n++)
			put(&t, 64 + n * 29 % 64 * step);
		assert_int_equal(t.heap->used, 65);
		assert_int_equal(pcp_count(&t.heap->node[0]), 64);
		put(&t, 1000);
		assert_int_equal(t.heap->used, 1);
		assert_int_equal(pcp_count(&t.heap->node[0]), 1);
		if (IS_ENABLED(CONFIG_VMSTAT))
			assert_int_equal(t.region->nr_frees - frees,
					 table[i].nr_frees);
		heap_end(&t);
	}
}

/* A cache that is in use elsewhere, and a page that is not what it was. */
static void test_refused(void **state)
{
	struct test_heap t;
	u64 pfn = 5, page;
	bool zero;

	(void)state;
	make(&t, "1x2", 0);
	take(&t, pfn);
	pcp_lock_all(&t.heap->node[0]);
	assert_false(pcp_get(&t.heap->node[0], raw_page(), &page, &zero));
	assert_false(pcp_put(&t.heap->node[0], raw_page(), pfn));
	pcp_unlock_all(&t.heap->node[0]);
	page = page_make(PAGE_EXTENT, PLACE_SMALL, 0);
	assert_false(pcp_put(&t.heap->node[0], page, pfn));
	assert_false(pcp_put(&t.heap->node[0], raw_page(), pfn + 1));
	assert_int_equal(pcp_count(&t.heap->node[0]), 0);
	assert_int_equal(t.heap->used, 1);
	heap_valid(&t);
	put(&t, pfn);
	assert_false(pcp_put(&t.heap->node[0], raw_page(), pfn));
	assert_int_equal(pcp_count(&t.heap->node[0]), 1);
	heap_end(&t);
}

/* Which pages read as zero is kept by page, through the cache too. */
static void test_zero(void **state)
{
	struct test_heap t;
	bool zero;
	u64 pfn;

	(void)state;
	make(&t, "1x1", FIXHEAP_ZEROED);
	for (u32 n = 0; n < 64; n++) {
		assert_true(pcp_get(&t.heap->node[0], raw_page(), &pfn, &zero));
		assert_true(zero);
	}
	put(&t, pfn);
	assert_true(pcp_get(&t.heap->node[0], raw_page(), &pfn, &zero));
	assert_false(zero);
	put(&t, pfn);
	pcp_drain(&t.heap->node[0]);
	/* it is the first one free in its block */
	assert_true(pcp_get(&t.heap->node[0], raw_page(), &pfn, &zero));
	assert_false(zero);
	heap_end(&t);
	make(&t, "1x1", 0);
	assert_true(pcp_get(&t.heap->node[0], raw_page(), &pfn, &zero));
	assert_false(zero);
	heap_end(&t);
}

/* The caches of many CPUs can hold all that is free. */
static u64 get_any(struct test_heap *t)
{
	bool zero;
	u64 pfn;

	if (!pcp_get(&t->heap->node[0], raw_page(), &pfn, &zero)) {
		assert_true(pcp_drain(&t->heap->node[0]) > 0);
		pfn = get(t);
	}
	return pfn;
}

/* A thread that is moved between any two looks, and back. */
static void test_roving(void **state)
{
	static unsigned char used[NR_PAGES];
	static const char *const machines[] = { "1x1", "1x7", "1x64" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(machines); i++) {
		u64 seed = 9 + i, pfn, nr = 0;
		struct test_heap t;

		make(&t, machines[i], 0);
		memset(used, 0, sizeof(used));
		host_sim_set_cpu(HOST_SIM_ROVING);
		for (u32 n = 0; n < 20000; n++) {
			pfn = random_below(&seed, NR_PAGES);
			if (used[pfn]) {
				put(&t, pfn);
				used[pfn] = 0;
				nr--;
			} else if (nr < NR_PAGES / 3) {
				pfn = get_any(&t);
				assert_false(used[pfn]);
				used[pfn] = 1;
				nr++;
			}
			if (n % 1000 == 0)
				heap_valid(&t);
		}
		assert_int_equal(t.heap->used,
				 nr + pcp_count(&t.heap->node[0]));
		pcp_drain(&t.heap->node[0]);
		assert_int_equal(t.heap->used, nr);
		heap_end(&t);
	}
}

/* To the last page, with what is left in all caches. */
static void test_exhaust(void **state)
{
	struct test_heap t;
	bool zero;
	u64 pfn, nr = 0;

	(void)state;
	make(&t, "1x8", 0);
	host_sim_set_cpu(HOST_SIM_ROVING);
	while (nr < NR_PAGES) {
		if (pcp_get(&t.heap->node[0], raw_page(), &pfn, &zero))
			nr++;
	}
	for (u32 n = 0; n < 16; n++)
		assert_false(
			pcp_get(&t.heap->node[0], raw_page(), &pfn, &zero));
	assert_int_equal(pcp_count(&t.heap->node[0]), 0);
	assert_int_equal(t.zone->nr_free, 0);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hot),	cmocka_unit_test(test_claim),
		cmocka_unit_test(test_put),	cmocka_unit_test(test_flush),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_zero),
		cmocka_unit_test(test_roving),	cmocka_unit_test(test_exhaust),
	};

	return cmocka_run_group_tests_name("pcp", tests, NULL, NULL);
}
