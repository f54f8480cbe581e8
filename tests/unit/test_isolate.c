/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_isolate.c: mm/isolate.c, regions that leave, or wait to.
 */
#include "regions_test.h"
#include "threads_test.h"

#define NR 1000 /* pages of each of two regions */

/* Two regions that touch; with the same key or not. */
static void make_two(struct test_heap *t, bool joined)
{
	regions_make(t,
		     &(struct regions_spec){ .nr_blocks = 8, .nr_pages = NR });
	assert_int_equal(region_add(t, joined ? NR : NR + BLOCK_PAGES, NR,
				    joined ? 0 : 1),
			 1);
}

/* So many pages in region id, from fixheap_pages_alloc. */
static char *take_in(struct test_heap *t, int id, u64 nr)
{
	char *other[64], *run;
	u32 n = 0;

	while ((run = fixheap_pages_alloc(t->heap, nr, 0, NULL)) &&
	       region_id_of(t, run) != id && n < ARRAY_LEN(other))
		other[n++] = run;
	while (n--)
		fixheap_pages_free(t->heap, other[n], nr);
	assert_non_null(run);
	assert_int_equal(region_id_of(t, run), id);
	return run;
}

static bool is_isolated(struct test_heap *t, u32 id)
{
	return region_get(t, id).flags & FIXHEAP_REGION_ISOLATED;
}

static void test_empty(void **state)
{
	struct test_heap t;

	(void)state;
	for (int joined = 0; joined < 2; joined++) {
		make_two(&t, joined);
		for (u32 id = 0; id < 2; id++) {
			assert_int_equal(fixheap_offline_region(t.heap, id, 2),
					 -EINVAL);
			assert_int_equal(fixheap_offline_region(t.heap, id, 0),
					 0);
			regions_count(&t, id ? 0 : NR, 0);
			assert_int_equal(largest_free(&t), id ? 0 : NR);
			assert_int_equal(fixheap_offline_region(t.heap, id, 0),
					 -ENOENT);
			assert_int_equal(fixheap_online_region(t.heap, id),
					 -ENOENT);
		}
		assert_null(fixheap_pages_alloc(t.heap, 1, 0, NULL));
		assert_int_equal(fixheap_offline_region(t.heap, ~0u, 0),
				 -ENOENT);
		/* ids are used again, and the memory, too */
		assert_int_equal(region_add(&t, 10, NR, 5), 0);
		regions_count(&t, NR, 0);
		heap_end(&t);
	}
}

/* What is freed while the region is isolated stays out. */
static void test_busy(void **state)
{
	struct test_heap t;
	char *run;

	(void)state;
	for (int joined = 0; joined < 2; joined++) {
		make_two(&t, joined);
		run = take_in(&t, 1, 100);
		assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
		assert_true(is_isolated(&t, 1));
		assert_false(is_isolated(&t, 0));
		regions_count(&t, NR + 100, 100);
		assert_int_equal(largest_free(&t), NR);
		fixheap_pages_free(t.heap, run + BYTES(10), 40);
		regions_count(&t, NR + 60, 60);
		assert_int_equal(largest_free(&t), NR);
		assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
		/* and back: only what was not in use is free */
		assert_int_equal(fixheap_online_region(t.heap, 1), 0);
		assert_int_equal(fixheap_online_region(t.heap, 1), 0);
		assert_false(is_isolated(&t, 1));
		regions_count(&t, 2 * NR, 60);
		assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
		fixheap_pages_free(t.heap, run, 10);
		fixheap_pages_free(t.heap, run + BYTES(50), 50);
		regions_count(&t, NR, 0);
		assert_int_equal(fixheap_offline_region(t.heap, 1, 0), 0);
		regions_count(&t, NR, 0);
		heap_end(&t);
	}
}

/* A run over the border of two that are joined. */
static void test_over_the_border(void **state)
{
	struct test_heap t;
	char *run;

	(void)state;
	for (u32 id = 0; id < 2; id++) {
		make_two(&t, true);
		run = fixheap_pages_alloc(t.heap, NR + 500, 0, NULL);
		assert_non_null(run);
		assert_int_equal(region_id_of(&t, run), 0);
		assert_int_equal(fixheap_offline_region(t.heap, id, 0), -EBUSY);
		assert_int_equal(fixheap_offline_region(t.heap, id,
							FIXHEAP_OFFLINE_LOST),
				 -EBUSY);
		heap_valid(&t);
		/* one side is free for all, the other is not */
		fixheap_pages_free(t.heap, run, NR + 500);
		regions_count(&t, NR, 0);
		assert_int_equal(largest_free(&t), NR);
		assert_int_equal(fixheap_online_region(t.heap, id), 0);
		assert_int_equal(largest_free(&t), 2 * NR);
		assert_int_equal(fixheap_offline_region(t.heap, id, 0), 0);
		regions_count(&t, NR, 0);
		heap_end(&t);
	}
}

/* Both at once, and a run over the border is freed in parts. */
static void test_both(void **state)
{
	struct test_heap t;
	char *run;

	(void)state;
	make_two(&t, true);
	run = fixheap_pages_alloc(t.heap, NR + 500, 0, NULL);
	assert_non_null(run);
	assert_int_equal(fixheap_offline_region(t.heap, 0, 0), -EBUSY);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
	assert_null(fixheap_pages_alloc(t.heap, 1, 0, NULL));
	fixheap_pages_free(t.heap, run + BYTES(NR - 10), 20);
	heap_valid(&t);
	fixheap_pages_free(t.heap, run, NR - 10);
	assert_int_equal(fixheap_offline_region(t.heap, 0, 0), 0);
	heap_valid(&t);
	fixheap_pages_free(t.heap, run + BYTES(NR + 10), 490);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), 0);
	regions_count(&t, 0, 0);
	heap_end(&t);
}

/* A single page, freed while its region is isolated, does not come again. */
static void test_single_pages(void **state)
{
	struct test_heap t;
	char *page[200], *other;

	(void)state;
	make_two(&t, false);
	for (u32 i = 0; i < ARRAY_LEN(page); i++)
		page[i] = take_in(&t, 1, 1);
	/* some are in the cache of the CPU now */
	for (u32 i = 0; i < 50; i++)
		fixheap_pages_free(t.heap, page[i], 1);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
	for (u32 i = 50; i < 100; i++)
		fixheap_pages_free(t.heap, page[i], 1);
	for (u32 i = 0; i < 300; i++) {
		other = fixheap_pages_alloc(t.heap, 1, 0, NULL);
		assert_non_null(other);
		assert_int_equal(region_id_of(&t, other), 0);
	}
	for (u32 i = 100; i < ARRAY_LEN(page); i++)
		fixheap_pages_free(t.heap, page[i], 1);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), 0);
	heap_end(&t);
}

/* --- memory that is gone -------------------------------------------------- */

static void test_lost(void **state)
{
	struct test_heap t;
	char *run, *large, *kept;

	(void)state;
	make_two(&t, false);
	kept = take_in(&t, 0, 600);
	run = take_in(&t, 1, 30);
	do
		large = fixheap_malloc(t.heap, BYTES(90));
	while (large && region_id_of(&t, large) != 1);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
	assert_int_equal(
		fixheap_offline_region(t.heap, 1, FIXHEAP_OFFLINE_LOST), 0);
	assert_int_equal(region_id_of(&t, run), -1);
	heap_valid(&t);
	fixheap_pages_free(t.heap, run, 30);
	heap_faulted(&t, "fixheap_pages_free", "foreign pointer");
	if (large) {
		fixheap_free(t.heap, large);
		heap_faulted(&t, "fixheap_free", "foreign pointer");
	}
	fixheap_pages_free(t.heap, kept, 600);
	heap_valid(&t);
	heap_end(&t);
}

static void test_lost_books(void **state)
{
	struct test_heap t;

	(void)state;
	make_two(&t, false);
	assert_non_null(take_in(&t, 1, 30));
	assert_non_null(take_in(&t, 1, 400));
	assert_int_equal(
		fixheap_offline_region(t.heap, 1, FIXHEAP_OFFLINE_LOST), 0);
	regions_count(&t, NR, 0);
	assert_int_equal(stats_now(&t).live_bytes, 0);
	heap_end(&t);
}

/* Not where small objects are; the region stays, isolated. */
static void test_lost_objects(void **state)
{
	struct test_heap t;
	void *object[5000];
	bool there = false;
	u32 nr;

	(void)state;
	need(IS_ENABLED(CONFIG_JEMALLOC), "large objects only");
	heap_warm_objects();
	make_two(&t, false);
	for (nr = 0; nr < ARRAY_LEN(object) && !there; nr++) {
		object[nr] = fixheap_malloc(t.heap, 2000);
		assert_non_null(object[nr]);
		there = region_id_of(&t, object[nr]) == 1;
	}
	need(there, "no object came from the second region");
	assert_int_equal(fixheap_offline_region(t.heap, 1,
						FIXHEAP_OFFLINE_LOST),
			 -EBUSY);
	assert_true(is_isolated(&t, 1));
	while (nr--)
		fixheap_free(t.heap, object[nr]);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), 0);
	heap_end(&t);
}

/* --- limits --------------------------------------------------------------- */

/* What is isolated does not count; when it does again, nothing more is to be
 * had than the limit allows. */
static void test_limit(void **state)
{
	struct test_heap t;
	char *run;

	(void)state;
	regions_make(&t, &(struct regions_spec){ .nr_blocks = 8,
						 .nr_pages = NR,
						 .max_bytes = BYTES(2 * NR) });
	assert_int_equal(region_add(&t, NR + BLOCK_PAGES, NR, 1), 1);
	run = take_in(&t, 1, 10);
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), -EBUSY);
	if (region_add(&t, 3 * NR, 500, 2) == 2)
		assert_int_equal(fixheap_online_region(t.heap, 1), 0);
	assert_int_equal(region_add(&t, 3 * NR + 500, 500, 2), -ENOSPC);
	heap_valid(&t);
	fixheap_pages_free(t.heap, run, 10);
	heap_end(&t);
}

static void test_deterministic(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct test_heap t;

	(void)state;
	memset(&t, 0, sizeof(t));
	host_sim_reset();
	config.base = regions_map(&t, 4, 0);
	config.length = BYTES(NR);
	config.flags = FIXHEAP_DETERMINISTIC;
	regions_create(&t, &config);
	assert_int_equal(region_add(&t, NR, NR, 0), -ENOTSUP);
	assert_int_equal(fixheap_offline_region(t.heap, 0, 0), -ENOTSUP);
	heap_end(&t);
}

/* --- threads -------------------------------------------------------------- */

#define SLOTS 8

struct slot {
	int id; /* negative: no region is there */
	bool isolated;
};

static void step_slot(struct test_heap *t, struct slot *slot, u32 i, u64 *seed)
{
	int ret;

	if (slot->id < 0) {
		slot->id = region_add(t, BLOCKS(24 + 3 * i) + 100 * (i % 4),
				      BLOCKS(3) - 77 * (i % 3),
				      i % 2 ? 0 : FIXHEAP_KEY_NONE);
		if (slot->id >= 0)
			slot->isolated = false;
		return;
	}
	if (random_below(seed, 4) == 0) {
		assert_int_equal(fixheap_online_region(t->heap, (u32)slot->id),
				 0);
		slot->isolated = false;
	} else {
		ret = fixheap_offline_region(t->heap, (u32)slot->id, 0);
		assert_true(!ret || ret == -EBUSY);
		if (!ret)
			slot->id = -1;
		slot->isolated = true;
	}
	if (slot->id >= 0)
		assert_int_equal(is_isolated(t, (u32)slot->id), slot->isolated);
}

/* Regions come, are taken out of use and leave while four threads allocate. */
static void test_threads(void **state)
{
	static struct crowd crowd;
	u64 seed = nodes_seed("test_isolate");
	struct slot slot[SLOTS];
	struct test_heap t;

	(void)state;
	wrong = 0;
	heap_warm_objects();
	regions_make(&t, &(struct regions_spec){ .machine = "1x4",
						 .nr_blocks = 48,
						 .nr_pages = BLOCKS(24) });
	for (u32 i = 0; i < SLOTS; i++)
		slot[i].id = -1;
	crowd_start(&crowd, t.heap, 0);
	for (u32 n = 0; n < TEST_STEPS(1000); n++) {
		u32 i = (u32)random_below(&seed, SLOTS);

		step_slot(&t, &slot[i], i, &seed);
		if (n % 50 == 0)
			heap_valid(&t);
	}
	crowd_end(&crowd, t.heap);
	heap_is_empty(&t);
	for (u32 i = 0; i < SLOTS; i++) {
		if (slot[i].id >= 0)
			assert_int_equal(fixheap_offline_region(
						 t.heap, (u32)slot[i].id, 0),
					 0);
	}
	regions_count(&t, BLOCKS(24), 0);
	/* the library keeps something for each thread */
	fixheap_destroy(t.heap);
	assert_int_equal(munmap(t.memory, t.bytes), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_over_the_border),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_single_pages),
		cmocka_unit_test(test_lost),
		cmocka_unit_test(test_lost_books),
		cmocka_unit_test(test_lost_objects),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_deterministic),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("isolate", tests, NULL, NULL);
}
