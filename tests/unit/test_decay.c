/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_decay.c: mm/decay.c, free memory that goes back by itself, to the
 * nanosecond, as the simulated clock says.
 */
#include "nodes.h"

#define MS 1000000ull
#define PIECE_BLOCKS (((u64)64 << 20) / BLOCK_BYTES)

/* An object above 14,336 bytes, and so a look. */
#define LARGE 20000

static void make(struct test_heap *t, u32 nr_blocks, unsigned decay_ms,
		 unsigned flags)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	memset(t, 0, sizeof(*t));
	host_sim_reset();
	config.length = nr_blocks * BLOCK_BYTES;
	config.decay_ms = decay_ms;
	config.flags = flags;
	assert_int_equal(fixheap_create(&config, &t->heap), 0);
	t->region = &t->heap->region;
	t->base = t->heap->base;
}

static void end(struct test_heap *t)
{
	heap_valid(t);
	fixheap_destroy(t->heap);
	assert_int_equal(host_sim_workers(), 0);
}

/* So many blocks, written to. */
static char *take(struct test_heap *t, u32 nr_blocks)
{
	char *object = fixheap_malloc(t->heap, nr_blocks * BLOCK_BYTES);

	assert_non_null(object);
	for (size_t i = 0; i < nr_blocks * BLOCK_BYTES; i += PAGE_BYTES)
		object[i] = 0x5a;
	return object;
}

static void look(struct test_heap *t)
{
	fixheap_free(t->heap, fixheap_malloc(t->heap, LARGE));
}

static u64 discards(void)
{
	return host_sim_calls(HOST_SIM_DISCARD);
}

/* When what was freed at 0 goes, if somebody looks at these times. */
static void test_when(void **state)
{
	static const struct {
		unsigned decay_ms;
		u64 looks[8]; /* ns, ascending; 0: no more */
		u32 goes;     /* at the n-th look; 0: at none */
	} table[] = {
		{ 400, { 500 * MS - 1 }, 0 },
		{ 400, { 500 * MS }, 1 },
		{ 400, { 499 * MS, 599 * MS - 1, 599 * MS }, 3 },
		{ 400, { 499 * MS, 499 * MS + 1, 499 * MS + 2 }, 0 },
		{ 400, { 100 * MS, 200 * MS, 300 * MS, 500 * MS }, 4 },
		{ 400, { 1000000 * MS }, 1 },
		{ 1, { 2 * MS - 1 }, 0 },
		{ 1, { 2 * MS }, 1 },
		{ 3, { 3 * MS, 4 * MS }, 2 },
		{ 10, { 12500000 - 1 }, 0 },
		{ 10, { 12500000 }, 1 },
		{ 0, { 1000 * MS, 1000000 * MS }, 0 },
		{ 4000000000u, { 4000000ull * MS, 4999999999ull * MS }, 0 },
		{ 4000000000u, { 5000000000ull * MS }, 1 },
	};

	(void)state;
	need(PAGE_SHIFT == 12, "pageblocks are larger");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;
		u64 now = 0;

		make(&t, 8, table[i].decay_ms, 0);
		/* the block where looks allocate is not among them */
		fixheap_free(t.heap, take(&t, 4));
		for (u32 n = 0; n < 8 && table[i].looks[n]; n++) {
			host_sim_advance(table[i].looks[n] - now);
			now = table[i].looks[n];
			look(&t);
			assert_int_equal(discards(),
					 table[i].goes &&
						 n + 1 >= table[i].goes);
		}
		if (table[i].goes)
			assert_int_equal(
				host_sim_resident(t.base, 4 * BLOCK_BYTES), 0);
		if (!table[i].decay_ms)
			assert_int_equal(host_sim_calls(HOST_SIM_CLOCK), 0);
		end(&t);
	}
}

/* What is used in between has another beginning; its neighbours have not. */
static void test_used_again(void **state)
{
	struct test_heap t;
	char *object;

	(void)state;
	need(PAGE_SHIFT == 12, "pageblocks are larger");
	make(&t, 16, 400, 0);
	fixheap_free(t.heap, take(&t, 8));
	host_sim_advance(300 * MS);
	object = take(&t, 2);
	assert_ptr_equal(object, t.base);
	fixheap_free(t.heap, object);
	host_sim_advance(200 * MS);
	look(&t);
	assert_int_equal(discards(), 1);
	assert_int_equal(host_sim_resident(t.base, 8 * BLOCK_BYTES),
			 2 * BLOCK_BYTES);
	host_sim_advance(300 * MS - 1);
	look(&t);
	assert_int_equal(discards(), 1);
	host_sim_advance(1);
	/* not yet: looks are a tick apart */
	look(&t);
	assert_int_equal(discards(), 1);
	host_sim_advance(100 * MS - 1);
	look(&t);
	assert_int_equal(discards(), 2);
	assert_int_equal(host_sim_resident(t.base, 8 * BLOCK_BYTES), 0);
	end(&t);
}

/* One free gives back no more than four pieces; the next one goes on. */
static void test_bounded(void **state)
{
	const u32 nr = (u32)(10 * PIECE_BLOCKS);
	struct test_heap t;
	char *object;

	(void)state;
	need(!IS_ENABLED(CONFIG_PAGE_POISON), "all of it would be written to");
	make(&t, nr + 2, 400, 0);
	object = fixheap_malloc(t.heap, nr * BLOCK_BYTES);
	assert_non_null(object);
	fixheap_free(t.heap, object);
	host_sim_advance(500 * MS);
	for (u32 calls = 4; calls <= 12; calls += 4) {
		look(&t);
		assert_int_equal(discards(), calls < 10 ? calls : 10);
	}
	look(&t);
	assert_int_equal(discards(), 10);
	end(&t);
}

/* The clock is not asked by what is frequent. */
static void test_small(void **state)
{
	struct test_heap t;
	u64 calls;

	(void)state;
	need(IS_ENABLED(CONFIG_JEMALLOC), "all objects are large");
	make(&t, 16, 400, 0);
	fixheap_free(t.heap, fixheap_malloc(t.heap, 64));
	calls = host_sim_calls(HOST_SIM_CLOCK);
	for (u32 i = 0; i < 1000; i++) {
		fixheap_free(t.heap, fixheap_malloc(t.heap, 64));
		fixheap_pages_free(t.heap,
				   fixheap_pages_alloc(t.heap, 1, 0, NULL), 1);
	}
	assert_int_equal(host_sim_calls(HOST_SIM_CLOCK), calls);
	look(&t);
	assert_int_equal(host_sim_calls(HOST_SIM_CLOCK), calls + 1);
	end(&t);
}

/* A worker looks each quarter; frees do not. */
static void test_worker(void **state)
{
	struct test_heap t;

	(void)state;
	need(PAGE_SHIFT == 12, "pageblocks are larger");
	make(&t, 16, 400, FIXHEAP_DECAY_THREAD);
	assert_int_equal(host_sim_workers(), 1);
	fixheap_free(t.heap, take(&t, 8));
	assert_int_equal(host_sim_calls(HOST_SIM_CLOCK), 0);
	/* seen at 100 */
	host_sim_advance(600 * MS - 1);
	assert_int_equal(discards(), 0);
	host_sim_advance(1);
	assert_int_equal(discards(), 1);
	assert_int_equal(host_sim_resident(t.base, 8 * BLOCK_BYTES), 0);
	host_sim_advance(100000 * MS);
	assert_int_equal(discards(), 1);
	end(&t);
	host_sim_advance(1000 * MS);
	assert_int_equal(host_sim_calls(HOST_SIM_WORKER_STOP), 1);
}

/* All pieces at once, and one that fails is tried again in the next round. */
static void test_worker_failing(void **state)
{
	const u32 nr = (u32)(10 * PIECE_BLOCKS);
	struct test_heap t;
	char *object;

	(void)state;
	need(!IS_ENABLED(CONFIG_PAGE_POISON), "all of it would be written to");
	make(&t, nr, 400, FIXHEAP_DECAY_THREAD);
	object = fixheap_malloc(t.heap, nr * BLOCK_BYTES);
	fixheap_free(t.heap, object);
	host_sim_fail(HOST_SIM_DISCARD, 3);
	host_sim_advance(600 * MS);
	assert_int_equal(discards(), 3);
	heap_valid(&t);
	/* the piece has another beginning, others have not */
	host_sim_advance(100 * MS);
	assert_int_equal(discards(), 10);
	host_sim_advance(500 * MS);
	assert_int_equal(discards(), 11);
	end(&t);
}

/* As a child of fork has it: no thread, and frees look again. */
static void test_child(void **state)
{
	struct host_worker *worker;
	struct test_heap t;

	(void)state;
	make(&t, 16, 400, FIXHEAP_DECAY_THREAD);
	worker = t.heap->decay_worker;
	heap_fork_prepare();
	heap_fork_child();
	assert_null(t.heap->decay_worker);
	fixheap_free(t.heap, take(&t, 8));
	assert_int_equal(host_sim_calls(HOST_SIM_CLOCK), 1);
	host_worker_stop(worker);
	end(&t);
	assert_int_equal(host_sim_calls(HOST_SIM_WORKER_STOP), 1);
}

static void test_config(void **state)
{
	static const struct {
		unsigned decay_ms, flags;
		int ret;
	} table[] = {
		{ 0, FIXHEAP_DECAY_THREAD, -EINVAL },
		{ 1, FIXHEAP_PINNED, -EINVAL },
		{ 1, FIXHEAP_DETERMINISTIC, -EINVAL },
		{ 1, 0, 0 },
		{ ~0u, FIXHEAP_DECAY_THREAD, 0 },
	};
	struct fixheap *heap;
	u64 held;

	(void)state;
	host_sim_reset();
	for (size_t i = 0; i < 2 * ARRAY_LEN(table); i++) {
		struct fixheap_config config = FIXHEAP_CONFIG_INIT;
		int ret = table[i / 2].ret;
		bool fails = i % 2 &&
			     table[i / 2].flags == FIXHEAP_DECAY_THREAD;

		config.length = 8 * BLOCK_BYTES;
		config.decay_ms = table[i / 2].decay_ms;
		config.flags = table[i / 2].flags;
		held = host_sim_held();
		if (fails && !ret)
			ret = -EAGAIN;
		host_sim_fail(HOST_SIM_WORKER_START, fails);
		assert_int_equal(fixheap_create(&config, &heap), ret);
		host_sim_fail(HOST_SIM_WORKER_START, 0);
		if (!ret)
			fixheap_destroy(heap);
		/* what is kept for the next heap is there after the first */
		if (i >= 8)
			assert_int_equal(host_sim_held(), held);
		assert_int_equal(host_sim_workers(), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_bounded),
		cmocka_unit_test(test_small),
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_worker_failing),
		cmocka_unit_test(test_child),
		cmocka_unit_test(test_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
