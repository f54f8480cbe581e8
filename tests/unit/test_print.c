/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_print.c: mm/print.c, where the text of a heap goes, what may go wrong on
 * the way, and all texts while others use the heap; what they say is in
 * test_print_zones.c, test_print_runs.c and test_print_stats.c.
 */
#include "print_test.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

/* ---- the buffer --------------------------------------------------------- */

/* A piece is never cut: so many writes it takes to have all of them out. */
static void test_pieces(void **state)
{
	static const struct {
		int length; /* of a piece, */
		u32 nr, writes;
	} table[] = {
		{ 1, 0, 0 },   { 1, 1, 1 },   { 1, 511, 1 },  { 1, 512, 2 },
		{ 100, 5, 1 }, { 100, 6, 2 }, { 100, 11, 3 }, { 255, 2, 1 },
		{ 256, 2, 2 }, { 511, 1, 1 }, { 511, 3, 3 },
	};
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		FILE *file = tmpfile();
		struct printer p = { .heap = t.heap, .fd = fileno(file) };
		u64 before = host_sim_calls(HOST_SIM_WRITE);

		for (u32 n = 0; n < table[i].nr; n++)
			print_text(&p, "%0*u", table[i].length, n % 10);
		assert_int_equal(print_flush(&p), 0);
		assert_int_equal(p.nr, 0);
		assert_int_equal(host_sim_calls(HOST_SIM_WRITE) - before,
				 table[i].writes);
		rewind(file);
		for (u32 n = 0; n < table[i].nr; n++) {
			assert_int_equal(fread(text, (size_t)table[i].length, 1,
					       file),
					 1);
			assert_int_equal(text[table[i].length - 1],
					 '0' + n % 10);
		}
		assert_int_equal(fread(text, 1, 1, file), 0);
		fclose(file);
	}
	heap_end(&t);
}

/* The same buffer on its way to stderr. */
static void test_stderr(void **state)
{
	struct test_heap t;
	struct printer p;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = NR });
	p = (struct printer){ .heap = t.heap, .fd = PRINT_STDERR };
	host_sim_clear_output();
	print_text(&p, "one %d\n", 1);
	assert_string_equal(host_sim_output(), "");
	print_text(&p, "two\n");
	assert_int_equal(print_flush(&p), 0);
	assert_string_equal(host_sim_output(), "one 1\ntwo\n");
	heap_end(&t);
}

/* Zones without pages are passed over; a zone has the kernel's number. */
static void test_zones(void **state)
{
	static const struct {
		u64 nr_pages;
		u32 orders;
	} table[] = {
		{ 1, 1 }, { 2, 2 }, { 3, 2 }, { 1023, 10 }, { 1024, 11 },
	};
	const struct zone *zone = NULL;
	struct test_heap t;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		heap_make(&t,
			  &(struct heap_spec){ .nr_pages = table[i].nr_pages });
		assert_int_equal(print_orders(t.heap), table[i].orders);
		heap_end(&t);
	}
	heap_make(&t, &(struct heap_spec){ .machine = "3x1@0,3,9",
					   .nr_pages = BLOCKS(6),
					   .unbound = 1 });
	t.heap->zone[0].nr_pages = 0;
	t.heap->zone[2].nr_pages = 0;
	zone = print_zone_next(t.heap, NULL);
	assert_ptr_equal(zone, &t.heap->zone[1]);
	assert_int_equal(print_node(t.heap, zone), 3);
	assert_int_equal(print_node(t.heap, &t.heap->zone[2]), 9);
	assert_int_equal(t.heap->nr_zones, 3);
	assert_null(print_zone_next(t.heap, zone));
	heap_drop(&t);
}

/* ---- mistakes, and what may go wrong ------------------------------------ */

static void no_lock(void *data, enum host_sim_call call)
{
	struct test_heap *t = data;

	if (call != HOST_SIM_WRITE)
		return;
	assert_true(spin_trylock(&t->region->lock));
	spin_unlock(&t->region->lock);
}

static void test_errors(void **state)
{
	struct test_heap t;
	int full, fds[2];

	(void)state;
	make_known(&t);
	assert_int_equal(fixheap_print(t.heap, 1, "meminfo"), -EINVAL);
	assert_int_equal(fixheap_print(t.heap, 1, ""), -EINVAL);
	assert_int_equal(fixheap_print(t.heap, 1, NULL), -EINVAL);
	assert_int_equal(fixheap_print(t.heap, -1, "vmstat"), -EBADF);
	assert_int_equal(fixheap_print(t.heap, 9999, "vmstat"), -EBADF);
	full = open("/dev/full", O_WRONLY);
	assert_int_equal(fixheap_print(t.heap, full, "vmstat"), -ENOSPC);
	close(full);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe(fds), 0);
	close(fds[0]);
	errno = 77;
	for (u32 i = 0; i < ARRAY_LEN(texts); i++)
		assert_int_equal(fixheap_print(t.heap, fds[1], texts[i]),
				 -EPIPE);
	assert_int_equal(errno, 77);
	close(fds[1]);
	/* after the first that failed nothing more is tried */
	for (long n = 1; n < 4; n++) {
		u64 before = host_sim_calls(HOST_SIM_WRITE);

		host_sim_fail(HOST_SIM_WRITE, n);
		assert_int_equal(print_to_file(&t, "prometheus"), -EIO);
		assert_int_equal(host_sim_calls(HOST_SIM_WRITE) - before, n);
	}
	host_sim_set_hook(no_lock, &t);
	for (u32 i = 0; i < ARRAY_LEN(texts); i++)
		printed(&t, texts[i]);
	host_sim_set_hook(NULL, NULL);
	heap_drop(&t);
}

/* ---- while others use the heap ------------------------------------------ */

static void *use_heap(void *data)
{
	struct test_heap *t = data;
	void *kept[32] = { NULL };

	for (u32 i = 0; i < TEST_STEPS(20000); i++) {
		fixheap_free(t->heap, kept[i % 32]);
		kept[i % 32] = fixheap_malloc(t->heap, i * 37 % 40000);
	}
	for (u32 i = 0; i < 32; i++)
		fixheap_free(t->heap, kept[i]);
	return NULL;
}

static void test_others(void **state)
{
	pthread_t thread[2];
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "1x2",
					   .nr_pages = BLOCKS(8) });
	for (u32 i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, use_heap, &t),
				 0);
	for (u32 i = 0; i < TEST_STEPS(300); i++)
		printed(&t, texts[i % ARRAY_LEN(texts)]);
	for (u32 i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	heap_is_empty(&t);
	heap_valid(&t);
	/* what threads had in caches is kept for the next ones */
	fixheap_destroy(t.heap);
	assert_int_equal(munmap(t.memory, t.bytes), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces), cmocka_unit_test(test_stderr),
		cmocka_unit_test(test_zones),  cmocka_unit_test(test_errors),
		cmocka_unit_test(test_others),
	};

	return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}
