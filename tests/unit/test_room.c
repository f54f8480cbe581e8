/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_room.c: mm/room.c, whether nodes have what a heap promises, where some
 * of its memory was touched before, and beside other heaps.  Nobody may be
 * killed by touching all of a heap that is bound strictly.
 */
#include "nodes.h"

#include <sys/mman.h>

#define STRICT FIXHEAP_BINDING_STRICT
#define AUTO FIXHEAP_BINDING_AUTO

/* Touch all of the heap. */
static void check_touched(const struct test_heap *t)
{
	for (u32 z = 0; z < t->heap->nr_zones; z++) {
		const struct zone *zone = &t->heap->zone[z];

		nodes_touch(pfn_to_addr(t->heap, zone->start_pfn),
			    BYTES(zone->end_pfn - zone->start_pfn));
	}
	/* if it is bound gently, the machine may be too small */
	if (t->heap->host_policy == HOST_POLICY_BIND && host_sim_killed())
		fail_msg("%s: %zu bytes on full nodes", nodes_zones(t->heap),
			 (size_t)host_sim_killed());
	assert_int_equal(fixheap_validate(t->heap), 0);
}

/*
 * Blocks [from, to) of 32 were touched and lie on a node, nodes have so much
 * more: what _STRICT says, what it makes with FIXHEAP_SHRINK, and whether _AUTO
 * binds strictly.
 */
static const struct {
	u64 from, to;
	u32 on;
	unsigned stripes;
	u64 free[2]; /* blocks */
	int ret;
	const char *zones; /* with SHRINK; NULL: none */
} rooms[] = {
	{ 31, 32, 1, 0, { 99, 99 }, 0, "0:0-15 1:15-30 0:30-31 1:31-32" },
	/* what is there needs no room */
	{ 0, 32, 1, 0, { 0, 0 }, 0, "1:0-32" },
	{ 0, 16, 0, 0, { 1, 15 }, 0, "0:0-16 1:16-30 0:30-31 1:31-32" },
	{ 0, 16, 0, 0, { 1, 14 }, -ENOSPC, "0:0-16 1:16-30 0:30-31" },
	{ 0, 16, 0, 0, { 0, 99 }, -ENOSPC, "0:0-16 1:16-30" },
	{ 31, 32, 1, 0, { 10, 99 }, -ENOSPC, "0:0-10" },
	{ 31, 32, 1, 0, { 99, 3 }, -ENOSPC, "0:0-15 1:15-18" },
	{ 31, 32, 1, 0, { 0, 99 }, -ENOSPC, NULL },
	/* stripes, too */
	{ 31, 32, 1, 100, { 16, 16 }, 0, "S:0-31 1:31-32" },
	{ 31, 32, 1, 100, { 15, 99 }, -ENOSPC, "S:0-30" },
	{ 31, 32, 1, 100, { 99, 3 }, -ENOSPC, "S:0-6" },
	{ 31, 32, 1, 100, { 0, 99 }, -ENOSPC, NULL },
	{ 0, 1, 1, 100, { 99, 15 }, -ENOSPC, "1:0-1 S:1-31" },
	{ 31, 32, 1, 50, { 16, 15 }, -ENOSPC, "0:0-8 1:8-16 S:16-30" },
};

static void test_touched(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3 * ARRAY_LEN(rooms); i++) {
		size_t row = i / 3;
		bool fits = !rooms[row].ret;
		struct node_spec spec = { .machine = "2x1",
					  .nr_pages = BLOCKS(32) };
		struct test_heap t;
		char *start;

		spec.numa = NUMA(.binding = i % 3 ? STRICT : AUTO,
				 .stripe_percent = rooms[row].stripes);
		spec.flags = i % 3 == 2 ? FIXHEAP_SHRINK : 0;
		nodes_map(&t, &spec);
		start = t.base + BYTES(BLOCKS(rooms[row].from));
		nodes_touch(start,
			    BYTES(BLOCKS(rooms[row].to - rooms[row].from)));
		host_sim_move(start,
			      BYTES(BLOCKS(rooms[row].to - rooms[row].from)),
			      rooms[row].on);
		for (u32 n = 0; n < 2; n++)
			host_sim_set_node_free(
				n, BYTES(BLOCKS(rooms[row].free[n])));
		if (i % 3 == 1 && !fits) {
			nodes_refused(&t, &spec, rooms[row].ret);
			nodes_unmap(&t);
			continue;
		}
		if (i % 3 == 2 && !rooms[row].zones) {
			nodes_refused(&t, &spec, -ENOSPC);
			nodes_unmap(&t);
			continue;
		}
		assert_int_equal(nodes_create(&t, &spec), 0);
		assert_int_equal(t.heap->host_policy,
				 i % 3 || fits ? HOST_POLICY_BIND
					       : HOST_POLICY_PREFERRED);
		if (i % 3 == 2)
			assert_string_equal(nodes_zones(t.heap),
					    rooms[row].zones);
		check_touched(&t);
		heap_drop(&t);
	}
}

/* Two heaps of one process do not promise the same memory. */
static void test_two_heaps(void **state)
{
	static const struct {
		u64 touched; /* blocks of the first, of 16 */
		u64 free;    /* blocks of each node behind that */
		int ret;     /* of the second, of 16 blocks as well */
	} table[] = {
		{ 0, 16, 0 },	    { 0, 15, -ENOSPC }, { 16, 8, 0 },
		{ 16, 7, -ENOSPC }, { 8, 16, 0 },	{ 8, 8, -ENOSPC },
		{ 0, 8, -ENOSPC },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct node_spec spec = { .machine = "2x1",
						.nr_pages = BLOCKS(40),
						.numa = NUMA(.binding =
								     STRICT) };
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;
		struct fixheap *one, *two;
		struct test_heap t;

		nodes_map(&t, &spec);
		config.base = t.base;
		config.length = BYTES(BLOCKS(16));
		config.numa = &spec.numa;
		for (u32 n = 0; n < 2; n++)
			host_sim_set_node_free(n, BYTES(BLOCKS(100)));
		assert_int_equal(fixheap_create(&config, &one), 0);
		nodes_touch(t.base, BYTES(BLOCKS(table[i].touched)));
		for (u32 n = 0; n < 2; n++)
			host_sim_set_node_free(n, BYTES(BLOCKS(table[i].free)));
		config.base = t.base + BYTES(BLOCKS(20));
		assert_int_equal(fixheap_create(&config, &two), table[i].ret);
		if (!table[i].ret) {
			nodes_touch(t.base, BYTES(BLOCKS(16)));
			nodes_touch(t.base + BYTES(BLOCKS(20)),
				    BYTES(BLOCKS(16)));
			assert_int_equal(host_sim_killed(), 0);
			fixheap_destroy(two);
		}
		/* gently, it is made */
		config.numa = NULL;
		assert_int_equal(fixheap_create(&config, &two), 0);
		fixheap_destroy(two);
		fixheap_destroy(one);
		/* and where nobody promised anything */
		config.numa = &spec.numa;
		for (u32 n = 0; n < 2; n++)
			host_sim_set_node_free(n, BYTES(BLOCKS(9)));
		assert_int_equal(fixheap_create(&config, &two), 0);
		fixheap_destroy(two);
		nodes_unmap(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_touched),
		cmocka_unit_test(test_two_heaps),
	};

	return cmocka_run_group_tests_name("room", tests, NULL, NULL);
}
