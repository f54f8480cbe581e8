/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_contig.c: mm/contig.c, where a run goes, as pictures (see support.h),
 * and that every free run is found, against a plain picture of the heap.
 */
#include "support.h"

#include "span.h"
#include "zeromap.h"

#define NR_BLOCKS 8

/* Where contig_find puts a run; -1: nowhere. */
static const struct {
	const char *picture;
	u64 nr;
	enum placement place;
	u64 align;
	long pfn;
} places[] = {
	/* arrays from the low end, the others from the high end */
	{ "........", 1, PLACE_ARRAY, 1, 0 },
	{ "........", 100, PLACE_ARRAY, 1, 0 },
	{ "........", 1, PLACE_SMALL, 1, 7 * 512 },
	{ "........", 100, PLACE_MEDIUM, 1, 8 * 512 - 100 },
	{ "........", 511, PLACE_MEDIUM, 1, 8 * 512 - 511 },
	{ "....####", 300, PLACE_MEDIUM, 1, 4 * 512 - 300 },
	/* a pageblock or more, whatever it is for */
	{ "........", 512, PLACE_SMALL, 1, 0 },
	{ "........", 4096, PLACE_ARRAY, 1, 0 },
	{ "........", 4097, PLACE_ARRAY, 1, -1 },
	{ "#..##..#", 1000, PLACE_ARRAY, 1, 512 },
	{ "#..##...", 1025, PLACE_ARRAY, 1, 5 * 512 },
	/* right behind what lies there, over borders */
	{ "#>..<###", 512, PLACE_ARRAY, 1, 2 * 512 - 100 },
	{ "#>..<###", 1224, PLACE_ARRAY, 1, 2 * 512 - 100 },
	{ "#>..<###", 1225, PLACE_ARRAY, 1, -1 },
	{ "#><####.", 500, PLACE_MEDIUM, 1, 8 * 512 - 500 },
	/* open blocks of its own placement first */
	{ "..o.....", 1, PLACE_SMALL, 1, 2 * 512 + 200 },
	{ "..o.....", 100, PLACE_SMALL, 1, 2 * 512 + 200 },
	{ "..o.....", 101, PLACE_SMALL, 1, 7 * 512 },
	{ "..o.....", 1, PLACE_MEDIUM, 1, 8 * 512 - 1 },
	/* no whole block left: out of another placement */
	{ "##o#####", 1, PLACE_MEDIUM, 1, 2 * 512 + 200 },
	{ "##o#####", 100, PLACE_ARRAY, 1, 2 * 512 + 200 },
	{ "##o#####", 101, PLACE_MEDIUM, 1, -1 },
	/* at last the border of two */
	{ "##><####", 101, PLACE_SMALL, 1, 3 * 512 - 100 },
	{ "##><####", 200, PLACE_MEDIUM, 1, 3 * 512 - 100 },
	{ "##><####", 201, PLACE_MEDIUM, 1, -1 },
	/* arrays take the border before a fresh block */
	{ "##><...#", 150, PLACE_ARRAY, 1, 3 * 512 - 100 },
	{ "##><...#", 150, PLACE_MEDIUM, 1, 7 * 512 - 150 },
	/* alignment, of the address: the base is at eight blocks */
	{ "#.......", 512, PLACE_ARRAY, 1024, 2 * 512 },
	{ "#.......", 512, PLACE_ARRAY, 4096, -1 },
	{ "........", 4096, PLACE_ARRAY, 4096, 0 },
	{ "........", 1, PLACE_SMALL, 4096, 0 },
	{ "##>..<##", 600, PLACE_ARRAY, 64, 3 * 512 - 64 },
	{ "##><####", 100, PLACE_SMALL, 128, 3 * 512 },
	{ "##><####", 120, PLACE_SMALL, 16, 3 * 512 - 96 },
	{ "##o#####", 4, PLACE_SMALL, 256, 2 * 512 + 256 },
	{ "##o#####", 45, PLACE_ARRAY, 256, -1 },
	{ "x#x###x#", 1, PLACE_SMALL, 2048, 0 },
	{ "##x#x#x#", 1, PLACE_SMALL, 2048, 4 * 512 },
};

static void test_place(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct contig_request req = { .nr_pages = places[i].nr,
					      .align = places[i].align,
					      .placement = places[i].place };
		struct test_heap t;
		u64 pfn;

		zone_make(&t, NR_BLOCKS);
		zone_draw(&t, places[i].picture);
		contig_set_zone(&req, t.zone);
		if (!contig_find(t.region, &req, &pfn))
			pfn = -1ull;
		if (pfn != (u64)places[i].pfn)
			fail_msg("line %zu: at %ld, not %ld", i, (long)pfn,
				 places[i].pfn);
		heap_drop(&t);
	}
}

/* Where contig_find puts a run that may lie in the blocks [from, to) only: as
 * the zone that they are, or as several zones. */
static const struct {
	const char *picture;
	u32 from, to;
	u64 nr;
	enum placement place;
	u64 align;
	long pfn;
} parts[] = {
	{ "........", 2, 4, 1024, PLACE_ARRAY, 1, 2 * 512 },
	{ "........", 2, 4, 1025, PLACE_ARRAY, 1, -1 },
	{ "........", 2, 4, 512, PLACE_ARRAY, 1024, 2 * 512 },
	{ "........", 3, 5, 512, PLACE_ARRAY, 1024, 4 * 512 },
	{ "........", 3, 5, 513, PLACE_ARRAY, 1024, -1 },
	{ "........", 0, 8, 4096, PLACE_ARRAY, 1, 0 },
	/* pages that touch the part from outside are not in it */
	{ "#>..<###", 2, 4, 1024, PLACE_ARRAY, 1, 2 * 512 },
	{ "#>..<###", 2, 4, 1025, PLACE_ARRAY, 1, -1 },
	{ "#>..<###", 1, 4, 1124, PLACE_ARRAY, 1, 2 * 512 - 100 },
	{ "#>..<###", 1, 4, 1125, PLACE_ARRAY, 1, -1 },
	{ "#>..<###", 2, 5, 1124, PLACE_ARRAY, 1, 2 * 512 },
	{ "#>..<###", 2, 5, 1125, PLACE_ARRAY, 1, -1 },
	{ "#>..<###", 1, 5, 1224, PLACE_ARRAY, 1, 2 * 512 - 100 },
	{ "##><####", 2, 4, 200, PLACE_ARRAY, 1, 3 * 512 - 100 },
	{ "##><####", 1, 3, 101, PLACE_ARRAY, 1, -1 },
	{ "##><####", 3, 5, 101, PLACE_ARRAY, 1, -1 },
	{ "...##...", 3, 5, 1, PLACE_ARRAY, 1, -1 },
};

static void test_parts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		struct contig_request req = { .nr_pages = parts[i].nr,
					      .align = parts[i].align,
					      .placement = parts[i].place,
					      .in = { BLOCKS(parts[i].from),
						      BLOCKS(parts[i].to) } };
		struct test_heap t;
		u64 pfn, largest;

		zone_make(&t, NR_BLOCKS);
		zone_draw(&t, parts[i].picture);
		largest = contig_largest(t.region, &req);
		assert_int_equal(largest >= req.nr_pages, parts[i].pfn >= 0);
		if (!contig_find(t.region, &req, &pfn))
			pfn = -1ull;
		if (pfn != (u64)parts[i].pfn)
			fail_msg("line %zu: at %ld, not %ld", i, (long)pfn,
				 parts[i].pfn);
		heap_drop(&t);
	}
}

/* Medium runs lie one below the other, over the borders. */
static void test_medium(void **state)
{
	static const struct {
		u64 nr;	 /* pages of each */
		u64 fit; /* so many of them in the zone */
	} table[] = {
		{ 100, 40 },
		{ 258, 15 },
		{ 300, 13 },
		{ 511, 8 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct contig_request req = { .nr_pages = table[i].nr,
					      .align = 1,
					      .placement = PLACE_MEDIUM };
		u64 pfn, last = BLOCKS(NR_BLOCKS), nr = 0;
		struct test_heap t;

		heap_make(&t,
			  &(struct heap_spec){ .nr_pages = BLOCKS(NR_BLOCKS) });
		contig_set_zone(&req, t.zone);
		while (contig_find(t.region, &req, &pfn)) {
			if (nr < table[i].fit - 2)
				assert_int_equal(pfn, last - table[i].nr);
			last = pfn;
			contig_take(t.region, &PAGES(pfn, table[i].nr),
				    PLACE_MEDIUM);
			nr++;
		}
		assert_int_equal(nr, table[i].fit);
		heap_drop(&t);
	}
}

/* A run over three kinds of pieces, taken and given back as a whole. */
static void test_take_give(void **state)
{
	static const struct {
		u64 pfn, nr;
		const char *taken;
	} table[] = {
		{ 0, 4096, "" },
		{ 0, 1, "1-8:4095" },
		{ 4095, 1, "0-7:4095" },
		{ 100, 412, "1-8:3584" },
		{ 100, 500, "2-8:3496" },
		{ 500, 1000, "3-8:2596" },
		{ 512, 512, "0-1:512 2-8:3072" },
		{ 511, 514, "3-8:3071" },
		{ 511, 513, "2-8:3072" },
		{ 700, 3000, "0-1:700" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 pfn = table[i].pfn, nr = table[i].nr, head;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .nr_pages = 4096 });
		contig_take(t.region, &PAGES(pfn, nr), PLACE_ARRAY);
		assert_int_equal(t.zone->nr_free, 4096 - nr);
		head = contig_free_from(t.region, 0);
		assert_int_equal(head, pfn);
		assert_int_equal(contig_free_from(t.region, pfn), 0);
		assert_int_equal(contig_free_from(t.region, pfn + nr),
				 4096 - pfn - nr);
		assert_string_equal(zone_spans(t.region), table[i].taken);
		contig_give(t.region, &PAGES(pfn, nr), PLACE_ARRAY, false);
		assert_string_equal(zone_spans(t.region), "0-8:4096");
		heap_end(&t);
	}
}

/* Random takes and gives, in a zone or in several that are neighbours; every
 * answer as the picture gives it. */
struct play {
	struct test_heap t;
	struct picture free, zero;
	u64 seed;
};

/* Zones [first, end) that it may lie in. */
static void pick_bounds(struct play *play, struct contig_request *req)
{
	const struct fixheap *heap = play->t.heap;
	u64 first = random_below(&play->seed, heap->nr_zones);
	u64 nr = 1 + random_below(&play->seed, heap->nr_zones - first);

	contig_set_zone(req, &heap->zone[first]);
	if (nr == 1)
		return;
	req->zone = NULL;
	req->in.end = heap->zone[first + nr - 1].end_pfn;
}

/* Pages of the largest run that must be found.  In a zone that is any; in
 * several those in the middle of a block are left to the search of its zone,
 * but it is no mistake to find one. */
static u64 play_largest(struct play *play, const struct contig_request *req)
{
	u64 largest = contig_largest(play->t.region, req);
	u64 most = picture_largest(&play->free, &req->in, req->align);

	if (req->zone)
		assert_int_equal(largest, most);
	else
		assert_in_range(largest,
				picture_largest_span(&play->free, &req->in,
						     req->align),
				most);
	return largest;
}

/* The page is of a whole block of [pfn, end) that is not known to be zero. */
static bool is_used_block(struct play *play, u64 page, u64 pfn, u64 end)
{
	u64 b = page >> BLOCK_SHIFT;

	return BLOCKS(b) >= pfn && BLOCKS(b + 1) <= end &&
	       !zeromap_is_zero(play->t.region, (u32)b);
}

static void play_take(struct play *play)
{
	struct contig_request req = {
		.nr_pages = 1 + random_below(&play->seed,
					     play->seed % 3 ? 40 : 1500),
		.align = 1ull << random_below(&play->seed, 14),
		.placement = (enum placement)random_below(&play->seed,
							  NR_PLACEMENTS),
	};
	struct zero_range known;
	u64 largest, pfn;

	pick_bounds(play, &req);
	largest = play_largest(play, &req);
	assert_int_equal(contig_find(play->t.region, &req, &pfn),
			 req.nr_pages <= largest);
	if (req.nr_pages > largest)
		return;
	assert_int_equal((play->free.origin + pfn) % req.align, 0);
	assert_true(pfn >= req.in.pfn);
	assert_true(pfn + req.nr_pages <= req.in.end);
	assert_true(picture_free_from(&play->free, pfn) >= req.nr_pages);
	known = contig_take(play->t.region, &PAGES(pfn, req.nr_pages),
			    req.placement);
	for (u64 p = known.pfn; p < known.end; p++)
		assert_true(play->zero.free[p] ||
			    is_used_block(play, p, pfn, pfn + req.nr_pages));
	if (known.pfn < known.end) {
		assert_true(known.pfn >= pfn);
		assert_true(known.end <= pfn + req.nr_pages);
	}
	picture_mark(&play->free, pfn, req.nr_pages, 0);
	picture_mark(&play->zero, pfn, req.nr_pages, 0);
}

static void play_give(struct play *play)
{
	u64 nr = play->free.nr_pages;
	u64 pfn = random_below(&play->seed, nr), end;
	u64 want = 1 + random_below(&play->seed, play->seed % 3 ? 60 : 2000);

	pfn = max_u64(pfn, play->t.heap->start_pfn);
	pfn += picture_free_from(&play->free, pfn);
	for (end = pfn; end < nr && end < pfn + want; end++) {
		if (play->free.free[end])
			break;
	}
	if (end == pfn)
		return;
	contig_give(play->t.region, &PAGES(pfn, end - pfn),
		    (enum placement)random_below(&play->seed, NR_PLACEMENTS),
		    false);
	picture_mark(&play->free, pfn, end - pfn, 1);
}

static void play_check(struct play *play)
{
	for (u64 pfn = play->t.heap->start_pfn; pfn < play->free.nr_pages;
	     pfn += 1 + random_below(&play->seed, 50))
		assert_int_equal(contig_free_from(play->t.region, pfn),
				 picture_free_from(&play->free, pfn));
}

/* Every zone, and the region, counts what the picture has. */
static void play_count(struct play *play)
{
	const struct fixheap *heap = play->t.heap;
	u64 all = 0;

	for (u32 z = 0; z < heap->nr_zones; z++) {
		const struct zone *zone = &heap->zone[z];
		u64 nr = 0;

		for (u64 pfn = zone->start_pfn; pfn < zone->end_pfn; pfn++)
			nr += play->free.free[pfn];
		assert_int_equal(zone->nr_free, nr);
		all += nr;
	}
	assert_int_equal(heap->region.nr_free, all);
}

static void test_random(void **state)
{
	static const struct {
		const char *machine;
		u64 nr_pages;
		size_t skew;
	} table[] = {
		{ "1x1", 1, 0 },
		{ "1x1", 2, 1 },
		{ "1x1", 511, 0 },
		{ "1x1", 512, 5000 },
		{ "1x1", 600, 1 },
		{ "1x1", 5000, 0 },
		{ "1x1", 9000, 1234567 },
		{ "1x1", 4096, 77 },
		{ "2x1", 1500, 0 },
		{ "2x1", 5000, 33333 },
		{ "3x1:1G,5G,2G", 9000, 1 },
		{ "4x1", 4096, 0 },
		{ "8x1", 8000, 4096 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct play play = { .seed = 7 + i };

		heap_make(&play.t,
			  &(struct heap_spec){ .machine = table[i].machine,
					       .nr_pages = table[i].nr_pages,
					       .skew = table[i].skew,
					       .flags = FIXHEAP_ZEROED });
		picture_make(&play.free, &play.t);
		picture_make(&play.zero, &play.t);
		for (u32 n = 0; n < 1500; n++) {
			if (n % 3)
				play_take(&play);
			else
				play_give(&play);
			if (n % 50 == 0)
				play_check(&play);
		}
		play_count(&play);
		picture_end(&play.free);
		picture_end(&play.zero);
		heap_drop(&play.t);
	}
}

/* Single pages of all placements to the last one, then all back. */
static void test_exhaust(void **state)
{
	struct test_heap t;
	struct contig_request req = { .nr_pages = 1, .align = 1 };
	struct picture free;
	u64 pfn, nr = 0, start;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 3001, .skew = 99999 });
	picture_make(&free, &t);
	start = t.heap->start_pfn;
	contig_set_zone(&req, t.zone);
	while (req.placement = nr % NR_PLACEMENTS,
	       contig_find(t.region, &req, &pfn)) {
		assert_true(free.free[pfn]);
		free.free[pfn] = 0;
		contig_take(t.region, &PAGES(pfn, 1), req.placement);
		nr++;
	}
	assert_int_equal(nr, 3001);
	assert_int_equal(t.zone->nr_free, 0);
	/* every other page first, so that nothing can be joined early */
	for (u64 i = 0; i < 3001; i += 2)
		contig_give(t.region, &PAGES(start + i, 1), PLACE_SMALL, false);
	assert_int_equal(contig_largest(t.region, &req), 1);
	for (u64 i = 1; i < 3001; i += 2)
		contig_give(t.region, &PAGES(start + i, 1), PLACE_SMALL, false);
	assert_int_equal(contig_largest(t.region, &req), 3001);
	picture_end(&free);
	heap_end(&t);
}

/* Fresh zeroed memory is known as a whole; what came back is not. */
static void test_zero(void **state)
{
	static const struct {
		u64 used, nr_used; /* taken and given back before */
		u64 pfn, nr;
		u64 first, end; /* known to be zero, first == end: none */
	} table[] = {
		{ 0, 0, 0, 4096, 0, 4096 },
		{ 0, 0, 700, 2000, 700, 2700 },
		/* whole blocks are zeromap's */
		{ 0, 512, 0, 4096, 0, 4096 },
		{ 1024, 512, 0, 4096, 0, 4096 },
		{ 0, 512, 512, 3, 512, 515 },
		{ 0, 512, 1, 1000, 512, 1001 },
		{ 512, 512, 1, 1000, 1, 512 },
		{ 1024, 512, 1000, 1000, 1000, 2000 },
		{ 0, 1024, 1, 1000, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct zero_range known;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .nr_pages = 4096,
						   .flags = FIXHEAP_ZEROED });
		if (table[i].nr_used) {
			contig_take(t.region,
				    &PAGES(table[i].used, table[i].nr_used),
				    PLACE_SMALL);
			contig_give(t.region,
				    &PAGES(table[i].used, table[i].nr_used),
				    PLACE_SMALL, false);
		}
		known = contig_take(t.region, &PAGES(table[i].pfn, table[i].nr),
				    PLACE_ARRAY);
		if (table[i].first < table[i].end) {
			assert_int_equal(known.pfn, table[i].first);
			assert_int_equal(known.end, table[i].end);
		} else {
			assert_true(known.pfn >= known.end);
		}
		heap_drop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_place),  cmocka_unit_test(test_parts),
		cmocka_unit_test(test_medium), cmocka_unit_test(test_take_give),
		cmocka_unit_test(test_random), cmocka_unit_test(test_exhaust),
		cmocka_unit_test(test_zero),
	};

	return cmocka_run_group_tests_name("contig", tests, NULL, NULL);
}
