/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_slab_live.c: mm/slab_live.c, the live objects of a slab, and where it
 * begins and ends.
 */
#include "objects_test.h"
#include "support.h"

#include "je.h"
#include "slab.h"

#define NR_OBJECTS 700

static u64 pfn_of(struct test_heap *t, const void *object)
{
	return addr_to_pfn(t->heap, object);
}

/* Every page of a slab tells the same of it: so many of my objects. */
static void check_slab(struct test_heap *t, char *const *object, u32 nr)
{
	u64 pfn = pfn_of(t, object[0]);
	u32 class = slab_class(page_read(&t->heap->page[pfn]));
	u32 bytes = size_class_slab(&size_class[class], je_page_shift);
	struct bounds slab, other;
	u64 live, mine = 0;
	char *start;

	assert_int_not_equal(class, 0);
	live = slab_live(t->heap, pfn, page_read(&t->heap->page[pfn]), &slab);
	assert_int_equal(BYTES(slab.end - slab.pfn), bytes);
	start = pfn_to_addr(t->heap, slab.pfn);
	assert_int_equal((object[0] - start) % size_class[class].size, 0);
	for (u32 i = 0; i < nr; i++)
		mine += object[i] >= start && object[i] < start + bytes;
	assert_int_equal(live, mine);
	for (u64 p = slab.pfn; p < slab.end; p++) {
		u64 page = page_read(&t->heap->page[p]);

		assert_int_equal(slab_live(t->heap, p, page, &other), live);
		assert_int_equal(other.pfn, slab.pfn);
		assert_int_equal(other.end, slab.end);
	}
}

/* Of each class, as objects come and go in any order. */
static void test_classes(void **state)
{
	static char *object[NR_OBJECTS];
	u64 seed = 7;

	(void)state;
	heap_warm_objects();
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		u32 size = size_class[class].size, nr;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(16) });
		nr = (u32)min_u64(NR_OBJECTS, 8 * MIB / size);
		for (u32 i = 0; i < nr; i++) {
			object[i] = fixheap_malloc(t.heap, size);
			assert_non_null(object[i]);
		}
		for (u32 left = nr; left; left = left * 2 / 3) {
			check_slab(&t, object, left);
			/* all but two thirds of them go, any */
			for (u32 i = left; i > left * 2 / 3; i--) {
				u64 k = random_below(&seed, i);
				char *gone = object[k];

				object[k] = object[i - 1];
				fixheap_free(t.heap, gone);
			}
		}
		heap_is_empty(&t);
		heap_end(&t);
	}
}

/* What the program writes to an object does not make it a free one, nor to
 * what is free a live one, but at the mark. */
static void test_contents(void **state)
{
	struct bounds slab;
	struct test_heap t;
	char *object[2];
	u64 pfn, page;

	(void)state;
	heap_warm_objects();
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(4) });
	for (u32 i = 0; i < 2; i++)
		object[i] = fixheap_malloc(t.heap, 64);
	pfn = pfn_of(&t, object[0]);
	page = page_read(&t.heap->page[pfn]);
	assert_int_equal(slab_live(t.heap, pfn, page, &slab), 2);
	memset(object[0], 0, 64);
	memset(object[1], 0xff, 64);
	assert_int_equal(slab_live(t.heap, pfn, page, &slab), 2);
	fixheap_free(t.heap, object[1]);
	object[1][0] = 1;
	object[1][MARK_OFFSET + 8] = 1;
	assert_int_equal(slab_live(t.heap, pfn, page, &slab), 1);
	fixheap_free(t.heap, object[0]);
	assert_int_equal(slab_live(t.heap, pfn, page, &slab), 0);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_contents),
	};

	return cmocka_run_group_tests_name("slab_live", tests, NULL, NULL);
}
