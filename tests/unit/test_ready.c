/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ready.c: mm/ready.c, a bit for each pageblock and who touches what.
 */
#include "support.h"

#include "ready.h"

#define NR_BLOCKS 140u /* the bits have three words */

static void make(struct test_heap *t)
{
	heap_make(t, &(struct heap_spec){ .nr_pages = BLOCKS(NR_BLOCKS),
					  .reserved = 1 });
}

static void test_bytes(void **state)
{
	static const struct {
		u64 nr_blocks;
		size_t words;
	} table[] = { { 0, 0 }, { 1, 1 }, { 64, 1 }, { 65, 2 }, { 8192, 128 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(ready_bytes(table[i].nr_blocks) -
					 ready_bytes(0),
				 8 * table[i].words);
	/* the threads are in front */
	assert_true(ready_bytes(0) >= TOUCHERS_MAX * 16);
}

/* Which blocks are ready, as a text of 'r' and '.'. */
static const char *shown(struct test_heap *t)
{
	static char text[NR_BLOCKS + 1];

	for (u32 b = 0; b < NR_BLOCKS; b++)
		text[b] = ready_test(t->heap, &PAGES(BLOCKS(b), BLOCK_PAGES))
				  ? 'r'
				  : '.';
	return text;
}

static void test_bits(void **state)
{
	static const struct {
		char how; /* 's': set, 'c': clear */
		u64 pfn, nr;
		u32 first, end; /* blocks that change */
	} table[] = {
		{ 's', 0, BLOCK_PAGES, 0, 1 },
		{ 's', BLOCKS(2), BLOCKS(3), 2, 5 },
		{ 's', BLOCKS(60), BLOCKS(80), 60, 140 },
		/* not whole blocks */
		{ 's', BLOCKS(10), BLOCK_PAGES - 1, 0, 0 },
		{ 's', BLOCKS(10) + 1, BLOCK_PAGES, 0, 0 },
		{ 's', BLOCKS(10) + 1, BLOCK_PAGES - 1, 0, 0 },
		/* a page is enough to clear them */
		{ 'c', 0, 1, 0, 1 },
		{ 'c', BLOCKS(3) - 1, 1, 2, 3 },
		{ 'c', BLOCKS(4) - 1, 2, 3, 5 },
		{ 'c', BLOCKS(63), BLOCKS(2), 63, 65 },
		{ 'c', BLOCKS(127) + 5, BLOCK_PAGES, 127, 129 },
		{ 'c', BLOCKS(139) + 511, 1, 139, 140 },
		{ 's', 0, BLOCKS(140), 0, 140 },
		{ 'c', 0, BLOCKS(140), 0, 140 },
	};
	char want[NR_BLOCKS + 1] = { 0 };
	struct test_heap t;

	(void)state;
	make(&t);
	memset(want, '.', NR_BLOCKS);
	assert_string_equal(shown(&t), want);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct bounds pages = PAGES(table[i].pfn, table[i].nr);

		memset(want + table[i].first, table[i].how == 's' ? 'r' : '.',
		       table[i].end - table[i].first);
		if (table[i].how == 's')
			ready_set(t.heap, &pages);
		else
			ready_clear(t.heap, &pages);
		if (strcmp(shown(&t), want))
			fail_msg("line %zu: %s", i, shown(&t));
	}
	heap_end(&t);
}

/* Several blocks are ready if all of them are, and parts never. */
static void test_rows(void **state)
{
	static const struct {
		u64 pfn, nr;
		bool ready;
	} table[] = {
		{ BLOCKS(10), BLOCKS(20), true },
		{ BLOCKS(9), BLOCKS(2), false },
		{ BLOCKS(10), BLOCKS(21), false },
		{ BLOCKS(29), BLOCKS(1), true },
		{ BLOCKS(30), BLOCKS(1), false },
		{ BLOCKS(12) + 1, BLOCKS(1), false },
		{ BLOCKS(12), 7, false },
		{ BLOCKS(12) + 7, 505, false },
	};
	struct test_heap t;

	(void)state;
	make(&t);
	ready_set(t.heap, &PAGES(BLOCKS(10), BLOCKS(20)));
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_int_equal(ready_test(t.heap,
					    &PAGES(table[i].pfn, table[i].nr)),
				 table[i].ready);
	heap_end(&t);
}

/* ---- who touches --------------------------------------------------------- */

struct waiting {
	struct fixheap *heap;
	u32 toucher;
	u32 nr_yields;
};

/* Who is waited for ends at the third look. */
static void on_call(void *data, enum host_sim_call call)
{
	struct waiting *waiting = data;

	if (call == HOST_SIM_YIELD && ++waiting->nr_yields == 3)
		touching_end(waiting->heap, waiting->toucher);
}

static u32 yields_of_wait(struct test_heap *t, u32 toucher,
			  const struct bounds *pages)
{
	struct waiting waiting = { t->heap, toucher, 0 };

	host_sim_set_hook(on_call, &waiting);
	touching_wait(t->heap, pages);
	host_sim_set_hook(NULL, NULL);
	return waiting.nr_yields;
}

static void test_wait(void **state)
{
	static const struct {
		struct bounds touched, waited;
		bool waits;
	} table[] = {
		{ { 100, 200 }, { 100, 200 }, true },
		{ { 100, 200 }, { 199, 300 }, true },
		{ { 100, 200 }, { 0, 101 }, true },
		{ { 100, 200 }, { 150, 151 }, true },
		{ { 100, 200 }, { 0, 1000 }, true },
		{ { 100, 200 }, { 200, 300 }, false },
		{ { 100, 200 }, { 0, 100 }, false },
		{ { 0, 1 }, { 0, 1 }, true },
	};
	static const u32 who[] = { 0, 1, 77, TOUCHERS_MAX - 1 };
	struct test_heap t;

	(void)state;
	make(&t);
	assert_int_equal(yields_of_wait(&t, 0, &PAGES(0, 1000)), 0);
	for (size_t i = 0; i < ARRAY_LEN(table) * ARRAY_LEN(who); i++) {
		u32 toucher = who[i / ARRAY_LEN(table)];
		size_t row = i % ARRAY_LEN(table);

		touching_begin_locked(t.heap, toucher, &table[row].touched);
		assert_int_equal(yields_of_wait(&t, toucher,
						&table[row].waited),
				 table[row].waits ? 3 : 0);
		touching_end(t.heap, toucher);
		assert_int_equal(yields_of_wait(&t, 0, &PAGES(0, 1000)), 0);
	}
	/* one that is lower comes later */
	touching_begin_locked(t.heap, 9, &PAGES(5, 5));
	touching_begin_locked(t.heap, 2, &PAGES(500, 5));
	assert_int_equal(yields_of_wait(&t, 9, &PAGES(5, 5)), 3);
	assert_int_equal(yields_of_wait(&t, 2, &PAGES(500, 5)), 3);
	/* in a child of fork there is none of them */
	touching_begin_locked(t.heap, 0, &PAGES(5, 5));
	touching_begin_locked(t.heap, TOUCHERS_MAX - 1, &PAGES(5, 5));
	touching_forget(t.heap);
	assert_int_equal(yields_of_wait(&t, 0, &PAGES(0, 1000)), 0);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_bits),
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_wait),
	};

	return cmocka_run_group_tests_name("ready", tests, NULL, NULL);
}
