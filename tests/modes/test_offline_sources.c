/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_offline_sources.c: regions taken out go back to where they came from:
 * the comm layer, or the system.
 */
#include "support.h"

static void test_dynamic(void **state)
{
	struct test_heap t;
	struct fixheap_region region;
	void *own, *lost;

	(void)state;
	heap_prepare(&t, &modes[1]);
	heap_open(&t);
	own = array_make(&t, OWN_BYTES, 0);
	lost = array_make(&t, OWN_BYTES, 0);
	region = region_of(&t, own);
	layer_reset(&t.layer);
	assert_int_equal(fixheap_offline_region(t.heap, region.id, 0), -EBUSY);
	fixheap_array_free(t.heap, own);
	/* It went back with its array. */
	assert_int_equal(t.layer.nr[CALL_FREE], 1);
	assert_int_equal(fixheap_offline_region(t.heap, region.id, 0), -ENOENT);
	region = region_of(&t, lost);
	assert_int_equal(fixheap_offline_region(t.heap, region.id,
						FIXHEAP_OFFLINE_LOST),
			 0);
	assert_int_equal(t.layer.nr[CALL_FREE], 1);
	fixheap_array_free(t.heap, lost);
	heap_faulted(&t, "fixheap_array_free", "foreign pointer");
	assert_true(layer_unmap(&t.layer, lost));
	/* The shared one, which nobody uses. */
	assert_int_equal(fixheap_offline_region(t.heap, 0, 0), 0);
	assert_int_equal(t.layer.nr[CALL_FREE], 2);
	assert_true(layer_is_empty(&t.layer));
	/* and another one comes when it is needed */
	fixheap_free(t.heap, fixheap_malloc(t.heap, 100));
	assert_int_equal(t.layer.nr_live, 1);
	heap_close(&t);
}

static void test_simple(void **state)
{
	struct test_heap t;
	struct mapped before;
	unsigned id;
	void *large;

	(void)state;
	heap_prepare(&t, &modes[2]);
	heap_open(&t);
	before = mapped_now();
	large = fixheap_malloc(t.heap, 20 * MIB);
	assert_non_null(large);
	assert_true(mapped_now().bytes >= before.bytes + 20 * MIB);
	id = region_of(&t, large).id;
	fixheap_free(t.heap, large);
	assert_int_equal(fixheap_offline_region(t.heap, id, 0), 0);
	assert_true(mapped_now().bytes < before.bytes + MIB);
	heap_close(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dynamic),
		cmocka_unit_test(test_simple),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
