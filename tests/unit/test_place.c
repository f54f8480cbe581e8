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
		contig_give(t->zone, hole->pfn, hole->nr, PLACE_ARRAY, false);
	for (; array < layout->array + 3 && array->nr; array++) {
		const struct run run = { array->pfn, array->nr };

		runmap_set(t->zone, &run,
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
		const struct contig_request req = { table[i].nr, 1,
						    PLACE_ARRAY };
		struct test_heap t;
		bool found;
		u64 pfn;

		furnish(&t, &table[i].layout);
		t.zone->nr_stamps = table[i].stamps;
		found = place_find(t.zone, &req, &pfn);
		assert_int_equal(found, table[i].first <= table[i].last);
		if (found && (pfn < table[i].first || pfn > table[i].last))
			fail_msg("line %zu: at %llu, not from %llu to %llu", i,
				 (unsigned long long)pfn,
				 (unsigned long long)table[i].first,
				 (unsigned long long)table[i].last);
		if (found)
			assert_true(contig_free_from(t.zone, pfn) >=
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

/* What is not for arrays is contig.c's affair, and so are alignments. */
static void test_others(void **state)
{
	static const struct contig_request table[] = {
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
		u64 pfn, want;

		assert_true(contig_find(t.zone, &table[i], &want));
		assert_true(place_find(t.zone, &table[i], &pfn));
		assert_int_equal(pfn, want);
	}
	heap_drop(&t);
}

/* Random holes: a place is found if and only if there is one. */
static void test_complete(void **state)
{
	u64 seed = 11;

	(void)state;
	for (u32 n = 0; n < 300; n++) {
		u64 pfn = random_below(&seed, 2000), largest = 0;
		struct test_heap t;

		zone_make(&t, NR_BLOCKS);
		while (pfn < NR_PAGES - 8000) {
			u64 nr = 1 + random_below(&seed, n % 2 ? 8000 : 1200);

			contig_give(t.zone, pfn, nr, PLACE_ARRAY, false);
			largest = max_u64(largest, nr);
			pfn += nr + 1 + random_below(&seed, 40000);
		}
		for (u64 nr = 512; nr < 8100; nr += 1 + nr / 3) {
			const struct contig_request req = { nr, 1,
							    PLACE_ARRAY };

			assert_int_equal(place_find(t.zone, &req, &pfn),
					 nr <= largest);
			if (nr <= largest)
				assert_true(contig_free_from(t.zone, pfn) >=
					    nr);
		}
		heap_drop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small),	cmocka_unit_test(test_shortest),
		cmocka_unit_test(test_younger), cmocka_unit_test(test_growing),
		cmocka_unit_test(test_others),	cmocka_unit_test(test_complete),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
