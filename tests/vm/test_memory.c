/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_memory.c: heaps over memory of all kinds: huge pages, shared memory,
 * memory that is pinned, or that somebody has touched before.
 */
#include "heap.h"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#define BIT(node) (1ull << (node))
#define MASK(node) (1ul << (node))

static const int memory_node[] = { 0, 1, NODE_SLOW };

/* Arrays of each policy come and go; each page must be on its node. */
static void use(struct fixheap *heap, size_t bytes, uint64_t nodes)
{
	size_t round, i;
	void *array;

	for (round = 0; round < 2; round++) {
		for (i = 0; i < NR(memory_node); i++) {
			if (!(nodes >> memory_node[i] & 1))
				continue;
			array = array_touched(heap, bytes, FIXHEAP_POLICY_BIND,
					      BIT(memory_node[i]));
			assert_on_node(array, bytes, memory_node[i]);
			assert_as_told(heap, array, bytes);
			fixheap_array_free(heap, array);
		}
		array = array_touched(heap, bytes, FIXHEAP_POLICY_BLOCKED,
				      nodes);
		assert_blocked(array, bytes, nodes);
		fixheap_array_free(heap, array);
		array = array_touched(heap, bytes, FIXHEAP_POLICY_INTERLEAVE,
				      nodes);
		assert_interleaved(array, bytes, nodes, NULL);
		fixheap_array_free(heap, array);
		assert_int_equal(fixheap_validate(heap), 0);
	}
}

/* --- large pages --------------------------------------------------------- */

static void test_transparent(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap;
	const size_t bytes = 8 * MIB;
	struct fixheap_zone zone;
	size_t i;

	(void)state;
	config.length = 96 * MIB;
	config.flags = FIXHEAP_HUGEPAGES;
	heap = heap_create(&config);
	for (i = 0; i < NR(memory_node); i++) {
		void *array = array_touched(heap, bytes, FIXHEAP_POLICY_BIND,
					    BIT(memory_node[i]));

		assert_on_node(array, bytes, memory_node[i]);
		zone = zone_of(heap, memory_node[i]);
		assert_true(smaps_kb(zone.start, "AnonHugePages") >=
			    (bytes - HUGE_PAGE) >> 10);
	}
	heap_end(heap);
}

/* Of 40 pages of 2 MiB the machine has 16, 16 and 8 on its nodes. */
static void test_hugetlb(void **state)
{
	const size_t bytes = 30 * HUGE_PAGE;
	void *start = map_memory(bytes, MAP_HUGETLB);
	struct fixheap *heap = heap_over(start, bytes, 0);

	(void)state;
	use(heap, 6 * MIB, MEMORY_NODES);
	assert_int_equal(smaps_kb(start, "KernelPageSize"), 2048);
	heap_end(heap);
	unmap_memory(start, bytes);
}

/* A node's pool ends before the heap does: refused, and not a signal.  Touched
 * at once, or only when nothing more is to be had. */
static void use_pool_up(void *data)
{
	const bool *at_once = data;
	const size_t bytes = 30 * HUGE_PAGE;
	void *start = map_memory(bytes, MAP_HUGETLB);
	struct fixheap *heap = heap_over(start, bytes, 0);
	void *array[30];
	size_t nr = 0, i;

	while ((array[nr] = array_of(heap, HUGE_PAGE, FIXHEAP_POLICY_BIND,
				     BIT(NODE_SLOW)))) {
		if (*at_once)
			touch(array[nr], HUGE_PAGE);
		nr++;
	}
	MUST(errno == ENOMEM);
	for (i = 0; i < nr; i++) {
		touch(array[i], HUGE_PAGE);
		assert_on_node(array[i], HUGE_PAGE, NODE_SLOW);
	}
	MUST(nr > 2 && nr <= node_pool(NODE_SLOW));
}

static void test_hugetlb_short(void **state)
{
	bool at_once = true;

	(void)state;
	assert_child(use_pool_up, &at_once, 0);
}

static void test_hugetlb_promised(void **state)
{
	bool at_once = false;

	(void)state;
	assert_child(use_pool_up, &at_once, 0);
}

/* --- shared memory ------------------------------------------------------- */

static void test_memfd(void **state)
{
	const size_t bytes = 64 * MIB;
	int fd = memfd_create("heap", MFD_CLOEXEC);
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct fixheap *heap;
	char *start, *array;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(start, MAP_FAILED);
	heap = heap_over(start, bytes, 0);
	use(heap, 8 * MIB, MEMORY_NODES);
	attr.flags = FIXHEAP_FRESH;
	array = fixheap_array_alloc(heap, 4 * MIB, &attr);
	assert_non_null(array);
	run_on_cpu(1);
	touch(array, 4 * MIB);
	run_on_cpu(-1);
	assert_on_node(array, 4 * MIB, 1);
	fixheap_array_free(heap, array);
	use(heap, 8 * MIB, MEMORY_NODES);
	heap_end(heap);
	unmap_memory(start, bytes);
	close(fd);
}

/* What was touched by another mapping has its place, too. */
static void test_memfd_touched(void **state)
{
	const size_t bytes = 16 * MIB;
	int fd = memfd_create("heap", MFD_CLOEXEC);
	struct fixheap *heap;
	char *start, *other, *array;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	other = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(start, MAP_FAILED);
	assert_ptr_not_equal(other, MAP_FAILED);
	run_on_cpu(1);
	touch(other, bytes / 2);
	run_on_cpu(-1);
	assert_on_node(other, bytes / 2, 1);
	heap = heap_over(start, bytes, 0);
	assert_int_equal(fixheap_node_of(heap, start), 1);
	assert_int_equal(fixheap_node_of(heap, start + bytes / 2 - 1), 1);
	array = array_touched(heap, 6 * MIB, FIXHEAP_POLICY_BIND, BIT(1));
	assert_on_node(array, 6 * MIB, 1);
	heap_end(heap);
	unmap_memory(start, bytes);
	unmap_memory(other, bytes);
	close(fd);
}

/* --- memory that has its place ------------------------------------------- */

struct pinned {
	char *start;
	size_t bytes;
	size_t mappings;
	int *node;
	char maps[3][512]; /* of each third */
};

/* Thirds on the three nodes, locked. */
static void pinned_make(struct pinned *pinned)
{
	const size_t third = 8 * MIB;
	size_t i;

	pinned->bytes = 3 * third;
	pinned->start = map_memory(pinned->bytes, 0);
	pinned->node = malloc(pinned->bytes / PAGE * sizeof(int));
	assert_non_null(pinned->node);
	for (i = 0; i < 3; i++)
		assert_int_equal(bind_memory(pinned->start + i * third, third,
					     MPOL_BIND, MASK(memory_node[i])),
				 0);
	lock_memory(pinned->start, pinned->bytes);
	for (i = 0; i < 3; i++)
		numa_maps_of(pinned->start + i * third, pinned->maps[i],
			     sizeof(pinned->maps[i]));
	nodes_of(pinned->start, pinned->bytes / PAGE, pinned->node);
}

/* Nothing of it is where it was not. */
static void pinned_check(struct pinned *pinned)
{
	size_t nr = pinned->bytes / PAGE, i;
	int *now = malloc(nr * sizeof(int));
	char line[512];

	assert_non_null(now);
	nodes_of(pinned->start, nr, now);
	assert_memory_equal(now, pinned->node, nr * sizeof(int));
	for (i = 0; i < 3; i++) {
		numa_maps_of(pinned->start + i * pinned->bytes / 3, line,
			     sizeof(line));
		assert_string_equal(line, pinned->maps[i]);
	}
	free(now);
}

static void test_pinned(void **state)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	struct pinned pinned;
	struct fixheap *heap;
	size_t i;

	(void)state;
	pinned_make(&pinned);
	heap = heap_over(pinned.start, pinned.bytes, FIXHEAP_PINNED);
	for (i = 0; i < 3; i++) {
		struct fixheap_zone zone = zone_of(heap, memory_node[i]);

		assert_int_equal(zone.bytes, pinned.bytes / 3);
		assert_ptr_equal(zone.start,
				 pinned.start + i * pinned.bytes / 3);
		assert_false(zone.bound);
	}
	pinned_check(&pinned);
	for (i = 0; i < 3; i++) {
		void *array = array_touched(heap, 6 * MIB, FIXHEAP_POLICY_BIND,
					    BIT(memory_node[i]));

		assert_on_node(array, 6 * MIB, memory_node[i]);
		/* Nothing is put elsewhere for it. */
		assert_null(array_of(heap, 9 * MIB, FIXHEAP_POLICY_BIND,
				     BIT(memory_node[i])));
		fixheap_array_free(heap, array);
	}
	attr.flags = FIXHEAP_FRESH;
	errno = 0;
	assert_null(fixheap_array_alloc(heap, PAGE, &attr));
	assert_int_equal(errno, ENOTSUP);
	pinned_check(&pinned);
	heap_end(heap);
	pinned_check(&pinned);
	free(pinned.node);
	unmap_memory(pinned.start, pinned.bytes);
}

/* Without the flag, too: what was touched has its place already. */
static void test_touched(void **state)
{
	const size_t bytes = 48 * MIB;
	char *start = map_memory(bytes, 0);
	struct fixheap *heap;

	(void)state;
	run_on_cpu(1);
	touch(start + 8 * MIB, 16 * MIB);
	run_on_cpu(-1);
	heap = heap_over(start, bytes, 0);
	assert_on_node(start + 8 * MIB, 16 * MIB, 1);
	assert_int_equal(fixheap_node_of(heap, start + 8 * MIB), 1);
	assert_int_equal(fixheap_node_of(heap, start + 24 * MIB - PAGE), 1);
	use(heap, 6 * MIB, MEMORY_NODES);
	heap_end(heap);
	unmap_memory(start, bytes);
}

/* Page by page on all nodes: nobody can say where an array would be. */
static void test_mixed(void **state)
{
	const size_t bytes = 16 * MIB;
	char *start = map_memory(bytes, 0);
	struct fixheap *heap;
	struct fixheap_zone zone;
	void *array;

	(void)state;
	assert_int_equal(madvise(start, bytes, MADV_NOHUGEPAGE), 0);
	assert_int_equal(
		bind_memory(start, bytes, MPOL_INTERLEAVE, MEMORY_NODES), 0);
	touch(start, bytes);
	heap = heap_over(start, bytes, FIXHEAP_PINNED);
	zone = zone_of(heap, FIXHEAP_NODE_MIXED);
	assert_int_equal(zone.bytes, bytes);
	assert_int_equal(fixheap_node_of(heap, start), FIXHEAP_NODE_MIXED);
	array = array_touched(heap, 12 * MIB, FIXHEAP_POLICY_LOCAL, 0);
	fixheap_array_free(heap, array);
	errno = 0;
	assert_null(array_of(heap, PAGE, FIXHEAP_POLICY_BIND, BIT(0)));
	assert_int_equal(errno, EINVAL);
	heap_end(heap);
	unmap_memory(start, bytes);
}

/* Half of a heap is on one node, half is mixed. */
static void test_half_mixed(void **state)
{
	const size_t half = 12 * MIB;
	char *start = map_memory(2 * half, 0), *array;
	struct fixheap *heap;

	(void)state;
	assert_int_equal(madvise(start, 2 * half, MADV_NOHUGEPAGE), 0);
	assert_int_equal(
		bind_memory(start, half, MPOL_INTERLEAVE, MEMORY_NODES), 0);
	assert_int_equal(bind_memory(start + half, half, MPOL_BIND, MASK(1)),
			 0);
	touch(start, 2 * half);
	heap = heap_over(start, 2 * half, FIXHEAP_PINNED);
	assert_int_equal(zone_bytes(heap, FIXHEAP_NODE_MIXED), half);
	assert_int_equal(zone_bytes(heap, 1), half);
	array = array_touched(heap, half, FIXHEAP_POLICY_BIND, BIT(1));
	assert_on_node(array, half, 1);
	heap_end(heap);
	unmap_memory(start, 2 * half);
}

/* Only a layout: whoever touches a page first decides. */
static void test_unbound(void **state)
{
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	const size_t bytes = 4 * MIB;
	struct fixheap *heap;
	char *array;
	int round;

	(void)state;
	numa.binding = FIXHEAP_BINDING_NONE;
	heap = heap_make(64 * MIB, &numa);
	assert_false(zone_of(heap, 0).bound);
	for (round = 0; round < 2; round++) {
		array = array_of(heap, bytes, FIXHEAP_POLICY_BIND, BIT(0));
		assert_non_null(array);
		run_on_cpu(!round);
		touch(array, bytes);
		run_on_cpu(-1);
		/* And it is so for the next one, too. */
		assert_on_node(array, bytes, 1);
		assert_int_equal(fixheap_node_of(heap, array), 0);
		fixheap_array_free(heap, array);
	}
	heap_end(heap);
}

struct progress {
	size_t nr, done, total, most;
};

static int note_progress(void *data, size_t done, size_t total)
{
	struct progress *progress = data;

	progress->nr++;
	MUST(done >= progress->done && done <= total);
	progress->done = done;
	progress->total = total;
	return progress->nr > progress->most;
}

/* Looking where pages are tells how far it is, and can be stopped. */
static void test_progress(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct progress progress = { .most = SIZE_MAX };
	struct fixheap_numa numa = FIXHEAP_NUMA_INIT;
	struct fixheap *heap;

	(void)state;
	numa.progress = note_progress;
	numa.progress_data = &progress;
	config.length = 32 * MIB;
	config.base = map_memory(config.length, 0);
	config.numa = &numa;
	touch(config.base, config.length);
	heap = heap_create(&config);
	assert_true(progress.nr > 0);
	assert_int_equal(progress.total, config.length);
	heap_end(heap);
	progress = (struct progress){ .most = 0 };
	assert_int_equal(fixheap_create(&config, &heap), -ECANCELED);
	assert_int_equal(progress.nr, 1);
	unmap_memory(config.base, config.length);
}

/* A heap begins and ends anywhere, in the middle of a huge page, too. */
static void test_odd(void **state)
{
	const size_t room = 80 * MIB;
	char *start = map_memory(room, 0);
	struct fixheap *heap =
		heap_over(start + 3 * PAGE + 5, 70 * MIB + 7 * PAGE + 1, 0);

	(void)state;
	use(heap, 9 * MIB + 3 * PAGE, MEMORY_NODES);
	heap_end(heap);
	unmap_memory(start, room);
}

/* Two heaps do not get into each other's way. */
static void test_two(void **state)
{
	struct fixheap *one = heap_make(48 * MIB, NULL);
	struct fixheap *two = heap_make(48 * MIB, NULL);

	(void)state;
	use(one, 4 * MIB, MEMORY_NODES);
	use(two, 4 * MIB, MEMORY_NODES);
	heap_end(one);
	use(two, 4 * MIB, MEMORY_NODES);
	heap_end(two);
}

/* --- fixheap_array_touch ------------------------------------------------- */

static void touch_by_threads(enum fixheap_policy policy, unsigned nr_threads,
			     unsigned flags)
{
	struct fixheap *heap = heap_make(64 * MIB, NULL);
	const size_t bytes = 24 * MIB;
	char *array = array_of(heap, bytes, policy, MEMORY_NODES);
	cpu_set_t before, after;

	assert_non_null(array);
	memset(array, 7, PAGE);
	array[bytes - 1] = 8;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(fixheap_array_touch(heap, array, nr_threads, flags),
			 0);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));
	assert_as_told(heap, array, bytes);
	if (policy == FIXHEAP_POLICY_BLOCKED)
		assert_blocked(array, bytes, MEMORY_NODES);
	else
		assert_interleaved(array, bytes, MEMORY_NODES, NULL);
	assert_int_equal(array[PAGE - 1], flags ? 0 : 7);
	assert_int_equal(array[bytes - 1], flags ? 0 : 8);
	heap_end(heap);
}

static void test_array_touch(void **state)
{
	(void)state;
	touch_by_threads(FIXHEAP_POLICY_BLOCKED, 0, 0);
	touch_by_threads(FIXHEAP_POLICY_INTERLEAVE, 5, FIXHEAP_TOUCH_ZERO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transparent),
		cmocka_unit_test(test_hugetlb),
		cmocka_unit_test(test_hugetlb_short),
		cmocka_unit_test(test_hugetlb_promised),
		cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_memfd_touched),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_touched),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_half_mixed),
		cmocka_unit_test(test_unbound),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_two),
		cmocka_unit_test(test_array_touch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
