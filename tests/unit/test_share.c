/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_share.c: metadata in a file, mm/share.c: what the header says is what
 * the heap has, and a child of fork has metadata of its own.
 */
#include "regions_test.h"

#include <fixheap/segment.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "share.h"

#define TEST(name) cmocka_unit_test(test_##name)

static const struct heap_spec spec = { .nr_pages = BLOCKS(8),
				       .machine = "2x1",
				       .unbound = 1,
				       .flags = FIXHEAP_SHARE };

static const struct fixheap_segment *segment_of(const struct test_heap *t)
{
	return (const void *)((const char *)t->heap - SHARE_BYTES);
}

/* Number i of a column, as a reader finds it. */
static u64 number(const struct test_heap *t, u32 id, u64 i)
{
	const struct fixheap_segment *segment = segment_of(t);
	const struct fixheap_segment_column *col = &segment->column[id];
	u64 at = col->at + i * col->stride, value = 0;

	assert_true(i < col->nr);
	assert_true(col->width && col->width <= 8 &&
		    !(col->width & (col->width - 1)));
	assert_true(at + col->width <= segment->bytes);
	memcpy(&value, (const char *)segment + at, col->width);
	return value;
}

static void test_header(void **state)
{
	const struct fixheap_segment *segment;
	struct test_heap t;

	(void)state;
	heap_make(&t, &spec);
	segment = segment_of(&t);
	assert_int_equal(segment->magic, FIXHEAP_SEGMENT_MAGIC);
	assert_int_equal(segment->version, FIXHEAP_SEGMENT_VERSION);
	assert_int_equal(segment->page_shift, PAGE_SHIFT);
	assert_int_equal(segment->bytes, t.heap->meta_bytes + SHARE_BYTES);
	assert_int_equal(segment->pid, getpid());
	assert_int_equal(segment->nr_columns, FIXHEAP_SEGMENT_NR_COLUMNS);
	assert_string_equal(segment->program, "sim");
	assert_non_null(fixheap_segment_path(t.heap));
	heap_end(&t);
}

static void test_columns(void **state)
{
	const struct fixheap_segment *segment;
	struct test_heap t;
	void *run;
	u64 pfn;

	(void)state;
	heap_make(&t, &spec);
	segment = segment_of(&t);
	run = fixheap_pages_alloc(t.heap, 700, 0, NULL);
	assert_non_null(run);
	pfn = addr_to_pfn(t.heap, run);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_PAGES, pfn) & 7,
			 FIXHEAP_SEGMENT_RUN);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_PAGES, pfn) >> 32, 699);
	assert_int_equal(segment->origin + (pfn << segment->page_shift) +
				 number(&t, FIXHEAP_SEGMENT_MOVES, pfn / 512),
			 (uintptr_t)run);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_HEAP, 0), BLOCKS(8));
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_USED, 0), 700);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_RANGE_END, 0) -
				 number(&t, FIXHEAP_SEGMENT_RANGE_START, 0),
			 BLOCKS(8));
	for (u32 z = 0; z < t.heap->nr_zones; z++) {
		assert_int_equal(number(&t, FIXHEAP_SEGMENT_ZONE_START, z),
				 t.heap->zone[z].start_pfn);
		assert_int_equal(number(&t, FIXHEAP_SEGMENT_ZONE_END, z),
				 t.heap->zone[z].end_pfn);
		assert_int_equal(number(&t, FIXHEAP_SEGMENT_ZONE_PAGES, z),
				 t.heap->zone[z].nr_pages);
		assert_int_equal(number(&t, FIXHEAP_SEGMENT_ZONE_FREE, z),
				 t.heap->zone[z].nr_free);
		assert_int_equal(number(&t, FIXHEAP_SEGMENT_ZONE_NODE, z),
				 t.heap->zone[z].node);
	}
	fixheap_pages_free(t.heap, run, 700);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_PAGES, pfn), 0);
	heap_end(&t);
}

static void test_tags(void **state)
{
	struct test_heap t;
	void *run;
	u64 pfn;

	(void)state;
	need(IS_ENABLED(CONFIG_TAGS), "no TAGS");
	heap_make(&t, &spec);
	assert_int_equal(fixheap_set_tag(1023), 0);
	run = fixheap_pages_alloc(t.heap, 5, 0, NULL);
	pfn = addr_to_pfn(t.heap, run);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_TAG_OF, pfn), 1023);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_TAG_PAGES, 1023), 5);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_TAG_PEAK, 1023), 5);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_TAG_RUNS, 1023), 1);
	fixheap_pages_free(t.heap, run, 5);
	assert_int_equal(fixheap_set_tag(0), 1023);
	heap_end(&t);
}

/* Regions that come later are found, and where their pages are. */
static void test_regions(void **state)
{
	const struct regions_spec regions = { .nr_blocks = 16,
					      .nr_pages = BLOCKS(2),
					      .flags = FIXHEAP_SHARE };
	struct test_heap t;
	u64 pages = 0;
	void *run;
	u64 pfn;

	(void)state;
	regions_make(&t, &regions);
	assert_true(region_add(&t, BLOCKS(8), BLOCKS(4), 0) >= 0);
	run = fixheap_pages_alloc(t.heap, BLOCKS(3), 0, NULL);
	assert_non_null(run);
	pfn = addr_to_pfn(t.heap, run);
	assert_int_equal(segment_of(&t)->origin + (pfn << PAGE_SHIFT) +
				 number(&t, FIXHEAP_SEGMENT_MOVES, pfn / 512),
			 (uintptr_t)run);
	for (u32 i = 0; i < t.heap->max_ranges; i++)
		if (number(&t, FIXHEAP_SEGMENT_RANGE_END, i))
			pages += number(&t, FIXHEAP_SEGMENT_RANGE_END, i) -
				 number(&t, FIXHEAP_SEGMENT_RANGE_START, i);
	assert_int_equal(pages, BLOCKS(6));
	fixheap_pages_free(t.heap, run, BLOCKS(3));
	heap_end(&t);
}

static void test_refused(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap;
	u64 held;

	(void)state;
	host_sim_reset();
	held = host_sim_held();
	config.length = 8 * BLOCK_BYTES;
	config.flags = FIXHEAP_SHARE;
	host_sim_fail(HOST_SIM_SHARE, 1);
	assert_int_equal(fixheap_create(&config, &heap), -EACCES);
	assert_int_equal(host_sim_held(), held);
	config.flags = 0;
	assert_int_equal(fixheap_create(&config, &heap), 0);
	assert_null(fixheap_segment_path(heap));
	fixheap_segment_hide(heap);
	assert_int_equal(host_sim_calls(HOST_SIM_SHARE_END), 0);
	fixheap_destroy(heap);
}

/* Its name is removed once. */
static void test_hide(void **state)
{
	struct test_heap t;
	u64 before;

	(void)state;
	heap_make(&t, &spec);
	before = host_sim_calls(HOST_SIM_SHARE_END);
	fixheap_segment_hide(t.heap);
	fixheap_segment_hide(t.heap);
	assert_int_equal(host_sim_calls(HOST_SIM_SHARE_END), before + 1);
	heap_end(&t);
	assert_int_equal(host_sim_calls(HOST_SIM_SHARE_END), before + 1);
}

/* What a child does: 0, or the number of what is wrong. */
static int in_child(struct test_heap *t, void *run)
{
	void *own = fixheap_pages_alloc(t->heap, 300, 0, NULL);

	if (!own || fixheap_segment_path(t->heap))
		return 1;
	fixheap_pages_free(t->heap, run, 700);
	if (t->heap->used != 300 || fixheap_validate(t->heap))
		return 2;
	fixheap_segment_hide(t->heap);
	fixheap_destroy(t->heap);
	return 0;
}

static void fork_and_end(struct test_heap *t, void *run, int sig)
{
	int status;
	pid_t child = fork();

	assert_true(child >= 0);
	if (!child) {
		signal(SIGABRT, SIG_DFL);
		_exit(in_child(t, run));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(WIFSIGNALED(status) ? WTERMSIG(status) : 0, sig);
	assert_int_equal(sig ? 0 : WEXITSTATUS(status), 0);
}

static void test_fork(void **state)
{
	struct test_heap t;
	u64 held;
	void *run;

	(void)state;
	heap_make(&t, &spec);
	run = fixheap_pages_alloc(t.heap, 700, 0, NULL);
	held = host_sim_held();
	fork_and_end(&t, run, 0);
	assert_int_equal(t.heap->used, 700);
	assert_int_equal(number(&t, FIXHEAP_SEGMENT_USED, 0), 700);
	assert_int_equal(host_sim_held(), held);
	assert_non_null(fixheap_segment_path(t.heap));
	/* rather no child than one that writes here */
	host_sim_fail(HOST_SIM_SHARE_COPY, 1);
	fork_and_end(&t, run, SIGABRT);
	assert_int_equal(t.heap->used, 700);
	fixheap_pages_free(t.heap, run, 700);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(header),  TEST(columns), TEST(tags), TEST(regions),
		TEST(refused), TEST(hide),    TEST(fork),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
