/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_grow.c: mm/grow.c, heaps that ask for more, and what goes wrong then.
 */
#include "comm_test.h"
#include "grow.h"
#include "objects_test.h"

#define EXTEND BLOCKS(4) /* pages of each region, if nothing is said */

static void *take(struct test_comm *c, u64 nr)
{
	return fixheap_pages_alloc(c->t.heap, nr, 0, NULL);
}

/* So many regions, of so many pages. */
static void has(struct test_comm *c, u32 nr_regions, u64 nr_pages)
{
	assert_int_equal(c->t.heap->nr_ranges, nr_regions);
	assert_int_equal(stats_now(&c->t).heap_bytes, BYTES(nr_pages));
	heap_valid(&c->t);
}

static void test_stations(void **state)
{
	static struct test_comm c;
	struct fixheap_region region;

	(void)state;
	comm_make(&c, NULL, 32);
	comm_start(&c);
	has(&c, 1, EXTEND);
	assert_int_equal(region_get(&c.t, 0).key, 101);
	assert_non_null(take(&c, EXTEND));
	assert_int_equal(c.nr_calls[COMM_ALLOC], 0);
	assert_non_null(take(&c, 1));
	has(&c, 2, 2 * EXTEND);
	assert_int_equal(c.nr_calls[COMM_ALLOC], 1);
	assert_int_equal(c.nr_calls[COMM_TOUCH], 1);
	assert_int_equal(c.nr_calls[COMM_POST], 1);
	region = region_get(&c.t, 1);
	assert_int_equal(region.key, 102);
	assert_int_equal(region.flags, 0);
	assert_true(comm_find(&c, region.base)->touched);
	assert_true(comm_find(&c, region.base)->registered);
	/* one that is larger than a region */
	assert_non_null(take(&c, EXTEND + 100));
	assert_true(c.t.heap->nr_pages >= 3 * EXTEND + 100);
	/* what is empty goes back when it is asked for */
	assert_int_equal(fixheap_offline_region(c.t.heap, 0, 0), -EBUSY);
	comm_end(&c);
	assert_int_equal(c.nr_calls[COMM_FREE], 3);
}

static void test_give_back(void **state)
{
	static struct test_comm c;
	char *first, *second;

	(void)state;
	comm_make(&c, NULL, 32);
	comm_start(&c);
	first = take(&c, EXTEND);
	second = take(&c, EXTEND);
	assert_non_null(first);
	assert_non_null(second);
	fixheap_pages_free(c.t.heap, first, EXTEND);
	assert_int_equal(fixheap_offline_region(c.t.heap, 0, 0), 0);
	assert_int_equal(c.nr_calls[COMM_FREE], 1);
	assert_null(comm_find(&c, first));
	/* lost: nobody is told */
	assert_int_equal(
		fixheap_offline_region(c.t.heap, 1, FIXHEAP_OFFLINE_LOST), 0);
	assert_int_equal(c.nr_calls[COMM_FREE], 1);
	assert_int_equal(comm_held(&c), 1);
	comm_find(&c, second)->base = NULL;
	has(&c, 0, 0);
	/* and then there is more again */
	assert_non_null(take(&c, 1));
	has(&c, 1, EXTEND);
	comm_end(&c);
}

/* --- what goes wrong ------------------------------------------------------ */

/* Each member fails once; the heap is as it was, and nothing was lost. */
static void test_failures(void **state)
{
	static const struct {
		enum comm_call call;
		const char *name, *what;
		int error;
	} table[] = {
		{ COMM_ALLOC, "region_alloc", "no memory", ENOMEM },
		{ COMM_POST, "post_alloc", "not registered", EREMOTEIO },
	};
	static struct test_comm c;

	(void)state;
	comm_make(&c, NULL, 64);
	comm_start(&c);
	assert_non_null(take(&c, EXTEND));
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 held = host_sim_held();

		c.fail[table[i].call] = 1;
		errno = 0;
		assert_null(take(&c, 7));
		assert_int_equal(errno, ENOMEM);
		comm_told(&c, table[i].name, table[i].what, table[i].error);
		assert_int_equal(c.bytes, BYTES(EXTEND));
		assert_int_equal(comm_held(&c), 1);
		assert_int_equal(host_sim_held(), held);
		has(&c, 1, EXTEND);
	}
	/* it is asked again the next time */
	assert_non_null(take(&c, 7));
	has(&c, 2, 2 * EXTEND);
	comm_end(&c);
}

static void test_not_taken_back(void **state)
{
	static struct test_comm c;
	char *run;

	(void)state;
	comm_make(&c, NULL, 64);
	comm_start(&c);
	run = take(&c, EXTEND);
	assert_non_null(take(&c, 1));
	fixheap_pages_free(c.t.heap, run, EXTEND);
	c.fail[COMM_FREE] = 1;
	assert_int_equal(fixheap_offline_region(c.t.heap, 0, 0), 0);
	comm_told(&c, "region_free", "not taken back", EINVAL);
	assert_ptr_equal(c.base, run);
	has(&c, 1, EXTEND);
	comm_find(&c, run)->base = NULL;
	comm_end(&c);
}

/* Memory that cannot be used. */
static void test_bad_memory(void **state)
{
	static struct test_comm c;

	(void)state;
	comm_make(&c, NULL, 64);
	comm_start(&c);
	assert_non_null(take(&c, EXTEND));
	/* some of what the heap has: not taken, and not given back */
	c.give = c.t.base + c.next - BYTES(10);
	assert_null(take(&c, 7));
	comm_told(&c, "region_alloc", "memory that is in use already", EEXIST);
	assert_int_equal(c.nr_calls[COMM_FREE], 0);
	has(&c, 1, EXTEND);
	comm_end(&c);
}

/* fixheap_create, whatever fails. */
static void test_create_fails(void **state)
{
	static const struct {
		enum comm_call call;
		int ret;
	} table[] = {
		{ COMM_ALLOC, -ENOMEM },
		{ COMM_POST, -EREMOTEIO },
	};
	static struct test_comm c;
	struct fixheap *heap = NULL;
	u64 held, n = 0, failed;

	(void)state;
	comm_make(&c, NULL, 1000);
	comm_start(&c);
	fixheap_destroy(c.t.heap);
	c.t.heap = NULL;
	held = host_sim_held();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		c.fail[table[i].call] = 1;
		assert_int_equal(fixheap_create(&c.config, &heap),
				 table[i].ret);
		assert_int_equal(c.nr_failed, 1);
		c.nr_failed = 0;
		assert_int_equal(comm_held(&c), 0);
	}
	do {
		failed = host_sim_failed();
		host_sim_fail_any((long)++n);
		if (!fixheap_create(&c.config, &heap))
			fixheap_destroy(heap);
		assert_int_equal(comm_held(&c), 0);
		assert_int_equal(host_sim_held(), held);
		assert_int_equal(c.nr_wrong, 0);
	} while (host_sim_failed() != failed);
	host_sim_fail_any(0);
	assert_true(n > 1);
	assert_int_equal(c.nr_failed, 0);
	munmap(c.t.memory, c.t.bytes);
}

/* After the region was registered fails what is last. */
static void test_objects_fail(void **state)
{
	static struct test_comm c;
	struct fixheap *heap = NULL;

	(void)state;
	comm_make(&c, NULL, 1000);
	comm_start(&c);
	fixheap_destroy(c.t.heap);
	c.t.heap = NULL;
	for (long n = 1; n < 8; n++) {
		host_sim_fail(HOST_SIM_RESERVE, n);
		if (!fixheap_create(&c.config, &heap))
			fixheap_destroy(heap);
		host_sim_fail(HOST_SIM_MAP, n);
		if (!fixheap_create(&c.config, &heap))
			fixheap_destroy(heap);
		assert_int_equal(comm_held(&c), 0);
		assert_int_equal(c.nr_wrong, 0);
	}
	host_sim_fail(HOST_SIM_RESERVE, 0);
	host_sim_fail(HOST_SIM_MAP, 0);
	munmap(c.t.memory, c.t.bytes);
}

static void grow_it(void *data)
{
	take(data, 7);
}

static void test_halt(void **state)
{
	static struct test_comm c;

	(void)state;
	comm_make(&c, NULL, 64);
	c.comm.flags = FIXHEAP_COMM_HALT;
	comm_start(&c);
	assert_non_null(take(&c, EXTEND));
	c.fail[COMM_ALLOC] = 1;
	host_sim_clear_output();
	assert_true(host_sim_aborts(grow_it, &c));
	assert_non_null(strstr(host_sim_output(), "region_alloc"));
	assert_non_null(strstr(host_sim_output(), "no memory"));
	assert_int_equal(c.nr_failed, 0);
	munmap(c.t.memory, c.t.bytes);
}

/* --- at the same time ----------------------------------------------------- */

struct asker {
	struct test_comm *c;
	void *run;
	u32 cpu;
};

static void *ask(void *data)
{
	struct asker *asker = data;

	host_sim_set_cpu(asker->cpu);
	asker->run = take(asker->c, 100);
	return NULL;
}

/* Two that find the heap full make it larger once. */
static void test_two_threads(void **state)
{
	static struct test_comm c;
	struct run_request req;
	u64 nr_asked;

	(void)state;
	comm_make(&c, "1x2", 128);
	comm_start(&c);
	for (u32 i = 0; i < 10; i++) {
		struct asker asker[2] = { { &c, NULL, 0 }, { &c, NULL, 1 } };
		u32 before = c.nr_calls[COMM_ALLOC];
		pthread_t thread[2];
		void *all = take(&c, largest_free(&c.t));

		for (u32 j = 0; j < 2; j++)
			thread[j] = start_thread(ask, &asker[j]);
		for (u32 j = 0; j < 2; j++)
			join_thread(thread[j]);
		assert_non_null(all);
		assert_non_null(asker[0].run);
		assert_non_null(asker[1].run);
		assert_int_equal(c.nr_calls[COMM_ALLOC], before + 1);
	}
	/* one that looked before another asked tries again first */
	req = run_request_of(PAGE_RAW, 10);
	nr_asked = c.t.heap->nr_asked;
	assert_int_equal(heap_more(c.t.heap, &req, nr_asked - 1), 0);
	assert_int_equal(c.t.heap->nr_asked, nr_asked);
	assert_int_equal(heap_more(c.t.heap, &req, nr_asked), 0);
	assert_int_equal(c.t.heap->nr_asked, nr_asked + 1);
	heap_valid(&c.t);
	c.t.held = host_sim_held() - c.t.heap->meta_bytes;
	fixheap_destroy(c.t.heap);
	munmap(c.t.memory, c.t.bytes);
	assert_int_equal(comm_held(&c), 0);
	assert_int_equal(c.nr_wrong, 0);
}

/* --- the system's memory -------------------------------------------------- */

static void simple_make(struct test_heap *t, const char *machine,
			unsigned flags)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	heap_warm_objects();
	memset(t, 0, sizeof(*t));
	host_sim_reset();
	assert_int_equal(host_sim_describe(machine), 0);
	config.mode = FIXHEAP_SIMPLE;
	config.flags = flags;
	config.length = config.extend_bytes = BYTES(EXTEND);
	config.max_bytes = BYTES(20 * EXTEND);
	regions_create(t, &config);
}

static void simple_end(struct test_heap *t)
{
	heap_valid(t);
	fixheap_destroy(t->heap);
	assert_int_equal(host_sim_held(), t->held);
}

static void test_simple(void **state)
{
	struct test_heap t;
	char *run;

	(void)state;
	simple_make(&t, "1x1", 0);
	run = fixheap_pages_alloc(t.heap, EXTEND, 0, NULL);
	assert_non_null(run);
	host_sim_fail(HOST_SIM_MAP, 1);
	assert_null(fixheap_pages_alloc(t.heap, 1, 0, NULL));
	regions_count(&t, EXTEND, EXTEND);
	assert_non_null(fixheap_pages_alloc(t.heap, 1, 0, NULL));
	regions_count(&t, 2 * EXTEND, EXTEND + 1);
	fixheap_pages_free(t.heap, run, EXTEND);
	assert_int_equal(fixheap_offline_region(t.heap, 0, 0), 0);
	regions_count(&t, EXTEND, 1);
	simple_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stations),
		cmocka_unit_test(test_give_back),
		cmocka_unit_test(test_failures),
		cmocka_unit_test(test_not_taken_back),
		cmocka_unit_test(test_bad_memory),
		cmocka_unit_test(test_create_fails),
		cmocka_unit_test(test_objects_fail),
		cmocka_unit_test(test_halt),
		cmocka_unit_test(test_two_threads),
		cmocka_unit_test(test_simple),
	};

	return cmocka_run_group_tests_name("grow", tests, NULL, NULL);
}
