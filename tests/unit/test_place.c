/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_place.c: mm/place.c, where an array goes, rule by rule: the arrays and
 * the holes that there are, and the page that must come.
 */
#include "support.h"

#include "place.h"
#include "runmap.h"

#define NR_BLOCKS 400
#define NR_PAGES (NR_BLOCKS * 512ull)

struct array {
	u64 pfn, nr, stamp;
};

struct hole {
	u64 pfn, nr;
};

struct layout {
	struct hole hole[4];
	struct array array[3];
};

static void furnish(struct test_heap *t, const struct layout *layout)
{
	const struct hole *hole = layout->hole;
	const struct array *array = layout->array;

	zone_make(t, NR_BLOCKS);
	for (; hole < layout->hole + 4 && hole->nr; hole++)
		contig_give(t->region, &PAGES(hole->pfn, hole->nr), PLACE_ARRAY,
			    false);
	for (; array < layout->array + 3 && array->nr; array++) {
		const struct run run = { array->pfn, array->nr };

		runmap_set(t->region, &run,
			   page_make(PAGE_ARRAY, PLACE_ARRAY, 0) |
				   array->stamp << PAGE_STAMP_SHIFT);
	}
}

struct row {
	struct layout layout;
	u64 stamps;	 /* arrays made so far */
	u64 nr;		 /* pages asked for */
	u64 first, last; /* it must begin from here to here */
};

/* A zone of which all is free. */
#define WHOLE                                 \
	{                                     \
		.hole = { [0].nr = NR_PAGES } \
	}
#define AT(pfn) (pfn), (pfn)
#define NOWHERE 1, 0

static void check(const struct row *table, size_t nr_rows)
{
	for (size_t i = 0; i < nr_rows; i++) {
		struct contig_request req = { .nr_pages = table[i].nr,
					      .align = 1,
					      .placement = PLACE_ARRAY };
		struct test_heap t;
		bool found;
		u64 pfn;

		furnish(&t, &table[i].layout);
		t.region->nr_stamps = table[i].stamps;
		contig_set_zone(&req, t.zone);
		found = place_find(t.region, &req, &pfn);
		assert_int_equal(found, table[i].first <= table[i].last);
		if (found && (pfn < table[i].first || pfn > table[i].last))
			fail_msg("line %zu: at %llu, not from %llu to %llu", i,
				 (unsigned long long)pfn,
				 (unsigned long long)table[i].first,
				 (unsigned long long)table[i].last);
		if (found)
			assert_true(contig_free_from(t.region, pfn) >=
				    req.nr_pages);
		heap_drop(&t);
	}
}

/* 1: small ones as high as they can, at the high end of the hole. */
static void test_small(void **state)
{
	static const struct row table[] = {
		{ WHOLE, 0, 512, AT(NR_PAGES - 512) },
		{ WHOLE, 0, 600, AT(NR_PAGES - 600) },
		{ { { { 10240, 5000 }, { 102400, 5000 }, { 150000, 700 } },
		    { { 0 } } },
		  0,
		  600,
		  AT(150700 - 600) },
		{ { { { 10240, 5000 }, { 102400, 5000 }, { 150000, 700 } },
		    { { 0 } } },
		  0,
		  750,
		  AT(107400 - 750) },
		{ { { { 10240, 600 } }, { { 0 } } }, 0, 601, NOWHERE },
	};

	(void)state;
	check(table, ARRAY_LEN(table));
}

/* 2: the shortest hole that holds it; 2c: at its low end. */
static void test_shortest(void **state)
{
	static const struct row table[] = {
		{ WHOLE, 0, 5000, AT(0) },
		{ WHOLE, 0, NR_PAGES, AT(0) },
		{ WHOLE, 0, NR_PAGES + 1, NOWHERE },
		{ { { { 10240, 5000 }, { 102400, 4000 }, { 150000, 6000 } },
		    { { 0 } } },
		  0,
		  3000,
		  AT(102400) },
		{ { { { 10240, 5000 }, { 102400, 4000 }, { 150000, 6000 } },
		    { { 0 } } },
		  0,
		  4001,
		  AT(10240) },
		{ { { { 10240, 5000 }, { 102400, 4000 }, { 150000, 6000 } },
		    { { 0 } } },
		  0,
		  6000,
		  AT(150000) },
		{ { { { 10240, 5000 }, { 102400, 4000 }, { 150000, 6000 } },
		    { { 0 } } },
		  0,
		  6001,
		  NOWHERE },
		/* holes that end inside of blocks */
		{ { { { 10300, 5000 }, { 102500, 4400 } }, { { 0 } } },
		  0,
		  4400,
		  AT(102500) },
		{ { { { 10300, 5000 }, { 102500, 4400 } }, { { 0 } } },
		  0,
		  4401,
		  AT(10300) },
		/* an array above it only */
		{ { { { 50000, 9000 } }, { { 59000, 3000, 5 } } },
		  9,
		  4000,
		  AT(50000) },
	};

	(void)state;
	check(table, ARRAY_LEN(table));
}

/* 2a: between two arrays, next to the younger. */
static void test_younger(void **state)
{
	const struct layout above = {
		{ { 50000, 5000 } }, { { 47000, 3000, 5 }, { 55000, 3000, 7 } }
	};
	const struct layout below = {
		{ { 50000, 5000 } }, { { 47000, 3000, 7 }, { 55000, 3000, 5 } }
	};
	const u64 many = PAGE_STAMP_MASK;
	const struct layout wrapped = { { { 50000, 5000 } },
					{ { 47000, 3000, many - 3 },
					  { 55000, 3000, 2 } } };
	const struct row table[] = {
		{ above, 10, 3000, AT(52000) },
		{ above, 10, 5000, AT(50000) },
		{ below, 10, 3000, AT(50000) },
		/* the count has begun again in between */
		{ wrapped, many + 1 + 4, 3000, AT(52000) },
		{ wrapped, many - 1, 3000, AT(50000) },
	};

	(void)state;
	check(table, ARRAY_LEN(table));
}

/* 2b: a growing array's copy at the high end, but for some pages. */
static void test_growing(void **state)
{
	const struct layout layout = { { { 50000, 20000 } },
				       { { 47100, 2900, 5 } } };
	const struct layout tight = { { { 50000, 3100 } },
				      { { 47100, 2900, 5 } } };
	const u64 end = 70000, part = NR_PAGES / 64;
	const struct row table[] = {
		{ layout, 6, 3000, end - 3000 - part, end - 3001 },
		{ layout, 6, 5800, end - 5800 - part, end - 5801 },
		{ layout, 6, 2901, end - 2901 - part, end - 2902 },
		/* not larger, or more than twice as large: at the low end */
		{ layout, 6, 2900, AT(50000) },
		{ layout, 6, 5801, AT(50000) },
		/* or without room for the pages above */
		{ tight, 6, 3000, AT(50000) },
	};

	(void)state;
	check(table, ARRAY_LEN(table));
}

/* In a part of the region: what sticks out of it is cut off, and a small array
 * is one that is small for the part. */
static void test_parts(void **state)
{
	static const struct {
		struct layout layout;
		u32 from, to; /* blocks */
		u64 nr;
		u64 first, last;
	} table[] = {
		{ WHOLE, 0, 400, 799, AT(NR_PAGES - 799) },
		{ WHOLE, 0, 400, 800, AT(0) },
		{ WHOLE, 0, 300, 599, AT(BLOCKS(300) - 599) },
		{ WHOLE, 0, 300, 600, AT(0) },
		{ WHOLE, 100, 400, 599, AT(NR_PAGES - 599) },
		{ WHOLE, 100, 300, 512, AT(BLOCKS(100)) },
		{ WHOLE, 100, 300, BLOCKS(200), AT(BLOCKS(100)) },
		{ WHOLE, 100, 300, BLOCKS(200) + 1, NOWHERE },
	/* holes over both borders of the part, and one inside */
#define HOLES \
	{ { { 50000, 10000 }, { 70000, 9000 }, { 150000, 5000 } }, { { 0 } } }
		{ HOLES, 100, 300, 3000, AT(150000) },
		{ HOLES, 100, 300, 3600, AT(150000) },
		{ HOLES, 100, 300, 3601, AT(51200) },
		{ HOLES, 100, 300, 8800, AT(51200) },
		{ HOLES, 100, 300, 8801, AT(70000) },
		{ HOLES, 100, 300, 9001, NOWHERE },
		{ HOLES, 98, 300, 9000, AT(70000) },
		{ HOLES, 98, 300, 9500, AT(BLOCKS(98)) },
#undef HOLES
		/* an array that touches the hole outside of the part is none */
		{ { { { 50000, 20000 } }, { { 47100, 2900, 5 } } },
		  100,
		  300,
		  3000,
		  AT(51200) },
		{ { { { 51200, 20000 } }, { { 48300, 2900, 5 } } },
		  100,
		  300,
		  3000,
		  71200 - 3000 - 1600,
		  71200 - 3001 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct contig_request req = {
			.nr_pages = table[i].nr,
			.align = 1,
			.placement = PLACE_ARRAY,
			.in = { BLOCKS(table[i].from), BLOCKS(table[i].to) }
		};
		struct test_heap t;
		bool found;
		u64 pfn;

		furnish(&t, &table[i].layout);
		t.region->nr_stamps = 6;
		found = place_find(t.region, &req, &pfn);
		assert_int_equal(found, table[i].first <= table[i].last);
		if (found && (pfn < table[i].first || pfn > table[i].last))
			fail_msg("line %zu: at %llu, not from %llu to %llu", i,
				 (unsigned long long)pfn,
				 (unsigned long long)table[i].first,
				 (unsigned long long)table[i].last);
		heap_drop(&t);
	}
}

/* Of holes that are about as long, the one in the near zone. */
static void test_near(void **state)
{
	static const struct {
		struct layout layout;
		u32 from, to; /* blocks of the near zone */
		u64 nr, want;
	} table[] = {
#define HOLES(a, b) { { { 10300, a }, { 102500, b } }, { { 0 } } }
		{ HOLES(5000, 5000), 0, 200, 4000, 10300 },
		{ HOLES(5000, 5000), 200, 400, 4000, 102500 },
		{ HOLES(5000, 5500), 200, 400, 4000, 102500 },
		{ HOLES(5000, 5501), 200, 400, 4000, 10300 },
		{ HOLES(5500, 5000), 0, 200, 4000, 10300 },
		{ HOLES(5501, 5000), 0, 200, 4000, 102500 },
		/* too short, or not there */
		{ HOLES(5000, 3999), 200, 400, 4000, 10300 },
		{ HOLES(5000, 5000), 300, 400, 4000, 10300 },
		/* its border cuts a hole that is much longer */
		{ HOLES(5000, 20000), 220, 400, 4000, 10300 },
		{ HOLES(5000, 20000), 200, 210, 4000, 10300 },
#undef HOLES
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct zone near = { .start_pfn = BLOCKS(table[i].from),
					   .end_pfn = BLOCKS(table[i].to) };
		const struct contig_request req = { .nr_pages = table[i].nr,
						    .align = 1,
						    .placement = PLACE_ARRAY,
						    .in = { 0, NR_PAGES },
						    .near = &near };
		struct test_heap t;
		u64 pfn;

		furnish(&t, &table[i].layout);
		assert_true(place_find(t.region, &req, &pfn));
		assert_int_equal(pfn, table[i].want);
		heap_drop(&t);
	}
}

/* What is not for arrays is contig.c's affair, and so are alignments. */
static void test_others(void **state)
{
	static const struct {
		u64 nr, align;
		enum placement place;
	} table[] = {
		{ 1, 1, PLACE_SMALL },	    { 100, 1, PLACE_MEDIUM },
		{ 511, 1, PLACE_ARRAY },    { 600, 2, PLACE_ARRAY },
		{ 5000, 512, PLACE_ARRAY }, { 700, 1024, PLACE_MEDIUM },
	};
	const struct layout layout = { { { 10300, 5000 }, { 102500, 9999 } },
				       { { 0 } } };
	struct test_heap t;

	(void)state;
	furnish(&t, &layout);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct contig_request req = { .nr_pages = table[i].nr,
					      .align = table[i].align,
					      .placement = table[i].place };
		u64 pfn, want;

		contig_set_zone(&req, t.zone);
		assert_true(contig_find(t.region, &req, &want));
		assert_true(place_find(t.region, &req, &pfn));
		assert_int_equal(pfn, want);
	}
	heap_drop(&t);
}

/* In random parts, as in all: the hole's largest part decides. */
static void check_part(struct test_heap *t, const struct hole *hole, u32 nr,
		       u64 *seed)
{
	u64 from = random_below(seed, NR_BLOCKS), largest = 0, pfn;
	struct contig_request req = { .align = 1, .placement = PLACE_ARRAY };

	req.in.pfn = BLOCKS(from);
	req.in.end = BLOCKS(from + 1 + random_below(seed, NR_BLOCKS - from));
	for (u32 i = 0; i < nr; i++) {
		u64 start = max_u64(hole[i].pfn, req.in.pfn);
		u64 end = min_u64(hole[i].pfn + hole[i].nr, req.in.end);

		if (start < end)
			largest = max_u64(largest, end - start);
	}
	for (req.nr_pages = 512; req.nr_pages < 8100;
	     req.nr_pages += 1 + req.nr_pages / 3) {
		assert_int_equal(place_find(t->region, &req, &pfn),
				 req.nr_pages <= largest);
		if (req.nr_pages > largest)
			continue;
		assert_true(contig_free_from(t->region, pfn) >= req.nr_pages);
		assert_true(pfn >= req.in.pfn);
		assert_true(pfn + req.nr_pages <= req.in.end);
	}
}

/* Random holes: a place is found if and only if there is one. */
static void test_complete(void **state)
{
	u64 seed = 11;

	(void)state;
	for (u32 n = 0; n < 300; n++) {
		u64 pfn = random_below(&seed, 2000), largest = 0;
		static struct hole hole[4000];
		struct test_heap t;
		u32 nr_holes = 0;

		zone_make(&t, NR_BLOCKS);
		while (pfn < NR_PAGES - 8000) {
			u64 nr = 1 + random_below(&seed, n % 2 ? 8000 : 1200);

			contig_give(t.region, &PAGES(pfn, nr), PLACE_ARRAY,
				    false);
			largest = max_u64(largest, nr);
			hole[nr_holes++] = (struct hole){ pfn, nr };
			pfn += nr + 1 + random_below(&seed, 40000);
		}
		for (u64 nr = 512; nr < 8100; nr += 1 + nr / 3) {
			struct contig_request req = { .nr_pages = nr,
						      .align = 1,
						      .placement =
							      PLACE_ARRAY };

			contig_set_zone(&req, t.zone);
			assert_int_equal(place_find(t.region, &req, &pfn),
					 nr <= largest);
			if (nr <= largest)
				assert_true(contig_free_from(t.region, pfn) >=
					    nr);
		}
		for (u32 i = 0; i < 5; i++)
			check_part(&t, hole, nr_holes, &seed);
		heap_drop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),	cmocka_unit_test(test_shortest),
		cmocka_unit_test(test_younger), cmocka_unit_test(test_growing),
		cmocka_unit_test(test_near),	cmocka_unit_test(test_parts),
		cmocka_unit_test(test_others),	cmocka_unit_test(test_complete),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
