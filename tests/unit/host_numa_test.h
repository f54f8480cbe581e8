/* SPDX-License-Identifier: BSD-2-Clause */
/* host_numa_test.h: a few pages on a simulated machine of four nodes. */
#ifndef TESTS_UNIT_HOST_NUMA_TEST_H
#define TESTS_UNIT_HOST_NUMA_TEST_H

#include <sys/mman.h>
#include <unistd.h>

#include "sim/resident.h"
#include "support.h"

#define TIB (1ull << 40)
#define GIB (1ull << 30)
#define NR_PAGES 64

static char *area; /* NR_PAGES pages, of which nothing is in memory */
static size_t page;

static inline char *at(u64 i)
{
	return area + i * page;
}

static inline int setup(void **state)
{
	(void)state;
	host_sim_reset();
	page = host_mapping_page(NULL);
	host_sim_reset();
	area = host_map(NR_PAGES * page, false);
	return !area || host_sim_describe("4x2");
}

static inline int teardown(void **state)
{
	(void)state;
	host_sim_reset();
	host_unmap(area, NR_PAGES * page);
	return 0;
}

static inline int bind(u64 first, u64 nr, enum host_policy policy, u64 bits)
{
	struct nodemask nodes = nodemask_of_bits(bits);

	return host_bind(at(first), nr * page, policy,
			 policy == HOST_POLICY_LOCAL ? NULL : &nodes);
}

static inline void touch(u64 first, u64 nr)
{
	u64 i;

	for (i = first; i < first + nr; i++)
		*at(i) = 1;
}

/* Nodes of pages as a picture: a digit each, '.' not in memory. */
static inline const char *picture(u64 first, u64 nr)
{
	static char text[NR_PAGES + 1];
	void *addr[NR_PAGES] = { NULL };
	int node[NR_PAGES];
	u64 i;

	for (i = 0; i < nr; i++)
		addr[i] = at(first + i) + i;
	assert_int_equal(host_nodes_of(addr, node, (u32)nr), 0);
	for (i = 0; i < nr; i++)
		text[i] = (char)(node[i] < 0 ? '.' : '0' + node[i]);
	text[nr] = 0;
	return text;
}

#define TEST(name) cmocka_unit_test_setup_teardown(test_##name, setup, teardown)

#endif
