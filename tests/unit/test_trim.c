/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_trim.c: mm/trim.c, free memory that goes back to the system: which, in
 * how many calls, what is known of it then, and that nobody fails for it.
 */
#include "nodes.h"

#include <pthread.h>
#include <sched.h>

#include "zeromap.h"

#define PIECE_BLOCKS (((u64)64 << 20) / BLOCK_BYTES)

/* A heap of free blocks, all of which somebody has written to. */
static void make_used(struct test_heap *t, u32 nr_blocks)
{
	void *all;

	heap_make(t, &(struct heap_spec){ .nr_pages = BLOCKS(nr_blocks) });
	all = fixheap_pages_alloc(t->heap, BLOCKS(nr_blocks), 0, NULL);
	assert_non_null(all);
	memset(all, 0x5a, BYTES(BLOCKS(nr_blocks)));
	fixheap_pages_free(t->heap, all, BLOCKS(nr_blocks));
}

/* Blocks that go, of all that may. */
static size_t trim(struct test_heap *t, size_t keep)
{
	size_t given = 1;

	assert_int_equal(fixheap_trim(t->heap, keep, 0, &given), 0);
	assert_int_equal(given % BLOCK_BYTES, 0);
	heap_valid(t);
	return given / BLOCK_BYTES;
}

static u64 discards(void)
{
	return host_sim_calls(HOST_SIM_DISCARD);
}

/* By block: '.' goes, 'u' is in use, 'p' in part, 'z' was never used. */
static void test_which(void **state)
{
	static const struct {
		const char *picture;
		u32 given, calls;
	} table[] = {
		{ "........", 8, 1 }, { "uuuuuuuu", 0, 0 },
		{ "zzzzzzzz", 0, 0 }, { "pppppppp", 0, 0 },
		{ ".u.u.u.u", 4, 4 }, { "..p..p..", 6, 3 },
		{ "..z..z..", 6, 3 }, { "z......z", 6, 1 },
		{ "p.zz.p.z", 3, 3 }, { "zz.zzzzz", 1, 1 },
		{ "u......p", 6, 1 }, { ".zzzzzzu", 1, 1 },
	};

	/* what free pages hold */
	const char used = IS_ENABLED(CONFIG_PAGE_POISON) ? (char)0xaa : 0x5a;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const char *picture = table[i].picture;
		struct test_heap t;

		make_used(&t, 8);
		for (u32 b = 0; b < 8; b++) {
			if (picture[b] == 'z')
				zeromap_set(t.region, b, b + 1, BLOCK_ZERO);
			if (picture[b] == 'u')
				heap_place(&t, PAGE_RAW, BLOCKS(b), 512);
			if (picture[b] == 'p')
				heap_place(&t, PAGE_RAW, BLOCKS(b) + b, 1);
		}
		for (u32 b = 0; b < 8; b++) {
			if (picture[b] == 'z')
				memset(t.base + b * BLOCK_BYTES, 0,
				       BLOCK_BYTES);
		}
		assert_int_equal(trim(&t, 0), table[i].given);
		assert_int_equal(discards(), table[i].calls);
		for (u32 b = 0; b < 8; b++) {
			char *block = t.base + b * BLOCK_BYTES;
			size_t in = host_sim_resident(block, BLOCK_BYTES);

			assert_int_equal(in,
					 picture[b] == '.' ? 0 : BLOCK_BYTES);
			if (picture[b] == '.' || picture[b] == 'z')
				assert_true(zeromap_is_zero(t.region, b));
			assert_int_equal(block[b * PAGE_BYTES],
					 strchr(".z", picture[b]) ? 0 : used);
		}
		/* once more costs nothing */
		assert_int_equal(trim(&t, 0), 0);
		assert_int_equal(discards(), table[i].calls);
		heap_end(&t);
	}
}

static void test_keep(void **state)
{
	static const struct {
		u32 nr;
		size_t keep;
		u32 given, calls;
	} table[] = {
		{ 40, 0, 40, (40 + PIECE_BLOCKS - 1) / PIECE_BLOCKS },
		{ 9, 1, 8, 0 },
		{ 9, BLOCK_BYTES, 8, 0 },
		{ 9, BLOCK_BYTES + 1, 7, 0 },
		{ 40, 20 * BLOCK_BYTES, 20, 0 },
		{ 9, 8 * BLOCK_BYTES, 1, 1 },
		{ 9, 8 * BLOCK_BYTES + 1, 0, 0 },
		{ 9, 9 * BLOCK_BYTES, 0, 0 },
		{ 9, SIZE_MAX, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;

		make_used(&t, table[i].nr);
		assert_int_equal(trim(&t, table[i].keep), table[i].given);
		if (table[i].calls || !table[i].given)
			assert_int_equal(discards(), table[i].calls);
		assert_int_equal(host_sim_resident(t.base,
						   BYTES(BLOCKS(table[i].nr))),
				 (table[i].nr - table[i].given) * BLOCK_BYTES);
		assert_int_equal(trim(&t, table[i].keep), 0);
		heap_end(&t);
	}
}

/* What went is known to be zero: exactly the rest is cleared. */
static void test_zero(void **state)
{
	const struct fixheap_array_attr zero = ATTR(.flags = FIXHEAP_ZERO);
	struct test_heap t;
	char *pages, *object;

	(void)state;
	make_used(&t, 8);
	assert_int_equal(trim(&t, 3 * BLOCK_BYTES), 5);
	pages = fixheap_pages_alloc(t.heap, BLOCKS(8), 0, &zero);
	assert_non_null(pages);
	assert_int_equal(host_sim_cleared(), 3 * BLOCK_BYTES);
	for (size_t i = 0; i < BYTES(BLOCKS(8)); i++)
		assert_false(pages[i]);
	/* used again, it is not known any more */
	memset(pages, 0x5a, 4 * BLOCK_BYTES);
	fixheap_pages_free(t.heap, pages, BLOCKS(8));
	assert_int_equal(trim(&t, 0), 8);
	object = fixheap_calloc(t.heap, 7, BLOCK_BYTES);
	assert_non_null(object);
	assert_int_equal(host_sim_cleared(), 3 * BLOCK_BYTES);
	for (size_t i = 0; i < 7 * BLOCK_BYTES; i++)
		assert_false(object[i]);
	fixheap_free(t.heap, object);
	heap_end(&t);
}

static void test_refused(void **state)
{
	static const struct {
		unsigned heap, flags;
		int ret;
	} table[] = {
		{ FIXHEAP_PINNED, 0, -ENOTSUP },
		{ FIXHEAP_DETERMINISTIC, 0, -ENOTSUP },
		{ 0, 2, -EINVAL },
		{ FIXHEAP_PINNED, ~0u, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		size_t given = 1;
		struct test_heap t;

		heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(8),
						   .flags = table[i].heap });
		assert_int_equal(fixheap_trim(t.heap, 0, table[i].flags,
					      &given),
				 table[i].ret);
		assert_int_equal(given, 0);
		assert_int_equal(fixheap_trim(t.heap, 0, table[i].flags, NULL),
				 table[i].ret);
		assert_int_equal(host_sim_mapping_calls(), 0);
		heap_end(&t);
	}
}

/* The n-th call fails: what went before stays, what did not is as it was. */
static void test_failing(void **state)
{
	u64 calls = (40 + PIECE_BLOCKS - 1) / PIECE_BLOCKS;

	(void)state;
	for (long n = 1; n <= (long)calls; n++) {
		struct test_heap t;
		size_t given;

		make_used(&t, 40);
		host_sim_fail(HOST_SIM_DISCARD, n);
		assert_int_equal(fixheap_trim(t.heap, 0, 0, &given), -EINVAL);
		assert_int_equal(given,
				 (u64)(n - 1) * PIECE_BLOCKS * BLOCK_BYTES);
		heap_valid(&t);
		heap_is_empty(&t);
		assert_int_equal(host_sim_resident(t.base, BYTES(BLOCKS(40))),
				 40 * BLOCK_BYTES - given);
		assert_int_equal(trim(&t, 0), 40 - given / BLOCK_BYTES);
		heap_end(&t);
	}
}

/* Memory that is shared goes only on request; nothing that is registered. */
static void test_shared(void **state)
{
	struct test_heap t;
	size_t given;

	(void)state;
	make_used(&t, 8);
	host_sim_set_shared(true);
	assert_int_equal(trim(&t, 0), 0);
	assert_int_equal(discards(), 0);
	assert_int_equal(fixheap_trim(t.heap, 0, FIXHEAP_TRIM_SHARED, &given),
			 0);
	assert_int_equal(given, 8 * BLOCK_BYTES);
	assert_int_equal(host_sim_calls(HOST_SIM_IS_SHARED), 1);
	assert_int_equal(host_sim_calls(HOST_SIM_MAPPING_PAGE), 1);
	heap_end(&t);
}

/* Memory of several kinds stays: not all of it would read as zero. */
static void test_mixed(void **state)
{
	struct test_heap t;
	size_t given;

	(void)state;
	make_used(&t, 8);
	host_sim_set_mixed(true);
	assert_int_equal(fixheap_trim(t.heap, 0, FIXHEAP_TRIM_SHARED, &given),
			 0);
	assert_int_equal(given, 0);
	assert_int_equal(discards(), 0);
	heap_end(&t);
}

/* Pages of the mapping of 8 blocks: none is split. */
static void test_large_pages(void **state)
{
	static const struct {
		u32 nr, at[3]; /* blocks in use */
		u32 given, calls;
	} table[] = {
		{ 0, { 0 }, 32, 1 },	    { 1, { 0 }, 24, 1 },
		{ 1, { 15 }, 24, 2 },	    { 3, { 7, 8, 31 }, 8, 1 },
		{ 3, { 3, 12, 20 }, 8, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct test_heap t;
		struct run run;

		make_used(&t, 32);
		host_sim_set_mapping_page(8 * BLOCK_BYTES);
		for (u32 j = 0; j < table[i].nr; j++)
			heap_place(&t, PAGE_RAW, BLOCKS(table[i].at[j]), 512);
		assert_int_equal(trim(&t, 0), table[i].given);
		assert_int_equal(trim(&t, 0), 0);
		/* one block more makes all of its page go */
		run = (struct run){ BLOCKS(table[i].at[0]), 512 };
		if (table[i].nr)
			assert_null(run_free(t.heap, &run, PAGE_RAW));
		assert_int_equal(trim(&t, 0), table[i].nr == 3 ? 8
					      : table[i].nr    ? 8
							       : 0);
		heap_end(&t);
	}
}

/* The pages stay bound to their nodes. */
static void test_nodes(void **state)
{
	const u64 bytes = BYTES(BLOCKS(32));
	struct test_heap t;
	void *all;

	(void)state;
	nodes_make(&t, &(struct node_spec){ .nr_pages = BLOCKS(32) });
	all = fixheap_pages_alloc(t.heap, BLOCKS(30), 0, NULL);
	assert_non_null(all);
	nodes_touch(t.base, bytes);
	fixheap_pages_free(t.heap, all, BLOCKS(30));
	assert_true(trim(&t, 0) >= 28);
	nodes_touch(t.base, bytes);
	assert_int_equal(nodes_as_told(t.heap, t.base, bytes), bytes);
	nodes_verified(t.heap);
	heap_end(&t);
}

/* --- others meanwhile ----------------------------------------------------- */

struct meanwhile {
	struct test_heap t;
	pthread_t thread;
	u32 nr_hooks;
	bool started, done; /* (A) */
	void *(*fn)(void *data);
	void *result;
};

/* While a piece is out: no lock that others need is held, and who needs all of
 * the memory comes now. */
static void let_others(void *data, enum host_sim_call call)
{
	struct meanwhile *m = data;

	if (call != HOST_SIM_DISCARD || m->nr_hooks++)
		return;
	assert_true(spin_trylock(&m->t.region->lock));
	spin_unlock(&m->t.region->lock);
	for (u32 n = 0; n < m->t.heap->nr_nodes; n++)
		assert_true(spin_trylock(&m->t.heap->node[n].slab_lock));
	for (u32 n = 0; n < m->t.heap->nr_nodes; n++)
		spin_unlock(&m->t.heap->node[n].slab_lock);
	assert_int_equal(pthread_create(&m->thread, NULL, m->fn, m), 0);
	m->started = true;
	/* it fails soon, or waits */
	for (u32 i = 0; i < 500 && !__atomic_load_n(&m->done, __ATOMIC_ACQUIRE);
	     i++)
		sched_yield();
}

static void run_meanwhile(struct meanwhile *m, void *(*fn)(void *data))
{
	m->fn = fn;
	host_sim_set_hook(let_others, m);
	assert_int_equal(fixheap_trim(m->t.heap, 0, 0, NULL), 0);
	assert_true(m->started);
	assert_int_equal(pthread_join(m->thread, NULL), 0);
	host_sim_set_hook(NULL, NULL);
	heap_valid(&m->t);
}

static void *take_all(void *data)
{
	struct meanwhile *m = data;

	m->result = fixheap_pages_alloc(m->t.heap, BLOCKS(8), 0, NULL);
	__atomic_store_n(&m->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *grow_to_all(void *data)
{
	struct meanwhile *m = data;

	if (!fixheap_array_resize(m->t.heap, m->t.base, 8 * BLOCK_BYTES))
		m->result = m->t.base;
	__atomic_store_n(&m->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *ask_largest(void *data)
{
	struct meanwhile *m = data;

	if (fixheap_largest_free(m->t.heap, NULL) == 8 * BLOCK_BYTES)
		m->result = m;
	__atomic_store_n(&m->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void *validate(void *data)
{
	struct meanwhile *m = data;

	if (!fixheap_validate(m->t.heap))
		m->result = m;
	__atomic_store_n(&m->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void test_meanwhile(void **state)
{
	static void *(*const fn[])(void *) = { take_all, ask_largest,
					       validate };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(fn); i++) {
		struct meanwhile m;

		memset(&m, 0, sizeof(m));
		make_used(&m.t, 8);
		run_meanwhile(&m, fn[i]);
		assert_non_null(m.result);
		assert_int_equal(m.t.heap->nr_fails, 0);
		heap_end(&m.t);
	}
}

static void test_grow_meanwhile(void **state)
{
	struct meanwhile m;
	void *array;

	(void)state;
	need(IS_ENABLED(CONFIG_ARRAY), "no arrays");
	memset(&m, 0, sizeof(m));
	make_used(&m.t, 8);
	array = fixheap_array_alloc(m.t.heap, 3 * BLOCK_BYTES, NULL);
	assert_ptr_equal(array, m.t.base);
	run_meanwhile(&m, grow_to_all);
	assert_non_null(m.result);
	heap_end(&m.t);
}

/* Used bytes and their peak do not change, whoever looks. */
static void look_at_stats(void *data, enum host_sim_call call)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct meanwhile *m = data;

	if (call != HOST_SIM_DISCARD)
		return;
	m->nr_hooks++;
	assert_int_equal(fixheap_stats(m->t.heap, &stats), 0);
	assert_int_equal(stats.used_bytes, 4 * BLOCK_BYTES);
	assert_int_equal(stats.peak_used_bytes, 8 * BLOCK_BYTES);
	assert_int_equal(stats.heap_bytes, 8 * BLOCK_BYTES);
}

static void test_stats(void **state)
{
	struct meanwhile m;

	(void)state;
	memset(&m, 0, sizeof(m));
	make_used(&m.t, 8);
	heap_place(&m.t, PAGE_RAW, BLOCKS(2), BLOCKS(4));
	host_sim_set_hook(look_at_stats, &m);
	assert_int_equal(trim(&m.t, 0), 4);
	host_sim_set_hook(NULL, NULL);
	assert_int_equal(m.nr_hooks, 2);
	heap_end(&m.t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_which),
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_failing),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_large_pages),
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_meanwhile),
		cmocka_unit_test(test_grow_meanwhile),
		cmocka_unit_test(test_stats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
