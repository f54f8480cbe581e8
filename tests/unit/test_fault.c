/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_fault.c: mm/fault.c, the caller's mistakes: each is found, described,
 * and changes nothing.
 *
 * Page numbers are from the heap's first page: an array of 10 pages, pages
 * that were an array and are free, 10 pages from fixheap_pages_alloc, one
 * page of those that was freed, and the rest, which was never allocated.
 */
#include "support.h"

#include <stdint.h>

enum {
	NR_PAGES = 1024,
	ARRAY = 0,
	FREED = 10,
	PAGES = 20,
	HOLE = 25,
	NEVER = 30
};

enum call {
	PAGES_FREE,
	ARRAY_FREE,
	ARRAY_RESIZE,
	ARRAY_REALLOC
};

static const char *const names[] = {
	"fixheap_pages_free",
	"fixheap_array_free",
	"fixheap_array_resize",
	"fixheap_array_realloc",
};

#define GONE "double free, or never allocated"
#define OTHER "memory of another kind"
#define LENGTH "wrong length"
#define INSIDE "interior pointer"
#define FOREIGN "foreign pointer"
#define PARTLY "part of the range is free, or of another kind"
#define BEYOND "range reaches beyond the heap"

struct mistake {
	enum call call;
	long page; /* of the address */
	long skew; /* bytes beside it */
	u64 nr;	   /* pages, for fixheap_pages_free */
	const char *what, *state;
};

static const struct mistake mistakes[] = {
	/* freed twice, or never handed out */
	{ ARRAY_FREE, FREED, 0, 0, GONE, "free" },
	{ ARRAY_FREE, NEVER, 0, 0, GONE, "free" },
	{ PAGES_FREE, HOLE, 0, 1, GONE, "free" },
	{ PAGES_FREE, NEVER, 0, 100, GONE, "free" },
	{ PAGES_FREE, NR_PAGES - 1, 0, 1, GONE, "free" },
	{ ARRAY_RESIZE, FREED, 0, 5, GONE, "free" },
	{ ARRAY_REALLOC, FREED, 0, 5, GONE, "free" },
	/* not the start of what was handed out */
	{ ARRAY_FREE, ARRAY + 1, 0, 0, INSIDE, "array" },
	{ ARRAY_FREE, ARRAY + 9, 0, 0, INSIDE, "array" },
	{ ARRAY_FREE, ARRAY, 1, 0, INSIDE, "array" },
	{ ARRAY_FREE, ARRAY, 8, 0, INSIDE, "array" },
	{ ARRAY_FREE, NEVER, 8, 0, INSIDE, "free" },
	{ ARRAY_RESIZE, ARRAY + 3, 0, 5, INSIDE, "array" },
	{ ARRAY_REALLOC, ARRAY, 16, 5, INSIDE, "array" },
	{ PAGES_FREE, PAGES, 1, 1, INSIDE, "pages" },
	/* an array as pages, but not all of it, or more */
	{ PAGES_FREE, ARRAY, 0, 1, LENGTH, "array" },
	{ PAGES_FREE, ARRAY, 0, 9, LENGTH, "array" },
	{ PAGES_FREE, ARRAY, 0, 11, LENGTH, "array" },
	{ PAGES_FREE, ARRAY, 0, NR_PAGES, LENGTH, "array" },
	{ PAGES_FREE, ARRAY + 2, 0, 3, INSIDE, "array" },
	{ PAGES_FREE, ARRAY + 1, 0, 9, INSIDE, "array" },
	{ PAGES_FREE, ARRAY + 9, 0, 1, INSIDE, "array" },
	/* of another kind */
	{ ARRAY_FREE, PAGES, 0, 0, OTHER, "pages" },
	{ ARRAY_FREE, PAGES + 1, 0, 0, OTHER, "pages" },
	{ ARRAY_RESIZE, PAGES, 0, 5, OTHER, "pages" },
	{ ARRAY_REALLOC, PAGES, 0, 20, OTHER, "pages" },
	/* a range that is partly free */
	{ PAGES_FREE, PAGES, 0, 10, PARTLY, "pages" },
	{ PAGES_FREE, PAGES, 0, 6, PARTLY, "pages" },
	{ PAGES_FREE, PAGES + 6, 0, 5, PARTLY, "pages" },
	{ PAGES_FREE, HOLE, 0, 3, GONE, "free" },
	{ PAGES_FREE, PAGES - 1, 0, 3, GONE, "free" },
	{ PAGES_FREE, PAGES + 6, 0, NR_PAGES, BEYOND, "pages" },
	{ PAGES_FREE, PAGES + 6, 0, NR_PAGES - PAGES - 5, BEYOND, "pages" },
	{ PAGES_FREE, PAGES, 0, ~0ull, BEYOND, "pages" },
	{ PAGES_FREE, PAGES, 0, 1ull << (64 - PAGE_SHIFT), BEYOND, "pages" },
	/* not of this heap */
	{ PAGES_FREE, -1, 0, 1, FOREIGN, "outside of the heap" },
	{ PAGES_FREE, NR_PAGES, 0, 1, FOREIGN, "outside of the heap" },
	{ ARRAY_FREE, -1, 0, 0, FOREIGN, "outside of the heap" },
	{ ARRAY_FREE, 0, -1, 0, FOREIGN, "outside of the heap" },
	{ ARRAY_FREE, 1l << 40, 0, 0, FOREIGN, "outside of the heap" },
	{ ARRAY_RESIZE, -5, 0, 5, FOREIGN, "outside of the heap" },
	{ ARRAY_REALLOC, NR_PAGES + 5, 0, 5, FOREIGN, "outside of the heap" },
};

static void furnish(struct test_heap *t)
{
	void *freed, *all;

	need(IS_ENABLED(CONFIG_ARRAY), "ARRAY is off");
	heap_make(t, &(struct heap_spec){ .nr_pages = NR_PAGES });
	/* each goes to the only place that is free */
	all = fixheap_pages_alloc(t->heap, NR_PAGES, 0, NULL);
	assert_ptr_equal(all, t->base);
	fixheap_pages_free(t->heap, t->base + BYTES(ARRAY), 10);
	assert_ptr_equal(fixheap_array_alloc(t->heap, BYTES(10), NULL),
			 t->base + BYTES(ARRAY));
	fixheap_pages_free(t->heap, t->base + BYTES(FREED), 10);
	freed = fixheap_array_alloc(t->heap, BYTES(10), NULL);
	assert_ptr_equal(freed, t->base + BYTES(FREED));
	fixheap_pages_free(t->heap, t->base + BYTES(NEVER), NR_PAGES - NEVER);
	fixheap_pages_free(t->heap, t->base + BYTES(HOLE), 1);
	fixheap_array_free(t->heap, freed);
	fixheap_reclaim(t->heap);
	heap_valid(t);
	assert_int_equal(t->heap->used, 19);
}

static char *address_of(struct test_heap *t, const struct mistake *m)
{
	return (char *)((uintptr_t)t->base + (uintptr_t)m->page * PAGE_BYTES +
			(uintptr_t)m->skew);
}

static void make_mistake(struct test_heap *t, const struct mistake *m)
{
	char *address = address_of(t, m);

	errno = E2BIG;
	switch (m->call) {
	case PAGES_FREE:
		fixheap_pages_free(t->heap, address, m->nr);
		assert_int_equal(errno, E2BIG);
		break;
	case ARRAY_FREE:
		fixheap_array_free(t->heap, address);
		assert_int_equal(errno, E2BIG);
		break;
	case ARRAY_RESIZE:
		assert_int_equal(fixheap_array_resize(t->heap, address,
						      BYTES(m->nr)),
				 -EINVAL);
		assert_int_equal(errno, E2BIG);
		break;
	case ARRAY_REALLOC:
		assert_null(
			fixheap_array_realloc(t->heap, address, BYTES(m->nr)));
		assert_int_equal(errno, EINVAL);
		break;
	}
}

static void check_message(struct test_heap *t, const struct mistake *m)
{
	const struct fixheap_fault *fault = &t->fault;
	bool outside = m->page < 0 || m->skew < 0 || m->page >= NR_PAGES;
	size_t length = m->call == PAGES_FREE ? BYTES(m->nr) : 0;
	char want[300], page[32], bytes[40];

	if (m->call == PAGES_FREE && m->nr > SIZE_MAX >> PAGE_SHIFT)
		length = SIZE_MAX;
	assert_int_equal(fault->size, sizeof(*fault));
	assert_string_equal(t->state, m->state);
	assert_ptr_equal(fault->address, address_of(t, m));
	assert_int_equal(fault->length, length);
	assert_int_equal(fault->pfn, outside ? UINT64_MAX : (u64)m->page);
	snprintf(page, sizeof(page), "page %ld", m->page);
	snprintf(bytes, sizeof(bytes), ", %zu bytes", length);
	snprintf(want, sizeof(want), "fixheap: %s(%p%s): %s; %s is %s",
		 names[m->call], fault->address, length ? bytes : "", m->what,
		 outside ? "the address" : page, m->state);
	assert_memory_equal(t->message, want, strlen(want));
	assert_null(strchr(t->message, '\n'));
	if (!IS_ENABLED(CONFIG_PAGE_OWNER))
		assert_string_equal(t->message, want);
}

/* The handler returns: the call has done nothing. */
static void test_returns(void **state)
{
	struct test_heap t;

	(void)state;
	furnish(&t);
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++) {
		const struct mistake *m = &mistakes[i];

		make_mistake(&t, m);
		if (t.nr_faults != 1 || strcmp(t.what, m->what))
			fail_msg("line %zu: %u faults, %s", i, t.nr_faults,
				 t.what);
		check_message(&t, m);
		heap_faulted(&t, names[m->call], m->what);
		assert_int_equal(t.heap->used, 19);
		heap_valid(&t);
	}
	heap_end(&t);
}

/* The handler leaves by longjmp: no lock is left behind. */
static jmp_buf frame;

static void jump(void *data, const struct fixheap_fault *fault)
{
	(void)data;
	(void)fault;
	longjmp(frame, 1);
}

static void test_longjmp(void **state)
{
	static struct test_heap t;
	static size_t i;

	(void)state;
	furnish(&t);
	t.heap->fault = jump;
	for (i = 0; i < ARRAY_LEN(mistakes); i++) {
		if (!setjmp(frame)) {
			make_mistake(&t, &mistakes[i]);
			fail_msg("line %zu: the call has returned", i);
		}
		heap_lock_all(t.heap);
		heap_unlock_all(t.heap);
		heap_valid(&t);
	}
	assert_int_equal(t.heap->used, 19);
	heap_end(&t);
}

/* Without a handler the message is printed and the process aborted. */
static void test_abort(void **state)
{
	static struct test_heap t;
	static size_t i;
	char want[200];

	(void)state;
	furnish(&t);
	t.heap->fault = NULL;
	for (i = 0; i < ARRAY_LEN(mistakes); i++) {
		const struct mistake *m = &mistakes[i];
		const char *output = host_sim_output();

		host_sim_clear_output();
		if (!HOST_SIM_CATCH_ABORT()) {
			make_mistake(&t, m);
			host_sim_uncatch_abort();
			fail_msg("line %zu: no abort", i);
		}
		snprintf(want, sizeof(want), "fixheap: %s(%p", names[m->call],
			 (void *)address_of(&t, m));
		assert_memory_equal(output, want, strlen(want));
		assert_non_null(strstr(output, m->what));
		assert_ptr_equal(strchr(output, '\n'),
				 output + strlen(output) - 1);
	}
	assert_int_equal(host_sim_calls(HOST_SIM_ABORT), ARRAY_LEN(mistakes));
	heap_end(&t);
}

/* A handler may use the heap itself. */
static void use_heap(void *data, const struct fixheap_fault *fault)
{
	struct test_heap *t = data;
	void *pages = fixheap_pages_alloc(t->heap, 3, 0, NULL);

	(void)fault;
	assert_non_null(pages);
	fixheap_pages_free(t->heap, pages, 3);
	assert_int_equal(fixheap_validate(t->heap), 0);
	t->nr_faults++;
}

static void test_reenter(void **state)
{
	struct test_heap t;

	(void)state;
	furnish(&t);
	t.heap->fault = use_heap;
	for (size_t i = 0; i < ARRAY_LEN(mistakes); i++)
		make_mistake(&t, &mistakes[i]);
	assert_int_equal(t.nr_faults, ARRAY_LEN(mistakes));
	t.nr_faults = 0;
	heap_end(&t);
}

/* A pointer of one heap given to another. */
static void test_other_heap(void **state)
{
	struct test_heap t, other;
	void *pages;

	(void)state;
	heap_make(&other, &(struct heap_spec){ .nr_pages = 100 });
	heap_make(&t, &(struct heap_spec){ .nr_pages = 100 });
	pages = fixheap_pages_alloc(other.heap, 5, 0, NULL);
	fixheap_pages_free(t.heap, pages, 5);
	heap_faulted(&t, "fixheap_pages_free", FOREIGN);
	assert_int_equal(other.nr_faults, 0);
	fixheap_pages_free(other.heap, pages, 5);
	assert_int_equal(other.nr_faults, 0);
	heap_end(&t);
	heap_valid(&other);
	fixheap_destroy(other.heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_returns),
		cmocka_unit_test(test_longjmp),
		cmocka_unit_test(test_abort),
		cmocka_unit_test(test_reenter),
		cmocka_unit_test(test_other_heap),
	};

	return cmocka_run_group_tests_name("fault", tests, NULL, NULL);
}
