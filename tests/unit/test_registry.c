/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_registry.c: mm/registry.c, the list of heaps, and every lock of them
 * held and let go.
 */
#include "support.h"

#include "pcp.h"
#include "ranges.h"

/* As far as the registry looks. */
static struct fixheap heap_of(struct range *range)
{
	return (struct fixheap){ .base = range->base,
				 .length = range->bytes,
				 .range = range,
				 .first_range = 1 };
}

/* Ranges in a made-up address space; only base and length are looked at. */
static void test_overlap(void **state)
{
	static const struct {
		uintptr_t base;
		size_t length;
		int ret; /* beside [1000, 2000) and [5000, 6000) */
	} table[] = {
		{ 0, 1000, 0 },		 { 2000, 3000, 0 },
		{ 6000, 1, 0 },		 { 0, 1001, -EINVAL },
		{ 1000, 1, -EINVAL },	 { 1999, 1, -EINVAL },
		{ 1999, 2, -EINVAL },	 { 1200, 10, -EINVAL },
		{ 0, 9999, -EINVAL },	 { 4999, 2, -EINVAL },
		{ 2000, 3001, -EINVAL },
	};
	struct range ranges[3] = { { .base = (char *)1000, .bytes = 1000 },
				   { .base = (char *)5000, .bytes = 1000 } };
	struct fixheap first = heap_of(&ranges[0]);
	struct fixheap second = heap_of(&ranges[1]);

	(void)state;
	assert_int_equal(registry_add(&first), 0);
	assert_int_equal(registry_add(&second), 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap heap;

		ranges[2].base = (char *)table[i].base;
		ranges[2].bytes = table[i].length;
		heap = heap_of(&ranges[2]);
		assert_int_equal(registry_add(&heap), table[i].ret);
		if (!table[i].ret)
			registry_del(&heap);
	}
	/* each order of leaving */
	registry_del(&first);
	assert_int_equal(registry_add(&first), 0);
	registry_del(&second);
	registry_del(&first);
	assert_int_equal(registry_add(&second), 0);
	registry_del(&second);
}

static bool locked(spinlock_t *lock)
{
	if (!spin_trylock(lock))
		return true;
	spin_unlock(lock);
	return false;
}

/* Whether each lock of a heap is as it should be. */
static void check_locks(struct fixheap *heap, bool want)
{
	u64 pfn;
	bool zero;

	assert_int_equal(locked(&heap->region.lock), want);
	for (u32 n = 0; n < heap->nr_nodes; n++)
		assert_int_equal(locked(&heap->node[n].slab_lock), want);
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		u64 page = page_make(PAGE_RAW, PLACE_SMALL, n);

		if (!IS_ENABLED(CONFIG_PER_CPU))
			continue;
		for (u32 cpu = 0; cpu < heap->topo.nr_cpus; cpu++) {
			host_sim_set_cpu(cpu);
			assert_int_equal(pcp_get(&heap->node[n], page, &pfn,
						 &zero),
					 !want);
		}
	}
}

static void test_lock_all(void **state)
{
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "3x2",
					   .nr_pages = BLOCKS(6) });
	check_locks(t.heap, false);
	heap_lock_all(t.heap);
	check_locks(t.heap, true);
	heap_unlock_all(t.heap);
	check_locks(t.heap, false);
	heap_end(&t);
}

/* Around fork the locks of all heaps, on both sides of it. */
static void test_fork(void **state)
{
	struct test_heap a, b;

	(void)state;
	heap_make(&a, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(6) });
	heap_make(&b, &(struct heap_spec){ .machine = "2x1",
					   .nr_pages = BLOCKS(6) });
	for (u32 i = 0; i < 3; i++) {
		heap_fork_prepare();
		check_locks(a.heap, true);
		check_locks(b.heap, true);
		if (i % 2)
			heap_fork_child();
		else
			heap_fork_parent();
		check_locks(a.heap, false);
		check_locks(b.heap, false);
	}
	fixheap_reclaim(a.heap);
	fixheap_reclaim(b.heap);
	heap_end(&b);
	a.held = host_sim_held() - a.heap->meta_bytes;
	heap_valid(&a);
	fixheap_destroy(a.heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_lock_all),
		cmocka_unit_test(test_fork),
	};

	return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
