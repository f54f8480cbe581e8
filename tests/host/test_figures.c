/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_figures.c: tools/segment.c, figures*.c and stat_runs.c: what a reader
 * says of a heap is what the heap says of itself.
 */
#include "segment_test.h"

#include "stat_runs.h"

static FILE *print(struct fixheap *heap, const char *what)
{
	FILE *file = tmpfile();

	assert_non_null(file);
	if (fixheap_print(heap, fileno(file), what)) {
		fclose(file);
		return NULL;
	}
	rewind(file);
	return file;
}

/* What follows this in the next line that has it. */
static char *next_line(FILE *file, const char *start)
{
	static char line[1024];

	while (fgets(line, sizeof(line), file)) {
		char *at = strstr(line, start);

		if (at)
			return at + strlen(start);
	}
	fail_msg("no line with '%s'", start);
	return NULL;
}

static void assert_orders(char *line, const uint64_t *wanted)
{
	uint64_t value, i = 0;
	char *end;

	for (value = strtoull(line, &end, 10); end != line; i++) {
		assert_true(i < FIGURES_ORDERS);
		assert_int_equal(value, wanted[i]);
		line = end;
		value = strtoull(line, &end, 10);
	}
	assert_true(i > 1);
	for (; i < FIGURES_ORDERS; i++)
		assert_int_equal(wanted[i], 0);
}

static void compare_runs(struct fixheap *heap, const struct figures *f)
{
	static const char *const types[FIGURES_TYPES] = { "Small", "Medium",
							  "Array", "Whole" };
	FILE *buddyinfo = print(heap, "buddyinfo");
	FILE *types_info = print(heap, "pagetypeinfo");
	char start[100];

	if (!buddyinfo || !types_info)
		return;
	for (unsigned z = 0; z < f->nr_zones; z++) {
		snprintf(start, sizeof(start), ", zone %8u ", z);
		assert_orders(next_line(buddyinfo, start),
			      f->zone[z].free_runs);
		for (unsigned type = 0; type < FIGURES_TYPES; type++) {
			snprintf(start, sizeof(start), ", zone %8u, type %12s ",
				 z, types[type]);
			assert_orders(next_line(types_info, start),
				      f->zone[z].block_runs[type]);
		}
	}
	for (unsigned z = 0; z < f->nr_zones; z++) {
		char *line, *end;

		snprintf(start, sizeof(start), ", zone %8u ", z);
		line = next_line(types_info, start);
		for (unsigned type = 0; type < FIGURES_TYPES; type++) {
			assert_int_equal(strtoull(line, &end, 10),
					 f->zone[z].blocks[type]);
			line = end;
		}
	}
	fclose(buddyinfo);
	fclose(types_info);
}

static void compare_zones(struct fixheap *heap, const struct figures *f)
{
	FILE *file = print(heap, "zoneinfo");

	for (unsigned z = 0; file && z < f->nr_zones; z++) {
		const struct figures_zone *zone = &f->zone[z];
		const uint64_t *kind = zone->kind_bytes;
		const struct {
			const char *name;
			uint64_t bytes;
		} lines[] = {
			{ "small_min", zone->small_min_bytes },
			{ "local_min", zone->local_min_bytes },
			{ "low", zone->low_bytes },
			{ "present", zone->bytes },
			{ "nr_free_pages", zone->free_bytes },
			{ "nr_small", kind[FIXHEAP_SEGMENT_SLAB] },
			{ "nr_large", kind[FIXHEAP_SEGMENT_LARGE] },
			{ "nr_array", kind[FIXHEAP_SEGMENT_ARRAY] },
			{ "nr_raw", kind[FIXHEAP_SEGMENT_RUN] },
			{ "nr_cached", kind[FIXHEAP_SEGMENT_CACHED] },
			{ "nr_reserved", kind[FIXHEAP_SEGMENT_RESERVED] },
			{ "largest_free", zone->largest_bytes },
			{ "bound", (uint64_t)zone->bound * f->page_bytes },
		};

		for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
			char start[32];
			char *line;

			snprintf(start, sizeof(start), "      %-12s ",
				 lines[i].name);
			line = next_line(file, start);
			assert_int_equal(strtoull(line, NULL, 10),
					 lines[i].bytes / f->page_bytes);
		}
	}
	if (file)
		fclose(file);
}

static void compare_slabs(struct fixheap *heap, const struct figures *f)
{
	FILE *file = print(heap, "slabinfo");
	unsigned long long slabs, objects, size;

	for (unsigned i = 1; file && i < SEGMENT_CLASSES; i++) {
		const struct figures_class *class = &f->class[i];

		if (!class->object_bytes)
			continue;
		assert_int_equal(sscanf(next_line(file, "fixheap-"),
					"%*u %*u %llu %llu %*u %*u : tunables "
					"%*u %*u %*u : slabdata %*u %llu",
					&objects, &size, &slabs),
				 3);
		assert_int_equal(size, class->object_bytes);
		assert_int_equal(slabs * class->slab_bytes,
				 class->nr_pages * f->page_bytes);
		assert_int_equal(objects * class->object_bytes,
				 class->nr_pages * f->page_bytes);
	}
	if (file)
		fclose(file);
}

/* The policies of arrays, and their nodes: "bind:0,3". */
static void compare_policies(struct fixheap *heap, const struct figures *f,
			     struct segment *segment)
{
	FILE *file = print(heap, "numa_maps");
	json_t *runs = NULL, *run, *node;
	size_t i, n;

	assert_null(stat_runs(f, segment, &runs));
	json_array_foreach(runs, i, run)
	{
		const char *policy =
			json_string_value(json_object_get(run, "policy"));
		unsigned long long address =
			(unsigned long long)json_integer_value(
				json_object_get(run, "address"));
		json_t *nodes = json_object_get(run, "nodes");
		char start[100], *line;
		const char *comma = ":";

		if (!policy || !file)
			continue;
		snprintf(start, sizeof(start), "%llx %s", address, policy);
		json_array_foreach(nodes, n, node)
		{
			size_t length = strlen(start);

			snprintf(start + length, sizeof(start) - length,
				 "%s%lld", comma,
				 (long long)json_integer_value(node));
			comma = ",";
		}
		strcat(start, " array=");
		line = next_line(file, start);
		assert_int_equal(
			strtoull(line, NULL, 10) * f->page_bytes,
			json_integer_value(json_object_get(run, "bytes")));
	}
	json_decref(runs);
	if (file)
		fclose(file);
}

static void compare(struct fixheap *heap)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct segment segment;
	struct figures f;
	uint64_t sum = 0;

	assert_int_equal(fixheap_stats(heap, &stats), 0);
	assert_null(segment_open(&segment, fixheap_segment_path(heap)));
	assert_null(figures_read(&f, &segment));
	assert_true(f.alive);
	assert_int_equal(f.heap_bytes, stats.heap_bytes);
	assert_int_equal(f.used_bytes, stats.used_bytes);
	assert_int_equal(f.peak_used_bytes, stats.peak_used_bytes);
	assert_int_equal(f.live_bytes, stats.live_bytes);
	assert_int_equal(f.nr_fails, stats.nr_fails);
	assert_int_equal(f.largest_bytes, stats.largest_run_bytes);
	assert_int_equal(f.kind_bytes[FIXHEAP_SEGMENT_CACHED],
			 stats.cached_bytes);
	for (unsigned i = 1; i < FIGURES_KINDS; i++)
		sum += f.kind_bytes[i];
	assert_int_equal(sum, stats.used_bytes);
	assert_int_equal(f.kind_bytes[0], f.free_bytes);
	assert_int_equal(f.nr_zones, stats.nr_zones);
	assert_int_equal(f.metadata_bytes, stats.metadata_bytes);
	assert_int_equal(f.rehomed_bytes, stats.rehomed_bytes);
	assert_int_equal(f.nr_rehomes, stats.nr_rehomes);
	compare_runs(heap, &f);
	compare_zones(heap, &f);
	compare_slabs(heap, &f);
	compare_policies(heap, &f, &segment);
	figures_end(&f);
	segment_close(&segment);
}

static void test_same_as_the_heap(void **state)
{
	struct fixheap *heap = make_heap(0);

	(void)state;
	compare(heap);
	use_heap(heap);
	compare(heap);
	fixheap_destroy(heap);
}

/* One that can grow, with a region more. */
static void test_regions(void **state)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	struct fixheap *heap = make_heap(256 * MIB);

	(void)state;
	region.base = aligned_alloc(2 * MIB, 32 * MIB);
	region.bytes = 32 * MIB;
	assert_non_null(region.base);
	assert_int_equal(fixheap_add_region(heap, &region), 0);
	use_heap(heap);
	compare(heap);
	fixheap_destroy(heap);
	free(region.base);
}

/* Zones of several nodes, which keep something back. */
static void test_nodes(void **state)
{
	static const unsigned cpu_node[] = { 0, 1, 2 }, number[] = { 0, 3, 5 };
	const struct fixheap_topology topology = {
		.size = sizeof(topology),
		.nr_nodes = 3,
		.nr_cpus = 3,
		.cpu_node = cpu_node,
		.node_number = number,
	};
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct fixheap *heap;

	(void)state;
	config.length = 128 * MIB;
	config.flags = FIXHEAP_SHARE;
	config.topology = &topology;
	config.numa = &numa;
	numa.stripe_percent = 20;
	numa.small_reserve = 50;
	numa.local_reserve = 20;
	if (fixheap_create(&config, &heap))
		skip();
	fixheap_set_watermark(heap, 3, 10 * MIB);
	use_heap(heap);
	attr.policy = FIXHEAP_POLICY_BIND;
	attr.nodes = 1ull << 0 | 1ull << 5;
	assert_non_null(fixheap_array_alloc(heap, 3 * MIB, &attr));
	attr.policy = FIXHEAP_POLICY_PREFERRED;
	attr.nodes = 1ull << 3;
	assert_non_null(fixheap_array_alloc(heap, MIB, &attr));
	attr.policy = FIXHEAP_POLICY_INTERLEAVE;
	attr.nodes = 0;
	assert_non_null(fixheap_array_alloc(heap, 2 * MIB, &attr));
	compare(heap);
	fixheap_destroy(heap);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(same_as_the_heap),
		TEST(regions),
		TEST(nodes),
	};

	random_begin(argc, argv);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
