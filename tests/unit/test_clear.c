/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_clear.c: mm/clear.c, what of a run is cleared: that, in so many calls,
 * and nothing else; never under a lock; by threads on its nodes.
 */
#include "nodes.h"

#include "clear.h"
#include "pcp.h"
#include "zeromap.h"

/* No lock is held that a call could want. */
static void assert_unlocked(void *data, enum host_sim_call call)
{
	struct fixheap *heap = data;
	spinlock_t *lock[] = { &heap->region.lock, &heap->trim_lock,
			       &heap->ask_lock, &heap->node[0].slab_lock };

	if (call != HOST_SIM_CLEAR)
		return;
	for (u32 i = 0; i < ARRAY_LEN(lock); i++) {
		assert_true(spin_trylock(lock[i]));
		spin_unlock(lock[i]);
	}
}

/*
 * A heap of blocks of which 'z' read as zero and 'u' hold something; pages that
 * are taken, and what of them is cleared in how many calls.
 */
static void test_exact(void **state)
{
	static const struct {
		const char *picture;
		u64 pfn, nr, cleared;
		u32 calls;
	} table[] = {
		{ "zzzzzzzz", 0, 4096, 0, 0 },
		{ "uuuuuuuu", 0, 4096, 4096, 1 },
		{ "uzuzuzuz", 0, 4096, 2048, 4 },
		{ "zzuzzzzz", 0, 4096, 512, 1 },
		{ "zzuuzzuz", 0, 4096, 1536, 2 },
		{ "zzzuzzzz", 0, 1536, 0, 0 },
		/* ends in the middle of a block */
		{ "zzzzzzzz", 100, 3000, 0, 0 },
		{ "uzzzzzzz", 100, 3000, 412, 1 },
		{ "zzzzzzuz", 100, 3000, 28, 1 },
		{ "uzzzzzuz", 100, 3000, 440, 2 },
		{ "uuzzzzuz", 100, 3000, 952, 2 },
		{ "uuuuuuuu", 100, 3000, 3000, 1 },
		{ "zuzzzzzz", 1, 1022, 511, 1 },
		{ "uzzzzzzz", 1, 1022, 511, 1 },
		{ "zzzzzzzz", 1, 1022, 0, 0 },
		{ "uuzzzzzz", 1, 1022, 1022, 1 },
		/* all in one */
		{ "uzzzzzzz", 7, 100, 100, 1 },
		{ "zuuuuuuu", 7, 100, 0, 0 },
		{ "zuuuuuuu", 0, 512, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run run = { table[i].pfn, table[i].nr };
		struct zero_range known;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(8) });
		for (u32 b = 0; b < 8; b++) {
			if (table[i].picture[b] == 'z')
				zeromap_set(t.region, b, b + 1, BLOCK_ZERO);
			else
				memset(t.base + b * BLOCK_BYTES, 0x5a,
				       BLOCK_BYTES);
		}
		known = region_take_locked(t.region, &run, PLACE_ARRAY);
		host_sim_set_hook(assert_unlocked, t.heap);
		clear_run(t.heap, &run, known, FIXHEAP_ZERO);
		host_sim_set_hook(NULL, NULL);
		assert_int_equal(host_sim_cleared(), BYTES(table[i].cleared));
		assert_int_equal(host_sim_calls(HOST_SIM_CLEAR),
				 table[i].calls);
		for (u64 p = 0; p < BLOCKS(8); p++) {
			u32 b = (u32)(p >> BLOCK_SHIFT);
			bool mine = p - run.pfn < run.nr_pages;
			char want = table[i].picture[b] == 'z' || mine ? 0
								       : 0x5a;

			assert_int_equal(t.base[BYTES(p)], want);
			assert_int_equal(t.base[BYTES(p + 1) - 1], want);
		}
		heap_drop(&t);
	}
}

/* What is long free and zero is not looked at block by block, nor touched. */
static void test_long(void **state)
{
	const u64 nr = BLOCKS(50000);
	const struct run run = { BLOCKS(100), nr };
	struct zero_range known;
	struct test_heap t;
	u64 touched;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = nr + BLOCKS(200),
					   .flags = FIXHEAP_ZEROED,
					   .reserved = true });
	known = region_take_locked(t.region, &run, PLACE_ARRAY);
	clear_run(t.heap, &run, known, FIXHEAP_ZERO);
	assert_int_equal(host_sim_cleared(), 0);
	touched = host_sim_resident(t.region->block,
				    (nr >> BLOCK_SHIFT) *
					    sizeof(struct pageblock));
	assert_true(touched <= 4 * 4096);
	heap_drop(&t);
}

/* By threads on the nodes where the pages are, which are not bound here: so who
 * clears a page places it. */
static void test_parallel(void **state)
{
	static const struct {
		const char *machine;
		u32 nr_blocks, dirty; /* every n-th is not known to be zero */
		u32 can_start;
		bool threads;
	} table[] = {
		{ "1x4", 72, 1, 99, true },
		{ "2x2", 72, 1, 99, true },
		{ "4x1", 72, 2, 99, true },
		{ "4x1", 72, 2, 2, true },   /* the caller does the rest */
		{ "4x1", 72, 9, 99, false }, /* too little to be cleared */
		{ "1x1", 72, 1, 99, false },
		{ "4x1", 72, 1, 0, true }, /* none can be started */
		{ "4x1", 24, 1, 99, false },
	};

	(void)state;
	need(BLOCK_PAGES * PAGE_BYTES == 2 << 20, "that would be much memory");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u32 nr = table[i].nr_blocks;
		const struct run run = { 1, BLOCKS(nr) - 2 };
		u64 bytes = BYTES(run.nr_pages), cleared = 0;
		struct zero_range known;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .machine = table[i].machine,
						   .nr_pages = BLOCKS(nr),
						   .flags = FIXHEAP_ZEROED,
						   .unbound = true });
		for (u32 b = 0; b < nr; b += table[i].dirty) {
			zeromap_set(t.region, b, b + 1, BLOCK_USED);
			cleared += b && b + 1 < nr ? BLOCK_BYTES
						   : BLOCK_BYTES - PAGE_BYTES;
		}
		host_sim_set_threads(table[i].can_start);
		known = region_take_locked(t.region, &run, PLACE_ARRAY);
		clear_run(t.heap, &run, known, FIXHEAP_ZERO_PARALLEL);
		assert_int_equal(host_sim_cleared(), cleared);
		assert_int_equal(host_sim_calls(HOST_SIM_RUN_THREADS),
				 table[i].threads);
		assert_int_equal(host_sim_resident(t.base, BYTES(BLOCKS(nr))),
				 cleared);
		if (table[i].threads && table[i].can_start > 4)
			assert_int_equal(nodes_as_told(t.heap,
						       t.base + PAGE_BYTES,
						       bytes),
					 cleared);
		heap_drop(&t);
	}
}

/* As the public calls have it. */
static void test_public(void **state)
{
	struct test_heap t;
	char *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "1x4",
					   .nr_pages = BLOCKS(64) });
	pages = fixheap_pages_alloc(t.heap, BLOCKS(64), 0,
				    &ATTR(.flags = FIXHEAP_ZERO_PARALLEL));
	assert_non_null(pages);
	assert_int_equal(host_sim_cleared(), BYTES(BLOCKS(64)));
	assert_int_equal(host_sim_calls(HOST_SIM_RUN_THREADS), 1);
	fixheap_pages_free(t.heap, pages, BLOCKS(64));
	pages = fixheap_pages_alloc(t.heap, BLOCKS(64), 0,
				    &ATTR(.flags = FIXHEAP_ZERO));
	assert_non_null(pages);
	assert_int_equal(host_sim_cleared(), BYTES(BLOCKS(128)));
	assert_int_equal(host_sim_calls(HOST_SIM_RUN_THREADS), 1);
	fixheap_pages_free(t.heap, pages, BLOCKS(64));
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_parallel),
		cmocka_unit_test(test_public),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
