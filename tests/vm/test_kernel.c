/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_kernel.c: what the library takes for granted of a kernel with nodes.
 *
 * Without the library: when another test here fails and this one too, it is
 * the kernel that has changed.
 */
#include "vm.h"

#include <numa.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

/* --- the machine ---------------------------------------------------------- */

static void test_machine(void **state)
{
	static const int distance[NR_NODES][NR_NODES] = { { 10, 16, 22, 28 },
							  { 16, 10, 14, 12 },
							  { 22, 14, 10, 30 },
							  { 28, 12, 30, 10 } };
	int from, to;

	(void)state;
	assert_int_equal(numa_available(), 0);
	assert_int_equal(numa_max_node(), NR_NODES - 1);
	/* The memoryless node counts for nothing here. */
	assert_int_equal(numa_num_configured_nodes(), NR_NODES - 1);
	assert_true(numa_node_size64(0, NULL) > (long long)(400 * MIB));
	assert_true(numa_node_size64(1, NULL) > (long long)(400 * MIB));
	assert_true(numa_node_size64(NODE_BARE, NULL) <= 0);
	assert_true(numa_node_size64(NODE_SLOW, NULL) > (long long)(200 * MIB));
	assert_int_equal(numa_node_of_cpu(0), 0);
	assert_int_equal(numa_node_of_cpu(1), 1);
	assert_int_equal(numa_node_of_cpu(2), NODE_BARE);
	for (from = 0; from < NR_NODES; from++)
		for (to = 0; to < NR_NODES; to++)
			assert_int_equal(numa_distance(from, to),
					 distance[from][to]);
}

/* --- binding ------------------------------------------------------------- */

/* A page is on the node that its memory is bound to, and nowhere before. */
static void test_bind(void **state)
{
	static const int nodes[] = { 0, 1, NODE_SLOW };
	const size_t bytes = MIB;
	struct places places;
	size_t i;

	(void)state;
	for (i = 0; i < NR(nodes); i++) {
		char *start = map_memory(bytes, 0);

		assert_int_equal(bind_memory(start, bytes, MPOL_BIND,
					     1ul << nodes[i]),
				 0);
		places_of(start, bytes, &places);
		assert_int_equal(places.absent, bytes / PAGE);
		assert_true(node_of(start) < 0);
		touch(start, bytes);
		assert_on_node(start, bytes, nodes[i]);
		unmap_memory(start, bytes);
	}
}

/* What only was read has no place: it is everybody's page of zeros. */
static void test_read_only(void **state)
{
	const size_t bytes = 16 * PAGE;
	char *start = map_memory(bytes, 0);

	(void)state;
	assert_int_equal(bind_memory(start, bytes, MPOL_BIND, 1ul << 1), 0);
	assert_int_equal(madvise(start, bytes, MADV_NOHUGEPAGE), 0);
	assert_int_equal(((volatile char *)start)[PAGE], 0);
	assert_true(node_of(start + PAGE) < 0);
	touch(start, bytes);
	assert_on_node(start, bytes, 1);
	unmap_memory(start, bytes);
}

/* Nodes without memory are taken out of a mask, silently; what is left can be
 * read back.  With none left it is an error. */
static void test_trimmed(void **state)
{
	static const int modes[] = { MPOL_BIND, MPOL_PREFERRED,
				     MPOL_INTERLEAVE };
	const size_t bytes = 64 * PAGE;
	char *start = map_memory(bytes, 0);
	unsigned long nodes;
	size_t i;
	int mode;

	(void)state;
	for (i = 0; i < NR(modes); i++)
		assert_int_equal(bind_memory(start, bytes, modes[i],
					     1ul << NODE_BARE),
				 -EINVAL);
	assert_int_equal(bind_memory(start, bytes, MPOL_BIND, 0xf), 0);
	policy_of(start, &mode, &nodes);
	assert_int_equal(mode, MPOL_BIND);
	assert_int_equal(nodes, MEMORY_NODES);
	unmap_memory(start, bytes);
}

static void test_interleave(void **state)
{
	const size_t bytes = 300 * PAGE;
	char *start = map_memory(bytes, 0);
	struct places places;

	(void)state;
	assert_int_equal(madvise(start, bytes, MADV_NOHUGEPAGE), 0);
	assert_int_equal(bind_memory(start, bytes, MPOL_INTERLEAVE, 0xf), 0);
	touch(start, bytes);
	places_of(start, bytes, &places);
	assert_int_equal(places.on[0], 100);
	assert_int_equal(places.on[1], 100);
	assert_int_equal(places.on[NODE_SLOW], 100);
	unmap_memory(start, bytes);
}

/* Memory that is there stays where it is when it is bound elsewhere; dropped,
 * its next touch obeys.  A page can be moved in spite of a binding. */
static void test_rebind(void **state)
{
	const size_t bytes = 64 * PAGE;
	char *start = map_memory(bytes, 0);
	void *page = start + PAGE;
	int node = NODE_SLOW, status;

	(void)state;
	assert_int_equal(bind_memory(start, bytes, MPOL_BIND, 1), 0);
	touch(start, bytes);
	assert_int_equal(bind_memory(start, bytes, MPOL_BIND, 2), 0);
	touch(start, bytes);
	assert_on_node(start, bytes, 0);
	assert_int_equal(madvise(start, bytes, MADV_DONTNEED), 0);
	assert_true(node_of(start) < 0);
	touch(start, bytes);
	assert_on_node(start, bytes, 1);
	assert_int_equal(move_pages(0, 1, &page, &node, &status, MPOL_MF_MOVE),
			 0);
	assert_int_equal(node_of(page), NODE_SLOW);
	unmap_memory(start, bytes);
}

/* Policy belongs to the file, not to the mapping; MADV_DONTNEED does not drop
 * its pages, MADV_REMOVE does. */
static void test_memfd(void **state)
{
	const size_t bytes = 64 * PAGE;
	int fd = memfd_create("test", MFD_CLOEXEC);
	char *one, *two;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, bytes), 0);
	one = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	two = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_ptr_not_equal(one, MAP_FAILED);
	assert_ptr_not_equal(two, MAP_FAILED);
	assert_int_equal(bind_memory(one, bytes, MPOL_BIND, 2), 0);
	touch(two, bytes);
	assert_on_node(two, bytes, 1);
	/* The mapping that has not touched them does not know. */
	assert_true(node_of(one) < 0);
	assert_int_equal(bind_memory(one, bytes, MPOL_BIND, 1), 0);
	assert_int_equal(madvise(two, bytes, MADV_DONTNEED), 0);
	touch(two, bytes);
	assert_on_node(two, bytes, 1);
	assert_int_equal(madvise(two, bytes, MADV_REMOVE), 0);
	touch(two, bytes);
	assert_on_node(two, bytes, 0);
	unmap_memory(one, bytes);
	unmap_memory(two, bytes);
	close(fd);
}

/* --- large pages, locked pages ------------------------------------------- */

static void test_transparent(void **state)
{
	const size_t bytes = 4 * HUGE_PAGE;
	char *start = map_memory(bytes, 0);
	size_t half = bytes / 2;

	(void)state;
	assert_int_equal(madvise(start, bytes, MADV_HUGEPAGE), 0);
	assert_int_equal(bind_memory(start, half, MPOL_BIND, 2), 0);
	assert_int_equal(bind_memory(start + half, half, MPOL_BIND,
				     1ul << NODE_SLOW),
			 0);
	touch(start, bytes);
	assert_int_equal(smaps_kb(start, "AnonHugePages"), half >> 10);
	assert_int_equal(smaps_kb(start + half, "AnonHugePages"), half >> 10);
	assert_on_node(start, half, 1);
	assert_on_node(start + half, half, NODE_SLOW);
	unmap_memory(start, bytes);
}

static void test_hugetlb(void **state)
{
	const size_t bytes = 2 * HUGE_PAGE;
	char *start = map_memory(bytes, MAP_HUGETLB);

	(void)state;
	assert_int_equal(bind_memory(start, HUGE_PAGE, MPOL_BIND, 2), 0);
	assert_int_equal(bind_memory(start + HUGE_PAGE, HUGE_PAGE, MPOL_BIND,
				     1ul << NODE_SLOW),
			 0);
	assert_true(node_of(start) < 0);
	touch(start, bytes);
	assert_on_node(start, HUGE_PAGE, 1);
	assert_on_node(start + HUGE_PAGE, HUGE_PAGE, NODE_SLOW);
	assert_int_equal(smaps_kb(start, "KernelPageSize"), 2048);
	/* Dropped pages go back to their pool, and obey again. */
	assert_int_equal(madvise(start, bytes, MADV_DONTNEED), 0);
	assert_int_equal(bind_memory(start, bytes, MPOL_BIND, 1), 0);
	touch(start, bytes);
	assert_on_node(start, bytes, 0);
	unmap_memory(start, bytes);
}

static void touch_hugetlb(void *data)
{
	touch(data, (node_pool(NODE_SLOW) + 2) * HUGE_PAGE);
}

/* More hugetlb pages than the node has can be mapped and bound, as there are
 * others; a touch kills then, but MADV_POPULATE_WRITE only fails. */
static void test_hugetlb_short(void **state)
{
	const size_t bytes = (node_pool(NODE_SLOW) + 2) * HUGE_PAGE;
	char *start = map_memory(bytes, MAP_HUGETLB);

	(void)state;
	assert_int_equal(bind_memory(start, bytes, MPOL_BIND, 1ul << NODE_SLOW),
			 0);
	errno = 0;
	assert_int_equal(madvise(start, bytes, MADV_POPULATE_WRITE), -1);
	assert_int_equal(errno, EFAULT);
	assert_int_equal(madvise(start, bytes, MADV_DONTNEED), 0);
	assert_child(touch_hugetlb, start, SIGBUS);
	unmap_memory(start, bytes);
}

static void test_locked(void **state)
{
	const size_t bytes = 64 * PAGE;
	char *start = map_memory(bytes, 0);

	(void)state;
	assert_int_equal(bind_memory(start, bytes, MPOL_BIND, 2), 0);
	lock_memory(start, bytes);
	assert_on_node(start, bytes, 1);
	assert_int_equal(smaps_kb(start, "Locked"), bytes >> 10);
	/* They can still be moved, and so whoever pinned them can be wronged;
	 * but not dropped. */
	assert_int_equal(madvise(start, bytes, MADV_DONTNEED), -1);
	assert_on_node(start, bytes, 1);
	unmap_memory(start, bytes);
}

/* --- a full node --------------------------------------------------------- */

static void touch_all(void *data)
{
	touch(data, 2 * SLOW_LEFT);
}

static void populate_all(void *data)
{
	madvise(data, 2 * SLOW_LEFT, MADV_POPULATE_WRITE);
}

static void test_spill(void **state)
{
	char *start = map_memory(2 * SLOW_LEFT, 0);
	struct places places;

	(void)state;
	assert_int_equal(bind_memory(start, 2 * SLOW_LEFT, MPOL_PREFERRED,
				     1ul << NODE_SLOW),
			 0);
	touch(start, 2 * SLOW_LEFT);
	places_of(start, 2 * SLOW_LEFT, &places);
	assert_true(places.on[NODE_SLOW] > 0);
	assert_true(places.on[0] + places.on[1] > 0);
	assert_int_equal(places.absent, 0);
	unmap_memory(start, 2 * SLOW_LEFT);
}

/* What is bound strictly and does not fit is death, however it is asked for. */
static void test_killed(void **state)
{
	char *start = map_memory(2 * SLOW_LEFT, 0);

	(void)state;
	assert_int_equal(bind_memory(start, 2 * SLOW_LEFT, MPOL_BIND,
				     1ul << NODE_SLOW),
			 0);
	assert_child(touch_all, start, SIGKILL);
	assert_child(populate_all, start, SIGKILL);
	unmap_memory(start, 2 * SLOW_LEFT);
}

/* --- nodes that a process may not use ------------------------------------ */

static unsigned long allowed_nodes(void)
{
	unsigned long mask[1024 / 64] = { 0 };

	MUST(!get_mempolicy(NULL, mask, 1024, NULL, MPOL_F_MEMS_ALLOWED));
	return mask[0];
}

static void forbidden(void *data)
{
	const size_t bytes = 16 * PAGE;
	void *start = map_memory(bytes, 0), *page = start;
	int mode, node = NODE_SLOW, status = 0;
	unsigned long nodes;

	(void)data;
	cpuset_enter();
	MUST(allowed_nodes() == 3);
	MUST(bind_memory(start, bytes, MPOL_BIND, 1ul << NODE_SLOW) == -EINVAL);
	MUST(!bind_memory(start, bytes, MPOL_BIND, 0xf));
	policy_of(start, &mode, &nodes);
	MUST(nodes == 3);
	touch(start, bytes);
	MUST(move_pages(0, 1, &page, &node, &status, MPOL_MF_MOVE) == -1);
	MUST(errno == EACCES);
}

/* Pages leave a node that is taken away, and the binding is rewritten. */
static void taken_away(void *data)
{
	const size_t bytes = 16 * PAGE;
	char *start = map_memory(bytes, 0);
	unsigned long nodes;
	int mode;

	(void)data;
	cpuset_enter();
	MUST(!bind_memory(start, bytes, MPOL_BIND, 2));
	touch(start, bytes / 2);
	MUST(node_of(start) == 1);
	cpuset_change("0");
	MUST(allowed_nodes() == 1);
	MUST(node_of(start) == 0);
	policy_of(start, &mode, &nodes);
	MUST(mode == MPOL_BIND);
	MUST(nodes == 1);
	touch(start, bytes);
	assert_on_node(start, bytes, 0);
}

static void test_forbidden(void **state)
{
	(void)state;
	assert_child(forbidden, NULL, 0);
}

static void test_taken_away(void **state)
{
	(void)state;
	assert_child(taken_away, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_machine),
		cmocka_unit_test(test_bind),
		cmocka_unit_test(test_read_only),
		cmocka_unit_test(test_trimmed),
		cmocka_unit_test(test_interleave),
		cmocka_unit_test(test_rebind),
		cmocka_unit_test(test_memfd),
		cmocka_unit_test(test_transparent),
		cmocka_unit_test(test_hugetlb),
		cmocka_unit_test(test_hugetlb_short),
		cmocka_unit_test(test_locked),
		cmocka_unit_test_setup_teardown(test_spill, fill_slow,
						empty_slow),
		cmocka_unit_test_setup_teardown(test_killed, fill_slow,
						empty_slow),
		cmocka_unit_test_setup_teardown(
			test_forbidden, cpuset_without_slow, cpuset_gone),
		cmocka_unit_test_setup_teardown(
			test_taken_away, cpuset_without_slow, cpuset_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
