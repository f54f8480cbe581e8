/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_machine.c: texts and topologies that a simulated machine is made of,
 * arch/sim/machine.c, as tables.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "sim/host_sim.h"

#define MIB (1ull << 20)

static int setup(void **state)
{
	(void)state;
	host_sim_reset();
	return 0;
}

/* What a text describes: by node and by CPU, "1G 0 4G|0 0 1 1|10 20...". */
static void format(const struct topology *topo, char *text, size_t size)
{
	size_t len = 0;
	u32 i, j;

	for (i = 0; i < topo->nr_nodes && len < size; i++)
		len += (size_t)snprintf(
			text + len, size - len,
			topo->number[i] == i ? "%lluM " : "%lluM@%u ",
			(unsigned long long)(topo->node_bytes[i] / MIB),
			topo->number[i]);
	for (i = 0; i < topo->nr_cpus && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%u",
					i ? "," : "| ", topo->cpu_node[i]);
	for (i = 0; i < topo->nr_nodes && len < size; i++)
		for (j = 0; j < topo->nr_nodes && len < size; j++)
			len += (size_t)snprintf(text + len, size - len, "%s%u",
						j ? "," : " | ",
						topo->distance[i][j]);
	assert_true(len < size);
}

static void test_describe(void **state)
{
	static const struct {
		const char *text, *machine;
	} table[] = {
		{ "1x1", "1024M | 0 | 10" },
		{ "2x2", "1024M 1024M | 0,0,1,1 | 10,20 | 20,10" },
		{ "2x1:1G,2G;10,31;21,10",
		  "1024M 2048M | 0,1 | 10,31 | 21,10" },
		{ "2x1:512M", "512M 512M | 0,1 | 10,20 | 20,10" },
		{ "1x3:2048K", "2M | 0,0,0 | 10" },
		{ "1x1:1048576", "1M | 0 | 10" },
		{ "1x1:16T", "16777216M | 0 | 10" },
		{ "0-1/2/-:1G,0,4G",
		  "1024M 0M 4096M | 0,0,1 | 10,20,20 | 20,10,20 | 20,20,10" },
		{ "1,3/0,2:1M", "1M 1M | 1,0,1,0 | 10,20 | 20,10" },
		{ "0,4-5/1-3", "1024M 1024M | 0,1,1,1,0,0 | 10,20 | 20,10" },
		{ "-/0:1M", "1M 1M | 1 | 10,20 | 20,10" },
		{ "2x1:1M;10,255;255,10", "1M 1M | 0,1 | 10,255 | 255,10" },
		{ "3x1@0,8,1023:1M",
		  "1M 1M@8 1M@1023 | 0,1,2 | 10,20,20 | 20,10,20 | 20,20,10" },
		{ "0/-@3,252:2M,1M;10,80;80,10",
		  "2M@3 1M@252 | 0 | 10,80 | 80,10" },
	};
	struct topology topo;
	char text[512];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(table); i++) {
		assert_int_equal(host_sim_describe(table[i].text), 0);
		assert_int_equal(host_topology(&topo), 0);
		format(&topo, text, sizeof(text));
		assert_string_equal(text, table[i].machine);
	}
}

static void test_describe_largest(void **state)
{
	struct topology topo;
	u32 cpu;

	(void)state;
	assert_int_equal(host_sim_describe("64x64:256G"), 0);
	assert_int_equal(host_topology(&topo), 0);
	assert_int_equal(topo.nr_nodes, NODES_MAX);
	assert_int_equal(topo.nr_cpus, CPUS_MAX);
	for (cpu = 0; cpu < CPUS_MAX; cpu++)
		assert_int_equal(topo.cpu_node[cpu], cpu / 64);
	assert_int_equal(host_sim_describe("0-4095"), 0);
	assert_int_equal(host_topology(&topo), 0);
	assert_int_equal(topo.nr_cpus, CPUS_MAX);
}

static void test_describe_errors(void **state)
{
	static const char *const table[] = {
		"",
		"x",
		"2",
		"2x",
		"0x1",
		"1x0",
		"65x1",
		"64x65",
		"1x4097",
		"-1x2",
		"1x1 ",
		"1x1:",
		"1x1@",
		"1x1@1024",
		"2x1@5",
		"2x1@5,5",
		"2x1@6,5",
		"2x1@5,6,7",
		"1x1:0",
		"2x1:0",
		"2x1:1G,",
		"2x1:1G,1G,1G",
		"3x1:1G,1G",
		"1x1:1X",
		"1x1:1GG",
		"1x1:999999T",
		"1x1;",
		"1x1;11",
		"2x1;10,20",
		"2x1;10,20;20",
		"2x1;10,9;20,10",
		"2x1;10,256;20,10",
		"2x1;10,20;20,10;",
		"0-1/1",
		"0/2",
		"1",
		"3-1",
		"0-4096",
		"-",
		"-/-",
		"0//1",
		"0,",
		"/0",
		"0-",
		"1x99999999999999999999999999",
		"1x1:99999999999999999999999999",
	};
	struct topology topo;
	size_t i;

	(void)state;
	assert_int_equal(host_sim_describe("3x5"), 0);
	for (i = 0; i < ARRAY_LEN(table); i++)
		if (host_sim_describe(table[i]) != -EINVAL)
			fail_msg("'%s' was taken for a machine", table[i]);
	/* The last good one is still there. */
	assert_int_equal(host_topology(&topo), 0);
	assert_int_equal(topo.nr_nodes, 3);
	assert_int_equal(topo.nr_cpus, 15);
}

static void test_set_topology(void **state)
{
	struct topology topo, seen;

	(void)state;
	memset(&topo, 0, sizeof(topo));
	assert_int_equal(host_sim_set_topology(&topo), -EINVAL);
	topo.nr_nodes = 1;
	topo.nr_cpus = 2;
	topo.distance[0][0] = 10;
	assert_int_equal(host_sim_set_topology(&topo), -EINVAL);
	topo.node_bytes[0] = 1;
	assert_int_equal(host_sim_set_topology(&topo), 0);
	assert_int_equal(host_topology(&seen), 0);
	assert_memory_equal(&seen, &topo, sizeof(topo));
	topo.cpu_node[1] = 1;
	assert_int_equal(host_sim_set_topology(&topo), -EINVAL);
	topo.cpu_node[1] = 0;
	topo.distance[0][0] = 11;
	assert_int_equal(host_sim_set_topology(&topo), -EINVAL);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(describe),
		TEST(describe_largest),
		TEST(describe_errors),
		TEST(set_topology),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
