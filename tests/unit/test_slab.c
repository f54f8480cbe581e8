/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_slab.c: descriptors of slabs, mm/slab.c, on pages that are taken as
 * jemalloc's hooks take them.
 */
#include "objects_test.h"

#include "je.h"
#include "run.h"
#include "slab.h"
#include "thread_cache.h"

/* A slab of this class; its pages are as the hooks get them. */
static struct run take_slab(struct fixheap *heap, u32 class)
{
	u32 bytes = size_class_slab(&size_class[class], je_page_shift);
	struct run_request req = { .nr_pages = bytes >> PAGE_SHIFT,
				   .align = 1u << (je_page_shift - PAGE_SHIFT),
				   .kind = PAGE_EXTENT,
				   .placement = PLACE_SMALL,
				   .node = 0 };
	struct run run;

	assert_int_equal(run_alloc(heap, &req, &run), 0);
	return run;
}

static void free_slab(struct fixheap *heap, struct run run)
{
	assert_null(run_free(heap, &run, PAGE_EXTENT));
}

static bool starts_at(struct fixheap *heap, const char *ptr)
{
	return slab_starts(page_read(&heap->page[addr_to_pfn(heap, ptr)]),
			   (uintptr_t)ptr & (PAGE_BYTES - 1));
}

static u64 page_at(struct fixheap *heap, const char *ptr)
{
	return page_read(&heap->page[addr_to_pfn(heap, ptr)]);
}

/*
 * Every byte of the object's page is the start of an object, or is not; the
 * slab's other pages are known to be of it, and marked only where they have
 * been described, too.
 */
static void assert_described(struct fixheap *heap, struct run run, u32 class,
			     const char *object)
{
	u32 bytes = (u32)(run.nr_pages << PAGE_SHIFT);
	u32 size = size_class[class].size;
	char *slab = pfn_to_addr(heap, run.pfn);

	for (u32 i = 0; i < bytes; i++) {
		u64 page = page_at(heap, slab + i);
		bool here = addr_to_pfn(heap, slab + i) ==
			    addr_to_pfn(heap, object);

		assert_int_equal(slab_class_of(page), class);
		assert_int_equal(slab_class(page), here ? class : 0);
		assert_int_equal(starts_at(heap, slab + i),
				 here && i % size == 0);
		assert_int_equal(mark_is(slab + i - i % size,
					 mark_of(heap->objects->key,
						 slab + i - i % size)),
				 addr_to_pfn(heap, slab + i - i % size) ==
					 addr_to_pfn(heap, object));
	}
}

/* Nothing is written to a page before an object of it is there. */
static void test_an_object_describes_its_page(void **state)
{
	struct fixheap *heap = make_heap(16 * MIB, NULL);

	(void)state;
	for (u32 class = 1; class <= NR_SIZE_CLASSES; class ++) {
		struct run run = take_slab(heap, class);
		u32 bytes = (u32)(run.nr_pages << PAGE_SHIFT);
		u32 size = size_class[class].size;
		char *slab = pfn_to_addr(heap, run.pfn);

		for (u32 i = 0; i < bytes; i += size) {
			/* Objects at 16 places will do for the small ones. */
			if (i > 8 * size && i + 8 * size < bytes)
				continue;
			for (u64 p = 0; p < run.nr_pages; p++)
				heap->page[run.pfn + p] =
					slab_forget(heap->page[run.pfn + p]);
			assert_false(starts_at(heap, slab + i));
			memset(slab, 0, bytes);
			slab_check(heap, slab + i, class);
			assert_described(heap, run, class, slab + i);
		}
		free_slab(heap, run);
	}
	end_empty_heap(heap);
}

static void test_next_life_replaces_the_description(void **state)
{
	static const u32 lives[][2] = { { 1, 4 },  { 4, 1 },   { 12, 28 },
					{ 9, 17 }, { 17, 33 }, { 35, 7 } };
	struct fixheap *heap = make_heap(16 * MIB, NULL);

	(void)state;
	for (u32 i = 0; i < ARRAY_LEN(lives); i++) {
		struct run run = take_slab(heap, lives[i][0]);
		char *slab = pfn_to_addr(heap, run.pfn);
		char *end = slab + (run.nr_pages << PAGE_SHIFT), *last;

		slab_check(heap, slab, lives[i][0]);
		slab_check(heap, end - size_class[lives[i][0]].size,
			   lives[i][0]);
		memset(slab, 0, (size_t)(end - slab));
		last = end - size_class[lives[i][1]].size;
		slab_check(heap, last, lives[i][1]);
		assert_described(heap, run, lives[i][1], last);
		free_slab(heap, run);
		for (u64 p = 0; p < run.nr_pages << PAGE_SHIFT; p++)
			assert_false(starts_at(heap, slab + p));
	}
	end_empty_heap(heap);
}

static void test_description_keeps_kind_and_node(void **state)
{
	struct fixheap *heap;
	struct run run;
	u64 page;

	(void)state;
	assert_int_equal(host_sim_describe("2x1:64M"), 0);
	heap = make_heap(32 * MIB, NULL);
	run = take_slab(heap, 4);
	page = page_read(&heap->page[run.pfn]);
	slab_check(heap, pfn_to_addr(heap, run.pfn), 4);
	assert_int_equal(slab_forget(page_read(&heap->page[run.pfn])), page);
	assert_int_equal(page_kind(page), PAGE_EXTENT);
	free_slab(heap, run);
	end_empty_heap(heap);
}

struct bad_object {
	struct fixheap *heap;
	void *object;
};

static void check_bad_object(void *data)
{
	struct bad_object *bad = data;

	slab_check(bad->heap, bad->object, 4);
}

/* jemalloc would have to be broken: it is not left to go on. */
static void test_object_outside_of_slabs_is_a_bug(void **state)
{
	struct fixheap *heap = make_heap(16 * MIB, NULL);
	struct bad_object bad = { heap, NULL };

	(void)state;
	bad.object = fixheap_pages_alloc(heap, 256, 0, NULL);
	assert_non_null(bad.object);
	assert_true(host_sim_aborts(check_bad_object, &bad));
	assert_non_null(strstr(host_sim_output(), "bug"));
	fixheap_pages_free(heap, bad.object, 256);
	end_empty_heap(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_object_describes_its_page),
		TEST(next_life_replaces_the_description),
		TEST(description_keeps_kind_and_node),
		TEST(object_outside_of_slabs_is_a_bug),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
