/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_span.c: mm/span.c, rows of free blocks and the borders between open
 * ones, as pictures (see support.h) before and lists of spans after.
 */
#include "support.h"

#include "page_alloc.h"
#include "span.h"

#define NR_BLOCKS 8

static void test_filed(void **state)
{
	static const struct {
		const char *picture, *spans;
	} table[] = {
		{ "########", "" },
		{ "........", "0-8:4096" },
		{ ".#######", "0-1:512" },
		{ "#######.", "7-8:512" },
		{ "#..##..#", "1-3:1024 5-7:1024" },
		{ ".#.#.#.#", "0-1:512 2-3:512 4-5:512 6-7:512" },
		{ "#>.####<", "2-3:612" },  /* a tail before a row */
		{ "#.<#####", "1-2:612" },  /* a head behind it */
		{ ">..<####", "1-3:1224" }, /* both */
		{ "><######", "1|200" },    /* a border */
		{ "xxxxxxxx", "1|200 2|200 3|200 4|200 5|200 6|200 7|200" },
		{ "x.x.x.x.", "1-2:712 3-4:712 5-6:712 7-8:612" },
		{ "<><><><>", "2|200 4|200 6|200" },
		{ ">>>><<<<", "4|200" },
		{ "oooo.ooo", "4-5:512" }, /* a middle touches nothing */
		{ "<#o###>#", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;

		zone_make(&t, NR_BLOCKS);
		zone_draw(&t, table[i].picture);
		assert_string_equal(zone_spans(t.region), table[i].spans);
		heap_drop(&t);
	}
}

static void test_add(void **state)
{
	static const struct {
		const char *picture;
		u32 first, end;
		const char *spans;
	} table[] = {
		{ "########", 3, 4, "3-4:512" },
		{ "########", 0, 8, "0-8:4096" },
		{ "..######", 2, 3, "0-3:1536" }, /* joins the left */
		{ "###.####", 2, 3, "2-4:1024" }, /* the right */
		{ "..#.####", 2, 3, "0-4:2048" }, /* both */
		{ ">######<", 1, 7, "1-7:3272" },
		{ "#>#<####", 2, 3, "2-3:712" },
		{ "..#><###", 2, 3, "0-3:1536 4|200" },
		{ ".##..##.", 5, 6, "0-1:512 3-6:1536 7-8:512" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;

		zone_make(&t, NR_BLOCKS);
		zone_draw(&t, table[i].picture);
		span_add(t.region, table[i].first, table[i].end, false);
		assert_string_equal(zone_spans(t.region), table[i].spans);
		heap_drop(&t);
	}
}

static void test_del(void **state)
{
	static const struct {
		const char *picture;
		u32 first, end;
		const char *spans;
	} table[] = {
		{ "........", 0, 8, "" },
		{ "........", 0, 1, "1-8:3584" },
		{ "........", 7, 8, "0-7:3584" },
		{ "........", 3, 5, "0-3:1536 5-8:1536" },
		{ ">......<", 1, 2, "2-7:2660" },
		{ ">......<", 6, 7, "1-6:2660" },
		{ ">......<", 2, 3, "1-2:612 3-7:2148" },
		{ "#>.<####", 2, 3, "" }, /* leaves no border */
		{ "><.><###", 2, 3, "1|200 4|200" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;
		struct span zero;

		zone_make(&t, NR_BLOCKS);
		zone_draw(&t, table[i].picture);
		span_del(t.region, table[i].first, table[i].end, &zero);
		assert_true(zero.first >= zero.end);
		assert_string_equal(zone_spans(t.region), table[i].spans);
		heap_drop(&t);
	}
}

/* Which blocks of a row read as zero, whatever order they came in: "2z" block
 * 2 comes as zero, "2n" as used, "2d" is taken out again. */
static void test_zero(void **state)
{
	static const struct {
		const char *steps;
		u32 row, first, end; /* the zero piece of the row at row */
	} table[] = {
		{ "2z", 2, 2, 3 },
		{ "2n", 2, 2, 2 },
		{ "2z3z", 2, 2, 4 },
		{ "3z2z", 2, 2, 4 },
		{ "2z4z3z", 2, 2, 5 },
		{ "2z4z3n", 2, 2, 3 },	 /* one of two equals */
		{ "2z3z5z4n", 2, 2, 4 }, /* the longer one */
		{ "1z3z4z2n", 1, 3, 5 },
		{ "2n3z", 2, 3, 4 },
		{ "3z2n", 2, 3, 4 },
		{ "2z3z4z3d", 2, 2, 3 }, /* split */
		{ "2z3z4z3d", 4, 4, 5 },
		{ "2z3z4z3d3n", 2, 2, 3 }, /* and used in between */
		{ "2z3n4n2d", 3, 3, 3 },
		{ "2n3z4n4d", 2, 3, 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct pageblock *pb;
		struct test_heap t;

		zone_make(&t, NR_BLOCKS);
		for (const char *s = table[i].steps; *s; s += 2) {
			u32 b = (u32)(s[0] - '0');
			struct span zero;

			if (s[1] == 'd')
				span_del(t.region, b, b + 1, &zero);
			else
				span_add(t.region, b, b + 1, s[1] == 'z');
		}
		pb = &t.zone->block[table[i].row];
		if (table[i].first < table[i].end) {
			assert_int_equal(pb->zero_first, table[i].first);
			assert_int_equal(pb->zero_end, table[i].end);
		} else {
			assert_true(pb->zero_first >= pb->zero_end);
		}
		heap_drop(&t);
	}
}

/* What span_del says of the blocks that it takes. */
static void test_zero_taken(void **state)
{
	static const struct {
		u32 first, end, zero_first, zero_end;
	} table[] = {
		{ 0, 8, 2, 6 }, { 0, 2, 2, 2 }, { 2, 3, 2, 3 },
		{ 1, 4, 2, 4 }, { 5, 7, 5, 6 }, { 6, 8, 6, 6 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;
		struct span zero;

		zone_make(&t, NR_BLOCKS);
		span_add(t.region, 2, 6, true);
		span_add(t.region, 0, 2, false);
		span_add(t.region, 6, 8, false);
		span_del(t.region, table[i].first, table[i].end, &zero);
		if (table[i].zero_first < table[i].zero_end) {
			assert_int_equal(zero.first, table[i].zero_first);
			assert_int_equal(zero.end, table[i].zero_end);
		} else {
			assert_true(zero.first >= zero.end);
		}
		heap_drop(&t);
	}
}

static void test_find(void **state)
{
	static const char picture[] = ">..#x.<o";
	static const struct span rows[] = {
		{ 0 },
		{ 1, 3, BLOCKS(1) - 100, BLOCKS(2) + 100 },
		{ 1, 3, BLOCKS(1) - 100, BLOCKS(2) + 100 },
		{ 0 },
		{ 0 },
		{ 5, 6, BLOCKS(5) - 100, BLOCKS(1) + 200 },
		{ 0 },
		{ 0 },
	};
	struct test_heap t;
	struct span span;

	(void)state;
	zone_make(&t, NR_BLOCKS);
	zone_draw(&t, picture);
	for (u32 b = 0; b < NR_BLOCKS; b++) {
		assert_int_equal(span_find(t.region, b, &span),
				 picture[b] == '.');
		if (picture[b] != '.')
			continue;
		assert_int_equal(span.first, rows[b].first);
		assert_int_equal(span.end, rows[b].end);
		assert_int_equal(span.pfn, rows[b].pfn);
		assert_int_equal(span.nr_pages, rows[b].nr_pages);
	}
	heap_drop(&t);
}

/* An inner block of a long row has no mark of its own. */
static void test_find_inner(void **state)
{
	struct test_heap t;
	struct span span;

	(void)state;
	zone_make(&t, 40);
	span_add(t.region, 3, 37, false);
	for (u32 b = 0; b < 40; b++) {
		assert_int_equal(span_find(t.region, b, &span),
				 b >= 3 && b < 37);
		if (b < 3 || b >= 37)
			continue;
		assert_int_equal(span.first, 3);
		assert_int_equal(span.end, 37);
		assert_int_equal(span.pfn, BLOCKS(3));
		assert_int_equal(span.nr_pages, BLOCKS(34));
	}
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filed),	   cmocka_unit_test(test_add),
		cmocka_unit_test(test_del),	   cmocka_unit_test(test_zero),
		cmocka_unit_test(test_zero_taken), cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_inner),
	};

	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
