/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_zonelist.c: mm/zonelist.c, which zones a request may use, in order,
 * over which borders its run may reach, and what it has to leave.
 */
#include "support.h"

/* What a request may use, as text: zones in turn, then groups of neighbours,
 * "2 0 1 0-2"; host_sim_set_cpu says from where. */
static const char *list_of(const struct fixheap *heap,
			   const struct run_request *req)
{
	static char text[1024];
	struct contig_request find = { .nr_pages = 1 };
	struct zone_iter iter = { 0 };
	size_t len = 0;

	text[0] = '\0';
	while (zonelist_next(heap, req, &iter, &find)) {
		const struct zone *first = zone_of(heap, find.in.pfn);
		const struct zone *last = zone_of(heap, find.in.end - 1);

		assert_int_equal(find.in.pfn, first->start_pfn);
		assert_int_equal(find.in.end, last->end_pfn);
		assert_true(find.zone ? find.zone == first && first == last
				      : first < last);
		len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%u",
					len ? " " : "", first->index);
		if (!find.zone)
			len += (size_t)snprintf(text + len, sizeof(text) - len,
						"-%u", last->index);
		assert_true(len < sizeof(text));
	}
	assert_false(zonelist_next(heap, req, &iter, &find));
	return text;
}

/* Numbers are zones in lists, nodes in masks. */
static void test_order(void **state)
{
	static const struct {
		const char *machine;
		u32 cpu;
		const char *list;
	} table[] = {
		{ "1x1", 0, "0" },
		{ "2x1", 0, "0 1 0-1" },
		{ "2x1", 1, "1 0 0-1" },
		{ "2x2", 2, "1 0 0-1" },
		/* equally far: round from the own node on */
		{ "4x1", 0, "0 1 2 3 0-3" },
		{ "4x1", 2, "2 3 0 1 0-3" },
		{ "8x1", 5, "5 6 7 0 1 2 3 4 0-7" },
		/* by distance, which need not be the same both ways */
		{ "3x1:1G;10,40,20;21,10,30;50,40,10", 0, "0 2 1 0-2" },
		{ "3x1:1G;10,40,20;21,10,30;50,40,10", 1, "1 0 2 0-2" },
		{ "3x1:1G;10,40,20;21,10,30;50,40,10", 2, "2 1 0 0-2" },
		/* a node without memory has no zone, but its CPUs a list */
		{ "3x1:1G,0,1G;10,20,40;30,10,20;40,20,10", 0, "0 1 0-1" },
		{ "3x1:1G,0,1G;10,20,40;30,10,20;40,20,10", 1, "1 0 0-1" },
		{ "3x1:1G,0,1G;10,20,40;30,10,20;40,20,10", 2, "1 0 0-1" },
		/* a node without CPUs comes last, however near it is */
		{ "0/-/1:1G", 0, "0 2 1 0-2" },
		{ "0/-/1:1G", 1, "2 0 1 0-2" },
		{ "0/1/-:1G;10,255,11;255,10,11;11,11,10", 0, "0 1 0-1 2 0-2" },
		{ "0/1/-:1G;10,255,11;255,10,11;11,11,10", 1, "1 0 0-1 2 0-2" },
		{ "-/-/0:1G;10,20,20;20,10,20;30,20,10", 0, "2 1 0 0-2" },
		{ "-/0/-/1:1G", 0, "1 3 2 0 0-3" },
		{ "-/0/-/1:1G", 1, "3 1 0 2 0-3" },
		/* with no other memory it is the only one */
		{ "0/-:0,1G", 0, "0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table) * 2; i++) {
		size_t row = i / 2;
		const struct run_request req = {
			.node = NODE_ANY,
			.placement = i % 2 ? PLACE_ARRAY : PLACE_SMALL
		};
		struct test_heap t;

		heap_make(&t,
			  &(struct heap_spec){ .machine = table[row].machine,
					       .nr_pages = BLOCKS(16) });
		host_sim_set_cpu(table[row].cpu);
		assert_string_equal(list_of(t.heap, &req), table[row].list);
		heap_end(&t);
	}
}

static void test_policies(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes;
		u32 node, cpu;
		const char *list;
	} table[] = {
		{ FIXHEAP_POLICY_DEFAULT, 0, NODE_ANY, 2, "2 3 0 1 0-3" },
		{ FIXHEAP_POLICY_LOCAL, 0, NODE_ANY, 2, "2 3 0 1 0-3" },
		{ FIXHEAP_POLICY_BIND, 1, NODE_ANY, 2, "0" },
		{ FIXHEAP_POLICY_BIND, 3, NODE_ANY, 2, "0 1 0-1" },
		{ FIXHEAP_POLICY_BIND, 5, NODE_ANY, 2, "2 0" },
		{ FIXHEAP_POLICY_BIND, 6, NODE_ANY, 0, "1 2 1-2" },
		{ FIXHEAP_POLICY_BIND, 0xb, NODE_ANY, 2, "3 0 1 0-1" },
		{ FIXHEAP_POLICY_BIND, 0xb, NODE_ANY, 1, "1 3 0 0-1" },
		{ FIXHEAP_POLICY_BIND, 0xd, NODE_ANY, 1, "2 3 0 2-3" },
		{ FIXHEAP_POLICY_BIND, 0xe, NODE_ANY, 1, "1 2 3 1-3" },
		{ FIXHEAP_POLICY_BIND, 0xf, NODE_ANY, 1, "1 2 3 0 0-3" },
		{ FIXHEAP_POLICY_BIND, 0xf0, NODE_ANY, 1, "" },
		{ FIXHEAP_POLICY_PREFERRED, 1, NODE_ANY, 2, "0 2 3 1 0-3" },
		{ FIXHEAP_POLICY_PREFERRED, 3, NODE_ANY, 3, "0 1 0-1 3 2 0-3" },
		{ FIXHEAP_POLICY_PREFERRED, ~0ull, NODE_ANY, 3, "3 0 1 2 0-3" },
		/* this node only, whatever the rest says */
		{ FIXHEAP_POLICY_BIND, 1, 3, 0, "3" },
		{ FIXHEAP_POLICY_DEFAULT, 0, 0, 3, "0" },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "4x1",
					   .nr_pages = BLOCKS(16) });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req = { .node = table[i].node,
						 .policy = table[i].policy,
						 .nodes = table[i].nodes };

		host_sim_set_cpu(table[i].cpu);
		assert_string_equal(list_of(t.heap, &req), table[i].list);
	}
	heap_end(&t);
}

/* An array that may be anywhere goes where it fits once half of the heap was
 * in use, or would be. */
static void test_tight(void **state)
{
	static const struct {
		const char *machine;
		u64 peak, nr_pages;
		enum fixheap_policy policy;
		enum placement placement;
		bool reserves;
		const char *list;
	} table[] = {
#define DEFAULT FIXHEAP_POLICY_DEFAULT
		{ "2x1", BLOCKS(8), 1, DEFAULT, PLACE_ARRAY, 0, "1 0 0-1" },
		{ "2x1", BLOCKS(8) + 1, 1, DEFAULT, PLACE_ARRAY, 0,
		  "0-1 1 0 0-1" },
		{ "2x1", 0, BLOCKS(8), DEFAULT, PLACE_ARRAY, 0, "1 0 0-1" },
		{ "2x1", 0, BLOCKS(8) + 1, DEFAULT, PLACE_ARRAY, 0,
		  "0-1 1 0 0-1" },
		/* who has said where, and what is small, stays near */
		{ "2x1", BLOCKS(16), 1, FIXHEAP_POLICY_LOCAL, PLACE_ARRAY, 0,
		  "1 0 0-1" },
		{ "2x1", BLOCKS(16), 1, DEFAULT, PLACE_SMALL, 0, "1 0 0-1" },
		{ "2x1", BLOCKS(16), 1, DEFAULT, PLACE_MEDIUM, 0, "1 0 0-1" },
		/* groups do not know whose reserve they take from */
		{ "2x1", BLOCKS(16), 1, DEFAULT, PLACE_ARRAY, 1, "1 0 0-1" },
		/* slow memory is still the last resort */
		{ "0/1/-:1G", BLOCKS(16), 1, DEFAULT, PLACE_ARRAY, 0,
		  "0-1 1 0 0-1 2 0-2" },
		{ "0/-/1:1G", BLOCKS(16), 1, DEFAULT, PLACE_ARRAY, 0,
		  "2 0 1 0-2" },
		{ "-/0/1/-/2/3:1G", BLOCKS(16), 1, DEFAULT, PLACE_ARRAY, 0,
		  "1-2 4-5 2 4 5 1 1-2 4-5 3 0 0-5" },
#undef DEFAULT
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req = {
			.node = NODE_ANY,
			.policy = table[i].policy,
			.placement = table[i].placement,
			.nr_pages = table[i].nr_pages
		};
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .machine = table[i].machine,
						   .nr_pages = BLOCKS(16) });
		t.heap->peak_used = table[i].peak;
		t.heap->reserves = table[i].reserves;
		host_sim_set_cpu(1);
		assert_string_equal(list_of(t.heap, &req), table[i].list);
		heap_end(&t);
	}
}

/* A slow node is used like any other by who asks for it. */
static void test_slow(void **state)
{
	static const struct {
		enum fixheap_policy policy;
		u64 nodes;
		const char *list;
	} table[] = {
		{ FIXHEAP_POLICY_DEFAULT, 0, "0 3 1 2 0-3" },
		{ FIXHEAP_POLICY_BIND, 2, "1" },
		{ FIXHEAP_POLICY_BIND, 6, "1 2 1-2" },
		{ FIXHEAP_POLICY_BIND, 0xe, "3 1 2 1-3" },
		{ FIXHEAP_POLICY_PREFERRED, 2, "1 0 3 0-1 2 0-3" },
		{ FIXHEAP_POLICY_PREFERRED, 0xa, "3 1 0 0-1 2 0-3" },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "0/-/-/1:1G",
					   .nr_pages = BLOCKS(16) });
	for (u32 n = 0; n < 4; n++)
		assert_int_equal(t.heap->node[n].slow, n == 1 || n == 2);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req = { .node = NODE_ANY,
						 .policy = table[i].policy,
						 .nodes = table[i].nodes };

		host_sim_set_cpu(0);
		assert_string_equal(list_of(t.heap, &req), table[i].list);
	}
	heap_end(&t);
}

/* As many nodes as there can be: every list has every node once, round from
 * the own one on. */
static void test_largest(void **state)
{
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "64x2",
					   .nr_pages = BLOCKS(64) });
	assert_int_equal(t.heap->nr_zones, NODES_MAX);
	assert_int_equal(t.heap->nr_nodes, NODES_MAX);
	for (u32 node = 0; node < NODES_MAX; node++) {
		const struct run_request req = { .node = NODE_ANY };
		struct contig_request find = { .nr_pages = 1 };
		struct zone_iter iter = { 0 };

		host_sim_set_cpu(2 * node);
		for (u32 i = 0; i < NODES_MAX; i++) {
			assert_true(zonelist_next(t.heap, &req, &iter, &find));
			assert_ptr_equal(find.zone,
					 &t.heap->zone[(node + i) % NODES_MAX]);
		}
		assert_true(zonelist_next(t.heap, &req, &iter, &find));
		assert_null(find.zone);
		assert_int_equal(find.in.pfn, 0);
		assert_int_equal(find.in.end, BLOCKS(64));
		assert_false(zonelist_next(t.heap, &req, &iter, &find));
	}
	heap_end(&t);
}

/* ---- nodes with several zones -------------------------------------------- */

/* A heap of zones without anything in them, each of one block. */
static void scatter(struct fixheap *heap, const char *node_of_zone)
{
	memset(heap->node, 0, sizeof(heap->node));
	heap->nr_nodes = 0;
	heap->nr_zones = (u32)strlen(node_of_zone);
	heap->end_pfn = BLOCKS(heap->nr_zones);
	for (u32 z = 0; z < heap->nr_zones; z++) {
		struct zone *zone = &heap->zone[z];
		u32 node = (u32)(node_of_zone[z] - '0');

		zone->index = z;
		zone->node = node;
		zone->start_pfn = BLOCKS(z);
		zone->end_pfn = BLOCKS(z + 1);
		if (node >= heap->nr_nodes)
			heap->nr_nodes = node + 1;
	}
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		heap->node[n].index = n;
		heap->node[n].id = n;
	}
	zonelist_init(heap);
}

static struct fixheap *scattered(u32 nr_nodes)
{
	struct fixheap *heap = aligned_alloc(CACHE_LINE, sizeof(*heap));
	char text[16];

	assert_non_null(heap);
	memset(heap, 0, sizeof(*heap));
	host_sim_reset();
	snprintf(text, sizeof(text), "%ux1", nr_nodes);
	assert_int_equal(host_sim_describe(text), 0);
	assert_int_equal(host_topology(&heap->topo), 0);
	heap->zone = test_calloc(ZONES_MAX, sizeof(struct zone));
	return heap;
}

/* Arrays begin at the lowest zone of a node, small things at the highest. */
static void test_several(void **state)
{
	static const struct {
		const char *zones; /* the node of each */
		enum placement place;
		enum fixheap_policy policy;
		u64 nodes;
		const char *list;
	} table[] = {
		{ "0011", PLACE_ARRAY, 0, 0, "0 1 2 3 0-3" },
		{ "0011", PLACE_SMALL, 0, 0, "1 0 3 2 0-3" },
		{ "0011", PLACE_MEDIUM, 0, 0, "1 0 3 2 0-3" },
		{ "0101", PLACE_ARRAY, 0, 0, "0 2 1 3 0-3" },
		{ "0101", PLACE_SMALL, 0, 0, "2 0 3 1 0-3" },
		{ "1001", PLACE_ARRAY, 0, 0, "1 2 0 3 0-3" },
		{ "0011", PLACE_ARRAY, FIXHEAP_POLICY_BIND, 1, "0 1 0-1" },
		{ "0011", PLACE_SMALL, FIXHEAP_POLICY_BIND, 2, "3 2 2-3" },
		{ "0101", PLACE_ARRAY, FIXHEAP_POLICY_BIND, 1, "0 2" },
		{ "01101", PLACE_ARRAY, FIXHEAP_POLICY_BIND, 2, "1 2 4 1-2" },
		{ "110110", PLACE_ARRAY, FIXHEAP_POLICY_BIND, 2,
		  "0 1 3 4 0-1 3-4" },
		{ "0012210", PLACE_ARRAY, FIXHEAP_POLICY_BIND, 5,
		  "0 1 6 3 4 0-1 3-4" },
		{ "0012210", PLACE_ARRAY, FIXHEAP_POLICY_BIND, 6,
		  "2 5 3 4 2-5" },
		{ "0012210", PLACE_ARRAY, FIXHEAP_POLICY_PREFERRED, 4,
		  "3 4 3-4 0 1 6 2 5 0-6" },
	};
	struct fixheap *heap = scattered(3);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req = { .node = NODE_ANY,
						 .placement = table[i].place,
						 .policy = table[i].policy,
						 .nodes = table[i].nodes };

		scatter(heap, table[i].zones);
		assert_string_equal(list_of(heap, &req), table[i].list);
	}
	test_free(heap->zone);
	free(heap);
}

/* One pass: each zone of these nodes comes once, then each group of neighbours
 * of those, as long as it can be. */
static void check_pass(const struct fixheap *heap,
		       const struct run_request *req, struct zone_iter *iter,
		       const u128 nodes[2])
{
	struct contig_request find = { .nr_pages = 1 };
	unsigned char seen[ZONES_MAX] = { 0 };
	u32 z, end, nr = 0;

	for (z = 0; z < heap->nr_zones; z++) {
		if (!(nodes[0] >> heap->zone[z].node & 1))
			continue;
		assert_true(zonelist_next(heap, req, iter, &find));
		assert_non_null(find.zone);
		assert_true(nodes[0] >> find.zone->node & 1);
		assert_int_equal(seen[find.zone->index]++, 0);
		nr++;
	}
	for (z = 0; nr && z < heap->nr_zones; z = end + 1) {
		for (end = z; end < heap->nr_zones; end++) {
			if (!(nodes[1] >> heap->zone[end].node & 1))
				break;
		}
		if (end < z + 2)
			continue;
		assert_true(zonelist_next(heap, req, iter, &find));
		assert_null(find.zone);
		assert_int_equal(find.in.pfn, BLOCKS(z));
		assert_int_equal(find.in.end, BLOCKS(end));
	}
}

/* Whatever the zones and the request: what is named, then the rest. */
static void check_all(const struct fixheap *heap, const struct run_request *req)
{
	const u128 all = ~(u128)0, named = req->nodes;
	struct contig_request find = { .nr_pages = 1 };
	struct zone_iter iter = { 0 };

	if (req->policy >= FIXHEAP_POLICY_BIND)
		check_pass(heap, req, &iter, (u128[]){ named, named });
	if (req->policy == FIXHEAP_POLICY_PREFERRED)
		check_pass(heap, req, &iter, (u128[]){ ~named, all });
	if (req->policy < FIXHEAP_POLICY_BIND)
		check_pass(heap, req, &iter, (u128[]){ all, all });
	assert_false(zonelist_next(heap, req, &iter, &find));
}

static void test_random(void **state)
{
	struct fixheap *heap = scattered(NODES_MAX);
	u64 seed = 13;

	(void)state;
	for (u32 n = 0; n < 2000; n++) {
		struct run_request req = { .node = NODE_ANY };
		char zones[ZONES_MAX + 1] = "";
		u64 nr_nodes = 1 + random_below(&seed, n % 3 ? 5 : NODES_MAX);
		u64 nr = 1 + random_below(&seed, n % 4 ? 12 : ZONES_MAX);

		for (u64 z = 0; z < nr; z++)
			zones[z] = (char)('0' + random_below(&seed, nr_nodes));
		scatter(heap, zones);
		host_sim_set_cpu((u32)random_below(&seed, NODES_MAX));
		req.placement =
			(enum placement)random_below(&seed, NR_PLACEMENTS);
		req.policy = FIXHEAP_POLICY_DEFAULT +
			     random_below(&seed, FIXHEAP_POLICY_PREFERRED + 1);
		req.nodes = random_below(&seed, 1ull << 32) |
			    random_below(&seed, 1ull << 32) << 32;
		check_all(heap, &req);
	}
	test_free(heap->zone);
	free(heap);
}

/* ---- reserves ------------------------------------------------------------ */

/* Four zones of two blocks keep 1, 2, 3, 4 pages for small things, and 10, 20,
 * 30, 40 for their own CPUs. */
static void test_reserve(void **state)
{
	static const struct {
		enum placement place;
		u64 nodes;
		u32 node, cpu;
		u32 from, to; /* zones */
		u64 pages;
	} table[] = {
		{ PLACE_SMALL, 0, NODE_ANY, 0, 0, 1, 0 },
		{ PLACE_MEDIUM, 0, NODE_ANY, 0, 0, 1, 0 },
		{ PLACE_ARRAY, 0, NODE_ANY, 0, 0, 1, 1 },
		{ PLACE_SMALL, 0, NODE_ANY, 0, 1, 2, 20 },
		{ PLACE_ARRAY, 0, NODE_ANY, 0, 1, 2, 22 },
		{ PLACE_ARRAY, 0, NODE_ANY, 0, 3, 4, 44 },
		{ PLACE_ARRAY, 0, NODE_ANY, 3, 3, 4, 4 },
		{ PLACE_SMALL, 0, NODE_ANY, 3, 3, 4, 0 },
		/* of several zones the sum */
		{ PLACE_SMALL, 0, NODE_ANY, 0, 0, 4, 90 },
		{ PLACE_SMALL, 0, NODE_ANY, 2, 0, 4, 70 },
		{ PLACE_ARRAY, 0, NODE_ANY, 2, 0, 4, 80 },
		{ PLACE_ARRAY, 0, NODE_ANY, 2, 1, 3, 25 },
		/* who names a node is at home there */
		{ PLACE_SMALL, 2, NODE_ANY, 0, 1, 2, 0 },
		{ PLACE_ARRAY, 2, NODE_ANY, 0, 1, 2, 2 },
		{ PLACE_ARRAY, 0xe, NODE_ANY, 0, 1, 4, 9 },
		{ PLACE_ARRAY, 0xf, NODE_ANY, 0, 0, 4, 10 },
		{ PLACE_SMALL, 0, 1, 0, 1, 2, 0 },
		{ PLACE_ARRAY, 0, 1, 0, 1, 2, 2 },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "4x1",
					   .nr_pages = BLOCKS(8) });
	t.heap->reserves = true;
	for (u32 z = 0; z < 4; z++) {
		t.heap->zone[z].small_reserve = z + 1;
		t.heap->zone[z].local_reserve = 10 * (z + 1);
	}
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct run_request req = { .node = table[i].node,
						 .placement = table[i].place,
						 .nodes = table[i].nodes };
		const struct bounds in = { BLOCKS(2 * table[i].from),
					   BLOCKS(2 * table[i].to) };

		host_sim_set_cpu(table[i].cpu);
		assert_int_equal(zonelist_reserve(t.heap, &req, &in),
				 table[i].pages);
	}
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),	cmocka_unit_test(test_policies),
		cmocka_unit_test(test_tight),	cmocka_unit_test(test_slow),
		cmocka_unit_test(test_largest), cmocka_unit_test(test_several),
		cmocka_unit_test(test_random),	cmocka_unit_test(test_reserve),
	};

	return cmocka_run_group_tests_name("zonelist", tests, NULL, NULL);
}
