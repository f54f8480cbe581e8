/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host_numa.c: policies and nodes on the real machine, arch/linux/bind.c.
 * What a machine of one node cannot show is skipped with a reason; everything
 * else is checked page by page by what move_pages says.
 */
#include <errno.h>
#include <linux/limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "child.h"
#include "host.h"

#define NR_PAGES 64

static char *area; /* NR_PAGES pages, of which nothing is in memory */
static size_t page;
static struct nodemask allowed;

static void need(bool there, const char *why)
{
	if (there)
		return;
	print_message("skipped: %s\n", why);
	skip();
}

static int setup(void **state)
{
	(void)state;
	page = (size_t)sysconf(_SC_PAGESIZE);
	area = host_map(NR_PAGES * page, false);
	if (!area)
		return -1;
	/* Else one touch takes more than one page. */
	madvise(area, NR_PAGES * page, MADV_NOHUGEPAGE);
	errno = 77;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	host_unmap(area, NR_PAGES * page);
	return 0;
}

static void need_nodes(void)
{
	int err = host_allowed_nodes(&allowed);

	assert_int_equal(errno, 77);
	need(err != -ENOSYS, "the system has no nodes, or does not say");
	assert_int_equal(err, 0);
	assert_false(nodemask_empty(&allowed));
}

/* The range from page i on has nr pages, all in memory, all on this node. */
static void all_on(u32 node, u32 i, u32 nr)
{
	void *addr[NR_PAGES] = { NULL };
	int on[NR_PAGES];
	u32 j;

	for (j = 0; j < nr; j++)
		addr[j] = area + (i + j) * page + j;
	assert_int_equal(host_nodes_of(addr, on, nr), 0);
	for (j = 0; j < nr; j++)
		assert_int_equal(on[j], node);
}

static void none_in_memory(u32 i, u32 nr)
{
	void *addr[NR_PAGES] = { NULL };
	int on[NR_PAGES];
	u32 j;

	for (j = 0; j < nr; j++)
		addr[j] = area + (i + j) * page;
	assert_int_equal(host_nodes_of(addr, on, nr), 0);
	for (j = 0; j < nr; j++)
		assert_true(on[j] < 0);
}

static void policy_is(u32 i, enum host_policy wanted,
		      const struct nodemask *wanted_nodes)
{
	enum host_policy policy = (enum host_policy)99;
	struct nodemask nodes;

	assert_int_equal(host_policy_of(area + i * page + 5, &policy, &nodes),
			 0);
	assert_int_equal(policy, wanted);
	assert_true(nodemask_eq(&nodes, wanted_nodes));
}

static void test_without_numa(void **state)
{
	struct nodemask nodes = nodemask_of(0);
	enum host_policy policy;
	void *addr = area;
	int node;

	(void)state;
	need(!IS_ENABLED(CONFIG_NUMA), "built with CONFIG_NUMA");
	assert_int_equal(host_bind(area, page, HOST_POLICY_BIND, &nodes),
			 -ENOSYS);
	assert_int_equal(host_nodes_of(&addr, &node, 1), -ENOSYS);
	assert_int_equal(host_policy_of(area, &policy, &nodes), -ENOSYS);
	assert_int_equal(host_allowed_nodes(&nodes), -ENOSYS);
}

/* What the kernel prints: "Mems_allowed_list:\t0-2,7". */
static void test_allowed(void **state)
{
	struct nodemask listed = NODEMASK_NONE;
	unsigned first, last, next;
	char line[PATH_MAX], *at = NULL;
	FILE *file = fopen("/proc/self/status", "r");

	(void)state;
	need_nodes();
	assert_non_null(file);
	while (!at && fgets(line, sizeof(line), file))
		if (!strncmp(line, "Mems_allowed_list:", 18))
			at = line + 18;
	fclose(file);
	need(at, "the kernel prints no list");
	for (;; at++) {
		first = last = (unsigned)strtoul(at, &at, 10);
		if (*at == '-')
			last = (unsigned)strtoul(at + 1, &at, 10);
		for (next = first; next <= last; next++)
			nodemask_set(&listed, next);
		if (*at != ',')
			break;
	}
	assert_true(nodemask_eq(&listed, &allowed));
}

static void test_bind(void **state)
{
	static const enum host_policy table[] = { HOST_POLICY_BIND,
						  HOST_POLICY_PREFERRED,
						  HOST_POLICY_INTERLEAVE };
	struct nodemask nodes;
	size_t i;
	u32 node;

	(void)state;
	need_nodes();
	nodemask_for_each(node, &allowed)
	{
		nodes = nodemask_of(node);
		for (i = 0; i < ARRAY_LEN(table); i++) {
			assert_int_equal(host_bind(area + 8 * page, 16 * page,
						   table[i], &nodes),
					 0);
			none_in_memory(0, 32);
			policy_is(8, table[i], &nodes);
			policy_is(23, table[i], &nodes);
			memset(area + 8 * page, 1, 16 * page);
			all_on(node, 8, 16);
			none_in_memory(0, 8);
			none_in_memory(24, 8);
			assert_int_equal(host_discard(area, 32 * page), 0);
			assert_int_equal(errno, 77);
		}
	}
}

/* On each CPU that the program may use. */
static void test_local(void **state)
{
	static struct topology topo;
	struct nodemask nodes;
	cpu_set_t mine, one;
	u32 cpu;

	(void)state;
	need_nodes();
	nodes = nodemask_of(nodemask_first(&allowed));
	assert_int_equal(host_bind(area, 8 * page, HOST_POLICY_BIND, &nodes),
			 0);
	assert_int_equal(host_bind(area, 8 * page, HOST_POLICY_LOCAL, NULL), 0);
	nodes = NODEMASK_NONE;
	policy_is(0, HOST_POLICY_LOCAL, &nodes);
	assert_int_equal(host_topology(&topo), 0);
	assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
	for (cpu = 0; cpu < CPU_SETSIZE && cpu < topo.nr_cpus; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (!CPU_ISSET(cpu, &mine) ||
		    !nodemask_test(&allowed, topo.number[topo.cpu_node[cpu]]) ||
		    sched_setaffinity(0, sizeof(one), &one))
			continue;
		memset(area, 1, 8 * page);
		all_on(topo.number[topo.cpu_node[cpu]], 0, 8);
		assert_int_equal(host_discard(area, 8 * page), 0);
	}
	assert_int_equal(sched_setaffinity(0, sizeof(mine), &mine), 0);
}

/* Pages in turn, and where there are several nodes, masks of several. */
static void test_several(void **state)
{
	static const enum host_policy table[] = { HOST_POLICY_BIND,
						  HOST_POLICY_PREFERRED };
	u32 seen[NODE_IDS] = { 0 }, i, nr;
	void *addr[NR_PAGES] = { NULL };
	int on[NR_PAGES];

	(void)state;
	need_nodes();
	nr = nodemask_weight(&allowed);
	need(nr > 1, "only one node may be used");
	for (i = 0; i < NR_PAGES; i++)
		addr[i] = area + i * page;
	for (i = 0; i < ARRAY_LEN(table); i++) {
		assert_int_equal(host_bind(area, 16 * page, table[i], &allowed),
				 0);
		/* An old kernel prefers one node only, and says so. */
		if (table[i] == HOST_POLICY_BIND)
			policy_is(0, table[i], &allowed);
	}
	assert_int_equal(host_bind(area, NR_PAGES * page,
				   HOST_POLICY_INTERLEAVE, &allowed),
			 0);
	policy_is(0, HOST_POLICY_INTERLEAVE, &allowed);
	memset(area, 1, NR_PAGES * page);
	assert_int_equal(host_nodes_of(addr, on, NR_PAGES), 0);
	for (i = 0; i < NR_PAGES; i++) {
		assert_true(on[i] >= 0 && nodemask_test(&allowed, (u32)on[i]));
		seen[on[i]]++;
		if (i >= nr)
			assert_int_equal(on[i], on[i - nr]);
	}
	nodemask_for_each(i, &allowed)
		assert_in_range(seen[i], NR_PAGES / nr, NR_PAGES / nr + 1);
}

static void test_refused(void **state)
{
	struct nodemask one, none = NODEMASK_NONE, far = nodemask_of(1023);
	char *gone = host_map(page, false);
	const struct {
		char *start;
		size_t bytes;
		enum host_policy policy;
		const struct nodemask *nodes;
	} table[] = {
		{ area + 1, page, HOST_POLICY_BIND, &one },
		{ area, page + 1, HOST_POLICY_BIND, &one },
		{ area, 0, HOST_POLICY_BIND, &one },
		{ area, -page, HOST_POLICY_BIND, &one },
		{ area, page, HOST_POLICY_BIND, &none },
		{ area, page, HOST_POLICY_BIND, &far },
		{ area, page, HOST_POLICY_PREFERRED, &far },
		{ area, page, HOST_POLICY_INTERLEAVE, NULL },
		{ area, page, (enum host_policy)4, &one },
		{ area, page, (enum host_policy) - 1, &one },
		{ gone, page, HOST_POLICY_BIND, &one },
		{ gone, page, HOST_POLICY_LOCAL, NULL },
	};
	size_t i;

	(void)state;
	need_nodes();
	assert_non_null(gone);
	host_unmap(gone, page);
	one = nodemask_of(nodemask_first(&allowed));
	assert_int_equal(host_bind(area, 8 * page, HOST_POLICY_PREFERRED, &one),
			 0);
	for (i = 0; i < ARRAY_LEN(table); i++) {
		int err = host_bind(table[i].start, table[i].bytes,
				    table[i].policy, table[i].nodes);

		if (err != -EINVAL)
			fail_msg("row %zu: %d", i, err);
		assert_int_equal(errno, 77);
	}
	policy_is(0, HOST_POLICY_PREFERRED, &one);
}

/* A node that exists, may be not, and one that cannot: some could be used. */
static void test_trimmed(void **state)
{
	static const enum host_policy table[] = { HOST_POLICY_BIND,
						  HOST_POLICY_PREFERRED,
						  HOST_POLICY_INTERLEAVE };
	struct nodemask one, nodes, none = NODEMASK_NONE;
	size_t i;
	u32 node;

	(void)state;
	need_nodes();
	one = nodemask_of(nodemask_first(&allowed));
	for (node = 0; node < NODE_IDS; node += node < 70 ? 1 : 119) {
		if (nodemask_test(&allowed, node))
			continue;
		nodes = one;
		nodemask_set(&nodes, node);
		for (i = 0; i < ARRAY_LEN(table); i++) {
			assert_int_equal(
				host_bind(area, 8 * page, table[i], &one), 0);
			assert_int_equal(host_bind(area, 8 * page, table[i],
						   &nodes),
					 -EXDEV);
			assert_int_equal(errno, 77);
			policy_is(0, HOST_POLICY_LOCAL, &none);
		}
	}
}

/* A range without a policy has that of the thread. */
static int thread_policy(void)
{
	unsigned long mask[NODE_IDS / 64] = { 0 };
	enum host_policy policy;
	struct nodemask nodes;
	u32 node = nodemask_first(&allowed);

	mask[node / 64] = 1ul << node % 64;
	if (syscall(SYS_set_mempolicy, 3, mask, NODE_IDS + 1))
		return CANNOT_FORBID;
	if (host_policy_of(area, &policy, &nodes))
		return 1;
	if (policy != HOST_POLICY_INTERLEAVE || !nodemask_test(&nodes, node))
		return 2;
	if (host_bind(area, page, HOST_POLICY_LOCAL, NULL) ||
	    host_policy_of(area, &policy, &nodes))
		return 3;
	return policy != HOST_POLICY_LOCAL || !nodemask_empty(&nodes);
}

static void test_thread_policy(void **state)
{
	(void)state;
	need_nodes();
	assert_child(thread_policy, 0);
}

static void test_nodes_of(void **state)
{
	const u32 nr = 5000;
	struct nodemask nodes;
	void **addr;
	int *node;
	u32 i;

	(void)state;
	need_nodes();
	addr = test_calloc(nr, sizeof(*addr));
	node = test_calloc(nr, sizeof(*node));
	nodes = nodemask_of(nodemask_first(&allowed));
	assert_int_equal(
		host_bind(area, NR_PAGES * page, HOST_POLICY_BIND, &nodes), 0);
	for (i = 0; i < NR_PAGES; i += 3)
		area[i * page] = 1;
	for (i = 0; i < nr; i++)
		addr[i] = area + i % NR_PAGES * page + i % page;
	assert_int_equal(host_nodes_of(addr, node, nr), 0);
	for (i = 0; i < nr; i++)
		if (i % NR_PAGES % 3 == 0)
			assert_int_equal(node[i], nodemask_first(&allowed));
		else
			assert_true(node[i] < 0);
	assert_int_equal(host_nodes_of(addr, node, 0), 0);
	assert_int_equal(errno, 77);
	test_free(addr);
	test_free(node);
}

/* Containers forbid these calls to programs without privileges. */
static int bind_forbidden(void)
{
	struct nodemask nodes = nodemask_of(0);

	if (!forbid(SYS_mbind, SYS_mbind, EPERM))
		return CANNOT_FORBID;
	if (host_bind(area, page, HOST_POLICY_BIND, &nodes) != -ENOSYS)
		return 1;
	return host_bind(area, page, HOST_POLICY_LOCAL, NULL) != -ENOSYS;
}

static int ask_forbidden(void)
{
	struct nodemask nodes = nodemask_of(nodemask_first(&allowed));
	enum host_policy policy;
	void *addr = area;
	int node;

	if (!forbid(SYS_get_mempolicy, SYS_move_pages, EPERM))
		return CANNOT_FORBID;
	errno = 77;
	/* What cannot be read back is not relied on. */
	if (host_bind(area, page, HOST_POLICY_BIND, &nodes) != -ENOSYS)
		return 1;
	if (host_nodes_of(&addr, &node, 1) != -ENOSYS)
		return 2;
	if (host_policy_of(area, &policy, &nodes) != -ENOSYS)
		return 3;
	if (host_allowed_nodes(&nodes) != -ENOSYS)
		return 4;
	return errno != 77;
}

static void test_forbidden(void **state)
{
	(void)state;
	need_nodes();
	assert_child(bind_forbidden, 0);
	assert_child(ask_forbidden, 0);
}

#define SPLITS_MAX 100000

/* A process has a limited number of mappings; a policy may need two more. */
static int bind_without_mappings(void)
{
	char *splits = host_reserve(2 * SPLITS_MAX * page);
	struct nodemask nodes = nodemask_of(nodemask_first(&allowed));
	size_t i;

	if (!splits)
		return 1;
	for (i = 0; i < SPLITS_MAX; i++)
		if (mprotect(splits + 2 * i * page, page, PROT_READ))
			break;
	if (i == SPLITS_MAX)
		return CANNOT_FORBID;
	errno = 77;
	if (host_bind(area + page, page, HOST_POLICY_BIND, &nodes) != -ENOMEM)
		return 2;
	return errno != 77;
}

static void test_no_mappings(void **state)
{
	(void)state;
	need_nodes();
	assert_child(bind_without_mappings, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_numa), TEST(allowed),	 TEST(bind),
		TEST(local),	    TEST(several),	 TEST(refused),
		TEST(trimmed),	    TEST(thread_policy), TEST(nodes_of),
		TEST(forbidden),    TEST(no_mappings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
