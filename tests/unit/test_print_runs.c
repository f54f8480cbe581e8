/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_print_runs.c: mm/print_runs.c, what is allocated as text: map,
 * numa_maps, slabinfo.
 */
#include "regions_test.h"
#include "print_test.h"

static void test_map(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;
	char *pages, want[200];

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	attr.tag = 12;
	pages = fixheap_pages_alloc(t.heap, 600, 0, &attr);
	printed(&t, "map");
	assert_int_equal(nr_lines(), 2);
	snprintf(want, sizeof(want), "%lx-%lx pages    pages=600 zone=0%s\n",
		 (long)pages, (long)pages + (long)BYTES(600),
		 IS_ENABLED(CONFIG_TAGS) ? " tag=12" : "");
	line_of(want);
	snprintf(want, sizeof(want), "%lx-%lx free     pages=424 zone=0\n",
		 (long)pages + (long)BYTES(600),
		 (long)t.base + (long)BYTES(NR));
	line_of(want);
	fixheap_pages_free(t.heap, pages, 600);
	heap_end(&t);
}

static void test_numa_maps(void **state)
{
	const struct node_spec spec = { .machine = "2x1@0,3",
					.nr_pages = BLOCKS(40) };
	char *array[3], want[200];
	struct test_heap t;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY) && IS_ENABLED(CONFIG_NUMA), "no nodes");
	nodes_make(&t, &spec);
	array[0] = nodes_array(t.heap, BYTES(100), FIXHEAP_POLICY_BIND, 8);
	array[1] = nodes_array(t.heap, BYTES(1024), FIXHEAP_POLICY_BLOCKED, 9);
	array[2] = fixheap_array_alloc(t.heap, BYTES(10), NULL);
	printed(&t, "numa_maps");
	/* zones, in order of address: those of arrays and of small things */
	snprintf(want, sizeof(want), "%lx bind:0 zone=0 free=", (long)t.base);
	line_of(want);
	snprintf(want, sizeof(want),
		 "%lx bind:3 array=100 N3=100 kernelpagesize_kB=%lu\n",
		 (long)array[0], PAGE_BYTES / 1024);
	line_of(want);
	snprintf(want, sizeof(want),
		 "%lx blocked:0,3 array=1024 N0=512 N3=512 ", (long)array[1]);
	line_of(want);
	snprintf(want, sizeof(want), "%lx default array=10 N0=10 ",
		 (long)array[2]);
	line_of(want);
	for (u32 i = 0; i < 3; i++)
		fixheap_array_free(t.heap, array[i]);
	heap_end(&t);
}

static u32 nr_of(const char *word)
{
	u32 nr = 0;

	for (const char *at = text; (at = strstr(at, word)); at++)
		nr++;
	return nr;
}

/* How nodes and policies are written, of arrays. */
static void test_arrays(void **state)
{
	static const unsigned char weights[64] = { 1, 3 };
	static const struct {
		struct fixheap_array_attr attr;
		const char *said;
	} table[] = {
		{ ATTR(.policy = FIXHEAP_POLICY_BLOCKED), "blocked:0-1,3,7-9" },
		{ ATTR(.policy = FIXHEAP_POLICY_BLOCKED, .nodes = 0x182),
		  "blocked:1,7-8" },
		{ ATTR(.policy = FIXHEAP_POLICY_INTERLEAVE, .nodes = 3),
		  "interleave:0-1" },
		{ ATTR(.policy = FIXHEAP_POLICY_INTERLEAVE, .nodes = 3,
		       .weights = weights),
		  "weighted interleave:0-1" },
		{ ATTR(.policy = FIXHEAP_POLICY_PREFERRED, .nodes = 8),
		  "prefer:3" },
	};
	const struct node_spec spec = { .machine = "6x1@0,1,3,7,8,9",
					.nr_pages = BLOCKS(96) };
	struct test_heap t;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY) && IS_ENABLED(CONFIG_NUMA), "no nodes");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *array, want[200];

		nodes_make(&t, &spec);
		array = fixheap_array_alloc(t.heap, BYTES(BLOCKS(12)),
					    &table[i].attr);
		assert_non_null(array);
		printed(&t, "numa_maps");
		snprintf(want, sizeof(want), "%lx %s array=%u N", (long)array,
			 table[i].said, 12 * BLOCK_PAGES);
		line_of(want);
		/* all zones are there, and the array once */
		assert_int_equal(nr_of(" zone="), t.heap->nr_zones);
		assert_int_equal(nr_of(" array="), 1);
		fixheap_array_free(t.heap, array);
		heap_end(&t);
	}
}

static void test_array_tag(void **state)
{
	const struct fixheap_array_attr attr = ATTR(.tag = 7);
	struct test_heap t;
	char *array;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY) && IS_ENABLED(CONFIG_TAGS), "no tags");
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	array = fixheap_array_alloc(t.heap, BYTES(9), &attr);
	printed(&t, "numa_maps");
	assert_int_equal(nr_of(" array=9 tag=7 N0=9 kernelpagesize_kB="), 1);
	fixheap_array_free(t.heap, array);
	heap_end(&t);
}

/* And of zones: as they were bound. */
static void test_zones(void **state)
{
	static const struct {
		enum fixheap_binding binding;
		unsigned stripe_percent;
		const char *said; /* of the first zone */
	} table[] = {
		{ FIXHEAP_BINDING_STRICT, 0, "bind:0 zone=0 " },
		{ FIXHEAP_BINDING_PREFERRED, 0, "prefer:0 zone=0 " },
		{ FIXHEAP_BINDING_NONE, 0, "default zone=0 " },
		{ FIXHEAP_BINDING_STRICT, 100, "interleave:0-1,3 zone=0 " },
		{ FIXHEAP_BINDING_NONE, 100, "default zone=0 " },
	};
	char want[200];

	(void)state;
	need(IS_ENABLED(CONFIG_NUMA), "no nodes");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = {
			.machine = "3x1@0,1,3",
			.nr_pages = BLOCKS(12),
			.numa = NUMA(.binding = table[i].binding,
				     .stripe_percent = table[i].stripe_percent)
		};
		struct test_heap t;

		nodes_make(&t, &spec);
		printed(&t, "numa_maps");
		snprintf(want, sizeof(want), "%lx %s", (long)t.base,
			 table[i].said);
		line_of(want);
		assert_int_equal(nr_lines(), t.heap->nr_zones);
		heap_end(&t);
	}
}

/* Of a region that is taken out one page is in use, and the others are not
 * free. */
static void test_isolated(void **state)
{
	struct test_heap t;
	char *page, want[200];

	(void)state;
	regions_make(&t,
		     &(struct regions_spec){ .nr_blocks = 4, .nr_pages = NR });
	assert_int_equal(region_add(&t, NR, 100, 1), 1);
	page = t.base + BYTES(NR + 40);
	heap_place(&t, PAGE_RAW, addr_to_pfn(t.heap, page), 1);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
	printed(&t, "map");
	assert_int_equal(nr_of("isolated"), 2);
	snprintf(want, sizeof(want), "%lx-%lx isolated pages=40 ",
		 (long)t.base + (long)BYTES(NR), (long)page);
	line_of(want);
	assert_int_equal(nr_of(" isolated pages=59 "), 1);
	assert_int_equal(nr_of(" free     pages=1024 "), 1);
	fixheap_pages_free(t.heap, page, 1);
	heap_end(&t);
}

/* Slabs over the border of two pageblocks count once: in a heap that is full
 * of them. */
static void test_full(void **state)
{
	static void *object[3000];
	struct test_heap t;
	u64 live, nr = 0, in_slabs = 0;

	(void)state;
	need(IS_ENABLED(CONFIG_JEMALLOC), "objects have no slabs");
	heap_warm_objects();
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(4) });
	while ((object[nr] = fixheap_malloc(t.heap, 5120))) {
		u64 pfn = addr_to_pfn(t.heap, object[nr]);

		/* the last ones have a run each */
		in_slabs += page_kind(page_read(&t.heap->page[pfn])) ==
			    PAGE_EXTENT;
		assert_true(++nr < ARRAY_LEN(object));
	}
	printed(&t, "slabinfo");
	assert_int_equal(sscanf(line_of("fixheap-5120 "), " %lu", &live), 1);
	assert_int_equal(live, in_slabs);
	while (nr)
		fixheap_free(t.heap, object[--nr]);
	heap_is_empty(&t);
	heap_end(&t);
}

static void test_slabinfo(void **state)
{
	static void *object[5000];
	u64 live, nr, per_slab, active, slabs;
	struct test_heap t;
	const char *line;

	(void)state;
	need(IS_ENABLED(CONFIG_JEMALLOC), "objects have no slabs");
	heap_warm_objects();
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(4) });
	for (u32 i = 0; i < ARRAY_LEN(object); i++)
		assert_non_null(object[i] = fixheap_malloc(t.heap, 200));
	for (u32 i = 0; i < ARRAY_LEN(object); i += 10)
		fixheap_free(t.heap, object[i]);
	printed(&t, "slabinfo");
	line_of("slabinfo - version: 2.1\n");
	line = line_of("fixheap-224 ");
	assert_int_equal(sscanf(line,
				" %lu %lu 224 %lu 7 : tunables 0 0 0 : "
				"slabdata %lu %lu 0",
				&live, &nr, &per_slab, &active, &slabs),
			 5);
	assert_int_equal(live, ARRAY_LEN(object) * 9 / 10);
	assert_int_equal(per_slab, 7 * 4096 / 224);
	assert_int_equal(nr, slabs * per_slab);
	assert_int_equal(active, (ARRAY_LEN(object) + per_slab - 1) / per_slab);
	assert_true(slabs >= active);
	line = line_of("fixheap-16 ");
	assert_int_equal(sscanf(line, " %lu", &live), 1);
	assert_int_equal(live, 0);
	for (u32 i = 0; i < ARRAY_LEN(object); i++) {
		if (i % 10)
			fixheap_free(t.heap, object[i]);
	}
	/* slabs are there, but nothing in them is live */
	printed(&t, "slabinfo");
	assert_int_equal(sscanf(line_of("fixheap-224 "),
				" %lu %lu 224 %lu 7 : tunables 0 0 0 : "
				"slabdata %lu %lu 0",
				&live, &nr, &per_slab, &active, &slabs),
			 5);
	assert_int_equal(live | active, 0);
	assert_true(slabs > 0);
	heap_is_empty(&t);
	printed(&t, "slabinfo");
	assert_int_equal(
		sscanf(line_of("fixheap-224 "), " %lu %lu", &live, &nr), 2);
	assert_int_equal(live | nr, 0);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_numa_maps),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_array_tag),
		cmocka_unit_test(test_zones),
		cmocka_unit_test(test_isolated),
		cmocka_unit_test(test_slabinfo),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests_name("print_runs", tests, NULL, NULL);
}
