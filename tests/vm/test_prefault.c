/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_prefault.c: heaps that are brought into memory, node by node.
 */
#include "heap.h"

static const int memory_node[] = { 0, 1, NODE_SLOW };

/* Mapped by the library from the pool, and brought to its nodes; one page more
 * than there are is refused. */
static void test_pool(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_hugetlb pool = { .size = sizeof(pool) };
	struct fixheap *heap;
	struct fixheap_zone zone;
	size_t i;

	(void)state;
	config.length = HUGE_PAGE;
	config.flags = FIXHEAP_HUGETLB_2M;
	assert_int_equal(fixheap_check_hugetlb(&config, &pool), 0);
	config.length = (size_t)(pool.free + 1) * HUGE_PAGE;
	assert_int_equal(fixheap_check_hugetlb(&config, &pool), -ENOMEM);
	assert_int_equal(fixheap_create(&config, &heap), -ENOMEM);
	config.length = 30 * HUGE_PAGE;
	heap = heap_create(&config);
	assert_int_equal(fixheap_mapping_page(heap), HUGE_PAGE);
	assert_int_equal(fixheap_prefault(heap, NULL), 0);
	for (i = 0; i < NR(memory_node); i++) {
		zone = zone_of(heap, memory_node[i]);
		assert_true(zone.bound);
		assert_as_told(heap, zone.start, zone.bytes);
		assert_int_equal(smaps_kb(zone.start, "KernelPageSize"), 2048);
	}
	heap_end(heap);
}

/* In the background, of transparent huge pages. */
static void test_heaps(void **state)
{
	struct fixheap_prefault how = FIXHEAP_PREFAULT_INIT;
	const size_t bytes = 96 * MIB;
	struct fixheap *heap;
	struct fixheap_zone zone;
	size_t i;

	(void)state;
	heap = heap_make(bytes, NULL);
	how.flags = FIXHEAP_PREFAULT_BACKGROUND;
	assert_int_equal(fixheap_prefault(heap, &how), 0);
	assert_int_equal(fixheap_prefault_wait(heap), 0);
	for (i = 0; i < NR(memory_node); i++) {
		zone = zone_of(heap, memory_node[i]);
		assert_as_told(heap, zone.start, zone.bytes);
		assert_true(smaps_kb(zone.start, "AnonHugePages") >=
			    (zone.bytes - HUGE_PAGE) >> 10);
	}
	heap_end(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_heaps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
