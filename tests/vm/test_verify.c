/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_verify.c: fixheap_node_of and fixheap_verify_placement against what the
 * kernel says, and pages that were moved behind the library's back.
 */
#include "heap.h"

#include <sys/mman.h>
#include <unistd.h>

#define HEAP (64 * MIB)
#define BIT(node) (1ull << (node))
#define REPORTS 16

struct reports {
	struct fixheap_misplacement what[REPORTS];
	size_t nr;
};

static int report(void *data, const struct fixheap_misplacement *what)
{
	struct reports *reports = data;

	if (reports->nr < REPORTS)
		reports->what[reports->nr] = *what;
	reports->nr++;
	return 0;
}

static int verify(struct fixheap *heap, const void *start, size_t bytes,
		  struct reports *reports)
{
	struct fixheap_verification seen = { .size = sizeof(seen),
					     .report = report,
					     .data = reports };
	size_t wrong = 0, i;
	int result;

	reports->nr = 0;
	result = fixheap_verify_placement(heap, start, bytes, &seen);
	for (i = 0; i < reports->nr && i < REPORTS; i++)
		wrong += reports->what[i].bytes;
	if (result >= 0)
		assert_int_equal(seen.present_bytes - seen.right_bytes, wrong);
	return result;
}

/* One report: this range, wanted and found there, for this reason. */
static void assert_reported(const struct reports *reports, const void *start,
			    size_t bytes, enum fixheap_misplaced why)
{
	const struct fixheap_misplacement *what = &reports->what[0];

	assert_int_equal(reports->nr, 1);
	assert_ptr_equal(what->start, start);
	assert_int_equal(what->bytes, bytes);
	assert_int_equal(what->why, why);
	assert_int_equal(what->node, node_of(start));
}

/* --- all is well --------------------------------------------------------- */

static void test_counts(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	struct fixheap_verification seen = { .size = sizeof(seen) };
	const size_t bytes = 5 * MIB;
	char *array;

	(void)state;
	array = array_of(heap, bytes, FIXHEAP_POLICY_BIND, BIT(1));
	assert_non_null(array);
	assert_int_equal(fixheap_verify_placement(heap, array, bytes, &seen),
			 0);
	assert_int_equal(seen.checked_bytes, bytes);
	assert_int_equal(seen.present_bytes, 0);
	touch(array + MIB, 3 * MIB);
	assert_int_equal(fixheap_verify_placement(heap, array, bytes, &seen),
			 0);
	assert_int_equal(seen.checked_bytes, bytes);
	assert_true(seen.present_bytes >= 3 * MIB);
	assert_int_equal(seen.right_bytes, seen.present_bytes);
	assert_int_equal(fixheap_verify_placement(heap, NULL, 0, &seen), 0);
	assert_int_equal(seen.checked_bytes, HEAP);
	assert_true(seen.present_bytes >= 3 * MIB);
	heap_end(heap);
}

static void test_bad(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	struct fixheap_verification seen = { .size = sizeof(seen) };
	struct fixheap_verification strange = { .size = 1 };
	char *start = zone_of(heap, 0).start;
	int outside;

	(void)state;
	assert_int_equal(fixheap_verify_placement(heap, &outside, 1, &seen),
			 -EFAULT);
	assert_int_equal(fixheap_verify_placement(heap, start, 2 * HEAP, &seen),
			 -EFAULT);
	assert_int_equal(fixheap_verify_placement(heap, NULL, 0, &strange),
			 -EINVAL);
	assert_int_equal(fixheap_node_of(heap, &outside), -EFAULT);
	assert_int_equal(fixheap_node_of(heap, NULL), -EFAULT);
	heap_end(heap);
}

/* Every page of the heap is where fixheap_node_of says. */
static void test_node_of(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	size_t bytes = fixheap_largest_free(heap, NULL);
	char *array = array_touched(heap, bytes, FIXHEAP_POLICY_DEFAULT, 0);

	(void)state;
	assert_true(bytes > HEAP / 10 * 9);
	assert_as_told(heap, array, bytes);
	assert_int_equal(fixheap_node_of(heap, array + 5), node_of(array));
	heap_end(heap);
}

/* --- moved behind its back ----------------------------------------------- */

static void test_moved(void **state)
{
	void *start = map_memory(HEAP, 0);
	const size_t bytes = 4 * MIB, nr = 5;
	struct fixheap *heap;
	int nodes[5], status[5];
	struct reports reports;
	void *pages[5];
	char *array;
	size_t i;

	(void)state;
	/* One page of a huge one takes the others along. */
	assert_int_equal(madvise(start, HEAP, MADV_NOHUGEPAGE), 0);
	heap = heap_over(start, HEAP, 0);
	array = array_touched(heap, bytes, FIXHEAP_POLICY_BIND, BIT(1));
	assert_int_equal(verify(heap, array, bytes, &reports), 0);
	for (i = 0; i < nr; i++) {
		pages[i] = array + (100 + i) * PAGE;
		nodes[i] = 0;
	}
	assert_int_equal(move_pages(0, nr, pages, nodes, status, MPOL_MF_MOVE),
			 0);
	assert_int_equal(node_of(pages[0]), 0);
	assert_int_equal(verify(heap, array, bytes, &reports), 1);
	assert_reported(&reports, pages[0], nr * PAGE, FIXHEAP_MISPLACED_MOVED);
	assert_int_equal(reports.what[0].wanted, 1);
	assert_int_equal(verify(heap, NULL, 0, &reports), 1);
	assert_int_equal(reports.nr, 1);
	/* The range without them is right. */
	assert_int_equal(verify(heap, array, 100 * PAGE, &reports), 0);
	heap_end(heap);
	unmap_memory(start, HEAP);
}

static void test_policy(void **state)
{
	struct fixheap *heap = heap_make(HEAP, NULL);
	const size_t bytes = 4 * MIB;
	char *array = array_touched(heap, bytes, FIXHEAP_POLICY_BIND, BIT(1));
	struct reports reports;

	(void)state;
	assert_int_equal(bind_memory(array + MIB, MIB, MPOL_BIND, 1), 0);
	assert_int_equal(madvise(array + MIB, MIB, MADV_DONTNEED), 0);
	touch(array, bytes);
	assert_on_node(array + MIB, MIB, 0);
	assert_int_equal(verify(heap, array, bytes, &reports), 1);
	assert_reported(&reports, array + MIB, MIB, FIXHEAP_MISPLACED_POLICY);
	heap_end(heap);
}

static void test_spilled(void **state)
{
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	struct fixheap *heap;
	struct reports reports;
	size_t bytes, i;
	char *array;

	(void)state;
	numa.binding = FIXHEAP_BINDING_PREFERRED;
	numa.nodes = mask_of(BIT(NODE_SLOW));
	heap = heap_make(HEAP, &numa);
	bytes = HEAP / 8 * 7;
	array = array_touched(heap, bytes, FIXHEAP_POLICY_DEFAULT, 0);
	assert_int_equal(verify(heap, array, bytes, &reports), 1);
	assert_true(reports.nr > 0 && reports.nr <= REPORTS);
	for (i = 0; i < reports.nr; i++) {
		assert_int_equal(reports.what[i].why,
				 FIXHEAP_MISPLACED_SPILLED);
		assert_int_equal(reports.what[i].wanted, NODE_SLOW);
		assert_int_not_equal(reports.what[i].node, NODE_SLOW);
	}
	heap_end(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_node_of),
		cmocka_unit_test(test_moved),
		cmocka_unit_test(test_policy),
		cmocka_unit_test_setup_teardown(test_spilled, fill_slow,
						empty_slow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
