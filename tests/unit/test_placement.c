/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_placement.c: mm/placement.c, what the heap says of where pages are, and
 * what fixheap_verify_placement finds out from the kernel.
 */
#include "nodes.h"

#define SIZE .size = sizeof(struct fixheap_numa)
#define BIND FIXHEAP_POLICY_BIND

/* Rows reported, as text: "start+pages wanted>node why", pages of the heap. */
struct report {
	char text[2000];
	size_t len;
	u32 nr, stop; /* stop: at this row with 7, 0: never */
	struct fixheap *heap;
};

static int note_row(void *data, const struct fixheap_misplacement *what)
{
	static const char *const why[] = { "spilled", "policy", "cpuset",
					   "moved" };
	struct report *report = data;

	assert_int_equal(what->size, sizeof(*what));
	report->len += (size_t)snprintf(
		report->text + report->len, sizeof(report->text) - report->len,
		"%s%lu+%zu %d>%d %s", report->len ? " " : "",
		(unsigned long)addr_to_pfn(report->heap, what->start),
		what->bytes / PAGE_BYTES, what->wanted, what->node,
		why[what->why]);
	return ++report->nr == report->stop ? 7 : 0;
}

/* The whole heap, with a report; what fixheap_verify_placement returned. */
static int verify(struct fixheap *heap, struct fixheap_verification *v,
		  struct report *report)
{
	memset(report, 0, sizeof(*report));
	report->heap = heap;
	*v = (struct fixheap_verification){ .size = sizeof(*v),
					    .report = note_row,
					    .data = report };
	return fixheap_verify_placement(heap, NULL, 0, v);
}

/* Zones of 4 blocks; 2 nodes. */
static void make(struct test_heap *t, const struct fixheap_numa *numa)
{
	struct node_spec spec = { .machine = "2x1", .nr_pages = BLOCKS(8) };

	spec.numa = numa ? *numa : NUMA();
	nodes_make(t, &spec);
}

/* Everything right, and what is counted. */
static void test_right(void **state)
{
	static const struct {
		u64 pfn, nr;	 /* that were touched */
		u64 from, pages; /* looked at; pages 0: the whole heap */
		u64 checked, present;
	} table[] = {
		{ 0, 0, 0, 0, 4096, 0 },
		{ 0, 4096, 0, 0, 4096, 4096 },
		{ 5, 1, 0, 0, 4096, 1 },
		{ 2040, 20, 0, 0, 4096, 20 },
		{ 2040, 20, 2045, 10, 10, 10 },
		{ 2040, 20, 2055, 10, 10, 5 },
		{ 0, 4096, 4095, 1, 1, 1 },
		{ 0, 4096, 1, 4095, 4095, 4095 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_verification v = { .size = sizeof(v) };
		void *start = NULL;
		struct test_heap t;

		make(&t, NULL);
		if (table[i].nr)
			nodes_touch(t.base + BYTES(table[i].pfn),
				    BYTES(table[i].nr));
		if (table[i].pages)
			start = t.base + BYTES(table[i].from);
		assert_int_equal(fixheap_verify_placement(t.heap, start,
							  BYTES(table[i].pages),
							  &v),
				 0);
		assert_int_equal(v.checked_bytes, BYTES(table[i].checked));
		assert_int_equal(v.present_bytes, BYTES(table[i].present));
		assert_int_equal(v.right_bytes, BYTES(table[i].present));
		heap_end(&t);
	}
}

/* What moved behind the library's back, and each reason for it. */
static void move_some(struct test_heap *t)
{
	host_sim_move(t->base + BYTES(10), BYTES(5), 1);
	host_sim_move(t->base + BYTES(100), BYTES(1), 1);
	host_sim_move(t->base + BYTES(2047), BYTES(2), 0);
}

static void bind_some(struct test_heap *t)
{
	struct nodemask other = nodemask_of(1);

	/* dropped and bound by somebody else, then touched */
	assert_int_equal(host_discard(t->base, BYTES(4)), 0);
	assert_int_equal(host_bind(t->base, BYTES(4), HOST_POLICY_BIND, &other),
			 0);
	nodes_touch(t->base, BYTES(4));
}

static void unbind_some(struct test_heap *t)
{
	assert_int_equal(host_discard(t->base, BYTES(4)), 0);
	assert_int_equal(host_bind(t->base, BYTES(4), HOST_POLICY_LOCAL, NULL),
			 0);
	host_sim_set_cpu(1);
	nodes_touch(t->base, BYTES(4));
	host_sim_set_cpu(0);
}

static void confine(struct test_heap *t)
{
	struct nodemask nodes = nodemask_of(0);

	(void)t;
	host_sim_set_allowed(&nodes);
}

static const struct {
	void (*spoil)(struct test_heap *t);
	enum fixheap_binding binding;
	const char *text;
	u64 wrong; /* pages */
} spoils[] = {
	{ move_some, FIXHEAP_BINDING_AUTO,
	  "10+5 0>1 moved 100+1 0>1 moved 2048+1 1>0 moved", 7 },
	{ move_some, FIXHEAP_BINDING_STRICT,
	  "10+5 0>1 moved 100+1 0>1 moved 2048+1 1>0 moved", 7 },
	{ move_some, FIXHEAP_BINDING_PREFERRED,
	  "10+5 0>1 spilled 100+1 0>1 spilled 2048+1 1>0 spilled", 7 },
	{ move_some, FIXHEAP_BINDING_NONE,
	  "10+5 0>1 moved 100+1 0>1 moved 2048+1 1>0 moved", 7 },
	{ bind_some, FIXHEAP_BINDING_AUTO, "0+4 0>1 policy", 4 },
	{ unbind_some, FIXHEAP_BINDING_AUTO, "0+4 0>1 policy", 4 },
	{ bind_some, FIXHEAP_BINDING_PREFERRED, "0+4 0>1 policy", 4 },
	{ confine, FIXHEAP_BINDING_AUTO, "2048+2048 1>0 cpuset", 2048 },
	{ confine, FIXHEAP_BINDING_PREFERRED, "2048+2048 1>0 cpuset", 2048 },
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
		const struct fixheap_numa numa = {
			SIZE, .binding = spoils[i].binding
		};
		struct fixheap_verification v;
		struct report report;
		struct test_heap t;

		make(&t, &numa);
		nodes_touch(t.base, BYTES(BLOCKS(4)));
		host_sim_set_cpu(1);
		nodes_touch(t.base + BYTES(BLOCKS(4)), BYTES(BLOCKS(4)));
		host_sim_set_cpu(0);
		assert_int_equal(verify(t.heap, &v, &report), 0);
		spoils[i].spoil(&t);
		assert_int_equal(verify(t.heap, &v, &report), 1);
		assert_string_equal(report.text, spoils[i].text);
		assert_int_equal(v.present_bytes, BYTES(BLOCKS(8)));
		/* without a callback it is only counted */
		v.report = NULL;
		assert_int_equal(fixheap_verify_placement(t.heap, NULL, 0, &v),
				 1);
		heap_valid(&t);
		heap_drop(&t);
	}
}

/* A full node spills where zones are preferred; the callback ends it. */
static void test_spill(void **state)
{
	const struct fixheap_numa numa = {
		SIZE, .binding = FIXHEAP_BINDING_PREFERRED
	};
	struct fixheap_verification v;
	struct report report;
	struct test_heap t;

	(void)state;
	make(&t, &numa);
	host_sim_set_node_free(0, BYTES(1000));
	nodes_touch(t.base, BYTES(BLOCKS(8)));
	assert_int_equal(verify(t.heap, &v, &report), 1);
	assert_string_equal(report.text, "1000+1048 0>1 spilled");
	assert_int_equal(v.present_bytes - v.right_bytes, BYTES(1048));
	assert_int_equal(host_sim_killed(), 0);
	heap_drop(&t);
}

static void test_callback(void **state)
{
	static const struct {
		u32 stop, nr;
	} table[] = { { 0, 10 }, { 1, 1 }, { 5, 5 }, { 10, 10 } };
	struct test_heap t;

	(void)state;
	make(&t, NULL);
	nodes_touch(t.base, BYTES(BLOCKS(8)));
	for (u32 i = 0; i < 10; i++)
		host_sim_move(t.base + BYTES(2 * i), PAGE_BYTES, 1);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct report report = { .stop = table[i].stop,
					 .heap = t.heap };
		struct fixheap_verification v = { .size = sizeof(v),
						  .report = note_row,
						  .data = &report };

		assert_int_equal(fixheap_verify_placement(t.heap, NULL, 0, &v),
				 1);
		assert_int_equal(report.nr, table[i].nr);
	}
	heap_drop(&t);
}

static void test_errors(void **state)
{
	struct fixheap_verification v = { .size = sizeof(v) };
	struct test_heap t;
	char *end;

	(void)state;
	make(&t, NULL);
	end = t.base + BYTES(BLOCKS(8));
	assert_int_equal(fixheap_verify_placement(t.heap, NULL, 0, NULL),
			 -EINVAL);
	v.size--;
	assert_int_equal(fixheap_verify_placement(t.heap, NULL, 0, &v),
			 -EINVAL);
	v.size++;
	assert_int_equal(fixheap_verify_placement(t.heap, t.base - 1, 1, &v),
			 -EFAULT);
	assert_int_equal(fixheap_verify_placement(t.heap, end, 1, &v), -EFAULT);
	assert_int_equal(fixheap_verify_placement(t.heap, end - 1,
						  PAGE_BYTES + 1, &v),
			 -EFAULT);
	assert_int_equal(fixheap_verify_placement(t.heap, t.base, ~(size_t)0,
						  &v),
			 -EFAULT);
	assert_int_equal(fixheap_verify_placement(t.heap, &v, sizeof(v), &v),
			 -EFAULT);
	for (long n = 1; n <= 4; n++) {
		host_sim_fail(HOST_SIM_NODES_OF, n);
		assert_int_equal(fixheap_verify_placement(t.heap, NULL, 0, &v),
				 -ENOMEM);
	}
	host_sim_refuse_placement(-ENOSYS);
	assert_int_equal(fixheap_verify_placement(t.heap, NULL, 0, &v),
			 -ENOSYS);
	host_sim_refuse_placement(0);
	assert_int_equal(fixheap_verify_placement(t.heap, end - 1, 1, &v), 0);
	heap_end(&t);
}

/* Pages that belong to no node are not looked at. */
static void test_mixed(void **state)
{
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);
	struct fixheap_verification v = { .size = sizeof(v) };
	struct test_heap t;
	char *array;

	(void)state;
	make(&t, NULL);
	array = fixheap_array_alloc(t.heap, BYTES(1000), &fresh);
	assert_non_null(array);
	host_sim_set_cpu(1);
	nodes_touch(array, BYTES(1000));
	assert_int_equal(fixheap_verify_placement(t.heap, NULL, 0, &v), 0);
	assert_int_equal(v.checked_bytes, BYTES(BLOCKS(8) - 1000));
	assert_int_equal(v.present_bytes, 0);
	fixheap_array_free(t.heap, array);
	heap_end(&t);
}

/* Whose page it is: in the heap, outside of it, in arrays that are away. */
static void test_node_of(void **state)
{
	struct test_heap t;
	char *away, *end;

	(void)state;
	nodes_make_spare(&t, "2x1", 8);
	end = t.base + BYTES(BLOCKS(8));
	assert_int_equal(fixheap_node_of(t.heap, t.base), 0);
	assert_int_equal(fixheap_node_of(t.heap, t.base + 1), 0);
	assert_int_equal(fixheap_node_of(t.heap, t.base + BYTES(2048) - 1), 0);
	assert_int_equal(fixheap_node_of(t.heap, t.base + BYTES(2048)), 1);
	assert_int_equal(fixheap_node_of(t.heap, end - 1), 1);
	assert_int_equal(fixheap_node_of(t.heap, end), -EFAULT);
	assert_int_equal(fixheap_node_of(t.heap, t.base - 1), -EFAULT);
	assert_int_equal(fixheap_node_of(t.heap, NULL), -EFAULT);
	assert_int_equal(fixheap_node_of(t.heap, &t), -EFAULT);
	assert_int_equal(fixheap_node_of(t.heap, (void *)UINTPTR_MAX), -EFAULT);
	away = nodes_array(t.heap, BYTES(2500), BIND, 2);
	assert_non_null(away);
	for (u64 p = 0; p < 4096; p++) {
		char *at = t.base + BYTES(p);
		bool inside = at >= away && at < away + BYTES(2500);

		assert_int_equal(fixheap_node_of(t.heap, at),
				 inside || p >= 2048);
	}
	fixheap_array_free(t.heap, away);
	heap_end(&t);
}

/* ---- zones --------------------------------------------------------------- */

struct zones {
	u32 nr, stop;
	struct fixheap_zone zone[8];
};

static int note_zone(void *data, const struct fixheap_zone *zone)
{
	struct zones *zones = data;

	zones->zone[zones->nr++] = *zone;
	return zones->nr == zones->stop ? 42 : 0;
}

static void test_zones(void **state)
{
	const struct fixheap_numa numa = { SIZE, .stripe_percent = 50,
					   .stripe_nodes = { { 0xa } } };
	const struct node_spec spec = { .nr_pages = BLOCKS(16), .numa = numa };
	struct zones zones = { 0, 0, { { 0 } } };
	struct test_heap t;
	void *array;

	(void)state;
	nodes_make(&t, &spec);
	host_sim_set_cpu(2);
	array = fixheap_array_alloc(t.heap, BYTES(100), NULL);
	assert_non_null(array);
	assert_int_equal(fixheap_zones(t.heap, note_zone, &zones), 0);
	assert_int_equal(zones.nr, 5);
	for (u32 z = 0; z < 5; z++) {
		const struct fixheap_zone *zone = &zones.zone[z];

		assert_int_equal(zone->size, sizeof(*zone));
		assert_int_equal(zone->node,
				 z < 4 ? (int)z : FIXHEAP_NODE_STRIPED);
		assert_ptr_equal(zone->start, t.base + BYTES(BLOCKS(2 * z)));
		assert_int_equal(zone->bytes, BYTES(BLOCKS(z < 4 ? 2 : 8)));
		assert_int_equal(zone->free_bytes,
				 zone->bytes - (z == 2 ? BYTES(100) : 0));
		assert_true(zone->bound);
		assert_int_equal(zone->nodes.bits[0], z < 4 ? 1u << z : 0xa);
		for (u32 i = 1; i < ARRAY_LEN(zone->nodes.bits); i++)
			assert_int_equal(zone->nodes.bits[i], 0);
	}
	memset(&zones, 0, sizeof(zones));
	zones.stop = 2;
	assert_int_equal(fixheap_zones(t.heap, note_zone, &zones), 42);
	assert_int_equal(zones.nr, 2);
	fixheap_array_free(t.heap, array);
	heap_end(&t);
}

/* A run that a thread keeps has the flag of arrays that are bound elsewhere,
 * and is not one, though there are some in its pageblock. */
static void test_kept_run(void **state)
{
	const u64 kept = page_set_len(
		page_make(PAGE_FREEING, PLACE_MEDIUM, 0) | PAGE_KEPT_FLAG, 4);
	struct test_heap t;
	u64 page;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(4) });
	heap_place(&t, PAGE_DIRECT, 10, 4);
	page = page_read(&t.heap->page[10]);
	page_write(&t.heap->page[10], kept);
	t.region->block[0].nr_moved = 1;
	for (u64 pfn = 9; pfn < 15; pfn++)
		assert_int_equal(fixheap_node_of(t.heap, t.base + BYTES(pfn)),
				 0);
	t.region->block[0].nr_moved = 0;
	page_write(&t.heap->page[10], page);
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right),	cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_spill),	cmocka_unit_test(test_callback),
		cmocka_unit_test(test_errors),	cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_node_of), cmocka_unit_test(test_kept_run),
		cmocka_unit_test(test_zones),
	};

	return cmocka_run_group_tests_name("placement", tests, NULL, NULL);
}
