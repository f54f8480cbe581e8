/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_bounds.c: what is a heap's memory and what is not, at the limits of a
 * fixed heap's config.
 */
#include <sys/mman.h>

#include "support.h"

#define LENGTH (8 * MIB)

static struct fixheap_comm comm = FIXHEAP_COMM_INIT;
static char *memory;
static size_t memory_bytes;

static int info(void *data, void **base, size_t *bytes, size_t *page_size)
{
	(void)data;
	(void)page_size;
	*base = memory;
	*bytes = memory_bytes;
	return 0;
}

static int make(struct fixheap_config *config, struct fixheap **heap)
{
	*heap = NULL;
	return fixheap_create(config, heap);
}

static void test_all_is_gone(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap;
	char *ptr;

	(void)state;
	config.length = LENGTH;
	assert_int_equal(make(&config, &heap), 0);
	ptr = fixheap_malloc(heap, MIB);
	must(ptr);
	assert_true(fixheap_owns(heap, ptr));
	fixheap_free(heap, ptr);
	assert_true(fixheap_owns(heap, ptr));
	assert_int_equal(fixheap_offline_region(heap, 0, 0), 0);
	assert_false(fixheap_owns(heap, ptr));
	assert_null(fixheap_malloc(heap, 1));
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
}

/* max_heap is less than what the caller has brought: there is no more. */
static void test_more_than_max_heap(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	struct fixheap *heap;

	(void)state;
	comm.max_heap = "2M";
	comm.heap_info = NULL;
	config.comm = &comm;
	config.length = LENGTH;
	config.max_bytes = 2 * LENGTH;
	assert_int_equal(make(&config, &heap), 0);
	assert_non_null(fixheap_array_alloc(heap, 5 * MIB, NULL));
	region.base = memory;
	region.bytes = MIB;
	assert_int_equal(fixheap_add_region(heap, &region), -ENOSPC);
	fixheap_destroy(heap);
	comm.max_heap = NULL;
}

/* The rules of a symmetric heap are those of heap_info's memory, too. */
static void test_symmetric_info(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	size_t page = fixheap_page_size();
	const struct {
		size_t skew, bytes, private_bytes;
		int ret;
	} table[] = {
		{ 0, LENGTH, LENGTH / 2, 0 },
		{ page, LENGTH, LENGTH / 2, 0 },
		{ 64, LENGTH, LENGTH / 2, -EINVAL },
		{ 0, LENGTH - 64, LENGTH / 2, -EINVAL },
		{ 64, LENGTH - 64, LENGTH / 2, -EINVAL },
		{ 0, LENGTH, LENGTH + page, -EINVAL },
	};
	struct fixheap *heap;
	char *mapping = memory;

	(void)state;
	comm.heap_info = info;
	config.comm = &comm;
	config.flags = FIXHEAP_DETERMINISTIC;
	for (unsigned i = 0; i < ARRAY_LEN(table); i++) {
		config.length = 2 * LENGTH;
		memory = mapping + table[i].skew;
		memory_bytes = table[i].bytes;
		config.private_bytes = table[i].private_bytes;
		assert_int_equal(make(&config, &heap), table[i].ret);
		fixheap_destroy(heap);
	}
	memory = mapping;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_is_gone),
		cmocka_unit_test(test_more_than_max_heap),
		cmocka_unit_test(test_symmetric_info),
	};

	memory = mmap(NULL, 2 * LENGTH, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(memory != MAP_FAILED);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
