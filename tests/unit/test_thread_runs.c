/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_thread_runs.c: mm/thread_runs.c, a thread's own cache of objects that
 * are runs of pages.
 */
#include "objects_test.h"
#include "support.h"

#include "direct.h"
#include "thread_runs.h"

static struct run_cache *cache; /* of this thread */

/* A heap that is this thread's home. */
static void make(struct test_heap *t, u64 nr_pages)
{
	heap_warm_objects();
	heap_make(t,
		  &(struct heap_spec){ .nr_pages = nr_pages, .reserved = 1 });
	assert_true(thread_bind(&thread_self, t->heap));
	cache = &thread_self.set->runs;
	cache->hand = 0;
	/* as if all that it kept had been wanted */
	cache->gone = 0;
	cache->extra = THREAD_PAGES_MAX;
	assert_int_equal(thread_runs_count(&thread_self), 0);
}

static u64 page_at(struct test_heap *t, const void *object)
{
	return page_read(&t->heap->page[addr_to_pfn(t->heap, object)]);
}

/* An object of so many pages, from the zone. */
static void *new_object(struct test_heap *t, u64 nr_pages)
{
	const struct direct_request req = { .bytes = BYTES(nr_pages) };
	void *object = direct_alloc(t->heap, &req);

	assert_non_null(object);
	return object;
}

static void put(struct test_heap *t, void *object)
{
	u64 page = page_at(t, object);

	assert_true(thread_run_put(t->heap, object));
	assert_int_equal(page_at(t, object),
			 page_set_len(page_make(PAGE_FREEING, PLACE_MEDIUM, 0) |
					      PAGE_KEPT_FLAG,
				      page_len(page)));
}

static void *get(struct test_heap *t, u64 nr_pages)
{
	void *object = thread_run_get(t->heap, nr_pages);

	if (object)
		assert_int_equal(
			page_at(t, object),
			page_set_len(page_make(PAGE_DIRECT, PLACE_MEDIUM, 0),
				     nr_pages));
	return object;
}

static void end(struct test_heap *t)
{
	heap_is_empty(t);
	if (IS_ENABLED(CONFIG_VMSTAT))
		assert_int_equal(stats_of(t->heap).live_bytes, 0);
	heap_end(t);
}

/* By length, the last one first. */
static void test_lengths(void **state)
{
	static const u64 lengths[] = { 1, 4, 4, 5, 4, 63, 64, 64 };
	void *object[ARRAY_LEN(lengths)];
	struct test_heap t;
	u64 nr_pages = 0;

	(void)state;
	make(&t, 64 * 512);
	for (u32 i = 0; i < ARRAY_LEN(lengths); i++)
		object[i] = new_object(&t, lengths[i]);
	for (u32 i = 0; i < ARRAY_LEN(lengths); i++) {
		put(&t, object[i]);
		nr_pages += lengths[i];
		assert_int_equal(thread_runs_count(&thread_self), nr_pages);
		heap_valid(&t);
	}
	assert_int_equal(t.heap->used, nr_pages);
	if (IS_ENABLED(CONFIG_VMSTAT))
		assert_int_equal(stats_of(t.heap).live_bytes, 0);
	assert_null(get(&t, 2));
	assert_null(get(&t, 62));
	assert_null(get(&t, 65));
	for (u32 i = ARRAY_LEN(lengths); i--;) {
		assert_ptr_equal(get(&t, lengths[i]), object[i]);
		nr_pages -= lengths[i];
		assert_int_equal(thread_runs_count(&thread_self), nr_pages);
	}
	heap_valid(&t);
	for (u32 i = 0; i < ARRAY_LEN(lengths); i++)
		assert_null(get(&t, lengths[i]));
	for (u32 i = 0; i < ARRAY_LEN(lengths); i++)
		put(&t, object[i]);
	thread_runs_flush(&thread_self);
	assert_int_equal(thread_runs_count(&thread_self), 0);
	assert_int_equal(t.heap->used, 0);
	end(&t);
}

/* What there is room for: a 64th of the heap, 2,048 pages, 512 objects. */
static void test_limits(void **state)
{
	static const struct {
		u64 nr_pages; /* of the heap */
		u32 nr_threads;
		u64 length;
		u32 kept;
		bool replaced; /* by another one, which is kept instead */
	} table[] = {
		{ 64 * 100, 1, 10, 10, true },
		{ 64 * 100 - 1, 1, 10, 9, true },
		{ 64 * 100, 2, 10, 5, true },
		{ 64 * 100, 3, 10, 3, true },
		{ 64 * 64, 1, 64, 1, true },
		{ 64 * 64 - 1, 1, 64, 0, false },
		{ 64 * 2048, 1, 64, 32, true },
		{ 64 * 2500, 1, 64, 32, true },
		{ 64 * 2048, 1, 1, 512, false },
		{ 64 * 2048, 1, 4, 512, true },
		{ 64 * 2048, 1, 5, 409, true },
		{ 64 * 2048, 1, 65, 0, false },
	};
	static void *object[600];
	struct test_heap t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u32 kept = table[i].kept, nr = kept + 20, n = 0;

		make(&t, table[i].nr_pages);
		t.heap->objects->nr_threads = table[i].nr_threads;
		for (u32 k = 0; k < nr; k++)
			object[k] = new_object(&t, table[i].length);
		while (n < kept)
			put(&t, object[n++]);
		assert_int_equal(thread_runs_count(&thread_self),
				 kept * table[i].length);
		if (table[i].replaced)
			put(&t, object[n++]);
		else
			assert_false(thread_run_put(t.heap, object[n]));
		if (thread_runs_count(&thread_self) != kept * table[i].length)
			fail_msg("line %zu", i);
		heap_valid(&t);
		while (n < nr)
			fixheap_free(t.heap, object[n++]);
		t.heap->objects->nr_threads = 1;
		end(&t);
	}
}

/*
 * It may keep more, 128 pages at first, for each time that a length is wanted
 * of which one had to go, and less for each time that another one of such a
 * length has to go.
 */
static void test_room(void **state)
{
	static const struct {
		bool put; /* so many objects, or get them */
		u32 nr, length;
		u32 extra; /* then */
		u64 count;
	} table[] = {
		{ true, 4, 32, 0, 128 },  { true, 2, 32, 0, 128 },
		{ false, 4, 32, 0, 0 },	  { false, 1, 10, 0, 0 },
		{ false, 1, 32, 32, 0 },  { false, 1, 32, 32, 0 },
		{ true, 5, 32, 32, 160 }, { true, 1, 32, 32, 160 },
		{ true, 1, 32, 0, 160 },  { true, 1, 32, 0, 128 },
		{ false, 5, 32, 32, 0 },  { true, 1, 64, 32, 64 },
		{ true, 3, 64, 0, 128 },  { false, 3, 64, 64, 0 },
		{ true, 3, 64, 64, 192 },
	};
	struct test_heap t;

	(void)state;
	make(&t, 64 * 2048);
	cache->extra = 0;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		for (u32 k = 0; k < table[i].nr; k++) {
			void *object;

			if (table[i].put) {
				put(&t, new_object(&t, table[i].length));
				continue;
			}
			object = thread_run_get(t.heap, table[i].length);
			if (object)
				heap_free_run(t.heap, "test", object,
					      PAGE_DIRECT, NULL);
		}
		if (cache->extra != table[i].extra ||
		    thread_runs_count(&thread_self) != table[i].count)
			fail_msg("line %zu: extra %u, %llu pages", i,
				 cache->extra,
				 (unsigned long long)thread_runs_count(
					 &thread_self));
	}
	heap_valid(&t);
	end(&t);
}

/* Who has no room gives back of each length in turn. */
static void test_turn(void **state)
{
	static const u64 lengths[] = { 4, 5, 20, 64, 4, 5, 20, 64, 4, 5 };
	static const u64 left[] = { 4, 5, 20, 64 };
	struct test_heap t;
	u64 nr_pages = 0;

	(void)state;
	make(&t, 64ul * (2 * (4 + 5 + 20 + 64) + 9));
	for (u32 i = 0; i < ARRAY_LEN(lengths); i++) {
		nr_pages += lengths[i];
		put(&t, new_object(&t, lengths[i]));
		assert_int_equal(thread_runs_count(&thread_self), nr_pages);
	}
	assert_int_equal(nr_pages, t.heap->nr_pages / 64);
	/* one page too many each time */
	for (u32 i = 0; i < ARRAY_LEN(left); i++) {
		u64 used = t.heap->used;

		put(&t, new_object(&t, 1));
		nr_pages += 1 - left[i];
		assert_int_equal(t.heap->used, used + 1 - left[i]);
		assert_int_equal(thread_runs_count(&thread_self), nr_pages);
		while (nr_pages < t.heap->nr_pages / 64) {
			put(&t, new_object(&t, 1));
			nr_pages++;
		}
	}
	/* and that begins again: with 1, then 4 */
	put(&t, new_object(&t, 2));
	assert_int_equal(thread_runs_count(&thread_self), nr_pages - 1 - 4 + 2);
	heap_valid(&t);
	end(&t);
}

/* What it does not take, and leaves as it is. */
static void test_refused(void **state)
{
	struct fixheap *other;
	struct test_heap t;
	char *object, *pages;
	u64 used;

	(void)state;
	make(&t, 64 * 512);
	object = new_object(&t, 6);
	pages = fixheap_pages_alloc(t.heap, 6, 0, NULL);
	heap_place(&t, PAGE_ARRAY, 100, 6);
	used = t.heap->used;
	assert_false(thread_run_put(t.heap, object + 16));
	assert_false(thread_run_put(t.heap, object + PAGE_BYTES));
	assert_false(thread_run_put(t.heap, pages));
	assert_false(thread_run_put(t.heap, t.base + BYTES(100)));
	assert_false(thread_run_put(t.heap, t.base + BYTES(106)));
	assert_false(thread_run_put(t.heap, &t));
	put(&t, object);
	/* twice */
	assert_false(thread_run_put(t.heap, object));
	assert_int_equal(thread_runs_count(&thread_self), 6);
	/* of a heap that is not at home here */
	other = make_heap(4 * MIB, NULL);
	object = fixheap_malloc(other, BYTES(6));
	assert_null(thread_run_get(other, 6));
	assert_false(thread_run_put(other, object));
	assert_false(thread_run_put(t.heap, object));
	fixheap_free(other, object);
	end_empty_heap(other);
	assert_int_equal(t.heap->used, used);
	heap_valid(&t);
	/* nor while a region is being emptied */
	thread_runs_flush(&thread_self);
	object = new_object(&t, 6);
	thread_pages_open(&thread_self, true);
	assert_false(thread_run_put(t.heap, object));
	heap_drop(&t);
}

/* Every object counts as soon as one has a tag. */
static void test_tags(void **state)
{
	struct test_heap t;
	void *object;

	(void)state;
	need(IS_ENABLED(CONFIG_TAGS), "there are no tags");
	make(&t, 64 * 512);
	put(&t, new_object(&t, 7));
	object = new_object(&t, 7);
	assert_int_equal(fixheap_set_tag(3), 0);
	assert_null(thread_run_get(t.heap, 7));
	assert_false(thread_run_put(t.heap, object));
	assert_int_equal(fixheap_set_tag(0), 3);
	put(&t, object);
	end(&t);
}

/* Live bytes are told before they are wrong by more than 64 pages. */
static void test_live_bytes(void **state)
{
	struct test_heap t;
	void *object[8];

	(void)state;
	need(IS_ENABLED(CONFIG_VMSTAT), "nobody counts");
	make(&t, 64 * 2048);
	for (u32 i = 0; i < ARRAY_LEN(object); i++)
		object[i] = new_object(&t, 20);
	for (u32 i = 0; i < ARRAY_LEN(object); i++) {
		put(&t, object[i]);
		/* what is not told is less than four of them */
		assert_int_equal(t.heap->live_bytes,
				 BYTES(20ul * (8 - (i + 1) / 4 * 4)));
	}
	for (u32 i = 0; i < ARRAY_LEN(object); i++) {
		assert_non_null(get(&t, 20));
		assert_int_equal(t.heap->live_bytes,
				 BYTES(20ul * ((i + 1) / 4 * 4)));
	}
	for (u32 i = 0; i < ARRAY_LEN(object); i++)
		put(&t, object[i]);
	end(&t);
}

/* On a heap of several nodes: objects of the node that the thread's shall be
 * of, and no others. */
static void test_nodes(void **state)
{
	struct test_heap t;
	void *object, *other;

	(void)state;
	heap_warm_objects();
	host_sim_set_cpu(0);
	heap_make(&t, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(32),
					   .reserved = 1,
					   .unbound = 1 });
	assert_true(thread_bind(&thread_self, t.heap));
	object = new_object(&t, 8);
	host_sim_set_cpu(1);
	other = new_object(&t, 8);
	assert_int_equal(page_node(page_at(&t, object)), 0);
	assert_int_equal(page_node(page_at(&t, other)), 1);
	assert_true(thread_run_put(t.heap, object));
	assert_int_equal(page_node(page_at(&t, object)), 0);
	assert_false(thread_run_put(t.heap, other));
	heap_valid(&t);
	/* not for a thread on node 1, unless it wants those of node 0 */
	assert_null(thread_run_get(t.heap, 8));
	assert_int_equal(fixheap_bind_thread(t.heap, 0), 0);
	assert_ptr_equal(thread_run_get(t.heap, 8), object);
	assert_int_equal(page_node(page_at(&t, object)), 0);
	assert_int_equal(fixheap_bind_thread(t.heap, -1), 0);
	host_sim_set_cpu(0);
	fixheap_free(t.heap, other);
	fixheap_free(t.heap, object);
	heap_valid(&t);
	heap_drop(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_turn),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_tags),
		cmocka_unit_test(test_live_bytes),
		cmocka_unit_test(test_nodes),
	};

	return cmocka_run_group_tests_name("thread_runs", tests, NULL, NULL);
}
