/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_layout_random.c: mm/layout.c, any machine and any wish: the zones cover
 * the heap, or it is refused.
 */
#include "nodes.h"

#include "layout.h"

#define MASK(...)                       \
	{                               \
		.bits = { __VA_ARGS__ } \
	}
#define SIZE .size = sizeof(struct fixheap_numa)

static void random_topology(u64 *seed, struct topology *topo)
{
	static const u32 nodes[] = { 1, 2, 4, 8, 64, 3, 17 };

	memset(topo, 0, sizeof(*topo));
	topo->nr_nodes = nodes[random_below(seed, ARRAY_LEN(nodes))];
	topo->nr_cpus = 1;
	for (u32 node = 0; node < topo->nr_nodes; node++) {
		topo->number[node] = (u16)node;
		topo->node_bytes[node] =
			random_below(seed, 4) ? random_below(seed, 1ull << 40)
					      : 0;
	}
	topo->node_bytes[topo->nr_nodes - 1] = 1 << 20;
}

/* Zones cover the heap, begin at blocks, and differ from their neighbours;
 * no node has much more than its share. */
static void check_layout(const struct layout *layout, u64 pfn, u64 end)
{
	u64 pages[PLACES_MAX] = { 0 }, total = 0, sum = 0;

	assert_in_range(layout->nr_zones, 1, ZONES_MAX);
	for (u32 z = 0; z < layout->nr_zones; z++) {
		const struct layout_zone *zone = &layout->zone[z];

		assert_int_equal(zone->pages.pfn, pfn);
		assert_true(!z || pfn % BLOCK_PAGES == 0);
		assert_true(zone->pages.end > pfn);
		assert_true(zone->place < layout->nr_places);
		assert_true(!z || zone->place != layout->zone[z - 1].place);
		pfn = zone->pages.end;
		pages[zone->place] += pfn - zone->pages.pfn;
	}
	assert_int_equal(pfn, end);
	for (u32 id = 0; id < NODES_MAX; id++)
		sum += layout->share[id];
	for (u32 p = 0; p < layout->nr_places; p++)
		total += layout->place[p].kind == NODE_REAL ? pages[p] : 0;
	for (u32 p = 0; p < layout->nr_places; p++) {
		const struct layout_place *place = &layout->place[p];
		u64 share = layout->share[place->id];

		assert_true(!p || place->kind >= place[-1].kind);
		if (place->kind != NODE_REAL)
			continue;
		assert_true(share > 0);
		assert_true((double)pages[p] <=
			    (double)share / (double)sum * (double)total +
				    3 * BLOCK_PAGES);
	}
}

static void test_random(void **state)
{
	u64 seed = nodes_seed("test_layout");
	unsigned share[NODES_MAX];
	struct topology topo;
	struct bounds wanted;
	struct layout layout;

	(void)state;
	host_sim_reset();
	for (u32 i = 0; i < 20000; i++) {
		struct fixheap_numa numa = { SIZE };
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;

		random_topology(&seed, &topo);
		for (u32 node = 0; node < NODES_MAX; node++)
			share[node] = (unsigned)random_below(&seed, 1000);
		share[topo.nr_nodes - 1] = 7;
		if (random_below(&seed, 2)) {
			numa.share = share;
			numa.nr_share = topo.nr_nodes;
		}
		if (random_below(&seed, 3) == 0)
			numa.stripe_percent = (u32)random_below(&seed, 101);
		numa.binding = FIXHEAP_BINDING_NONE;
		config.numa = &numa;
		memset(&layout, 0, sizeof(layout));
		layout.pages.pfn = random_below(&seed, BLOCK_PAGES);
		layout.pages.end =
			layout.pages.pfn + 1 +
			random_below(&seed, 1ull << random_below(&seed, 32));
		layout.topo = &topo;
		wanted = layout.pages;
		assert_int_equal(layout_begin(&config, &layout), 0);
		assert_int_equal(layout_make(&config, &layout), 0);
		check_layout(&layout, wanted.pfn, wanted.end);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("layout_random", tests, NULL, NULL);
}
