/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_symmetric_objects.c: objects of a symmetric heap keep the C library's
 * rules, wherever its base is.
 */
#include <sys/mman.h>

#include "support.h"

#define LENGTH (64 * MIB)
#define PRIVATE (48 * MIB)

/* A heap whose base has no alignment but that of a page. */
static struct fixheap *make_heap(char **mapping)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap = NULL;
	char *base = mmap(NULL, LENGTH + 16 * MIB, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	must(base != MAP_FAILED);
	*mapping = base;
	base += (8 * MIB - (uintptr_t)base % (8 * MIB)) + fixheap_page_size();
	config.base = base;
	config.length = LENGTH;
	config.flags = FIXHEAP_DETERMINISTIC;
	config.private_bytes = PRIVATE;
	assert_int_equal(fixheap_create(&config, &heap), 0);
	return heap;
}

static void test_objects_are_aligned_in_memory(void **state)
{
	char *mapping;
	struct fixheap *heap = make_heap(&mapping);

	(void)state;
	for (size_t alignment = fixheap_page_size(); alignment <= 8 * MIB;
	     alignment *= 2) {
		for (size_t bytes = 100; bytes <= 3 * MIB; bytes *= 170) {
			void *ptr =
				fixheap_aligned_alloc(heap, alignment, bytes);

			assert_non_null(ptr);
			assert_int_equal((uintptr_t)ptr % alignment, 0);
			fixheap_free(heap, ptr);
		}
	}
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
	munmap(mapping, LENGTH + 16 * MIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_objects_are_aligned_in_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
