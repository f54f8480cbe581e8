/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_heap.c: mm/heap.c, what fixheap_create takes and what it refuses.
 */
#include "support.h"

#include <sys/mman.h>

#define MEMORY BYTES(200)

static char *memory; /* MEMORY bytes of one pageblock; never touched */

static int setup(void **state)
{
	(void)state;
	memory = mmap(NULL, MEMORY + BYTES(BLOCK_PAGES), PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (memory == MAP_FAILED)
		return -1;
	memory = (char *)round_up((uintptr_t)memory, BYTES(BLOCK_PAGES));
	return 0;
}

static struct fixheap_config config_of(void *base, size_t length)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	config.base = base;
	config.length = length;
	return config;
}

/* It is refused with ret, and nothing has changed. */
static void refused(const struct fixheap_config *config, int ret)
{
	struct fixheap *heap = (void *)&heap;
	u64 held = host_sim_held();

	assert_int_equal(fixheap_create(config, &heap), ret);
	assert_ptr_equal(heap, &heap);
	assert_int_equal(host_sim_held(), held);
}

static void accepted(const struct fixheap_config *config, u64 nr_pages)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct fixheap *heap;

	assert_int_equal(fixheap_create(config, &heap), 0);
	assert_int_equal(fixheap_stats(heap, &stats), 0);
	assert_int_equal(stats.heap_bytes, BYTES(nr_pages));
	assert_int_equal(stats.largest_run_bytes, BYTES(nr_pages));
	assert_int_equal(fixheap_validate(heap), 0);
	fixheap_destroy(heap);
}

static void test_memory(void **state)
{
	const size_t max = (size_t)1 << CONFIG_HEAP_SHIFT;
	const struct {
		uintptr_t base;
		size_t length;
		u64 nr_pages; /* 0: refused */
	} table[] = {
		/* less than a page, or no whole page in it */
		{ (uintptr_t)memory, 0, 0 },
		{ (uintptr_t)memory, PAGE_BYTES - 1, 0 },
		{ (uintptr_t)memory + 1, PAGE_BYTES, 0 },
		{ (uintptr_t)memory + 1, 2 * PAGE_BYTES - 2, 0 },
		{ (uintptr_t)memory + PAGE_BYTES - 1, PAGE_BYTES, 0 },
		{ 0, PAGE_BYTES - 1, 0 },
		/* just enough */
		{ (uintptr_t)memory, PAGE_BYTES, 1 },
		{ (uintptr_t)memory + 1, 2 * PAGE_BYTES - 1, 1 },
		{ (uintptr_t)memory + PAGE_BYTES - 1, PAGE_BYTES + 1, 1 },
		{ (uintptr_t)memory + 17, BYTES(10) + 40, 9 },
		{ (uintptr_t)memory + 17, BYTES(11) - 17, 10 },
		{ (uintptr_t)memory, BYTES(11) - 1, 10 },
		/* it wraps, or ends where addresses end */
		{ (uintptr_t)memory, ~(size_t)0, 0 },
		{ ~(uintptr_t)0, 1, 0 },
		{ ~(uintptr_t)0, BYTES(2), 0 },
		{ -(uintptr_t)BYTES(8), BYTES(9), 0 },
		{ ~(uintptr_t)100, 50, 0 },
		{ -(uintptr_t)PAGE_BYTES, PAGE_BYTES - 1, 0 },
		/* more than this build takes */
		{ (uintptr_t)memory, max + 1, 0 },
		{ 0, max + 1, 0 },
	};

	(void)state;
	host_sim_reset();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_config config =
			config_of((void *)table[i].base, table[i].length);

		if (table[i].nr_pages)
			accepted(&config, table[i].nr_pages);
		else
			refused(&config, -EINVAL);
	}
}

static void test_config(void **state)
{
	const size_t good = sizeof(struct fixheap_config);
	const struct {
		size_t size;
		int mode;
		unsigned flags;
		int ret;
	} table[] = {
		{ good, FIXHEAP_FIXED, 0, 0 },
		{ good, FIXHEAP_FIXED, FIXHEAP_PINNED | FIXHEAP_ZEROED, 0 },
		{ good, FIXHEAP_FIXED, FIXHEAP_HUGEPAGES, 0 },
		/* from another version */
		{ 0, FIXHEAP_FIXED, 0, -EINVAL },
		{ good - 8, FIXHEAP_FIXED, 0, -EINVAL },
		{ good + 8, FIXHEAP_FIXED, 0, -EINVAL },
		{ good, FIXHEAP_FIXED, FIXHEAP_SHRINK, 0 },
		{ good, FIXHEAP_FIXED, 32, -EINVAL },
		{ good, FIXHEAP_FIXED, 1u << 31, -EINVAL },
		/* no comm layer; memory for who brings his own */
		{ good, FIXHEAP_DYNAMIC, 0, -EINVAL },
		{ good, FIXHEAP_SIMPLE, 0, -EINVAL },
		{ good, 3, 0, -EINVAL },
		{ good, -1, 0, -EINVAL },
	};
	struct fixheap_config config = config_of(memory, MEMORY);
	struct fixheap_comm comm = FIXHEAP_COMM_INIT;
	struct fixheap *heap;

	(void)state;
	host_sim_reset();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		config.size = table[i].size;
		config.mode = (enum fixheap_mode)table[i].mode;
		config.flags = table[i].flags;
		if (table[i].ret)
			refused(&config, table[i].ret);
		else
			accepted(&config, 200);
	}
	config = config_of(memory, MEMORY);
	comm.size--;
	config.comm = &comm;
	refused(&config, -EINVAL);
	refused(NULL, -EINVAL);
	config.comm = NULL;
	/* policies that are no default */
	config.policy = FIXHEAP_POLICY_BIND;
	refused(&config, -EINVAL);
	config.policy = FIXHEAP_POLICY_PREFERRED;
	refused(&config, -EINVAL);
	config.policy = (enum fixheap_policy)6;
	refused(&config, -EINVAL);
	config.policy = (enum fixheap_policy) - 1;
	refused(&config, -EINVAL);
	config.policy = FIXHEAP_POLICY_DEFAULT;
	assert_int_equal(fixheap_create(&config, NULL), -EINVAL);
	fixheap_destroy(NULL);
	assert_int_equal(fixheap_create(&config, &heap), 0);
	fixheap_destroy(heap);
}

struct machine {
	size_t size;
	unsigned nr_nodes, nr_cpus;
	unsigned cpu_node[3];
	uint64_t bytes[3];	   /* 0, 0, 0: no array is given */
	unsigned char distance[4]; /* 0: no array is given */
	int ret;
};

static void test_topology(void **state)
{
	const size_t good = sizeof(struct fixheap_topology);
	const struct machine table[] = {
		{ good, 1, 1, { 0 }, { 0 }, { 0 }, 0 },
		{ good, 2, 3, { 0, 1, 0 }, { 0 }, { 0 }, 0 },
		{ good, 2, 2, { 0, 1 }, { 1, 2 }, { 10, 20, 20, 10 }, 0 },
		{ good, 2, 2, { 0, 1 }, { 0, 2 }, { 10, 255, 11, 10 }, 0 },
		{ 0, 1, 1, { 0 }, { 0 }, { 0 }, -EINVAL },
		{ good + 8, 1, 1, { 0 }, { 0 }, { 0 }, -EINVAL },
		{ good, 0, 1, { 0 }, { 0 }, { 0 }, -EINVAL },
		{ good, NODES_MAX + 1, 1, { 0 }, { 0 }, { 0 }, -EINVAL },
		{ good, 1, 0, { 0 }, { 0 }, { 0 }, -EINVAL },
		{ good, 1, CPUS_MAX + 1, { 0 }, { 0 }, { 0 }, -EINVAL },
		/* a CPU on a node that is not there, a distance too short */
		{ good, 1, 2, { 0, 1 }, { 0 }, { 0 }, -EINVAL },
		{ good, 2, 2, { 0, 1 }, { 1, 1 }, { 10, 9, 20, 10 }, -EINVAL },
		/* more bytes than a number holds */
		{ good, 2, 2, { 0, 1 }, { ~0ull, 1 }, { 0 }, -EINVAL },
	};
	struct fixheap_config config = config_of(memory, MEMORY);
	static const unsigned on_none[CPUS_MAX + 1];
	static const uint64_t no_bytes[2];

	(void)state;
	host_sim_reset();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct machine *m = &table[i];
		struct fixheap_topology topo = {
			.size = m->size,
			.nr_nodes = m->nr_nodes,
			.nr_cpus = m->nr_cpus,
			.cpu_node = m->nr_cpus > 3 ? on_none : m->cpu_node,
			.node_bytes = m->bytes[0] | m->bytes[1] ? m->bytes
								: NULL,
			.distance = m->distance[0] ? m->distance : NULL,
		};

		config.topology = &topo;
		if (m->ret)
			refused(&config, m->ret);
		else
			accepted(&config, 200);
		topo.cpu_node = NULL;
		refused(&config, -EINVAL);
		topo.cpu_node = m->cpu_node;
		topo.node_bytes = no_bytes;
		if (!m->ret)
			refused(&config, -EINVAL);
	}
	/* the host is not asked when a machine is given */
	assert_int_equal(host_sim_calls(HOST_SIM_TOPOLOGY), 0);
}

static void test_overlap(void **state)
{
	static const struct {
		u64 first, end; /* pages of memory; another has [50, 100) */
		int skew, ret;
	} table[] = {
		{ 0, 50, 0, 0 },	   { 100, 150, 0, 0 },
		{ 0, 51, 0, -EINVAL },	   { 99, 150, 0, -EINVAL },
		{ 50, 100, 0, -EINVAL },   { 60, 61, 0, -EINVAL },
		{ 0, 150, 0, -EINVAL },	   { 0, 50, 1, -EINVAL },
		{ 100, 150, -1, -EINVAL },
	};
	struct fixheap_config config = config_of(memory + BYTES(50), BYTES(50));
	struct fixheap *heap;

	(void)state;
	host_sim_reset();
	assert_int_equal(fixheap_create(&config, &heap), 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		u64 nr = table[i].end - table[i].first;

		config = config_of(memory + BYTES(table[i].first) +
					   table[i].skew,
				   BYTES(nr));
		if (table[i].ret)
			refused(&config, table[i].ret);
		else
			accepted(&config, nr);
	}
	fixheap_destroy(heap);
	config = config_of(memory, BYTES(150));
	accepted(&config, 150);
}

/* Memory that fixheap_create maps itself. */
static void test_mapped(void **state)
{
	static const struct {
		size_t extra; /* bytes beyond 100 pages */
		unsigned flags;
		u64 nr_pages;
	} table[] = {
		{ 0, 0, 100 },
		{ 1, 0, 101 },
		{ 0, FIXHEAP_HUGEPAGES, 100 },
	};

	(void)state;
	host_sim_reset();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct fixheap_config config =
			config_of(NULL, BYTES(100) + table[i].extra);
		struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
		u64 held = host_sim_held();
		struct fixheap *heap;
		char *page;

		config.flags = table[i].flags;
		assert_int_equal(fixheap_create(&config, &heap), 0);
		attr.flags = FIXHEAP_ZERO;
		page = fixheap_pages_alloc(heap, table[i].nr_pages, 0, &attr);
		assert_non_null(page);
		if (table[i].flags && BYTES(100) >= 2 << 20)
			assert_int_equal((uintptr_t)page % (2 << 20), 0);
		/* the system's memory is known to be zero */
		assert_int_equal(host_sim_cleared(), 0);
		for (u64 n = 0; n < table[i].nr_pages; n++)
			page[BYTES(n)]++;
		assert_int_equal(host_sim_calls(HOST_SIM_MAP), i + 1);
		fixheap_destroy(heap);
		assert_int_equal(host_sim_calls(HOST_SIM_UNMAP), i + 1);
		assert_true(host_sim_held() <= held || i == 0);
	}
}

/* What lies around the pages is not theirs. */
static void test_owns(void **state)
{
	struct test_heap t;
	char *end;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 37, .skew = 1000 });
	end = t.base + BYTES(37);
	assert_true(fixheap_owns(t.heap, t.base));
	assert_true(fixheap_owns(t.heap, end - 1));
	assert_false(fixheap_owns(t.heap, t.base - 1));
	assert_false(fixheap_owns(t.heap, end));
	assert_false(fixheap_owns(t.heap, NULL));
	assert_false(fixheap_owns(t.heap, (char *)~(uintptr_t)0));
	assert_false(fixheap_owns(t.heap, &t));
	heap_end(&t);
}

/* The caller's memory is as it was: not touched, not unmapped. */
static void test_memory_is_left_alone(void **state)
{
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = 200 });
	memset(t.base, 0x5a, BYTES(200));
	fixheap_destroy(t.heap);
	for (size_t i = 0; i < BYTES(200); i++)
		assert_int_equal(t.base[i], 0x5a);
	assert_int_equal(host_sim_calls(HOST_SIM_UNMAP), 0);
	assert_int_equal(munmap(t.memory, t.bytes), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_overlap),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_owns),
		cmocka_unit_test(test_memory_is_left_alone),
	};

	return cmocka_run_group_tests_name("heap", tests, setup, NULL);
}
