/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_hugetlb.c: heaps of huge pages from a pool, mm/config.c, mm/hugetlb.c.
 *
 * The simulated host refuses to bind or drop a part of such a page.
 */
#include "nodes.h"

#define MIB ((size_t)1 << 20)
#define GIB ((size_t)1 << 30)
#define POOL_2M (2 * MIB)

static struct fixheap_config config_of(size_t length, unsigned flags)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	config.length = length;
	config.flags = flags;
	return config;
}

static u64 pool_free(size_t page)
{
	struct host_pool pool = { 0, 0 };

	host_pool(page, &pool);
	return pool.free;
}

static size_t heap_bytes(struct fixheap *heap)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	assert_int_equal(fixheap_stats(heap, &stats), 0);
	return stats.heap_bytes;
}

static void begin(const char *machine)
{
	heap_warm_objects();
	host_sim_reset();
	assert_int_equal(host_sim_describe(machine), 0);
}

static const struct {
	size_t length, page;
	unsigned flags;
	u64 needed;
	const char *none, *few; /* advice without a pool, and with one page */
} sizes[] = {
	{ 65536, POOL_2M, FIXHEAP_HUGETLB_2M, 1,
	  "the system has no pages of 2 MiB: start it with hugepagesz=2M "
	  "hugepages=1",
	  "" },
	{ 32 * MIB, POOL_2M, FIXHEAP_HUGETLB_2M | FIXHEAP_PINNED, 16,
	  "the system has no pages of 2 MiB: start it with hugepagesz=2M "
	  "hugepages=16",
	  "1 pages of 2 MiB are free, 16 needed: echo 16 > "
	  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" },
	{ 32 * MIB + 1, POOL_2M, FIXHEAP_HUGETLB_2M, 17,
	  "the system has no pages of 2 MiB: start it with hugepagesz=2M "
	  "hugepages=17",
	  "1 pages of 2 MiB are free, 17 needed: echo 17 > "
	  "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" },
	{ 3 * GIB - 5, GIB, FIXHEAP_HUGETLB_1G, 3,
	  "the system has no pages of 1 GiB: start it with hugepagesz=1G "
	  "hugepages=3",
	  "1 pages of 1 GiB are free, 3 needed: echo 3 > "
	  "/sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages" },
};

/* Without the pages nothing is made, and it is said what to do. */
static void test_pool(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		struct fixheap_config config =
			config_of(sizes[i].length, sizes[i].flags);
		struct fixheap_hugetlb pool = { .size = sizeof(pool) };
		size_t page = sizes[i].page;
		struct fixheap *heap;
		u64 held;

		need(sizes[i].length < 1ull << CONFIG_HEAP_SHIFT,
		     "HEAP_SHIFT allows no heap of this size");
		begin("1x2");
		held = host_sim_held();
		assert_int_equal(fixheap_check_hugetlb(&config, &pool),
				 -ENODEV);
		assert_string_equal(pool.advice, sizes[i].none);
		assert_int_equal(fixheap_create(&config, &heap), -ENOMEM);
		host_sim_set_pool(page, 1);
		assert_int_equal(fixheap_check_hugetlb(&config, &pool),
				 sizes[i].needed > 1 ? -ENOMEM : 0);
		assert_string_equal(pool.advice, sizes[i].few);
		assert_int_equal(pool.needed, sizes[i].needed);
		assert_int_equal(pool.page_bytes, page);
		host_sim_set_pool(page, sizes[i].needed - 1);
		assert_int_equal(fixheap_create(&config, &heap), -ENOMEM);
		assert_int_equal(host_sim_held(), held);
		host_sim_set_pool(page, sizes[i].needed + 2);
		assert_int_equal(fixheap_check_hugetlb(&config, &pool), 0);
		assert_string_equal(pool.advice, "");
		assert_int_equal(pool.free, sizes[i].needed + 2);
		assert_int_equal(fixheap_create(&config, &heap), 0);
		assert_int_equal(pool_free(page), 2);
		assert_int_equal(fixheap_mapping_page(heap), page);
		assert_int_equal(heap_bytes(heap), sizes[i].needed * page);
		assert_int_equal(fixheap_validate(heap), 0);
		fixheap_destroy(heap);
		assert_int_equal(pool_free(page), sizes[i].needed + 2);
	}
}

static void test_refused(void **state)
{
	static char memory[BLOCK_BYTES];
	unsigned both = FIXHEAP_HUGETLB_2M | FIXHEAP_HUGETLB_1G;
	struct fixheap_config config = config_of(MIB, both);
	struct fixheap_hugetlb pool = { .size = sizeof(pool) };
	struct fixheap *heap;

	(void)state;
	begin("1x2");
	host_sim_set_pool(POOL_2M, 9);
	assert_int_equal(fixheap_create(&config, &heap), -EINVAL);
	assert_int_equal(fixheap_check_hugetlb(&config, &pool), -EINVAL);
	config.flags = FIXHEAP_HUGETLB_2M;
	config.base = memory;
	config.length = sizeof(memory);
	assert_int_equal(fixheap_create(&config, &heap), -EINVAL);
	config.base = NULL;
	config.mode = FIXHEAP_DYNAMIC;
	assert_int_equal(fixheap_create(&config, &heap), -EINVAL);
	pool.size--;
	config.mode = FIXHEAP_FIXED;
	assert_int_equal(fixheap_check_hugetlb(&config, &pool), -EINVAL);
	pool.size++;
	config.flags = 0;
	assert_int_equal(fixheap_check_hugetlb(&config, &pool), 0);
	assert_int_equal(pool.page_bytes, 0);
	assert_string_equal(pool.advice, "");
	assert_int_equal(pool_free(POOL_2M), 9);
}

/* Regions are whole pages of the pool, until it has no more. */
static void test_simple(void **state)
{
	struct fixheap_config config = config_of(3 * MIB, FIXHEAP_HUGETLB_2M);
	u64 nr = max_u64(BLOCK_BYTES / POOL_2M, 1);
	struct fixheap *heap;
	void *run[3];

	(void)state;
	begin("1x1");
	host_sim_set_pool(POOL_2M, 2 + 9 * nr);
	config.mode = FIXHEAP_SIMPLE;
	config.extend_bytes = PAGE_BYTES;
	assert_int_equal(fixheap_create(&config, &heap), 0);
	assert_int_equal(pool_free(POOL_2M), 9 * nr);
	run[0] = fixheap_pages_alloc(heap, BLOCKS(4) - 3, 0, NULL);
	run[1] = fixheap_pages_alloc(heap, BLOCKS(5), 0, NULL);
	assert_true(run[0] && run[1]);
	assert_int_equal(pool_free(POOL_2M), 0);
	run[2] = fixheap_pages_alloc(heap, BLOCKS(3), 0, NULL);
	assert_null(run[2]);
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
	assert_int_equal(pool_free(POOL_2M), 2 + 9 * nr);
}

/* On nodes: zones and stripes are whole pages, arrays are bound anew, dropped
 * and freed, and no part of a page is bound or dropped by itself. */
static void test_nodes(void **state)
{
	static const enum fixheap_policy policies[] = {
		FIXHEAP_POLICY_BIND, FIXHEAP_POLICY_INTERLEAVE,
		FIXHEAP_POLICY_BLOCKED, FIXHEAP_POLICY_LOCAL
	};
	const struct fixheap_numa numa = NUMA(.stripe_percent = 20);
	struct fixheap_config config =
		config_of(200 * BLOCK_BYTES, FIXHEAP_HUGETLB_2M);
	struct fixheap *heap;

	(void)state;
	begin("4x1");
	host_sim_set_pool(POOL_2M, 200 * BLOCK_BYTES / POOL_2M);
	config.numa = &numa;
	assert_int_equal(fixheap_create(&config, &heap), 0);
	assert_int_equal(heap->mapping_page, POOL_2M);
	for (u32 z = 1; z < heap->nr_zones; z++)
		assert_int_equal(heap->zone[z].start_pfn % BLOCK_PAGES, 0);
	for (u32 i = 0; i < 40; i++) {
		enum fixheap_policy policy = policies[i % 4];
		u64 nr = BLOCKS(3 + i) + i * 7 % 3;
		struct fixheap_array_attr attr =
			ATTR(.policy = policy, .nodes = 1 + i % 15);
		char *array;

		if (policy == FIXHEAP_POLICY_LOCAL)
			attr.flags = FIXHEAP_FRESH;
		array = fixheap_array_alloc(heap, BYTES(nr), &attr);
		if (!array)
			continue;
		array[0] = array[BYTES(nr) - 1] = 1;
		if (attr.flags)
			host_sim_settle(array, BYTES(nr));
		nodes_as_told(heap, array, BYTES(nr));
		fixheap_array_free(heap, array);
	}
	assert_int_equal(heap->stranded, 0);
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_simple),
		cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests_name("hugetlb", tests, NULL, NULL);
}
