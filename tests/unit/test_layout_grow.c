/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_layout_grow.c: mm/layout_grow.c, zones for regions to come, and those of
 * a symmetric heap.
 */
#include "support.h"

#include "layout.h"

/* A plan of zones of so many blocks, on nodes 0, 1, ... in turn. */
static struct layout plan_of(u64 first, u32 nr_zones, u32 nr_nodes, u64 blocks)
{
	struct layout layout = { .grain = BLOCK_PAGES };

	layout.pages.pfn = first;
	layout.pages.end = BLOCKS(nr_zones * blocks) - 5;
	for (u32 i = 0; i < nr_nodes; i++)
		layout_place(&layout, NODE_REAL, i);
	for (u32 z = 0; z < nr_zones; z++) {
		u64 from = z ? BLOCKS(z * blocks) : first;
		u64 end = BLOCKS((z + 1) * blocks);

		assert_true(layout_add(&layout, from,
				       min_u64(end, layout.pages.end),
				       z % nr_nodes));
	}
	return layout;
}

/* The zones follow each other from the first block to the last. */
static void check_zones(const struct layout *layout, u64 end)
{
	u64 at = layout->zone[0].pages.pfn;

	for (u32 z = 0; z < layout->nr_zones; z++) {
		assert_int_equal(layout->zone[z].pages.pfn, at);
		assert_true(layout->zone[z].pages.end > at);
		if (z)
			assert_int_equal(at % BLOCK_PAGES, 0);
		at = layout->zone[z].pages.end;
	}
	assert_int_equal(at, end);
}

static void test_one_zone(void **state)
{
	static const u64 ends[] = { BLOCKS(300), BLOCKS(5000),
				    BLOCKS(1 << 20) };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		struct layout layout = plan_of(7, 1, 1, 100);
		u64 nr = layout.pages.end - layout.pages.pfn;

		layout_grow(&layout, ends[i]);
		assert_int_equal(layout.nr_zones, 1);
		assert_int_equal(layout.zone[0].pages.pfn, BLOCK_PAGES);
		check_zones(&layout, ends[i]);
		/* the region is where it is in a pageblock, in the middle */
		assert_int_equal(layout.pages.pfn % BLOCK_PAGES, 7);
		assert_int_equal(layout.pages.pfn, layout.pad + 7);
		assert_int_equal(layout.pages.end - layout.pages.pfn, nr);
		assert_true(layout.pages.pfn >= BLOCK_PAGES);
		assert_true(layout.pages.end <= ends[i]);
	}
}

static void test_zones(void **state)
{
	static const struct {
		u32 nr_zones, nr_nodes, zones_after;
	} table[] = {
		{ 2, 2, 4 },	 { 8, 4, 12 },	  { 2, 1, 3 },
		{ 250, 5, 255 }, { 253, 5, 256 }, { 256, 2, 256 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u32 nr = table[i].nr_zones;
		u64 end = BLOCKS(100000);
		struct layout layout = plan_of(9, nr, table[i].nr_nodes, 3);
		struct layout before = layout;

		/* one node's zones would have been joined */
		if (layout.nr_zones == 1)
			continue;
		layout_grow(&layout, end);
		assert_int_equal(layout.nr_zones, table[i].zones_after);
		assert_int_equal(layout.pad, BLOCK_PAGES);
		for (u32 z = 0; z < nr; z++) {
			assert_int_equal(layout.zone[z].pages.pfn,
					 before.zone[z].pages.pfn + layout.pad);
			assert_int_equal(layout.zone[z].place,
					 before.zone[z].place);
		}
		/* one more for each node, as long as there is room */
		for (u32 z = nr; z < layout.nr_zones; z++) {
			assert_int_equal(layout.zone[z].place, z - nr);
			assert_true(layout.zone[z].pages.end -
					    layout.zone[z].pages.pfn >
				    BLOCKS(100));
		}
		if (layout.nr_zones - nr == table[i].nr_nodes)
			check_zones(&layout, end);
	}
}

static void test_divide(void **state)
{
	static const struct {
		u64 nr_pages, nr_private, border; /* of the two */
	} table[] = {
		{ 5000, 0, 5000 },
		{ 5000, 1, BLOCKS(9) },
		{ 5000, 392, BLOCKS(9) },
		{ 5000, 393, BLOCKS(8) },
		{ 5000, 5000, 0 },
		{ 5000, 9000, 0 },
		{ 5000, 4999, 0 },
		{ BLOCKS(4), BLOCKS(1), BLOCKS(3) },
		{ BLOCKS(4), 1, BLOCKS(3) },
		{ 100, 0, 100 },
		{ 100, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct layout layout = { .nr_zones = 1 };
		u64 border = table[i].border, nr = table[i].nr_pages;
		u32 z = 0;

		layout.pages.end = nr;
		layout.zone[0].pages = layout.pages;
		layout_divide(&layout, table[i].nr_private);
		check_zones(&layout, nr);
		assert_int_equal(layout.nr_zones, (border > 0) + (border < nr));
		if (border) {
			assert_int_equal(layout.zone[z].pages.end, border);
			assert_true(layout.zone[z++].arrays_only);
		}
		if (border < nr) {
			assert_int_equal(layout.zone[z].pages.pfn, border);
			assert_false(layout.zone[z].arrays_only);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_zone),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_divide),
	};

	return cmocka_run_group_tests_name("layout_grow", tests, NULL, NULL);
}
