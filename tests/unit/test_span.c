/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_span.c: mm/span.c, rows of free blocks and the borders between open
 * ones, as pictures (see support.h) before and lists of spans after.
 */
#include "support.h"

#include "contig.h"
#include "span.h"
#include "zeromap.h"

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
		span_add(t.region, table[i].first, table[i].end);
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

		zone_make(&t, NR_BLOCKS);
		zone_draw(&t, table[i].picture);
		span_del(t.region, table[i].first, table[i].end);
		assert_string_equal(zone_spans(t.region), table[i].spans);
		heap_drop(&t);
	}
}

/* Which blocks read as zero, whatever order they came in: "2z" block 2 comes as
 * zero, "2n" as used, "2d" is taken out again. */
static void test_zero(void **state)
{
	static const struct {
		const char *steps, *zero; /* by block */
	} table[] = {
		{ "2z", "..z....." },	    { "2n", "........" },
		{ "2z3z", "..zz...." },	    { "3z2z", "..zz...." },
		{ "2z4z3z", "..zzz..." },   { "2z4z3n", "..z.z..." },
		{ "2z3z5z4n", "..zz.z.." }, { "1z3z4z2n", ".z.zz..." },
		{ "2n3z", "...z...." },	    { "7z0z", "z......z" },
		{ "2z3z4z3d", "..zzz..." }, { "2z3z4z3d3n", "..z.z..." },
		{ "2z2d2n", "........" },   { "7z7d7n", "........" },
		{ "0z0d0n1z", ".z......" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;

		zone_make(&t, NR_BLOCKS);
		for (const char *s = table[i].steps; *s; s += 2) {
			u32 b = (u32)(s[0] - '0');
			struct bounds all = { BLOCKS(b), BLOCKS(b + 1) };

			if (s[1] == 'd')
				contig_take(t.region, &all, PLACE_ARRAY);
			else
				contig_give(t.region, &all, PLACE_ARRAY,
					    s[1] == 'z');
		}
		for (u32 b = 0; b < NR_BLOCKS; b++)
			assert_int_equal(zeromap_is_zero(t.region, b),
					 table[i].zero[b] == 'z');
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
	span_add(t.region, 3, 37);
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

/* Summaries of the set of rows, in a region that has some. */
static void test_summaries(void **state)
{
	struct test_heap t;
	u64 *word;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(200),
					   .flags = FIXHEAP_ZEROED });
	word = t.region->span_rows.level[1];
	/* it has one row, at the start */
	for (u64 wrong = 1; wrong < 1ull << 5; wrong <<= 1) {
		host_sim_clear_output();
		*word ^= wrong;
		assert_int_equal(fixheap_validate(t.heap), -EUCLEAN);
		assert_non_null(strstr(host_sim_output(),
				       wrong == 1 ? "spans with a row"
						  : "summary of a set"));
		*word ^= wrong;
		heap_valid(&t);
	}
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_filed),
		cmocka_unit_test(test_add),
		cmocka_unit_test(test_del),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_find_inner),
		cmocka_unit_test(test_summaries),
	};

	return cmocka_run_group_tests_name("span", tests, NULL, NULL);
}
