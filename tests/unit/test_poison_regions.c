/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_poison_regions.c: memory that has left the heap may be written to, and
 * what takes its page numbers was not freed.
 */
#include <sys/mman.h>

#include "support.h"

#define BYTES_ADDED (4 * (size_t)BLOCK_BYTES)

static unsigned nr_faults;

static void count(void *data, const struct fixheap_fault *fault)
{
	(void)data;
	(void)fault;
	nr_faults++;
}

static unsigned add(struct fixheap *heap, void *memory)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	region.base = memory;
	region.bytes = BYTES_ADDED;
	assert_int_equal(fixheap_add_region(heap, &region), 0);
	return region.id;
}

/* All of the heap, as runs that are freed again. */
static void use(struct fixheap *heap)
{
	void *run[64];
	u32 nr = 0;

	while ((run[nr] = fixheap_pages_alloc(heap, BLOCK_PAGES / 2, 0, NULL)))
		nr++;
	assert_true(nr >= 8);
	while (nr--)
		fixheap_pages_free(heap, run[nr], BLOCK_PAGES / 2);
}

static void test_memory_comes_back(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap = NULL;
	void *memory = mmap(NULL, BYTES_ADDED, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(memory != MAP_FAILED);
	host_sim_reset();
	config.length = BLOCK_BYTES;
	config.max_bytes = 64 * BLOCK_BYTES;
	config.fault = count;
	assert_int_equal(fixheap_create(&config, &heap), 0);
	for (u32 i = 0; i < 3; i++) {
		unsigned id = add(heap, memory);

		use(heap);
		assert_int_equal(fixheap_offline_region(heap, id, 0), 0);
		memset(memory, (int)i, BYTES_ADDED);
	}
	assert_int_equal(nr_faults, 0);
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
	munmap(memory, BYTES_ADDED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
