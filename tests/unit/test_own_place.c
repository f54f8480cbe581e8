/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_own_place.c: the region of an array is on the array's node, also after
 * region_realloc.
 */
#include <sys/mman.h>

#include "nodes.h"

#define ARRAY (2 * (size_t)BLOCK_BYTES)
#define NODE 2

static void *give(void *data, size_t bytes, int node)
{
	void *base = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	(void)data;
	(void)node;
	madvise(base, bytes, MADV_NOHUGEPAGE);
	return base == MAP_FAILED ? NULL : base;
}

/* The simulated host takes memory at a known address for the same. */
static bool take(void *data, void *base, size_t bytes, uint64_t key)
{
	(void)data;
	(void)key;
	return !mprotect(base, bytes, PROT_NONE);
}

static void *change(void *data, void *base, size_t old_bytes, size_t bytes)
{
	char *moved = give(data, bytes, -1);

	if (moved) {
		memcpy(moved, base, PAGE_BYTES);
		take(data, base, old_bytes, 0);
	}
	return moved;
}

static struct fixheap *make(unsigned flags)
{
	static struct fixheap_comm comm = FIXHEAP_COMM_INIT;
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap = NULL;

	heap_warm_objects();
	host_sim_reset();
	assert_int_equal(host_sim_describe("4x1"), 0);
	comm.region_alloc = give;
	comm.region_free = take;
	comm.region_realloc = change;
	comm.alloc_threshold = ARRAY / 2;
	config.mode = FIXHEAP_DYNAMIC;
	config.comm = &comm;
	config.length = 16 * BLOCK_BYTES;
	config.flags = flags;
	assert_int_equal(fixheap_create(&config, &heap), 0);
	return heap;
}

static void test_bound_again(void **state)
{
	struct fixheap *heap = make(0);
	char *array = nodes_array(heap, ARRAY, FIXHEAP_POLICY_BIND, 1 << NODE);

	(void)state;
	assert_non_null(array);
	for (u32 i = 2; i < 5; i++) {
		array = fixheap_array_realloc(heap, array, i * ARRAY);
		assert_non_null(array);
		nodes_touch(array + PAGE_BYTES, i * ARRAY - PAGE_BYTES);
		nodes_on(array + PAGE_BYTES, i * ARRAY - PAGE_BYTES, NODE);
	}
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_array_free(heap, array);
	fixheap_destroy(heap);
}

static void test_pinned(void **state)
{
	struct fixheap *heap = make(FIXHEAP_PINNED);
	u64 calls = host_sim_mapping_calls();
	char *array = fixheap_array_alloc(heap, ARRAY, NULL);

	(void)state;
	for (u32 i = 2; i < 5; i++) {
		array = fixheap_array_realloc(heap, array, i * ARRAY);
		assert_non_null(array);
	}
	fixheap_array_free(heap, array);
	fixheap_destroy(heap);
	assert_int_equal(host_sim_mapping_calls(), calls);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bound_again),
		cmocka_unit_test(test_pinned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
