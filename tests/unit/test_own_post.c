/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_own_post.c: mm/own.c, fixheap_array_post_alloc, and several threads.
 */
#include "comm_test.h"
#include "objects_test.h"

#define OVER OWN_PAGES

static bool is_pending(struct test_comm *c, const void *array)
{
	return region_at(c, array).flags & FIXHEAP_REGION_PENDING;
}

static void test_post_alloc(void **state)
{
	static struct test_comm c;
	char *array, *small;

	(void)state;
	own_make(&c);
	array = array_of(&c, OVER, FIXHEAP_POST_ALLOC);
	assert_true(is_pending(&c, array));
	assert_int_equal(c.nr_calls[COMM_POST], 0);
	assert_int_equal(region_at(&c, array).key, FIXHEAP_KEY_NONE);
	c.fail[COMM_POST] = 1;
	assert_int_equal(fixheap_array_post_alloc(c.t.heap, array), -EREMOTEIO);
	c.nr_failed = 0;
	assert_true(is_pending(&c, array));
	assert_int_equal(fixheap_array_post_alloc(c.t.heap, array), 0);
	assert_false(is_pending(&c, array));
	assert_int_equal(region_at(&c, array).key, c.key - 1);
	assert_int_equal(fixheap_array_post_alloc(c.t.heap, array), 0);
	assert_int_equal(c.nr_calls[COMM_POST], 2);
	/* again after it was made longer, by the other callback */
	array = fixheap_array_realloc(c.t.heap, array, BYTES(2 * OVER));
	assert_true(is_pending(&c, array));
	assert_int_equal(c.nr_calls[COMM_POST_AGAIN], 0);
	assert_int_equal(fixheap_array_post_alloc(c.t.heap, array), 0);
	assert_int_equal(c.nr_calls[COMM_POST_AGAIN], 1);
	assert_false(is_pending(&c, array));
	heap_valid(&c.t);
	assert_int_equal(fixheap_array_post_alloc(c.t.heap, array + 1),
			 -EINVAL);
	assert_int_equal(fixheap_array_post_alloc(c.t.heap, &c), -EINVAL);
	fixheap_array_free(c.t.heap, array);
	/* nothing is to be done where others are, too */
	small = array_of(&c, 10, FIXHEAP_POST_ALLOC);
	assert_int_equal(fixheap_array_post_alloc(c.t.heap, small), 0);
	/* and one that is freed without */
	array = array_of(&c, OVER, FIXHEAP_POST_ALLOC);
	fixheap_array_free(c.t.heap, array);
	assert_int_equal(comm_held(&c), 1);
	comm_end(&c);
}

/* A ticket's array that keeps more than was asked for grows into zeros. */
static void test_ticket(void **state)
{
	struct fixheap_array_attr attr = ATTR(.flags = FIXHEAP_POST_ALLOC);
	static struct test_comm c;
	char *array;

	(void)state;
	own_make(&c);
	attr.ticket = fixheap_reserve(c.t.heap, BYTES(2 * OVER), &attr);
	assert_true(attr.ticket != 0);
	/* what was in the region's memory before */
	for (u32 i = 0; i < COMM_REGIONS; i++) {
		if (c.region[i].base && c.region[i].bytes >= BYTES(2 * OVER))
			memset(c.region[i].base, 1, BYTES(2 * OVER));
	}
	attr.flags = FIXHEAP_ZERO;
	array = fixheap_array_alloc(c.t.heap, BYTES(OVER), &attr);
	assert_non_null(array);
	array = fixheap_array_realloc(c.t.heap, array, BYTES(2 * OVER));
	assert_non_null(array);
	for (u64 i = 0; i < BYTES(2 * OVER); i += 64)
		assert_int_equal(array[i], 0);
	fixheap_array_free(c.t.heap, array);
	comm_end(&c);
}

/* --- threads -------------------------------------------------------------- */

struct worker {
	struct test_comm *c;
	u64 seed;
	u32 cpu;
	unsigned wrong;
};

static void *work(void *data)
{
	struct worker *w = data;
	struct fixheap *heap = w->c->t.heap;
	char *array = NULL;

	host_sim_set_cpu(w->cpu);
	for (u32 i = 0; i < 15; i++) {
		u64 nr = OVER - 300 + random_below(&w->seed, 600);
		char *moved = fixheap_array_realloc(heap, array, BYTES(nr));

		if (moved) {
			w->wrong += i && moved[0] != (char)w->cpu;
			array = moved;
			array[0] = (char)w->cpu;
			array[BYTES(nr) - 1] = 1;
		}
		if (random_below(&w->seed, 5) == 0)
			fixheap_free(heap, fixheap_malloc(heap, 30000));
	}
	fixheap_array_free(heap, array);
	return NULL;
}

static void test_threads(void **state)
{
	static struct test_comm c;
	struct worker worker[3];
	pthread_t thread[3];

	(void)state;
	comm_make(&c, "1x3", 600);
	c.comm.alloc_threshold = BYTES(OVER);
	c.gap = 2 * BLOCK_BYTES;
	comm_start(&c);
	for (u32 i = 0; i < 3; i++) {
		worker[i] = (struct worker){ &c, i + 1, i, 0 };
		thread[i] = start_thread(work, &worker[i]);
	}
	for (u32 i = 0; i < 3; i++) {
		join_thread(thread[i]);
		assert_int_equal(worker[i].wrong, 0);
	}
	heap_is_empty(&c.t);
	heap_valid(&c.t);
	assert_int_equal(comm_held(&c), c.t.heap->nr_ranges);
	fixheap_destroy(c.t.heap);
	assert_int_equal(comm_held(&c), 0);
	munmap(c.t.memory, c.t.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_post_alloc),
		cmocka_unit_test(test_ticket),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests_name("own_post", tests, NULL, NULL);
}
