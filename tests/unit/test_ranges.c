/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_ranges.c: mm/ranges.c, borders, costs, and mistakes;
 * test_ranges_model.c has the random part.
 */
#include "objects_test.h"
#include "regions_test.h"

/* --- borders -------------------------------------------------------------- */

#define BORDERS 6

static bool crosses(struct test_heap *t, const char *start, size_t bytes)
{
	return region_id_of(t, start) != region_id_of(t, start + bytes - 1);
}

/* Regions of a block and a half, each behind the other. */
static void make_row(struct test_heap *t, const u64 *key)
{
	regions_make(t, &(struct regions_spec){ .nr_blocks = 16,
						.nr_pages = 768,
						.key = key[0] });
	for (u32 i = 1; i < BORDERS; i++)
		assert_int_equal(region_add(t, 768 * i, 768, key[i]), i);
}

/* All pages, in runs of `nr`; how many of them lie in two regions. */
static u64 fill_with_runs(struct test_heap *t, u64 nr)
{
	u64 nr_cross = 0;
	char *run;

	while ((run = fixheap_pages_alloc(t->heap, nr, 0, NULL))) {
		bool cross = crosses(t, run, BYTES(nr));

		nr_cross += cross;
		if (cross)
			assert_int_equal(
				region_get(t, (u32)region_id_of(t, run)).key,
				0);
	}
	return nr_cross;
}

/* The same with objects of so many bytes. */
static u64 fill_with_objects(struct test_heap *t, size_t bytes)
{
	u64 nr_cross = 0;
	char *object;

	while ((object = fixheap_malloc(t->heap, bytes)))
		nr_cross += crosses(t, object, bytes);
	return nr_cross;
}

static void test_other_keys(void **state)
{
	static const u64 other[BORDERS] = {
		1, 2, 3, FIXHEAP_KEY_NONE, FIXHEAP_KEY_NONE, 1
	};
	static const size_t sizes[] = { 48, 3000, 14000, BYTES(5), BYTES(70) };
	struct test_heap t;

	(void)state;
	heap_warm_objects();
	for (u64 nr = 1; nr < 800; nr = nr * 2 + 1) {
		make_row(&t, other);
		regions_count(&t, 768 * BORDERS, 0);
		assert_int_equal(largest_free(&t), 768);
		assert_int_equal(fill_with_runs(&t, nr), 0);
		heap_end(&t);
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		make_row(&t, other);
		assert_int_equal(fill_with_objects(&t, sizes[i]), 0);
		heap_end(&t);
	}
}

static void test_same_keys(void **state)
{
	static const u64 same[BORDERS] = { 0 };
	struct test_heap t;
	char *all;

	(void)state;
	make_row(&t, same);
	regions_count(&t, 768 * BORDERS, 0);
	assert_int_equal(largest_free(&t), 768 * BORDERS);
	all = fixheap_pages_alloc(t.heap, 768 * BORDERS, 0, NULL);
	assert_ptr_equal(all, t.base);
	fixheap_pages_free(t.heap, all, 768 * BORDERS);
	assert_true(fill_with_runs(&t, 500) > 0);
	heap_end(&t);
}

/* A region between two others joins both, whatever comes first. */
static void test_between(void **state)
{
	static const u8 order[][3] = { { 0, 1, 2 }, { 0, 2, 1 } };
	struct test_heap t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		regions_make(&t, &(struct regions_spec){ .nr_blocks = 16,
							 .nr_pages = 1000 });
		for (u32 j = 1; j < 3; j++)
			assert_int_equal(
				region_add(&t, 1000 * order[i][j], 1000, 0), j);
		assert_int_equal(largest_free(&t), 3000);
		/* without the one in the middle they are two */
		assert_int_equal(
			fixheap_offline_region(
				t.heap,
				(u32)region_id_of(&t, t.base + BYTES(1500)), 0),
			0);
		assert_int_equal(largest_free(&t), 1000);
		regions_count(&t, 2000, 0);
		heap_end(&t);
	}
}

/* --- readers -------------------------------------------------------------- */

struct reader {
	struct test_heap *t;
	unsigned *stop, wrong;
	u64 seed;
};

/* What is said of a pointer is of one region, which has it. */
static void *read_regions(void *data)
{
	struct reader *r = data;

	while (!__atomic_load_n(r->stop, __ATOMIC_RELAXED)) {
		struct fixheap_region region = FIXHEAP_REGION_INIT;
		char *ptr =
			r->t->base + random_below(&r->seed, 12 * BLOCK_BYTES);
		u64 page = (u64)(ptr - r->t->base) / PAGE_BYTES;

		if (fixheap_region_of(r->t->heap, ptr, &region)) {
			/* the first one is always there */
			r->wrong += page < 700;
			continue;
		}
		r->wrong += ptr != (char *)region.base + region.offset;
		r->wrong += region.offset >= region.bytes;
		r->wrong += (page < 700) != (region.key == 0);
		r->wrong += region.bytes / PAGE_BYTES != 700 + region.key % 100;
	}
	return NULL;
}

static void test_readers(void **state)
{
	struct reader reader[2];
	struct test_heap t;
	pthread_t thread[2];
	unsigned stop = 0;

	(void)state;
	regions_make(&t, &(struct regions_spec){ .nr_blocks = 16,
						 .nr_pages = 700 });
	for (u32 i = 0; i < 2; i++) {
		reader[i] = (struct reader){ &t, &stop, 0, i + 1 };
		thread[i] = start_thread(read_regions, &reader[i]);
	}
	for (u64 i = 1; i < TEST_STEPS(8000); i++) {
		u64 nr = 700 + i % 100;

		if (i % 100 == 0)
			continue;
		assert_int_equal(region_add(&t, 700 + i % 3, nr, i), 1);
		assert_int_equal(region_add(&t, 2000 + i % 7, nr, i), 2);
		assert_int_equal(fixheap_offline_region(t.heap, 1, 0), 0);
		assert_int_equal(fixheap_offline_region(t.heap, 2, 0), 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (u32 i = 0; i < 2; i++) {
		join_thread(thread[i]);
		assert_int_equal(reader[i].wrong, 0);
	}
	heap_end(&t);
}

/* --- cost ----------------------------------------------------------------- */

/* With a thousand regions a lookup reads one, and the metadata is small. */
static void test_many(void **state)
{
	struct test_heap t;
	size_t touched;

	(void)state;
	regions_make(&t,
		     &(struct regions_spec){ .nr_blocks = 2200,
					     .nr_pages = BLOCK_PAGES,
					     .max_bytes = 4000 * BLOCK_BYTES });
	for (u32 i = 1; i < 1000; i++)
		assert_int_equal(region_add(&t, 2 * BLOCKS(i), BLOCK_PAGES, i),
				 i);
	for (u32 i = 0; i < 1000; i++) {
		char *base = t.base + 2 * i * BLOCK_BYTES;
		u64 pfn = addr_to_pfn(t.heap, base);

		assert_int_equal(region_id_of(&t, base), i);
		assert_int_equal(region_id_of(&t, base + BLOCK_BYTES), -1);
		/* the table leads to it at once */
		assert_int_equal(t.heap->range_at[pfn >> BLOCK_SHIFT], i + 1);
	}
	touched = host_sim_resident(t.heap, t.heap->meta_bytes);
	print_message("%zu bytes touched\n", touched);
	assert_true(touched < 16 << 20);
	/* an allocation writes to a descriptor, a block and the trees only */
	assert_non_null(fixheap_pages_alloc(t.heap, BLOCK_PAGES, 0, NULL));
	assert_true(host_sim_resident(t.heap, t.heap->meta_bytes) <
		    touched + (64 << 10));
	heap_end(&t);
}

/* --- mistakes ------------------------------------------------------------- */

static void test_bad_regions(void **state)
{
	struct test_heap t, other;
	struct fixheap_region region = FIXHEAP_REGION_INIT;

	(void)state;
	regions_make(&t, &(struct regions_spec){ .nr_blocks = 16,
						 .nr_pages = 1000,
						 .max_bytes = BYTES(3000),
						 .max_regions = 3 });
	assert_int_equal(fixheap_add_region(t.heap, NULL), -EINVAL);
	assert_int_equal(fixheap_add_region(t.heap, &region), -EINVAL);
	assert_int_equal(region_add(&t, 2000, 0, 0), -EINVAL);
	assert_int_equal(region_add_at(&t, t.base + BYTES(2000), PAGE_BYTES - 1,
				       0),
			 -EINVAL);
	/* as large as a page, but without one */
	assert_int_equal(region_add_at(&t, t.base + BYTES(2000) + 1, PAGE_BYTES,
				       0),
			 -EINVAL);
	assert_int_equal(region_add_at(&t, t.base, SIZE_MAX, 0), -EINVAL);
	assert_int_equal(region_add(&t, 999, 10, 0), -EINVAL);
	assert_int_equal(region_add_at(&t, (void *)((uintptr_t)1 << 48),
				       PAGE_BYTES, 0),
			 -ERANGE);
	assert_int_equal(region_add(&t, 2000, 2001, 0), -ENOSPC);
	region = (struct fixheap_region)FIXHEAP_REGION_INIT;
	region.base = t.base + BYTES(2000);
	region.bytes = BYTES(10);
	region.flags = FIXHEAP_REGION_OWN;
	assert_int_equal(fixheap_add_region(t.heap, &region), -EINVAL);
	region.flags = 0;
	region.size--;
	assert_int_equal(fixheap_add_region(t.heap, &region), -EINVAL);
	region.size++;
	region.node = 5;
	assert_int_equal(fixheap_add_region(t.heap, &region), -ENODEV);
	regions_count(&t, 1000, 0);
	assert_int_equal(region_add(&t, 2000, 1000, 0), 1);
	assert_int_equal(region_add(&t, 4000, 1000, 0), 2);
	assert_int_equal(region_add(&t, 6000, 1, 0), -ENOSPC);
	assert_int_equal(fixheap_offline_region(t.heap, 2, 0), 0);
	assert_int_equal(region_add(&t, 6000, 1001, 0), -ENOSPC);
	/* of another heap */
	other = t;
	assert_int_equal(fixheap_create(
				 &(struct fixheap_config){
					 .size = sizeof(struct fixheap_config),
					 .base = t.base + BYTES(6000),
					 .length = BYTES(10) },
				 &other.heap),
			 0);
	assert_int_equal(region_add(&t, 6005, 1, 0), -EINVAL);
	assert_int_equal(region_add(&other, 7000, 1, 0), -ENOSPC);
	fixheap_destroy(other.heap);
	assert_int_equal(region_add(&t, 6005, 1, 0), 2);
	assert_int_equal(fixheap_region_of(t.heap, t.base, NULL), -EINVAL);
	region.size = 0;
	assert_int_equal(fixheap_region_of(t.heap, t.base, &region), -EINVAL);
	assert_int_equal(fixheap_region_at(t.heap, 0, &region), -EINVAL);
	region.size = sizeof(region);
	assert_int_equal(fixheap_region_at(t.heap, 3, &region), -ENOENT);
	assert_int_equal(fixheap_region_at(t.heap, ~0u, &region), -ENOENT);
	assert_int_equal(fixheap_region_of(t.heap, NULL, &region), -ENOENT);
	assert_int_equal(fixheap_region_of(t.heap, (void *)~(uintptr_t)0,
					   &region),
			 -ENOENT);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_same_keys),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_readers),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_bad_regions),
	};

	return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
