/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_prefault_plan.c: mm/prefault_plan.c, which pages a prefault has to
 * touch, and which threads do it.
 */
#include "nodes.h"
#include "regions_test.h"

#include "binding.h"
#include "prefault.h"

static const struct fixheap_prefault defaults = FIXHEAP_PREFAULT_INIT;

static struct prefault *plan(struct test_heap *t, unsigned nr_threads)
{
	struct fixheap_prefault how = defaults;
	struct prefault *job;

	how.nr_threads = nr_threads;
	job = prefault_make(t->heap, &how);
	assert_non_null(job);
	assert_ptr_equal(job->heap, t->heap);
	assert_int_equal(job->how.nr_threads, nr_threads);
	return job;
}

/* Parts of the heap, each in the group of its node, in order, all of them. */
static u32 check_extents(struct test_heap *t, const struct prefault *job)
{
	u64 total = 0, end;
	u32 nr = 0;

	for (u32 g = 0; g < NR_GROUPS; g++) {
		const struct group *group = &job->group[g];

		assert_int_equal(group->first, nr);
		assert_int_equal(group->low, nr);
		assert_int_equal(group->high, nr + group->room);
		for (; nr < group->high; nr++) {
			const struct bounds *part = &job->extent[nr];
			int node = home_node(t->heap, part->pfn, &end);

			assert_int_equal(node < 0 ? NODES_MAX : node, g);
			assert_true(part->pfn < part->end && part->end <= end);
			assert_true(nr == group->first ||
				    part[-1].end <= part->pfn);
			total += part->end - part->pfn;
		}
	}
	assert_int_equal(total, t->heap->nr_pages);
	assert_int_equal(job->total, total);
	assert_true(job->bytes >= sizeof(*job) + nr * sizeof(struct bounds));
	return nr;
}

static const struct {
	const char *machine;
	u64 nr_pages;
	unsigned nr_threads, stripe_percent;
	u32 made;	   /* threads, */
	const char *nodes; /* of the first ones, and */
	u32 extents;	   /* 0: one for each zone */
} plans[] = {
	{ "1x1", 1, 0, 0, 1, "0", 0 },
	{ "1x1", BLOCKS(24), 0, 0, 1, "0", 0 },
	{ "1x4", BLOCKS(24), 0, 0, 4, "0000", 0 },
	{ "1x4", BLOCKS(24), 2, 0, 2, "00", 0 },
	/* no more than there are pageblocks, and one */
	{ "1x4", BLOCK_PAGES - 1, 0, 0, 1, "0", 0 },
	{ "1x4", BLOCKS(2), 0, 0, 3, "000", 0 },
	{ "1x4", BLOCKS(24), 300, 0, 25, "0000", 0 },
	{ "1x1", BLOCKS(300), 300, 0, TOUCHERS_MAX, "0000", 0 },
	{ "2x2", BLOCKS(24), 0, 0, 4, "0101", 0 },
	{ "3x1", BLOCKS(24), 5, 0, 5, "01201", 0 },
	{ "4x2", BLOCKS(24), 3, 0, 3, "012", 0 },
	/* nodes without memory, and without CPUs */
	{ "3x2:1G,0,1G", BLOCKS(24), 0, 0, 6, "020202", 0 },
	{ "0-1/2-3/-", BLOCKS(24), 0, 0, 4, "0101", 0 },
	{ "0/-:0,1G", BLOCKS(24), 0, 0, 1, "0", 0 },
	/* each stripe is an extent */
	{ "2x1", BLOCKS(24), 0, 100, 2, "01", 24 },
	{ "2x1", BLOCKS(24), 0, 50, 2, "01", 14 },
};

static void test_plans(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
		const struct node_spec spec = {
			.machine = plans[i].machine,
			.nr_pages = plans[i].nr_pages,
			.reserved = 1,
			.numa = NUMA(.stripe_percent = plans[i].stripe_percent,
				     .binding = FIXHEAP_BINDING_NONE)
		};
		u32 nr, has[NR_GROUPS] = { 0 };
		struct prefault *job;
		struct test_heap t;

		nodes_make(&t, &spec);
		job = plan(&t, plans[i].nr_threads);
		nr = check_extents(&t, job);
		if (nr != (plans[i].extents ?: t.heap->nr_zones) ||
		    job->nr_threads != plans[i].made)
			fail_msg("line %zu: %u extents, %u threads", i, nr,
				 job->nr_threads);
		for (u32 n = 0; n < job->nr_threads; n++)
			has[job->group_of[n]]++;
		for (u32 n = 0; plans[i].nodes[n]; n++)
			assert_int_equal(job->group_of[n],
					 plans[i].nodes[n] - '0');
		for (u32 g = 0; g < NR_GROUPS; g++)
			assert_int_equal(job->group[g].has_thread, !!has[g]);
		assert_int_equal(job->unit, BLOCK_PAGES);
		host_release(job, job->bytes);
		heap_end(&t);
	}
}

/* Memory whose nodes nobody knows is in a group of its own, for everybody. */
static void test_mixed(void **state)
{
	const struct node_spec spec = { .machine = "2x2",
					.nr_pages = BLOCKS(8),
					.flags = FIXHEAP_PINNED };
	struct prefault *job;
	struct test_heap t;

	(void)state;
	nodes_make(&t, &spec);
	assert_string_equal(nodes_zones(t.heap), "M:0-8");
	job = plan(&t, 2);
	assert_int_equal(check_extents(&t, job), 1);
	assert_int_equal(job->group[NODES_MAX].room, 1);
	assert_int_equal(job->group_of[0], 0);
	assert_int_equal(job->group_of[1], 0);
	host_release(job, job->bytes);
	heap_end(&t);
}

/* Nodes have numbers of the kernel's; a unit is a page of the mapping. */
static void test_numbers(void **state)
{
	const struct node_spec spec = {
		.machine = "3x1@0,3,9",
		.nr_pages = BLOCKS(9),
		.numa = NUMA(.binding = FIXHEAP_BINDING_NONE)
	};
	static const u32 numbers[] = { 0, 3, 9, 0, 3, 9 };
	struct prefault *job;
	struct test_heap t;
	size_t was;

	(void)state;
	nodes_make(&t, &spec);
	job = plan(&t, ARRAY_LEN(numbers));
	assert_int_equal(job->nr_threads, ARRAY_LEN(numbers));
	for (u32 n = 0; n < ARRAY_LEN(numbers); n++)
		assert_int_equal(job->number[n], numbers[n]);
	host_release(job, job->bytes);
	was = t.heap->mapping_page;
	t.heap->mapping_page = BYTES(BLOCKS(4));
	job = plan(&t, 0);
	assert_int_equal(job->unit, BLOCKS(4));
	assert_int_equal(job->nr_threads, 3);
	host_release(job, job->bytes);
	t.heap->mapping_page = was;
	heap_end(&t);
}

/* What lies between regions is not touched. */
static void test_regions(void **state)
{
	struct prefault *job;
	struct test_heap t;

	(void)state;
	regions_make(&t,
		     &(struct regions_spec){ .nr_blocks = 9, .nr_pages = 700 });
	assert_int_equal(region_add(&t, 700, 100, 0), 1);
	assert_int_equal(region_add(&t, BLOCKS(4), 5, 1), 2);
	job = plan(&t, 0);
	assert_int_equal(check_extents(&t, job), 3);
	assert_int_equal(job->total, 805);
	host_release(job, job->bytes);
	heap_end(&t);
}

/* A region comes just when the room for the plan was measured. */
static void add_region(void *data, enum host_sim_call call)
{
	struct test_heap *t = data;

	if (call != HOST_SIM_RESERVE)
		return;
	host_sim_set_hook(NULL, NULL);
	assert_int_equal(region_add(t, BLOCKS(4), 50, 1), 1);
}

static void test_late_region(void **state)
{
	struct prefault *job;
	struct test_heap t;

	(void)state;
	regions_make(&t,
		     &(struct regions_spec){ .nr_blocks = 9, .nr_pages = 700 });
	host_sim_set_hook(add_region, &t);
	job = plan(&t, 0);
	assert_int_equal(t.heap->nr_ranges, 2);
	assert_int_equal(job->total, 700);
	for (u32 g = 0; g < NR_GROUPS; g++)
		assert_int_equal(job->group[g].high - job->group[g].first,
				 job->group[g].room);
	host_release(job, job->bytes);
	heap_end(&t);
}

static void test_no_memory(void **state)
{
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 10 });
	host_sim_fail(HOST_SIM_RESERVE, 1);
	assert_null(prefault_make(t.heap, &defaults));
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plans),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_regions),
		cmocka_unit_test(test_late_region),
		cmocka_unit_test(test_no_memory),
	};

	return cmocka_run_group_tests_name("prefault_plan", tests, NULL, NULL);
}
