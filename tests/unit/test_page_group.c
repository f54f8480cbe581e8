/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_page_group.c: mm/page_group.c, single pages as caches take them out of
 * zones and give them back.
 */
#include "regions_test.h"

#include "page_group.h"
#include "runmap.h"

#define NR_BLOCKS 4u

static void make(struct test_heap *t, const char *machine, unsigned flags)
{
	heap_make(t, &(struct heap_spec){ .machine = machine,
					  .nr_pages = BLOCKS(NR_BLOCKS),
					  .flags = flags,
					  .unbound = 1 });
}

static struct node *node_of(struct test_heap *t)
{
	return &t->heap->node[0];
}

static u32 claim_many(struct test_heap *t, u32 want, struct page_group *group)
{
	u32 nr;

	spin_lock(&t->region->lock);
	nr = page_groups_claim(node_of(t), want, group);
	spin_unlock(&t->region->lock);
	for (u32 i = 0; i < nr; i++)
		page_group_mark(node_of(t), &group[i]);
	return nr;
}

static bool claim(struct test_heap *t, struct page_group *group)
{
	u32 nr = claim_many(t, 1, group);

	assert_in_range(nr, 0, 1);
	return nr;
}

static void give(struct test_heap *t, const struct page_group *group)
{
	spin_lock(&t->region->lock);
	page_group_give(node_of(t), group);
	spin_unlock(&t->region->lock);
}

/* Take pages as a cache does. */
static void take(struct test_heap *t, u64 pfn, u64 nr)
{
	const struct run run = { pfn, nr };

	region_take_locked(t->region, &run, PLACE_SMALL);
	for (u64 i = 0; i < nr; i++)
		page_write(&t->heap->page[pfn + i], page_cached(node_of(t)));
}

/* Pages that are in use, in blocks of small things. */
static void use(struct test_heap *t, u64 pfn, u64 nr)
{
	const struct run run = { pfn, nr };

	region_take_locked(t->region, &run, PLACE_SMALL);
	runmap_set(t->region, &run, page_make(PAGE_RAW, PLACE_SMALL, 0));
}

/* All free pages of 64, and which of them are zero. */
static void test_claim(void **state)
{
	static const u64 table[] = { 1,
				     0xffff,
				     1ull << 63,
				     0x5555555555555555,
				     0x00ff00ff0f0f3355,
				     ~1ull,
				     ~(1ull << 63) };
	const u64 base = BLOCKS(1) + 3 * 64;

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(table); i++) {
		u64 used = table[i / 2], written = 0x0f0f0f0f0f0f0f0f;
		struct page_group group;
		struct test_heap t;

		make(&t, "1x1", i % 2 ? FIXHEAP_ZEROED : 0);
		/* of one open block with the one group only */
		use(&t, BLOCKS(1), 3 * 64ul);
		use(&t, base + 64, BLOCK_PAGES - 4 * 64);
		for (u64 bit = 0; bit < 64; bit++) {
			if (used >> bit & 1)
				use(&t, base + bit, 1);
		}
		/* some of them do not read as zero any more */
		t.region->block[1].zero[3] = i % 2 ? ~used & ~written : 0;
		assert_true(claim(&t, &group));
		assert_int_equal(group.base, base);
		assert_int_equal(group.word, ~used);
		assert_int_equal(group.zero, i % 2 ? ~used & ~written : 0);
		for (u64 bit = 0; bit < 64; bit++)
			assert_int_equal(page_read(&t.heap->page[base + bit]) ==
						 page_cached(node_of(&t)),
					 ~used >> bit & 1);
		assert_int_equal(t.heap->used, BLOCK_PAGES);
		assert_int_equal(t.zone->nr_free, BLOCKS(NR_BLOCKS - 1));
		give(&t, &group);
		assert_int_equal(t.region->block[1].free[3], ~used);
		assert_int_equal(t.region->block[1].zero[3],
				 i % 2 ? ~used & ~written : 0);
		assert_int_equal(t.heap->used,
				 BLOCK_PAGES - 64 +
					 (u64)__builtin_popcountll(used));
		heap_end(&t);
	}
}

/* Out of the fullest block; then a whole one is opened; then there is none. */
static void test_order(void **state)
{
	static const struct {
		u32 block, nr;
	} table[] = { { 2, 64 }, { 2, 36 }, { 1, 28 } };
	struct page_group group[NR_BLOCKS * BLOCK_WORDS];
	struct test_heap t;
	u32 i;

	(void)state;
	make(&t, "1x1", 0);
	use(&t, BLOCKS(1), 100);
	use(&t, BLOCKS(2) + 100, 412);
	for (i = 0; i < ARRAY_LEN(table); i++) {
		assert_true(claim(&t, &group[i]));
		assert_int_equal(group[i].base >> BLOCK_SHIFT, table[i].block);
		assert_int_equal(__builtin_popcountll(group[i].word),
				 table[i].nr);
	}
	while (claim(&t, &group[i]))
		i++;
	assert_int_equal(t.zone->nr_free, 0);
	while (i--)
		give(&t, &group[i]);
	assert_int_equal(t.heap->used, 512);
	heap_end(&t);
}

/*
 * Many at a time: all that open blocks have, the fullest first, as long as it
 * is not too much; else those of 64.  A whole block only if there is no other.
 */
static void test_claim_many(void **state)
{
	static const struct {
		u32 nr_free[NR_BLOCKS]; /* single pages from the end, or all */
		u32 step;		/* between those */
		u32 want, groups, pages;
	} table[] = {
		{ { 512, 512, 512, 512 }, 0, 64, 1, 64 },
		{ { 512, 512, 512, 512 }, 0, 511, 8, 512 },
		{ { 512, 512, 512, 512 }, 0, 512, 8, 512 },
		{ { 0, 1, 512, 512 }, 1, 512, 1, 1 },
		{ { 10, 20, 30, 40 }, 12, 100, 20, 100 },
		{ { 10, 20, 30, 40 }, 12, 99, 20, 100 },
		{ { 10, 20, 30, 40 }, 12, 25, 6, 30 },
		{ { 10, 20, 30, 40 }, 1, 512, 4, 100 },
		{ { 200, 300, 0, 0 }, 1, 512, 9, 500 },
		{ { 0, 0, 0, 0 }, 1, 64, 0, 0 },
	};
	struct page_group group[PAGE_GROUPS];

	(void)state;
	for (size_t row = 0; row < ARRAY_LEN(table); row++) {
		u32 nr, nr_pages = 0;
		struct test_heap t;
		u64 used;

		make(&t, "1x1", 0);
		for (u32 b = 0; b < NR_BLOCKS; b++) {
			u32 nr_free = table[row].nr_free[b];
			struct run run = { BLOCKS(b), BLOCK_PAGES };

			if (nr_free == BLOCK_PAGES)
				continue;
			use(&t, run.pfn, BLOCK_PAGES);
			run.nr_pages = 1;
			for (u32 i = 1; i <= nr_free; i++) {
				run.pfn = BLOCKS(b + 1) - i * table[row].step;
				page_write(&t.heap->page[run.pfn], 0);
				region_give_locked(t.region, &run, PLACE_SMALL);
			}
		}
		used = t.heap->used;
		nr = claim_many(&t, table[row].want, group);
		for (u32 i = 0; i < nr; i++) {
			assert_int_equal(group[i].base % 64, 0);
			nr_pages += (u32)__builtin_popcountll(group[i].word);
		}
		assert_int_equal(nr_pages, table[row].pages);
		assert_int_equal(nr, table[row].groups);
		assert_int_equal(t.heap->used, used + nr_pages);
		assert_int_equal(t.zone->nr_free + t.heap->used,
				 BLOCKS(NR_BLOCKS));
		while (nr--)
			give(&t, &group[nr]);
		assert_int_equal(t.heap->used, used);
		heap_drop(&t);
	}
}

/* No more blocks at a time than the lock may be held for. */
static void test_claim_blocks(void **state)
{
	struct page_group group[PAGE_GROUPS];
	struct test_heap t;

	(void)state;
	heap_make(&t,
		  &(struct heap_spec){ .nr_pages = BLOCKS(20), .reserved = 1 });
	for (u32 b = 0; b < 20; b++)
		use(&t, BLOCKS(b) + 1, BLOCK_PAGES - 1);
	assert_int_equal(claim_many(&t, BLOCK_PAGES, group), 8);
	assert_int_equal(t.zone->nr_free, 12);
	for (u32 i = 0; i < 8; i++)
		give(&t, &group[i]);
	assert_int_equal(t.zone->nr_free, 20);
	heap_drop(&t);
}

/* Zones of arrays alone are not asked, nor those of another node. */
static void test_zones(void **state)
{
	struct page_group group;
	struct test_heap t;

	(void)state;
	make(&t, "2x1", 0);
	assert_int_equal(t.heap->nr_zones, 2);
	take(&t, 0, BLOCKS(NR_BLOCKS / 2));
	assert_false(claim(&t, &group));
	assert_int_equal(t.zone[1].nr_free, BLOCKS(NR_BLOCKS / 2));
	heap_drop(&t);
	make(&t, "1x1", 0);
	t.zone->arrays_only = true;
	assert_false(claim(&t, &group));
	t.zone->arrays_only = false;
	assert_true(claim(&t, &group));
	give(&t, &group);
	heap_end(&t);
}

/* ---- any pages ----------------------------------------------------------- */

#define MANY 4096u
#define MANY_BLOCKS 2048u /* their numbers have two digits to be sorted by */

static const struct {
	u32 nr;
	u32 from, step; /* page i is (from + i * step) % of the heap's */
} orders[] = {
	{ 1, 5, 1 },
	{ 2, 0, BLOCK_PAGES },
	{ 64, 100, 1 },
	{ 64, 500, 1 },
	{ BLOCK_PAGES, 0, 1 },
	{ 100, 512 * 300 - 50, 1 },
	{ 31, 0, BLOCK_PAGES * 5 },
	{ MANY, 7, BLOCK_PAGES * 7 + 1 },
	{ MANY, 0, 512 * 256 + 1 },
	{ MANY, 512 * 511, 512 * 511 },
	{ MANY, 300, 1 },
};

static u32 page_of(size_t row, u32 i)
{
	return (u32)((orders[row].from + (u64)i * orders[row].step) %
		     BLOCKS(MANY_BLOCKS));
}

static void test_give(void **state)
{
	static u32 pfn[MANY + 1], spare[MANY + 1];
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(MANY_BLOCKS),
					   .reserved = 1 });
	for (size_t row = 0; row < 2 * ARRAY_LEN(orders); row++) {
		u32 nr = orders[row / 2].nr, n = 0;

		for (u32 i = 0; i < nr; i++) {
			u32 page = page_of(row / 2, i);

			if (page_read(&t.heap->page[page]))
				continue;
			take(&t, page, 1);
			pfn[n++] = page;
		}
		assert_int_equal(t.heap->used, n);
		pfn[n] = spare[n] = ~0u;
		if (row % 2) {
			spin_lock(&t.region->lock);
			pages_give_locked(node_of(&t), pfn, spare, n);
			spin_unlock(&t.region->lock);
		} else {
			pages_give(node_of(&t), pfn, spare, n);
			assert_true(spin_trylock(&t.region->lock));
			spin_unlock(&t.region->lock);
		}
		assert_int_equal(pfn[n], ~0u);
		assert_int_equal(spare[n], ~0u);
		assert_int_equal(t.heap->used, 0);
		assert_int_equal(fixheap_largest_free(t.heap, NULL),
				 BYTES(BLOCKS(MANY_BLOCKS)));
		heap_valid(&t);
	}
	heap_end(&t);
}

/* Those of one block go back in one step, if they are sorted for it or not. */
static void test_steps(void **state)
{
	static const struct {
		u32 block[6];
		u64 steps;
	} table[] = {
		{ { 0, 0, 0, 0, 0, 0 }, 1 },
		{ { 0, 0, 0, 1, 1, 1 }, 2 },
		{ { 3, 2, 1, 3, 2, 1 }, 3 },
		{ { 0, 1, 2, 3, 2, 1 }, 4 },
		{ { 0, 0, 1, 1, 0, 0 }, 2 },
		{ { 3, 3, 0, 0, 3, 3 }, 2 },
		{ { 0, 256, 0, 256, 0, 256 }, 2 },
		{ { 255, 511, 1, 257, 255, 1 }, 4 },
	};
	u32 pfn[6], spare[6];
	struct test_heap t;

	(void)state;
	need(IS_ENABLED(CONFIG_VMSTAT), "nobody counts what goes back");
	for (size_t row = 0; row < ARRAY_LEN(table); row++) {
		u64 nr_frees;

		heap_make(&t,
			  &(struct heap_spec){ .nr_pages = BLOCKS(MANY_BLOCKS),
					       .reserved = 1 });
		for (u32 i = 0; i < 6; i++) {
			pfn[i] = (u32)BLOCKS(table[row].block[i]) + 9 * i;
			take(&t, pfn[i], 1);
		}
		nr_frees = t.region->nr_frees;
		pages_give(node_of(&t), pfn, spare, 6);
		assert_int_equal(t.region->nr_frees - nr_frees,
				 table[row].steps);
		heap_end(&t);
	}
}

/* What is of a region that is taken out stays out. */
static void test_isolated(void **state)
{
	const struct regions_spec spec = { .nr_blocks = 6,
					   .nr_pages = BLOCKS(2) };
	static u32 pfn[300], spare[300];
	struct test_heap t;
	u32 nr = 0;
	u64 first;

	(void)state;
	regions_make(&t, &spec);
	assert_int_equal(region_add(&t, BLOCKS(3), BLOCKS(1), 0), 1);
	first = t.heap->range[1].start_pfn;
	for (u32 i = 0; i < 100; i++)
		pfn[nr++] = (u32)(first + 3 * i);
	for (u32 i = 0; i < 200; i++)
		pfn[nr++] = (u32)t.heap->range[0].start_pfn + 2 * i;
	for (u32 i = 0; i < nr; i++)
		take(&t, pfn[i], 1);
	/* something that cannot go */
	heap_place(&t, PAGE_RAW, first + 500, 5);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
	assert_int_equal(t.heap->range[1].nr_isolated, BLOCK_PAGES - 105);
	pages_give(node_of(&t), pfn, spare, nr);
	assert_int_equal(t.heap->range[1].nr_isolated, BLOCK_PAGES - 5);
	assert_int_equal(t.heap->used, 5);
	assert_int_equal(t.region->nr_free, BLOCKS(2));
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_claim_many),
		cmocka_unit_test(test_claim_blocks),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_give),
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_isolated),
	};

	return cmocka_run_group_tests_name("page_group", tests, NULL, NULL);
}
