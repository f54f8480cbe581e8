/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_add_bound.c: a region that is added is bound before anybody uses it,
 * and a strictly bound heap does not take one that cannot be.
 */
#include "nodes.h"

#define ADDED (8 * (size_t)BLOCK_BYTES)

static struct fixheap *heap;
static u64 nr_seen;

/* Nothing of the region is the heap's yet while the kernel is told. */
static void look(void *data, enum host_sim_call call)
{
	if (call != HOST_SIM_BIND || !heap)
		return;
	nr_seen++;
	assert_false(fixheap_owns(heap, data));
}

static struct fixheap *make(struct test_heap *t, enum fixheap_binding binding)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_numa numa = NUMA(.binding = binding);
	struct fixheap *made = NULL;

	nodes_map(t, &(struct node_spec){ .nr_pages = BLOCKS(16) });
	config.base = t->base;
	config.length = 8 * BLOCK_BYTES;
	config.max_bytes = 16 * BLOCK_BYTES;
	config.numa = &numa;
	assert_int_equal(fixheap_create(&config, &made), 0);
	return made;
}

static void end(struct test_heap *t)
{
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
	nodes_unmap(t);
	heap = NULL;
}

static void test_bound_before_it_is_used(void **state)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	struct test_heap t;

	(void)state;
	heap = make(&t, FIXHEAP_BINDING_STRICT);
	region.base = t.base + 8 * BLOCK_BYTES;
	region.bytes = ADDED;
	region.node = 3;
	host_sim_set_hook(look, region.base);
	assert_int_equal(fixheap_add_region(heap, &region), 0);
	host_sim_set_hook(NULL, NULL);
	assert_int_equal(nr_seen, 1);
	assert_int_equal(fixheap_node_of(heap, region.base), 3);
	nodes_touch(region.base, ADDED);
	nodes_on(region.base, ADDED, 3);
	end(&t);
}

static void test_cannot_be_bound(void **state)
{
	static const enum fixheap_binding table[] = {
		FIXHEAP_BINDING_STRICT, FIXHEAP_BINDING_PREFERRED
	};

	(void)state;
	for (u32 i = 0; i < 2; i++) {
		struct fixheap_region region = FIXHEAP_REGION_INIT;
		struct test_heap t;
		u64 nr_pages;

		heap = make(&t, table[i]);
		nr_pages = heap->nr_pages;
		region.base = t.base + 8 * BLOCK_BYTES;
		region.bytes = ADDED;
		region.node = 3;
		host_sim_fail(HOST_SIM_BIND, 1);
		assert_int_equal(fixheap_add_region(heap, &region), -EACCES);
		assert_int_equal(heap->nr_pages, nr_pages);
		end(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound_before_it_is_used),
		cmocka_unit_test(test_cannot_be_bound),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
