/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_comm_bounds.c: what is asked of a comm layer at the limits of the
 * config.
 */
#include "support.h"

#define MAX_ASKED 256

/* Memory from the C library, so many bytes behind a page's start. */
struct plain {
	struct fixheap_comm comm;
	size_t skew;
	unsigned nr;
	size_t asked[MAX_ASKED];
	unsigned nr_live, nr_failed;
};

static struct plain plain;

static void *give(void *data, size_t bytes, int node)
{
	size_t page = fixheap_page_size();
	void *base;

	(void)data;
	(void)node;
	must(plain.nr < MAX_ASKED);
	plain.asked[plain.nr++] = bytes;
	must(bytes);
	must(!plain.comm.page_size || bytes % plain.comm.page_size == 0);
	if (posix_memalign(&base, page, bytes + page))
		return NULL;
	plain.nr_live++;
	return (char *)base + plain.skew;
}

static bool take(void *data, void *base, size_t bytes, uint64_t key)
{
	(void)data;
	(void)bytes;
	(void)key;
	free((char *)base - plain.skew);
	plain.nr_live--;
	return true;
}

static void failed(void *data, const struct fixheap_comm_failure *failure)
{
	(void)data;
	(void)failure;
	plain.nr_failed++;
}

static struct fixheap_config prepare(size_t length, size_t max_bytes)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	memset(&plain, 0, sizeof(plain));
	plain.comm = (struct fixheap_comm)FIXHEAP_COMM_INIT;
	plain.comm.region_alloc = give;
	plain.comm.region_free = take;
	plain.comm.failed = failed;
	config.mode = FIXHEAP_DYNAMIC;
	config.comm = &plain.comm;
	config.length = length;
	config.max_bytes = max_bytes;
	config.extend_bytes = 1;
	return config;
}

static struct fixheap *make(const struct fixheap_config *config)
{
	struct fixheap *heap = NULL;

	assert_int_equal(fixheap_create(config, &heap), 0);
	return heap;
}

static void end(struct fixheap *heap)
{
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
	assert_int_equal(plain.nr_live, 0);
}

static void test_whole_units(void **state)
{
	struct fixheap_config config = prepare(3 * MIB, 7 * MIB);
	struct fixheap *heap;

	(void)state;
	plain.comm.page_size = 2 * MIB;
	heap = make(&config);
	assert_int_equal(plain.asked[0], 4 * MIB);
	/* what is left has room for one unit, though not for extend_bytes */
	assert_non_null(fixheap_array_alloc(heap, 3 * MIB, NULL));
	assert_non_null(fixheap_array_alloc(heap, 3 * MIB / 2, NULL));
	assert_int_equal(plain.nr, 2);
	assert_int_equal(plain.asked[1], 2 * MIB);
	assert_null(fixheap_array_alloc(heap, 2 * MIB, NULL));
	assert_int_equal(plain.nr, 2);
	end(heap);

	config.length = 3 * MIB;
	config.max_bytes = 3 * MIB;
	heap = make(&config);
	assert_int_equal(plain.asked[2], 2 * MIB);
	end(heap);
}

static void test_extension_is_no_larger_than_what_is_left(void **state)
{
	struct fixheap_config config = prepare(2 * MIB, 5 * MIB);
	struct fixheap *heap;

	(void)state;
	plain.comm.page_size = 2 * MIB;
	config.extend_bytes = 32 * MIB;
	heap = make(&config);
	assert_non_null(fixheap_array_alloc(heap, MIB, NULL));
	assert_non_null(fixheap_array_alloc(heap, 2 * MIB, NULL));
	assert_int_equal(plain.asked[1], 2 * MIB);
	end(heap);
}

static void test_no_room_for_a_unit(void **state)
{
	struct fixheap_config config = prepare(0, 100);
	struct fixheap *heap;

	(void)state;
	assert_int_equal(fixheap_create(&config, &heap), -EINVAL);
	config.max_bytes = MIB;
	plain.comm.page_size = 2 * MIB;
	assert_int_equal(fixheap_create(&config, &heap), -EINVAL);
	config.max_bytes = 0;
	config.length = SIZE_MAX;
	assert_int_equal(fixheap_create(&config, &heap), -EINVAL);
	assert_int_equal(plain.nr, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_units),
		cmocka_unit_test(test_extension_is_no_larger_than_what_is_left),
		cmocka_unit_test(test_no_room_for_a_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
