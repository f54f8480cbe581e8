/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_span_find.c: mm/span_find.c, searching a part of the region: tables of
 * pictures (see support.h), and random pages and parts against a plain picture.
 *
 * A row of the picture is a free run, cut to the part.  A search must find it
 * if it has pages on both sides of a pageblock's border or a whole pageblock;
 * what lies in one open block may be found or not.
 */
#include "support.h"

#include "sizetree.h"
#include "span.h"

#define NR_BLOCKS 8

/* Whole regions, from a block on, from both ends. */
static void test_search(void **state)
{
	static const struct {
		u32 from;
		u64 nr_pages;
		long first, last; /* first and last filed; -1: none */
	} table[] = {
		{ 0, 1, 1, 7 },	   { 1, 200, 1, 7 },	      { 2, 200, 4, 7 },
		{ 0, 201, 4, 7 },  { 0, 612, 4, 7 },	      { 0, 613, 4, 4 },
		{ 0, 1124, 4, 4 }, { 0, 1125, -1, -1 },	      { 5, 613, -1, 4 },
		{ 8, 1, -1, 7 },   { 0, 1ull << 32, -1, -1 },
	};
	const struct bounds all = { 0, BLOCKS(NR_BLOCKS) };
	struct test_heap t;
	struct span span;

	(void)state;
	zone_make(&t, NR_BLOCKS);
	zone_draw(&t, "><#>..>."); /* 1|200 4-6:1124 7-8:612 */
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u32 from = table[i].from;
		bool found = span_next(t.region, &all, &from, table[i].nr_pages,
				       &span);

		assert_int_equal(found, table[i].first >= 0);
		if (found)
			assert_int_equal(span.first, table[i].first);
		assert_int_equal(from, found ? span.first + 1 : NR_BLOCKS);
		found = span_last(t.region, &all, table[i].nr_pages, &span);
		assert_int_equal(found, table[i].last >= 0);
		if (found)
			assert_int_equal(span.first, table[i].last);
	}
	heap_drop(&t);
}

/* What is found of one picture in parts of it. */
static const struct {
	u32 from, to; /* the part, in blocks */
	u64 nr_pages;
	/* "first-end:pfn+pages", "": none */
	const char *next, *last, *shortest, *highest;
} cuts[] = {
#define SPAN "1-4:412+1736"
#define BORDER "6-6:2972+200"
	{ 0, 8, 1, SPAN, "7-8:3584+512", NULL, "7-8:3584+512" },
	{ 0, 8, 201, SPAN, "7-8:3584+512", "7-8:3584+512", NULL },
	{ 0, 8, 513, SPAN, SPAN, SPAN, NULL },
	{ 0, 8, 1737, "", "", "", NULL },
	{ 0, 7, 1, SPAN, BORDER, BORDER, SPAN },
	{ 0, 5, 1736, SPAN, SPAN, SPAN, SPAN },
	{ 0, 4, 1636, "1-4:412+1636", "1-4:412+1636", "1-4:412+1636",
	  "1-4:412+1636" },
	{ 0, 4, 1637, "", "", "", NULL },
	{ 1, 4, 1, "1-4:512+1536", "1-4:512+1536", "1-4:512+1536",
	  "1-4:512+1536" },
	{ 1, 4, 1537, "", "", "", NULL },
	{ 2, 3, 512, "2-3:1024+512", "2-3:1024+512", "2-3:1024+512",
	  "2-3:1024+512" },
	{ 2, 3, 513, "", "", "", NULL },
	{ 2, 7, 1, "2-4:1024+1124", BORDER, BORDER, "2-4:1024+1124" },
	{ 5, 7, 200, BORDER, BORDER, BORDER, "" },
	{ 5, 7, 201, "", "", "", "" },
	{ 5, 6, 101, "", "", "", "" },
	{ 6, 7, 101, "", "", "", "" },
	{ 4, 6, 101, "", "", "", "" },
#undef SPAN
#undef BORDER
};

static void test_cut(void **state)
{
	struct test_heap t;

	(void)state;
	zone_make(&t, NR_BLOCKS);
	zone_draw(&t, ">...<><."); /* 1-4:1736 6|200 7-8:512 */
	for (size_t i = 0; i < 4 * ARRAY_LEN(cuts); i++) {
		size_t row = i / 4;
		const char *const want[] = { cuts[row].next, cuts[row].last,
					     cuts[row].shortest,
					     cuts[row].highest };
		const struct bounds in = { BLOCKS(cuts[row].from),
					   BLOCKS(cuts[row].to) };
		u64 nr = cuts[row].nr_pages;
		struct span span;
		char text[64] = "";
		u32 from = 0;
		bool found;

		if (!want[i % 4])
			continue;
		switch (i % 4) {
		case 0:
			found = span_next(t.region, &in, &from, nr, &span);
			break;
		case 1:
			found = span_last(t.region, &in, nr, &span);
			break;
		case 2:
			found = span_shortest(t.region, &in, nr, &span);
			break;
		default:
			found = span_highest(t.region, &in, &span);
		}
		if (found)
			snprintf(text, sizeof(text), "%u-%u:%lu+%lu",
				 span.first, span.end, (unsigned long)span.pfn,
				 (unsigned long)span.nr_pages);
		if (strcmp(text, want[i % 4]))
			fail_msg("line %zu, %zu: \"%s\", not \"%s\"", row,
				 i % 4, text, want[i % 4]);
	}
	heap_drop(&t);
}

/* A free run of the picture, cut to a part. */
struct row {
	u64 pfn, end;
	bool must; /* a search must find it */
};

#define ROWS_MAX 400

struct play {
	struct test_heap t;
	struct picture free;
	u64 seed;
	struct bounds in;
	struct row row[ROWS_MAX];
	u32 nr_rows;
};

static void list_rows(struct play *play)
{
	u64 end;

	play->nr_rows = 0;
	for (u64 pfn = play->in.pfn; pfn < play->in.end; pfn = end + 1) {
		u64 border = round_up(pfn + 1, BLOCK_PAGES);

		end = min_u64(pfn + picture_free_from(&play->free, pfn),
			      play->in.end);
		if (end == pfn)
			continue;
		assert_true(play->nr_rows < ROWS_MAX);
		play->row[play->nr_rows++] = (struct row){
			pfn, end, border < end || end - pfn == BLOCK_PAGES
		};
	}
}

/* The row that was found, which must be one, and the span all of it. */
static u32 row_of(const struct play *play, const struct span *span)
{
	u32 first, end, r = 0;

	while (r < play->nr_rows && play->row[r].pfn != span->pfn)
		r++;
	assert_true(r < play->nr_rows);
	assert_int_equal(span->nr_pages, play->row[r].end - span->pfn);
	first = (u32)((span->pfn + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
	end = (u32)(play->row[r].end >> BLOCK_SHIFT);
	if (first < end)
		assert_int_equal(span->first, first);
	assert_int_equal(span->end - span->first,
			 first < end ? end - first : 0);
	return r;
}

static u64 length(const struct play *play, u32 r)
{
	return play->row[r].end - play->row[r].pfn;
}

/* All rows that are long enough, in order, none left out. */
static void check_next(const struct play *play, u64 nr)
{
	struct span span;
	u32 from = 0, next = 0;

	while (span_next(play->t.region, &play->in, &from, nr, &span)) {
		u32 r = row_of(play, &span);

		assert_true(span.nr_pages >= nr);
		assert_true(r >= next);
		for (; next < r; next++)
			assert_false(play->row[next].must &&
				     length(play, next) >= nr);
		next = r + 1;
	}
	for (; next < play->nr_rows; next++)
		assert_false(play->row[next].must && length(play, next) >= nr);
	assert_false(span_next(play->t.region, &play->in, &from, nr, &span));
}

static void check_last(const struct play *play, u64 nr)
{
	u32 r = play->nr_rows, found;
	struct span span;

	while (r && !(play->row[r - 1].must && length(play, r - 1) >= nr))
		r--;
	if (!span_last(play->t.region, &play->in, nr, &span)) {
		assert_int_equal(r, 0);
		return;
	}
	found = row_of(play, &span);
	assert_true(span.nr_pages >= nr);
	assert_true(found + 1 >= r);
}

static void check_highest(const struct play *play)
{
	u32 b = (u32)(play->in.end >> BLOCK_SHIFT);
	u32 low = (u32)((play->in.pfn + BLOCK_PAGES - 1) >> BLOCK_SHIFT);
	struct span span;

	while (b > low &&
	       picture_free_from(&play->free, BLOCKS(b - 1)) < BLOCK_PAGES)
		b--;
	assert_int_equal(span_highest(play->t.region, &play->in, &span),
			 b > low);
	if (b <= low)
		return;
	row_of(play, &span);
	assert_int_equal(span.end, b);
}

/* The shortest of a few; in the whole region, of those with enough blocks. */
static void check_shortest(const struct play *play, u64 nr)
{
	u64 sure = round_up(nr, BLOCK_PAGES) >> BLOCK_SHIFT, least = ~0ull;
	bool whole = play->in.pfn == play->t.region->start_pfn &&
		     play->in.end == play->t.region->end_pfn;
	bool found;
	u32 nr_long = 0;
	struct span span;

	found = span_shortest(play->t.region, &play->in, nr, &span);
	for (u32 r = 0; r < play->nr_rows; r++) {
		u64 first = round_up(play->row[r].pfn, BLOCK_PAGES);
		u64 end = round_down(play->row[r].end, BLOCK_PAGES);
		u64 pages = whole ? (end > first ? end - first : 0)
				  : length(play, r);

		nr_long += length(play, r) >= nr;
		if (play->row[r].must && pages >= (whole ? BLOCKS(sure) : nr))
			least = min_u64(least, pages);
	}
	assert_true(found || least == ~0ull);
	if (!found)
		return;
	row_of(play, &span);
	assert_true(span.nr_pages >= nr);
	if (whole)
		assert_true(BLOCKS(span.end - span.first) <= least);
	else if (nr_long <= 16)
		assert_true(span.nr_pages <= least);
}

/* Give back, or take, what is used or free at a random place. */
static void play_turn(struct play *play)
{
	const struct region *region = play->t.region;
	u64 nr_pages = region->end_pfn - region->start_pfn;
	u64 pfn = region->start_pfn + random_below(&play->seed, nr_pages);
	u64 most = 1 + random_below(&play->seed, play->seed % 3 ? 700 : 5000);
	unsigned char free;
	u64 end = pfn;

	if (play->seed % 5 < 2)
		pfn = end = max_u64(round_down(pfn, BLOCK_PAGES),
				    region->start_pfn);
	free = play->free.free[pfn];
	while (end < min_u64(pfn + most, region->end_pfn) &&
	       play->free.free[end] == free)
		end++;
	if (free)
		contig_take(play->t.region, &(struct bounds){ pfn, end },
			    PLACE_ARRAY);
	else
		contig_give(play->t.region, &(struct bounds){ pfn, end },
			    PLACE_ARRAY, false);
	picture_mark(&play->free, pfn, end - pfn, !free);
}

/* The whole region, or a part that begins and ends at borders of blocks, or
 * where the region does. */
static void play_part(struct play *play, bool whole)
{
	const struct region *region = play->t.region;
	u64 nr_blocks = region->end_block - region->first_block;
	u64 from = random_below(&play->seed, nr_blocks);
	u64 to = from + 1 + random_below(&play->seed, nr_blocks - from);

	play->in = (struct bounds){ region->start_pfn, region->end_pfn };
	if (whole)
		return;
	play->in.pfn = max_u64(play->in.pfn, BLOCKS(from));
	play->in.end = min_u64(play->in.end, BLOCKS(to));
}

static void test_random(void **state)
{
	static const struct {
		u64 nr_pages;
		size_t skew;
	} table[] = {
		{ 1, 0 },	   { 512, 1 },	      { 1024, 0 },
		{ 3000, 4096 },	   { 20 * 512, 0 },   { 40 * 512, 1000000 },
		{ 9000, 1234567 }, { 300 * 512, 77 },
	};
	static struct play play;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table) * 3; i++) {
		play.seed = 100 + i;
		heap_make(&play.t, &(struct heap_spec){
					   .nr_pages = table[i / 3].nr_pages,
					   .skew = table[i / 3].skew });
		picture_make(&play.free, &play.t);
		for (u32 n = 0; n < 400; n++) {
			u64 nr = 1 +
				 random_below(&play.seed, n % 2 ? 300 : 3000);

			play_turn(&play);
			play_part(&play, n % 3 == 0);
			list_rows(&play);
			check_next(&play, n % 7 ? nr : 1);
			check_last(&play, n % 5 ? nr : 1);
			check_shortest(&play, nr);
			check_highest(&play);
		}
		picture_end(&play.free);
		heap_drop(&play.t);
	}
}

/* No more than a few spans are looked at for the shortest of a part. */
static void test_tries(void **state)
{
	const struct bounds in = { BLOCKS(1), BLOCKS(199) };
	struct test_heap t;
	struct span span;

	(void)state;
	zone_make(&t, 200);
	for (u32 b = 2; b < 198; b += 4) {
		/* three blocks each, and the last ones two */
		zone_give(&t, b, 0, BLOCK_PAGES * (b < 190 ? 3 : 2),
			  PLACE_ARRAY);
	}
	assert_true(span_shortest(t.region, &in, 600, &span));
	assert_int_equal(span.end - span.first, 3);
	assert_true(span_shortest(t.region, &(struct bounds){ 0, BLOCKS(200) },
				  600, &span));
	assert_int_equal(span.end - span.first, 2);
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_search),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_tries),
	};

	return cmocka_run_group_tests_name("span_find", tests, NULL, NULL);
}
