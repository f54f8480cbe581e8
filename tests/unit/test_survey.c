/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_survey.c: mm/survey.c, zones from where pages are already.
 */
#include "nodes.h"

#define SIZE .size = sizeof(struct fixheap_numa)

/*
 * Put the memory where the picture says, a letter for each pageblock: a digit
 * is the node that all of its pages are on, '.' no page was touched, 'x' pages
 * lie on nodes 0 and 1 in turn, '-' only the first page was touched, on node 1.
 */
static void draw(struct test_heap *t, const char *picture)
{
	for (u32 b = 0; picture[b]; b++) {
		char *block = t->base + BYTES(BLOCKS(b));
		size_t bytes = BYTES(BLOCK_PAGES);

		if (picture[b] == '.')
			continue;
		nodes_touch(block, picture[b] == '-' ? PAGE_BYTES : bytes);
		if (picture[b] == '-')
			host_sim_move(block, PAGE_BYTES, 1);
		else if (picture[b] != 'x')
			host_sim_move(block, bytes, (u32)(picture[b] - '0'));
		else
			for (u32 i = 0; i < BLOCK_PAGES; i++)
				host_sim_move(block + BYTES(i), 1, i % 2);
	}
}

static const struct {
	const char *machine, *picture;
	const char *pinned, *bound; /* zones of the heap */
} pictures[] = {
	/* nothing known: a pinned heap is mixed, another as planned */
	{ "2x1", "........", "M:0-8", "0:0-4 1:4-8" },
	{ "4x1", "........", "M:0-8", "0:0-2 1:2-4 2:4-6 3:6-8" },
	{ "2x1", "00001111", "0:0-4 1:4-8", "0:0-4 1:4-8" },
	{ "2x1", "11110000", "1:0-4 0:4-8", "1:0-4 0:4-8" },
	{ "2x1", "11111111", "1:0-8", "1:0-8" },
	{ "4x1", "33221100", "3:0-2 2:2-4 1:4-6 0:6-8",
	  "3:0-2 2:2-4 1:4-6 0:6-8" },
	/* one page is enough to know */
	{ "2x1", "-.......", "1:0-1 M:1-8", "1:0-1 0:1-4 1:4-8" },
	{ "2x1", "--------", "1:0-8", "1:0-8" },
	{ "2x1", "0...1...", "0:0-1 M:1-4 1:4-5 M:5-8", "0:0-4 1:4-8" },
	{ "2x1", "....0000", "M:0-4 0:4-8", "0:0-8" },
	/* page by page, and block by block */
	{ "2x1", "xxxxxxxx", "M:0-8", "M:0-8" },
	{ "2x1", "00xx11xx", "0:0-2 M:2-4 1:4-6 M:6-8",
	  "0:0-2 M:2-4 1:4-6 M:6-8" },
	{ "2x1", "01010101", "0:0-1 1:1-2 0:2-3 1:3-4 0:4-5 1:5-6 0:6-7 1:7-8",
	  "0:0-1 1:1-2 0:2-3 1:3-4 0:4-5 1:5-6 0:6-7 1:7-8" },
};

static void test_pictures(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(pictures); i++) {
		size_t row = i / 2;
		struct node_spec spec = { .machine = pictures[row].machine,
					  .nr_pages = BLOCKS(strlen(
						  pictures[row].picture)),
					  .flags = i % 2 ? FIXHEAP_PINNED : 0 };
		const char *zones = i % 2 ? pictures[row].pinned
					  : pictures[row].bound;
		struct test_heap t;
		u64 resident;

		nodes_map(&t, &spec);
		draw(&t, pictures[row].picture);
		resident = host_sim_touched(t.base, BYTES(spec.nr_pages));
		assert_int_equal(nodes_create(&t, &spec), 0);
		if (strcmp(nodes_zones(t.heap), zones))
			fail_msg("\"%s\": %s, not %s", pictures[row].picture,
				 nodes_zones(t.heap), zones);
		/* no page was moved, none touched */
		assert_int_equal(host_sim_touched(t.base, BYTES(spec.nr_pages)),
				 resident);
		nodes_as_told(t.heap, t.base, BYTES(spec.nr_pages));
		nodes_verified(t.heap);
		if (i % 2)
			assert_int_equal(host_sim_mapping_calls(), 0);
		heap_drop(&t);
	}
}

/* More rows than there can be zones: the shortest are mixed. */
static void test_many_rows(void **state)
{
	static const struct {
		u32 nr_blocks, row; /* blocks in a row on one node */
		u32 long_row;	    /* and at the end so many on node 1 */
		u32 nr_zones;	    /* expected */
	} table[] = {
		{ 256, 1, 0, 256 }, { 257, 1, 0, 1 }, { 400, 1, 0, 1 },
		{ 400, 2, 0, 200 }, { 300, 1, 9, 2 }, /* mixed, and node 1 */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u32 nr = table[i].nr_blocks + table[i].long_row;
		const struct node_spec spec = { .machine = "2x1",
						.nr_pages = BLOCKS(nr),
						.flags = FIXHEAP_PINNED };
		struct test_heap t;

		nodes_map(&t, &spec);
		for (u32 b = 0; b < nr; b++) {
			char *block = t.base + BYTES(BLOCKS(b));
			u32 node = b / table[i].row % 2;

			if (b >= table[i].nr_blocks)
				node = 1;
			nodes_touch(block, PAGE_BYTES);
			host_sim_move(block, PAGE_BYTES, node);
		}
		assert_int_equal(nodes_create(&t, &spec), 0);
		assert_int_equal(t.heap->nr_zones, table[i].nr_zones);
		if (table[i].nr_zones == 1)
			assert_int_equal(fixheap_node_of(t.heap, t.base),
					 FIXHEAP_NODE_MIXED);
		heap_drop(&t);
	}
}

/* Parts of blocks at both ends; the base is no pageblock. */
static void test_ends(void **state)
{
	static const struct {
		size_t skew;
		u64 nr_pages;
	} table[] = {
		{ 0, 1 },
		{ PAGE_BYTES, 1 },
		{ 511 * PAGE_BYTES, 2 },
		{ 100 * PAGE_BYTES, 1000 },
		{ 3 * PAGE_BYTES + 5, 5000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = { .machine = "4x1",
						.nr_pages = table[i].nr_pages,
						.skew = table[i].skew,
						.flags = FIXHEAP_PINNED };
		size_t bytes = BYTES(spec.nr_pages);
		struct test_heap t;

		nodes_map(&t, &spec);
		/* all around it is elsewhere */
		nodes_touch(t.memory, t.bytes);
		host_sim_move(t.memory, t.bytes, 3);
		host_sim_move(t.base, bytes, 2);
		assert_int_equal(nodes_create(&t, &spec), 0);
		assert_int_equal(t.heap->nr_zones, 1);
		nodes_on(t.base, bytes, 2);
		assert_int_equal(fixheap_node_of(t.heap, t.base), 2);
		assert_int_equal(fixheap_node_of(t.heap, t.base + bytes - 1),
				 2);
		heap_drop(&t);
	}
}

/* ---- progress ------------------------------------------------------------ */

struct progress {
	size_t nr, last, total, stop; /* stop: at this call, 0: never */
};

static int note_progress(void *data, size_t done, size_t total)
{
	struct progress *progress = data;

	progress->nr++;
	assert_true(progress->nr == 1 ? done == 0 : done > progress->last);
	assert_true(done <= total);
	assert_true(progress->nr == 1 || total == progress->total);
	progress->last = done;
	progress->total = total;
	return progress->nr == progress->stop;
}

static void test_progress(void **state)
{
	static const size_t stops[] = { 1, 2, 3, 4, 0 };
	struct progress progress;
	struct node_spec spec = { .machine = "2x1",
				  .nr_pages = BLOCKS(1000),
				  .numa = { SIZE, .progress = note_progress,
					    .progress_data = &progress } };
	struct test_heap t;

	(void)state;
	nodes_map(&t, &spec);
	/* what was never touched is not looked at block by block */
	memset(&progress, 0, sizeof(progress));
	assert_int_equal(nodes_create(&t, &spec), 0);
	assert_int_equal(progress.nr, 0);
	heap_drop(&t);

	nodes_map(&t, &spec);
	nodes_touch(t.base, PAGE_BYTES);
	for (u32 pinned = 0; pinned < 2; pinned++) {
		spec.flags = pinned ? FIXHEAP_PINNED : 0;
		for (size_t i = 0; i < ARRAY_LEN(stops) - 1; i++) {
			memset(&progress, 0, sizeof(progress));
			progress.stop = stops[i];
			nodes_refused(&t, &spec, -ECANCELED);
			assert_int_equal(progress.nr, stops[i]);
		}
	}
	memset(&progress, 0, sizeof(progress));
	assert_int_equal(nodes_create(&t, &spec), 0);
	assert_int_equal(progress.nr, 5);
	assert_int_equal(progress.last, progress.total);
	assert_int_equal(progress.total, BYTES(BLOCKS(1000)));
	heap_drop(&t);
}

/* Each call that can fail, once. */
static void test_failing(void **state)
{
	static const struct {
		enum host_sim_call call;
		long n;
		int ret;
	} table[] = {
		{ HOST_SIM_NODES_OF, 1, -ENOMEM },
		{ HOST_SIM_NODES_OF, 2, -ENOMEM },
		{ HOST_SIM_NODES_OF, 3, -ENOMEM },
		{ HOST_SIM_RESERVE, 1, -ENOMEM },
		{ HOST_SIM_RESERVE, 2, -ENOMEM },
	};
	struct node_spec spec = { .machine = "2x1", .nr_pages = BLOCKS(300) };
	struct test_heap t;

	(void)state;
	nodes_map(&t, &spec);
	nodes_touch(t.base, PAGE_BYTES);
	for (size_t i = 0; i < 2 * ARRAY_LEN(table); i++) {
		spec.flags = i % 2 ? FIXHEAP_PINNED : 0;
		host_sim_fail(table[i / 2].call, table[i / 2].n);
		nodes_refused(&t, &spec, table[i / 2].ret);
	}
	nodes_unmap(&t);
}

/* A kernel that does not say where pages are, and takes no wishes: the zones
 * are what was planned, as with FIXHEAP_BINDING_NONE. */
static void test_dumb_kernel(void **state)
{
	static const unsigned flags[] = { 0, FIXHEAP_PINNED, FIXHEAP_SHRINK };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
		struct node_spec spec = { .machine = "2x1",
					  .nr_pages = BLOCKS(8),
					  .flags = flags[i] };
		struct fixheap_verification v = { .size = sizeof(v) };
		struct test_heap t;

		nodes_map(&t, &spec);
		host_sim_refuse_placement(-ENOSYS);
		assert_int_equal(nodes_create(&t, &spec), 0);
		assert_string_equal(nodes_zones(t.heap), "0:0-4 1:4-8");
		assert_false(t.zone->bound);
		assert_int_equal(fixheap_verify_placement(t.heap, NULL, 0, &v),
				 -ENOSYS);
		heap_drop(&t);
		/* who wants more is told */
		if (flags[i] & FIXHEAP_PINNED)
			continue;
		nodes_map(&t, &spec);
		host_sim_refuse_placement(-ENOSYS);
		spec.numa = NUMA(.binding = FIXHEAP_BINDING_STRICT);
		nodes_refused(&t, &spec, -ENOSYS);
		spec.numa = NUMA(.binding = FIXHEAP_BINDING_PREFERRED);
		nodes_refused(&t, &spec, -ENOSYS);
		nodes_unmap(&t);
	}
}

/* Any picture on machines of all sizes makes a heap that is in order. */
static void test_random(void **state)
{
	static const char *const machines[] = { "1x1", "2x1", "4x1", "8x1" };
	u64 seed = nodes_seed("test_survey");

	(void)state;
	for (u32 i = 0; i < 60; i++) {
		const struct node_spec spec = {
			.machine = machines[i % 4],
			.nr_pages = 1 + random_below(&seed, BLOCKS(40)),
			.skew = BYTES(random_below(&seed, BLOCK_PAGES)),
			.flags = i % 8 < 4 ? FIXHEAP_PINNED : 0
		};
		u32 nr_nodes = 1u << i % 4;
		size_t bytes = BYTES(spec.nr_pages);
		struct test_heap t;

		nodes_map(&t, &spec);
		for (u64 page = 0; page < spec.nr_pages;) {
			u64 nr = 1 + random_below(&seed, BLOCKS(6));
			char *at = t.base + BYTES(page);

			nr = min_u64(nr, spec.nr_pages - page);
			if (random_below(&seed, 3)) {
				nodes_touch(at, BYTES(nr));
				host_sim_move(at, BYTES(nr),
					      (u32)random_below(&seed,
								nr_nodes));
			}
			page += nr;
		}
		assert_int_equal(nodes_create(&t, &spec), 0);
		heap_valid(&t);
		if (spec.flags & FIXHEAP_PINNED)
			assert_int_equal(host_sim_mapping_calls(), 0);
		assert_true(fixheap_largest_free(t.heap, NULL) == bytes);
		heap_drop(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pictures),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_dumb_kernel),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("survey", tests, NULL, NULL);
}
