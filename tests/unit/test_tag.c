/* SPDX-License-Identifier: BSD-2-Clause */
/* test_tag.c: what runs are for, mm/tag.c. */
#include "support.h"

#include "tag.h"

#define NR 1024 /* pages of the heaps here */

/* What fixheap_tags says of one tag; all 0: nothing. */
struct seen {
	unsigned tag;
	struct fixheap_tag of;
};

static int see(void *data, const struct fixheap_tag *tag)
{
	struct seen *seen = data;

	assert_int_equal(tag->size, sizeof(*tag));
	if (tag->tag == seen->tag)
		seen->of = *tag;
	return 0;
}

static void tag_is(struct test_heap *t, unsigned tag, u64 live, u64 peak,
		   u64 nr)
{
	struct seen seen = { .tag = tag };

	assert_int_equal(fixheap_tags(t->heap, see, &seen), 0);
	assert_int_equal(seen.of.live_bytes, BYTES(live));
	assert_int_equal(seen.of.peak_bytes, BYTES(peak));
	assert_int_equal(seen.of.nr_live, nr);
}

static void *tagged(struct test_heap *t, u64 nr_pages, unsigned tag)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;

	attr.tag = tag;
	return fixheap_array_alloc(t->heap, BYTES(nr_pages), &attr);
}

static void test_arrays(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;
	char *a, *b;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	/* nothing is kept of what came before the first tag */
	b = fixheap_array_alloc(t.heap, BYTES(5), NULL);
	tag_is(&t, 7, 0, 0, 0);
	a = tagged(&t, 10, 7);
	tag_is(&t, 7, 10, 10, 1);
	/* grows and shrinks in place, moves, all with its tag */
	assert_int_equal(fixheap_array_resize(t.heap, a, BYTES(20)), 0);
	tag_is(&t, 7, 20, 20, 1);
	assert_int_equal(fixheap_array_resize(t.heap, a, BYTES(6)), 0);
	tag_is(&t, 7, 6, 20, 1);
	fixheap_array_free(t.heap, b);
	b = fixheap_array_alloc(t.heap, BYTES(9), NULL);
	a = fixheap_array_realloc(t.heap, a, BYTES(700));
	assert_non_null(a);
	tag_is(&t, 7, 700, 706, 1);
	fixheap_array_free(t.heap, b);
	fixheap_array_free(t.heap, a);
	tag_is(&t, 7, 0, 706, 0);
	/* set aside for one thing, used for another */
	attr.tag = 8;
	attr.ticket = fixheap_reserve(t.heap, BYTES(30), &attr);
	tag_is(&t, 8, 30, 30, 1);
	attr.tag = 9;
	a = fixheap_array_alloc(t.heap, BYTES(12), &attr);
	tag_is(&t, 8, 0, 30, 0);
	tag_is(&t, 9, 12, 12, 1);
	fixheap_array_free(t.heap, a);
	heap_is_empty(&t);
	heap_end(&t);
}

/* Any part of them can be freed. */
static void test_pages(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct test_heap t;
	char *a, *single[3];

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	attr.tag = 3;
	a = fixheap_pages_alloc(t.heap, 100, 0, &attr);
	tag_is(&t, 3, 100, 100, 1);
	fixheap_pages_free(t.heap, a + BYTES(40), 10);
	tag_is(&t, 3, 90, 100, 2);
	fixheap_pages_free(t.heap, a, 1);
	tag_is(&t, 3, 89, 100, 2);
	fixheap_pages_free(t.heap, a + BYTES(1), 39);
	fixheap_pages_free(t.heap, a + BYTES(50), 50);
	tag_is(&t, 3, 0, 100, 0);
	/* single ones, which CPUs keep */
	for (u32 i = 0; i < 3; i++)
		single[i] = fixheap_pages_alloc(t.heap, 1, 0, &attr);
	tag_is(&t, 3, 3, 100, 3);
	fixheap_pages_free(t.heap, single[1], 1);
	tag_is(&t, 3, 2, 100, 2);
	/* the next one is handed out without */
	single[1] = fixheap_pages_alloc(t.heap, 1, 0, NULL);
	tag_is(&t, 3, 2, 100, 2);
	for (u32 i = 0; i < 3; i++)
		fixheap_pages_free(t.heap, single[i], 1);
	tag_is(&t, 3, 0, 100, 0);
	/* a mistake changes nothing */
	a = fixheap_pages_alloc(t.heap, 9, 0, &attr);
	fixheap_pages_free(t.heap, a - BYTES(11), 20);
	heap_faulted(&t, "fixheap_pages_free",
		     "double free, or never allocated");
	tag_is(&t, 3, 9, 100, 1);
	fixheap_pages_free(t.heap, a, 9);
	heap_is_empty(&t);
	heap_end(&t);
}

static void test_of_the_thread(void **state)
{
	struct test_heap t;
	char *a, *object;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	assert_int_equal(fixheap_set_tag(FIXHEAP_NR_TAGS), -EINVAL);
	assert_int_equal(fixheap_set_tag(1023), 0);
	a = fixheap_array_alloc(t.heap, BYTES(4), NULL);
	object = fixheap_malloc(t.heap, 100000);
	assert_int_equal(fixheap_set_tag(0), 1023);
	tag_is(&t, 1023, 4 + bytes_to_pages(100000), 4 + bytes_to_pages(100000),
	       2);
	/* an object keeps it, too */
	object = fixheap_realloc(t.heap, object, BYTES(300));
	fixheap_array_free(t.heap, a);
	tag_is(&t, 1023, 300, 304 + bytes_to_pages(100000), 1);
	fixheap_free(t.heap, object);
	tag_is(&t, 1023, 0, 304 + bytes_to_pages(100000), 0);
	assert_null(tagged(&t, 1, FIXHEAP_NR_TAGS));
	assert_int_equal(errno, EINVAL);
	heap_is_empty(&t);
	heap_end(&t);
}

/* Against plain counts, whatever is cut and joined. */
static void test_random(void **state)
{
	static struct {
		char *start;
		u64 nr;
		unsigned tag;
	} run[64];
	u64 seed = 1, live[5] = { 0 }, at;
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	memset(run, 0, sizeof(run));
	for (u32 n = 0; n < TEST_STEPS(20000); n++) {
		struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		u64 i = random_below(&seed, ARRAY_LEN(run)), nr;

		if (!run[i].nr) {
			attr.tag = (unsigned)random_below(&seed, 5);
			nr = 1 + random_below(&seed, 30);
			run[i].start =
				fixheap_pages_alloc(t.heap, nr, 0, &attr);
			run[i].nr = run[i].start ? nr : 0;
			run[i].tag = attr.tag;
			live[attr.tag] += run[i].nr;
			continue;
		}
		/* from the end, or all of it */
		nr = 1 + random_below(&seed, run[i].nr);
		at = run[i].nr - nr;
		fixheap_pages_free(t.heap, run[i].start + BYTES(at), nr);
		run[i].nr = at;
		live[run[i].tag] -= nr;
		for (unsigned tag = 1; n % 50 == 0 && tag < 5; tag++) {
			struct seen seen = { .tag = tag };

			fixheap_tags(t.heap, see, &seen);
			assert_int_equal(seen.of.live_bytes, BYTES(live[tag]));
		}
	}
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_of_the_thread),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("tag", tests, NULL, NULL);
}
