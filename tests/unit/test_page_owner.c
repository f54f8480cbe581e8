/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_page_owner.c: mm/page_owner.c, a fault says who allocated and who
 * freed the page.
 */
#include "support.h"

#include "page_owner.h"

/* The addresses in the message: 0 where there is none. */
static void owners_of(const struct test_heap *t, uintptr_t *allocated,
		      uintptr_t *freed)
{
	const char *a = strstr(t->message, "; allocated at sim+0x");
	const char *f = strstr(t->message, ", freed at sim+0x");

	*allocated = a ? strtoul(a + 19, NULL, 16) : 0;
	*freed = f ? strtoul(f + 15, NULL, 16) : 0;
}

/* Near: within the function that the call stands in. */
static bool near_to(uintptr_t address, const void *function)
{
	return address - (uintptr_t)function < 200;
}

static void *__attribute__((noinline)) my_alloc(struct test_heap *t, u64 nr)
{
	void *pages = fixheap_pages_alloc(t->heap, nr, 0, NULL);

	assert_non_null(pages);
	return pages;
}

static void __attribute__((noinline))
my_free(struct test_heap *t, void *pages, u64 nr)
{
	fixheap_pages_free(t->heap, pages, nr);
	assert_non_null(t);
}

static void test_pages(void **state)
{
	uintptr_t allocated, freed;
	struct test_heap t;
	char *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	pages = my_alloc(&t, 600);
	/* an interior page is the head's affair */
	fixheap_array_free(t.heap, pages + BYTES(550));
	if (IS_ENABLED(CONFIG_ARRAY)) {
		heap_faulted(&t, "fixheap_array_free",
			     "memory of another kind");
		owners_of(&t, &allocated, &freed);
		assert_true(near_to(allocated, my_alloc));
		assert_int_equal(freed, 0);
	}
	t.nr_faults = 0;
	my_free(&t, pages, 600);
	my_free(&t, pages, 600);
	heap_faulted(&t, "fixheap_pages_free",
		     "double free, or never allocated");
	owners_of(&t, &allocated, &freed);
	assert_true(near_to(allocated, my_alloc));
	assert_true(near_to(freed, my_free));
	/* a page that nobody ever had */
	my_free(&t, t.base + BYTES(700), 1);
	heap_faulted(&t, "fixheap_pages_free",
		     "double free, or never allocated");
	owners_of(&t, &allocated, &freed);
	assert_int_equal(allocated | freed, 0);
	/* handed out again: the old free is forgotten */
	pages = my_alloc(&t, 600);
	my_free(&t, pages + BYTES(1), 700);
	assert_int_equal(t.nr_faults, 1);
	owners_of(&t, &allocated, &freed);
	assert_true(near_to(allocated, my_alloc));
	assert_int_equal(freed, 0);
	t.nr_faults = 0;
	my_free(&t, pages, 600);
	heap_end(&t);
}

static void *__attribute__((noinline))
my_realloc(struct test_heap *t, void *array, u64 nr)
{
	void *moved = fixheap_array_realloc(t->heap, array, BYTES(nr));

	assert_non_null(moved);
	return moved;
}

static void test_arrays(void **state)
{
	uintptr_t allocated, freed;
	struct test_heap t;
	char *array, *moved;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	array = my_realloc(&t, NULL, 10);
	my_alloc(&t, 600);
	moved = my_realloc(&t, array, 300);
	if (moved != array) {
		fixheap_array_free(t.heap, array);
		assert_int_equal(t.nr_faults, 1);
		owners_of(&t, &allocated, &freed);
		assert_true(near_to(allocated, my_realloc));
		assert_true(near_to(freed, my_realloc));
	}
	t.nr_faults = 0;
	fixheap_array_free(t.heap, moved + BYTES(1));
	heap_faulted(&t, "fixheap_array_free", "interior pointer");
	owners_of(&t, &allocated, &freed);
	assert_true(near_to(allocated, my_realloc));
	assert_int_equal(freed, 0);
	heap_end(&t);
}

/* The simulated host knows two callers more, a byte apart. */
static void test_stack(void **state)
{
	uintptr_t allocated, freed;
	struct test_heap t;
	char want[200], *pages;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 1024 });
	pages = my_alloc(&t, 600);
	my_free(&t, pages, 600);
	my_free(&t, pages, 600);
	owners_of(&t, &allocated, &freed);
	snprintf(want, sizeof(want),
		 "at sim+0x%lx < sim+0x%lx < sim+0x%lx, freed at sim+0x%lx < "
		 "sim+0x%lx < sim+0x%lx",
		 allocated, allocated + 1, allocated + 2, freed, freed + 1,
		 freed + 2);
	assert_non_null(strstr(t.message, want));
	t.nr_faults = 0;
	heap_end(&t);
}

/* ---- pages inside of what was allocated or freed ------------------------ */

static void *__attribute__((noinline)) other_alloc(struct test_heap *t, u64 nr)
{
	void *pages = fixheap_pages_alloc(t->heap, nr, 0, NULL);

	assert_non_null(pages);
	return pages;
}

static void __attribute__((noinline))
other_free(struct test_heap *t, void *pages, u64 nr)
{
	fixheap_pages_free(t->heap, pages, nr);
	assert_non_null(t);
}

static void __attribute__((noinline))
my_resize(struct test_heap *t, void *array, u64 nr)
{
	assert_int_equal(fixheap_array_resize(t->heap, array, BYTES(nr)), 0);
	assert_non_null(t);
}

static void __attribute__((noinline))
my_array_free(struct test_heap *t, void *array)
{
	fixheap_array_free(t->heap, array);
	assert_non_null(t);
}

/* A mistake about the page: it names these functions; NULL: nobody. */
static void check_owners(struct test_heap *t, const char *page,
			 const void *alloc_fn, const void *free_fn)
{
	uintptr_t allocated, freed;

	fixheap_free(t->heap, (void *)(page + 8));
	assert_int_equal(t->nr_faults, 1);
	t->nr_faults = 0;
	owners_of(t, &allocated, &freed);
	if (!!allocated != !!alloc_fn || !!freed != !!free_fn ||
	    (allocated && !near_to(allocated, alloc_fn)) ||
	    (freed && !near_to(freed, free_fn)))
		fail_msg("%s", t->message);
}

enum step_call {
	ALLOC,	     /* the lowest free pages, by my_alloc */
	ALLOC_OTHER, /* by other_alloc */
	FREE,
	FREE_OTHER,
	ARRAY, /* likewise, by my_realloc */
	ARRAY_FREE,
	RESIZE
};

struct step {
	enum step_call call;
	u64 from, nr; /* pages from the heap's first */
};

#define ALL_OF 64
static const struct story {
	struct step step[8]; /* up to one with nr 0 */
	u64 page;
	const void *allocated, *freed;
} stories[] = {
	/* inside of a run, in use and freed */
	{ { { ALLOC, 0, 10 } }, 4, my_alloc, NULL },
	{ { { ALLOC, 0, 10 }, { FREE, 0, 10 } }, 4, my_alloc, my_free },
	{ { { ALLOC, 0, 10 }, { FREE, 0, 10 } }, 9, my_alloc, my_free },
	{ { { ALLOC, 0, 10 }, { FREE, 0, 10 } }, 10, NULL, NULL },
	/* a part of it is freed: before, in, behind */
	{ { { ALLOC, 0, 10 }, { FREE, 3, 4 } }, 2, my_alloc, NULL },
	{ { { ALLOC, 0, 10 }, { FREE, 3, 4 } }, 5, my_alloc, my_free },
	{ { { ALLOC, 0, 10 }, { FREE, 3, 4 } }, 8, my_alloc, NULL },
	{ { { ALLOC, 0, 10 }, { FREE, 0, 4 } }, 8, my_alloc, NULL },
	/* the first part of it has a new owner */
	{ { { ALLOC, 0, 10 }, { FREE, 0, 4 }, { ALLOC_OTHER, 0, 2 } },
	  1,
	  other_alloc,
	  NULL },
	{ { { ALLOC, 0, 10 }, { FREE, 0, 4 }, { ALLOC_OTHER, 0, 2 } },
	  3,
	  my_alloc,
	  my_free },
	{ { { ALLOC, 0, 10 }, { FREE, 0, 4 }, { ALLOC_OTHER, 0, 2 } },
	  8,
	  my_alloc,
	  NULL },
	{ { { ALLOC, 0, 10 },
	    { FREE, 0, 10 },
	    { ALLOC_OTHER, 0, 2 },
	    { FREE_OTHER, 0, 2 } },
	  1,
	  other_alloc,
	  other_free },
	{ { { ALLOC, 0, 10 },
	    { FREE, 0, 10 },
	    { ALLOC_OTHER, 0, 2 },
	    { FREE_OTHER, 0, 2 } },
	  7,
	  my_alloc,
	  my_free },
	/* single pages, then one run over them */
	{ { { ALLOC, 0, 1 },
	    { ALLOC, 1, 1 },
	    { FREE, 0, 1 },
	    { FREE, 1, 1 },
	    { ALLOC_OTHER, 0, 5 },
	    { FREE_OTHER, 0, 5 } },
	  1,
	  other_alloc,
	  other_free },
	/* one free over several runs: each page has its own allocation */
	{ { { ALLOC, 0, 4 }, { ALLOC_OTHER, 4, 4 }, { FREE, 2, 6 } },
	  3,
	  my_alloc,
	  my_free },
	{ { { ALLOC, 0, 4 }, { ALLOC_OTHER, 4, 4 }, { FREE, 2, 6 } },
	  6,
	  other_alloc,
	  my_free },
	/* arrays */
	{ { { ARRAY, 0, 10 }, { ARRAY_FREE, 0, 10 } },
	  6,
	  my_realloc,
	  my_array_free },
	{ { { ARRAY, 0, 10 }, { RESIZE, 0, 4 } }, 6, my_realloc, my_resize },
	{ { { ARRAY, 0, 10 }, { RESIZE, 0, 4 } }, 3, my_realloc, NULL },
	{ { { ARRAY, 0, 4 }, { RESIZE, 0, 10 } }, 6, my_realloc, NULL },
	{ { { ARRAY, 0, 4 }, { RESIZE, 0, 10 }, { ARRAY_FREE, 0, 10 } },
	  9,
	  my_realloc,
	  my_array_free },
	{ { { ARRAY, 0, 10 }, { RESIZE, 0, 4 }, { RESIZE, 0, 8 } },
	  6,
	  my_realloc,
	  NULL },
};

static bool told_with_arrays(const struct story *story)
{
	return story->step[0].call == ARRAY;
}

/* Every page from `from` on is free, and nothing in front of it. */
static void take_step(struct test_heap *t, const struct step *step)
{
	char *at = t->base + BYTES(step->from);

	switch (step->call) {
	case ALLOC:
		assert_ptr_equal(my_alloc(t, step->nr), at);
		break;
	case ALLOC_OTHER:
		assert_ptr_equal(other_alloc(t, step->nr), at);
		break;
	case FREE:
		my_free(t, at, step->nr);
		break;
	case FREE_OTHER:
		other_free(t, at, step->nr);
		break;
	case ARRAY:
		assert_ptr_equal(my_realloc(t, NULL, step->nr), at);
		break;
	case ARRAY_FREE:
		my_array_free(t, at);
		break;
	case RESIZE:
		my_resize(t, at, step->nr);
		break;
	}
	/* What lies in a CPU's cache would not be handed out next. */
	fixheap_reclaim(t->heap);
}

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
		const struct story *story = &stories[i];
		struct test_heap t;

		if (told_with_arrays(story) && !IS_ENABLED(CONFIG_ARRAY))
			continue;
		print_message("story %zu\n", i);
		heap_make(&t, &(struct heap_spec){ .nr_pages = ALL_OF });
		for (size_t n = 0; story->step[n].nr; n++)
			take_step(&t, &story->step[n]);
		check_owners(&t, t.base + BYTES(story->page), story->allocated,
			     story->freed);
		heap_end(&t);
	}
}

/* How far back a fault looks; the heap is address space only. */
static void test_far(void **state)
{
	static const struct {
		u64 page;
		bool found;
	} table[] = {
		{ 1, true },
		{ 1 << 20, true },
		{ (1 << 20) + 1, false },
		{ (2 << 20) - 1, false },
	};
	struct test_heap t;
	char *pages;

	(void)state;
	need(!IS_ENABLED(CONFIG_PAGE_POISON), "there is no memory to poison");
	heap_make(&t,
		  &(struct heap_spec){ .nr_pages = 2 << 20, .reserved = 1 });
	pages = my_alloc(&t, 2 << 20);
	/* in use, its head is known, however far */
	check_owners(&t, pages + BYTES((2 << 20) - 1), my_alloc, NULL);
	my_free(&t, pages, 2 << 20);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		bool found = table[i].found;

		check_owners(&t, pages + BYTES(table[i].page),
			     found ? my_alloc : NULL, found ? my_free : NULL);
	}
	heap_end(&t);
}

/* A slab's page is nobody's, whoever had it before. */
static void test_slab(void **state)
{
	uintptr_t allocated, freed;
	struct test_heap t;
	char *object, *pages;

	(void)state;
	need(IS_ENABLED(CONFIG_JEMALLOC), "JEMALLOC is off");
	heap_warm_objects();
	heap_make(&t, &(struct heap_spec){ .nr_pages = ALL_OF });
	pages = my_alloc(&t, ALL_OF);
	my_free(&t, pages, ALL_OF);
	object = fixheap_malloc(t.heap, 100);
	assert_non_null(object);
	fixheap_free(t.heap, object + 1);
	heap_faulted(&t, "fixheap_free", "interior pointer");
	owners_of(&t, &allocated, &freed);
	assert_int_equal(allocated | freed, 0);
	fixheap_free(t.heap, object);
	heap_end(&t);
}

static void test_bytes(void **state)
{
	(void)state;
	assert_int_equal(page_owner_bytes(0), 0);
	assert_int_equal(page_owner_bytes(1000), 1000 * 20 * sizeof(u64));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pages),	cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_stories), cmocka_unit_test(test_far),
		cmocka_unit_test(test_slab),	cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_stack),
	};

	return cmocka_run_group_tests_name("page_owner", tests, NULL, NULL);
}
