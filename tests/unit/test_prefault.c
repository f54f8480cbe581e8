/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_prefault.c: a heap is brought into memory, mm/prefault.c,
 * mm/prefault_plan.c and mm/ready.c.
 */
#include "regions_test.h"

#include "ready.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_BLOCKS 24
#define CHILD_SECONDS 20

static const struct fixheap_prefault defaults = FIXHEAP_PREFAULT_INIT;

/* What progress is to do, and has seen. */
struct watch {
	struct fixheap *heap;
	size_t stop_at;	     /* bytes; 0: never */
	unsigned hold, seen; /* (A) it waits until hold is 0 */
	unsigned inside;     /* (A) */
	unsigned nr;	     /* calls, */
	size_t done, total;  /* the last of them */
	bool back;	     /* done became less, or two at a time */
};

static int progress(void *data, size_t done, size_t total)
{
	struct watch *watch = data;

	watch->back |=
		__atomic_add_fetch(&watch->inside, 1, __ATOMIC_RELAXED) != 1;
	watch->back |= done < watch->done || done > total;
	watch->nr++;
	watch->done = done;
	watch->total = total;
	__atomic_store_n(&watch->seen, 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(&watch->hold, __ATOMIC_ACQUIRE))
		sched_yield();
	__atomic_sub_fetch(&watch->inside, 1, __ATOMIC_RELAXED);
	return watch->stop_at && done >= watch->stop_at;
}

static struct fixheap_prefault watched(struct watch *watch)
{
	struct fixheap_prefault how = defaults;

	how.progress = progress;
	how.data = watch;
	return how;
}

/* Bytes of the heap that are in memory. */
static u64 present(const struct test_heap *t, u64 nr_pages)
{
	return host_sim_touched(t->base, BYTES(nr_pages));
}

static void mark(char *start, u64 nr_pages)
{
	for (u64 p = 0; p < nr_pages; p++)
		memcpy(start + BYTES(p), &p, sizeof(p));
}

static bool marked(const char *start, u64 nr_pages)
{
	u64 wrong = 0;

	for (u64 p = 0; p < nr_pages; p++)
		wrong |= (u64)memcmp(start + BYTES(p), &p, sizeof(p));
	return !wrong;
}

static const struct {
	const char *machine;
	u64 nr_pages;
	size_t skew;
	unsigned flags, nr_threads;
	u32 can_start; /* threads that the host can */
	unsigned stripe_percent;
} heaps[] = {
	{ "1x1", 1, 0, 0, 0, 99, 0 },
	{ "1x1", BLOCKS(NR_BLOCKS), 0, 0, 0, 99, 0 },
	{ "1x4", BLOCKS(NR_BLOCKS) + 77, 5000, FIXHEAP_ZEROED, 0, 99, 0 },
	{ "1x4", BLOCKS(NR_BLOCKS), 0, 0, 300, 99, 0 },
	{ "2x2", BLOCKS(NR_BLOCKS), 0, 0, 0, 99, 0 },
	{ "2x2", BLOCKS(NR_BLOCKS) + 1, PAGE_BYTES, 0, 1, 99, 0 },
	{ "4x2", BLOCKS(NR_BLOCKS), 0, 0, 0, 99, 50 },
	{ "4x2", BLOCKS(NR_BLOCKS), 0, 0, 3, 99, 100 },
	{ "8x1", BLOCKS(NR_BLOCKS), 0, 0, 0, 3, 0 },
	{ "8x1", BLOCKS(NR_BLOCKS), 0, 0, 0, 0, 0 },
	{ "0/-/1", BLOCKS(NR_BLOCKS), 0, 0, 0, 99, 0 },
	{ "1x2", BLOCKS(NR_BLOCKS) + 1, 3 * PAGE_BYTES, FIXHEAP_PINNED, 0, 99,
	  0 },
	{ "2x2", BLOCKS(NR_BLOCKS), 0, FIXHEAP_PINNED, 0, 99, 0 },
};

static void test_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(heaps); i++) {
		struct fixheap_prefault how;
		struct watch watch = { .nr = 0 };
		u64 nr = heaps[i].nr_pages, calls;
		u64 used = min_u64(nr, BLOCKS(2) + 3);
		struct node_spec spec;
		struct test_heap t;
		char *run;

		spec = (struct node_spec){ .machine = heaps[i].machine,
					   .nr_pages = nr,
					   .skew = heaps[i].skew,
					   .flags = heaps[i].flags };
		spec.numa = NUMA(.stripe_percent = heaps[i].stripe_percent);
		nodes_make(&t, &spec);
		host_sim_set_threads(heaps[i].can_start);
		run = fixheap_pages_alloc(t.heap, used, 0, NULL);
		assert_non_null(run);
		mark(run, used);
		calls = host_sim_mapping_calls();
		how = watched(&watch);
		how.nr_threads = heaps[i].nr_threads;
		assert_int_equal(fixheap_prefault(t.heap, &how), 0);
		if (heaps[i].flags & FIXHEAP_PINNED)
			assert_int_equal(host_sim_mapping_calls(), calls);
		assert_int_equal(present(&t, nr), BYTES(nr));
		assert_true(marked(run, used));
		if (!(heaps[i].flags & FIXHEAP_PINNED))
			nodes_as_told(t.heap, t.base, BYTES(nr));
		assert_int_equal(host_sim_killed(), 0);
		assert_true(watch.nr >= 2 && !watch.back);
		assert_int_equal(watch.done, BYTES(nr));
		assert_int_equal(watch.total, BYTES(nr));
		fixheap_pages_free(t.heap, run, used);
		heap_end(&t);
	}
}

/* On a heap that is only a layout it is the threads that decide. */
static void test_first_touch(void **state)
{
	const struct node_spec spec = {
		.machine = "4x1",
		.nr_pages = BLOCKS(NR_BLOCKS),
		.numa = NUMA(.binding = FIXHEAP_BINDING_NONE)
	};
	struct test_heap t;

	(void)state;
	nodes_make(&t, &spec);
	assert_int_equal(fixheap_prefault(t.heap, NULL), 0);
	assert_int_equal(nodes_as_told(t.heap, t.base, BYTES(spec.nr_pages)),
			 BYTES(spec.nr_pages));
	heap_end(&t);
}

/* Each block is brought once, however often it was stopped. */
static void test_resume(void **state)
{
	static const char *const machine[] = { "1x1", "1x4", "4x1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(machine); i++) {
		struct watch watch = { .nr = 0 };
		struct fixheap_prefault how = watched(&watch);
		u64 nr = BLOCKS(NR_BLOCKS), before = 0, stops = 0;
		struct test_heap t;

		nodes_make(&t, &(struct node_spec){ .machine = machine[i],
						    .nr_pages = nr });
		do {
			before = present(&t, nr);
			watch = (struct watch){ .stop_at =
							before + BLOCK_BYTES };
			stops++;
		} while (fixheap_prefault(t.heap, &how) == -ECANCELED &&
			 present(&t, nr) > before);
		assert_true(stops > 3);
		assert_int_equal(present(&t, nr), BYTES(nr));
		assert_int_equal(host_sim_calls(HOST_SIM_POPULATE), NR_BLOCKS);
		assert_int_equal(fixheap_prefault(t.heap, NULL), 0);
		assert_int_equal(host_sim_calls(HOST_SIM_POPULATE), NR_BLOCKS);
		heap_end(&t);
	}
}

/* The n-th block cannot be had; the next call goes on with it. */
static void test_failing(void **state)
{
	struct fixheap_prefault how = defaults;
	u64 nr = BLOCKS(NR_BLOCKS);
	struct test_heap t;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .machine = "1x1", .nr_pages = nr });
	how.size--;
	assert_int_equal(fixheap_prefault(t.heap, &how), -EINVAL);
	how = defaults;
	how.flags = 4;
	assert_int_equal(fixheap_prefault(t.heap, &how), -EINVAL);
	how.flags = FIXHEAP_PREFAULT_BACKGROUND;
	host_sim_fail(HOST_SIM_START_THREAD, 1);
	assert_int_equal(fixheap_prefault(t.heap, &how), -EAGAIN);
	host_sim_fail(HOST_SIM_RESERVE, 1);
	assert_int_equal(fixheap_prefault(t.heap, NULL), -ENOMEM);
	assert_int_equal(present(&t, nr), 0);
	host_sim_fail(HOST_SIM_POPULATE, 5);
	assert_int_equal(fixheap_prefault(t.heap, NULL), -ENOMEM);
	assert_int_equal(fixheap_prefault_wait(t.heap), -ENOMEM);
	assert_int_equal(present(&t, nr), 4 * BLOCK_BYTES);
	/* not in this kernel: they are touched */
	host_sim_fail_with(HOST_SIM_POPULATE, 3, -ENOSYS);
	assert_int_equal(fixheap_prefault(t.heap, NULL), 0);
	assert_int_equal(present(&t, nr), BYTES(nr));
	assert_int_equal(host_sim_calls(HOST_SIM_POPULATE), NR_BLOCKS + 1);
	assert_int_equal(fixheap_prefault_wait(t.heap), 0);
	heap_end(&t);
}

/* Huge pages are asked for before the first page is touched. */
static void test_huge(void **state)
{
	struct fixheap_prefault how = defaults;
	struct watch watch = { .stop_at = 1 };
	struct test_heap t;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .machine = "1x1",
					    .nr_pages = BLOCKS(2) });
	how = watched(&watch);
	how.flags = FIXHEAP_PREFAULT_NO_HUGEPAGES;
	assert_int_equal(fixheap_prefault(t.heap, &how), -ECANCELED);
	assert_int_equal(host_sim_calls(HOST_SIM_ADVISE_HUGE), 0);
	how.flags = 0;
	watch.stop_at = 1;
	watch.done = 0;
	fixheap_prefault(t.heap, &how);
	assert_int_equal(host_sim_calls(HOST_SIM_ADVISE_HUGE), 1);
	heap_end(&t);
}

/*
 * What is handed out while it goes on was brought already, from both ends: of
 * the first three fifths that are brought, a quarter each as arrays and as
 * small things.
 */
static void test_ready_first(void **state)
{
	static const char *const machine[] = { "1x1", "1x2", "2x1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(machine); i++) {
		u64 nr = BLOCKS(40), got, n;
		struct watch watch = { .stop_at = BYTES(nr) / 5 * 3 };
		struct fixheap_prefault how = watched(&watch);
		struct test_heap t;

		nodes_make(&t, &(struct node_spec){ .machine = machine[i],
						    .nr_pages = nr });
		/* with nodes: the caller's first, or it would be chance */
		how.nr_threads = i == 1 ? 2 : 1;
		assert_int_equal(fixheap_prefault(t.heap, &how), -ECANCELED);
		for (got = 0; got < BYTES(nr) / 20 * 3; got += BYTES(n)) {
			char *run;

			n = 100 + 7 * (got / PAGE_BYTES) % BLOCKS(2);
			run = fixheap_pages_alloc(t.heap, n, 0, NULL);
			assert_non_null(run);
			assert_int_equal(host_sim_touched(run, BYTES(n)),
					 BYTES(n));
		}
		for (got = 0; got < BYTES(nr) / 20 * 3; got += PAGE_BYTES) {
			char *page = fixheap_malloc(t.heap, PAGE_BYTES);

			assert_non_null(page);
			assert_true(host_sim_touched(page, PAGE_BYTES) >=
				    PAGE_BYTES);
		}
		heap_valid(&t);
		heap_drop(&t);
	}
}

static void wait_for(const unsigned *flag)
{
	while (!__atomic_load_n(flag, __ATOMIC_ACQUIRE))
		sched_yield();
}

static void test_background(void **state)
{
	struct watch watch = { .hold = 1 };
	struct fixheap_prefault how = watched(&watch);
	u64 nr = BLOCKS(NR_BLOCKS);
	struct test_heap t;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .machine = "2x1", .nr_pages = nr });
	assert_int_equal(fixheap_prefault_wait(t.heap), 0);
	how.flags = FIXHEAP_PREFAULT_BACKGROUND;
	assert_int_equal(fixheap_prefault(t.heap, &how), 0);
	wait_for(&watch.seen);
	assert_int_equal(fixheap_prefault(t.heap, NULL), -EBUSY);
	fixheap_prefault_cancel(t.heap);
	__atomic_store_n(&watch.hold, 0, __ATOMIC_RELEASE);
	assert_int_equal(fixheap_prefault_wait(t.heap), -ECANCELED);
	assert_int_equal(present(&t, nr), 0);
	/* it can be begun again, and waited for by beginning the next */
	assert_int_equal(fixheap_prefault(t.heap, &how), 0);
	while (fixheap_prefault(t.heap, NULL) == -EBUSY)
		sched_yield();
	assert_int_equal(present(&t, nr), BYTES(nr));
	assert_int_equal(fixheap_prefault_wait(t.heap), 0);
	/* the end of the heap waits for it */
	watch = (struct watch){ .hold = 1 };
	assert_int_equal(fixheap_prefault(t.heap, &how), 0);
	wait_for(&watch.seen);
	__atomic_store_n(&watch.hold, 0, __ATOMIC_RELEASE);
	heap_end(&t);
	assert_int_equal(watch.inside, 0);
}

/* A child has the heap, and no such thread. */
static void test_fork(void **state)
{
	struct watch watch = { .hold = 1 };
	struct fixheap_prefault how = watched(&watch);
	struct test_heap t;
	pid_t child;
	int status;

	(void)state;
	/* one CPU: such a child cannot start threads under all tools */
	nodes_make(&t, &(struct node_spec){ .machine = "1x1",
					    .nr_pages = BLOCKS(4) });
	how.flags = FIXHEAP_PREFAULT_BACKGROUND;
	assert_int_equal(fixheap_prefault(t.heap, &how), 0);
	wait_for(&watch.seen);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		alarm(CHILD_SECONDS);
		if (fixheap_prefault_wait(t.heap) != -ECANCELED)
			_exit(1);
		if (fixheap_prefault(t.heap, NULL))
			_exit(2);
		fixheap_destroy(t.heap);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	__atomic_store_n(&watch.hold, 0, __ATOMIC_RELEASE);
	assert_int_equal(fixheap_prefault_wait(t.heap), 0);
	heap_end(&t);
}

/* Dropped contents are brought again; who touches a fresh array next decides
 * its node, and that is not us. */
static void test_fresh(void **state)
{
	const struct fixheap_array_attr fresh = ATTR(.flags = FIXHEAP_FRESH);
	u64 nr = BLOCKS(16), odd = BLOCKS(2) + 5;
	size_t small = BYTES(3), large = BYTES(BLOCKS(3));
	struct test_heap t;
	char *array[3];

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "there are no arrays");
	nodes_make(&t, &(struct node_spec){ .nr_pages = nr });
	assert_int_equal(fixheap_prefault(t.heap, NULL), 0);
	array[0] = fixheap_array_alloc(t.heap, small, &fresh);
	array[1] = fixheap_array_alloc(t.heap, BYTES(odd), NULL);
	array[2] = fixheap_array_alloc(t.heap, large, &fresh);
	assert_true(array[0] && array[1] && array[2]);
	for (u32 i = 0; i < 2; i++) {
		assert_int_equal(present(&t, nr), BYTES(nr) - small - large);
		assert_int_equal(host_sim_touched(array[0], small), 0);
		assert_int_equal(host_sim_touched(array[2], large), 0);
		assert_int_equal(fixheap_prefault(t.heap, NULL), 0);
	}
	host_sim_set_cpu(3);
	nodes_touch(array[2], large);
	nodes_on(array[2], large, 3);
	for (u32 i = 0; i < 3; i++)
		fixheap_array_free(t.heap, array[i]);
	assert_int_equal(fixheap_prefault(t.heap, NULL), 0);
	assert_int_equal(nodes_as_told(t.heap, t.base, BYTES(nr)), BYTES(nr));
	heap_end(&t);
}

/* --- regions -------------------------------------------------------------- */

struct leaving {
	unsigned touching, left; /* (A) */
	unsigned too_early;
};

/* Whoever touches first waits until somebody waits for it. */
static void hold_touch(void *data, enum host_sim_call call)
{
	struct leaving *leaving = data;
	u64 yields = host_sim_calls(HOST_SIM_YIELD);

	if (call != HOST_SIM_POPULATE ||
	    __atomic_exchange_n(&leaving->touching, 1, __ATOMIC_ACQ_REL))
		return;
	for (u32 i = 0; i < 20000; i++) {
		if (host_sim_calls(HOST_SIM_YIELD) > yields + 3)
			return;
		if (__atomic_load_n(&leaving->left, __ATOMIC_ACQUIRE))
			break;
		usleep(100);
	}
	leaving->too_early = 1;
}

/* A region does not leave while it is being touched, nor is one that is gone,
 * or is to leave, touched. */
static void test_regions(void **state)
{
	const u64 nr = BLOCKS(2);
	struct leaving leaving = { .left = 0 };
	struct fixheap_prefault how = defaults;
	struct test_heap t;
	void *used, *run;
	unsigned id;

	(void)state;
	regions_make(&t,
		     &(struct regions_spec){ .nr_blocks = 12, .nr_pages = 10 });
	assert_int_equal(region_add(&t, BLOCKS(2), nr, 1), 1);
	assert_int_equal(region_add(&t, BLOCKS(6) + 3, nr, 2), 2);
	used = region_get(&t, 1).base;
	how.nr_threads = 1;
	how.flags = FIXHEAP_PREFAULT_BACKGROUND;
	/* the first pieces are those of the first and of the last region */
	host_sim_set_hook(hold_touch, &leaving);
	assert_int_equal(fixheap_prefault(t.heap, &how), 0);
	wait_for(&leaving.touching);
	assert_int_equal(fixheap_offline_region(t.heap, 0, 0), 0);
	__atomic_store_n(&leaving.left, 1, __ATOMIC_RELEASE);
	assert_int_equal(fixheap_prefault_wait(t.heap), 0);
	host_sim_set_hook(NULL, NULL);
	assert_false(leaving.too_early);
	assert_int_equal(host_sim_touched(used, BYTES(nr)), BYTES(nr));
	/* one that is to leave is left alone */
	run = fixheap_pages_alloc(t.heap, nr, 0, NULL);
	assert_non_null(run);
	id = (unsigned)region_id_of(&t, run);
	assert_int_equal(fixheap_offline_region(t.heap, id, 0), -EBUSY);
	assert_int_equal(madvise(run, BYTES(nr), MADV_DONTNEED), 0);
	ready_clear(t.heap, &PAGES(addr_to_pfn(t.heap, run), nr));
	assert_int_equal(fixheap_prefault(t.heap, NULL), 0);
	assert_int_equal(host_sim_touched(run, BYTES(nr)), 0);
	fixheap_pages_free(t.heap, run, nr);
	assert_int_equal(fixheap_online_region(t.heap, id), 0);
	/* one that is gone, too, and what comes in its place is
	 * another's */
	assert_int_equal(fixheap_offline_region(t.heap, 1, 0), 0);
	assert_int_equal(madvise(used, BYTES(nr), MADV_DONTNEED), 0);
	assert_int_equal(fixheap_prefault(t.heap, NULL), 0);
	assert_int_equal(host_sim_touched(used, BYTES(nr)), 0);
	assert_int_equal(region_add(&t, BLOCKS(2), nr, 7), 0);
	assert_int_equal(fixheap_prefault(t.heap, NULL), 0);
	assert_int_equal(host_sim_touched(used, BYTES(nr)), BYTES(nr));
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_first_touch),
		cmocka_unit_test(test_resume),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_ready_first),
		cmocka_unit_test(test_background),
		cmocka_unit_test(test_fork),
		cmocka_unit_test(test_fresh),
		cmocka_unit_test(test_regions),
	};

	return cmocka_run_group_tests_name("prefault", tests, NULL, NULL);
}
