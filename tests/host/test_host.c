/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host.c: the real machine, arch/linux.  What it says about nodes and
 * CPUs is compared with /sys; what it does to memory is looked at through the
 * kernel.  Barriers and random numbers are in test_host_calls.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "child.h"
#include "host.h"

#define GIB ((size_t)1 << 30)
#define MIB ((size_t)1 << 20)

/* --- topology ---------------------------------------------------------- */

static bool node_exists(u32 node)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u", node);
	return access(path, F_OK) == 0;
}

/* MemTotal of a node as the kernel prints it; 0: it has none. */
static u64 node_bytes(u32 node)
{
	unsigned long long kib = 0;
	char path[64], line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo",
		 node);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Node %*u MemTotal: %llu kB", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return kib << 10;
}

/* before: node_bytes of each node; machines get and lose memory. */
static void check_nodes(const struct topology *topo, const u64 *before)
{
	char path[96];
	u32 node, cpu;

	for (node = 0; node < topo->nr_nodes; node++) {
		u32 number = topo->number[node];
		u64 after = node_bytes(number);

		assert_true(node_exists(number));
		assert_in_range(topo->node_bytes[node],
				min_u64(before[number], after),
				max_u64(before[number], after));
	}
	for (node = 0; node < NODE_IDS; node++)
		assert_true(topo->nr_nodes == NODES_MAX || !before[node] ||
			    topology_find(topo, node) < topo->nr_nodes);
	/* Only CPUs that are online have a link to their node. */
	for (cpu = 0; cpu < topo->nr_cpus; cpu++)
		for (node = 0; node < topo->nr_nodes; node++) {
			snprintf(path, sizeof(path),
				 "/sys/devices/system/cpu/cpu%u/node%u", cpu,
				 topo->number[node]);
			if (access(path, F_OK) == 0)
				assert_int_equal(topo->cpu_node[cpu], node);
		}
}

static void test_topology(void **state)
{
	static struct topology topo;
	u64 bytes = 0, before[NODE_IDS];
	u32 i, j;

	(void)state;
	for (i = 0; i < NODE_IDS; i++)
		before[i] = node_bytes(i);
	memset(&topo, 0xff, sizeof(topo));
	errno = 77;
	assert_int_equal(host_topology(&topo), 0);
	assert_int_equal(errno, 77);
	assert_in_range(topo.nr_nodes, 1, NODES_MAX);
	assert_in_range(topo.nr_cpus, sysconf(_SC_NPROCESSORS_CONF), CPUS_MAX);
	for (i = 0; i < topo.nr_cpus; i++)
		assert_true(topo.cpu_node[i] < topo.nr_nodes);
	for (i = 0; i < topo.nr_nodes; i++) {
		bytes += topo.node_bytes[i];
		assert_int_equal(topo.distance[i][i], 10);
		for (j = 0; j < topo.nr_nodes; j++)
			assert_true(topo.distance[i][j] >= 10);
	}
	assert_true(bytes > 0);
	if (IS_ENABLED(CONFIG_NUMA) && node_exists(0))
		check_nodes(&topo, before);
	else if (!IS_ENABLED(CONFIG_NUMA))
		assert_int_equal(topo.nr_nodes, 1);
}

/* On each CPU that this process may use. */
static void test_this_cpu(void **state)
{
	static struct topology topo;
	cpu_set_t allowed, one;
	int cpu, seen = 0;

	(void)state;
	assert_int_equal(host_topology(&topo), 0);
	assert_true(host_this_cpu() < topo.nr_cpus);
	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		skip();
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (!CPU_ISSET(cpu, &allowed) ||
		    sched_setaffinity(0, sizeof(one), &one))
			continue;
		assert_int_equal(host_this_cpu(), cpu);
		assert_true((u32)cpu < topo.nr_cpus);
		seen++;
	}
	assert_true(seen > 0);
	assert_int_equal(sched_setaffinity(0, sizeof(allowed), &allowed), 0);
}

/* --- memory ------------------------------------------------------------ */

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* Pages of the range in memory; -1: part of it is not mapped. */
static long resident(const void *start, size_t bytes)
{
	static unsigned char in_core[65536];
	size_t pages = (bytes + page_bytes() - 1) / page_bytes();
	long count = 0;
	size_t i;

	assert_true(pages <= sizeof(in_core));
	if (mincore((void *)(uintptr_t)start, bytes, in_core))
		return -1;
	for (i = 0; i < pages; i++)
		count += in_core[i] & 1;
	return count;
}

/*
 * Bytes of address space that the process has.  An emulator shows its own in
 * /proc/self/statm, but the program's in /proc/self/maps.
 */
static size_t mapped_bytes(void)
{
	unsigned long start, end;
	size_t bytes = 0;
	char line[4096];
	FILE *file = fopen("/proc/self/maps", "r");

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			bytes += end - start;
	fclose(file);
	return bytes;
}

/* Whether the address space has this much room at all. */
static bool is_room(size_t bytes)
{
	void *start = mmap(NULL, bytes, PROT_NONE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return start != MAP_FAILED && !munmap(start, bytes);
}

/* Whether the kernel keeps this flag, of two letters, for the mapping. */
static bool has_flag(const void *start, const char *flag)
{
	unsigned long from, to;
	bool here = false, has = false;
	char line[4096];
	FILE *file = fopen("/proc/self/smaps", "r");

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			here = from <= (uintptr_t)start &&
			       (uintptr_t)start < to;
		if (here && !strncmp(line, "VmFlags:", 8))
			has = strstr(line, flag);
	}
	if (file)
		fclose(file);
	return has;
}

static void test_reserve(void **state)
{
	/* Metadata of the largest heap; an emulator may not have the room. */
	const size_t bytes = is_room(64 * GIB) ? 64 * GIB : GIB;
	char *start = host_reserve(bytes);
	size_t at;

	(void)state;
	assert_non_null(start);
	assert_int_equal((uintptr_t)start % page_bytes(), 0);
	assert_int_equal(resident(start, 32 * MIB), 0);
	/* One touch takes one page, though huge pages may be on for all. */
	start[16 * MIB] = 1;
	assert_int_equal(resident(start, 32 * MIB), 1);
	for (at = 0; at < bytes; at += bytes / 16 - 4096)
		assert_int_equal(start[at], 0);
	start[bytes - 1] = 1;
	errno = 77;
	host_release(start, bytes);
	assert_int_equal(errno, 77);
	assert_int_equal(resident(start, page_bytes()), -1);
}

static void test_map(void **state)
{
	static const size_t table[] = { 1,	     4095,	    4096,
					65537,	     2 * MIB - 1,   2 * MIB,
					2 * MIB + 1, 7 * MIB + 4096 };
	size_t before;
	char *start;
	size_t i, j;
	int huge;

	(void)state;
	for (i = 0; i < 2 * ARRAY_LEN(table); i++) {
		size_t bytes = table[i / 2];

		huge = (int)(i & 1);
		before = mapped_bytes();
		errno = 77;
		start = host_map(bytes, huge);
		assert_non_null(start);
		assert_int_equal(errno, 77);
		assert_int_equal((uintptr_t)start % (2 * MIB), 0);
		/* Nothing is left over of what was mapped to align it. */
		assert_int_equal(mapped_bytes() - before,
				 round_up(bytes, page_bytes()));
		for (j = 0; j < bytes; j += j < bytes - 1 ? bytes - 1 : 1) {
			assert_int_equal(start[j], 0);
			start[j] = 1;
		}
		host_unmap(start, bytes);
		assert_int_equal(mapped_bytes(), before);
	}
}

static void test_map_refused(void **state)
{
	static const size_t table[] = { 0, SIZE_MAX, SIZE_MAX - 4096,
					SIZE_MAX - 3 * MIB, SIZE_MAX / 2 };
	size_t before;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(table); i++) {
		before = mapped_bytes();
		errno = 0;
		assert_null(host_map(table[i], true));
		assert_int_equal(errno, table[i] ? ENOMEM : EINVAL);
		errno = 0;
		assert_null(host_map(table[i], false));
		assert_int_equal(errno, table[i] ? ENOMEM : EINVAL);
		assert_null(host_reserve(table[i]));
		assert_int_equal(mapped_bytes(), before);
	}
}

static void test_advice(void **state)
{
	const size_t bytes = 2 * MIB;
	char *meta = host_reserve(bytes);
	char *plain = host_map(bytes, false);
	char *huge = host_map(bytes, true);
	bool shown;

	(void)state;
	assert_non_null(meta);
	assert_non_null(plain);
	assert_non_null(huge);
	assert_false(has_flag(plain, " nh"));
	assert_false(has_flag(plain, " hg"));
	/* A kernel without huge pages takes no advice; an emulator drops it. */
	shown = !madvise(plain, bytes, MADV_NOHUGEPAGE) &&
		has_flag(plain, " nh");
	if (shown) {
		assert_true(has_flag(meta, " nh"));
		assert_true(has_flag(huge, " hg"));
	}
	host_release(meta, bytes);
	host_unmap(plain, bytes);
	host_unmap(huge, bytes);
	if (!shown)
		skip();
}

#define SPLITS_MAX 100000

/*
 * A process has a limited number of mappings, and to unmap the middle of one
 * takes one more.  When there is none, the memory is given back all the same.
 */
static int unmap_without_mappings(void)
{
	const size_t page = page_bytes();
	char *start = host_map(3 * page, false);
	char *splits = host_reserve(2 * SPLITS_MAX * page);
	size_t i;

	if (!start || !splits)
		return 1;
	memset(start, 1, 3 * page);
	for (i = 0; i < SPLITS_MAX; i++)
		if (mprotect(splits + 2 * i * page, page, PROT_READ))
			break;
	/* The limit may be higher, or hidden by an emulator. */
	if (i == SPLITS_MAX || !munmap(splits + (2 * i + 1) * page, page))
		return CANNOT_FORBID;
	errno = 77;
	host_unmap(start + page, page);
	if (errno != 77 || resident(start, 3 * page) != 2)
		return 2;
	return start[0] == 1 && start[page] == 0 && start[2 * page] == 1 ? 0
									 : 3;
}

static void test_unmap_refused(void **state)
{
	(void)state;
	assert_child(unmap_without_mappings, 0);
}

/* Ranges that begin and end anywhere; sizes on both sides of every way. */
static void test_clear(void **state)
{
	static const size_t sizes[] = { 0,
					1,
					63,
					64,
					65,
					4096,
					2 * MIB - 1,
					2 * MIB,
					2 * MIB + 1,
					2 * MIB + 63,
					3 * MIB + 777 };
	static const size_t heads[] = { 0, 1, 8, 63, 64, 65, 100, 2047, 4095 };
	const size_t area_bytes = 4 * MIB;
	char *area = host_map(area_bytes, false);
	char *wanted = host_map(area_bytes, false);
	size_t i, j;

	(void)state;
	assert_non_null(area);
	assert_non_null(wanted);
	for (i = 0; i < ARRAY_LEN(sizes); i++)
		for (j = 0; j < ARRAY_LEN(heads); j++) {
			memset(area, 0xa5, area_bytes);
			memset(wanted, 0xa5, area_bytes);
			memset(wanted + heads[j], 0, sizes[i]);
			errno = 77;
			host_clear(area + heads[j], sizes[i]);
			assert_int_equal(errno, 77);
			if (memcmp(area, wanted, area_bytes))
				fail_msg("%zu bytes from %zu on", sizes[i],
					 heads[j]);
		}
	host_unmap(area, area_bytes);
	host_unmap(wanted, area_bytes);
}

/* --- the rest ---------------------------------------------------------- */

static void ignore_signal(int number)
{
	(void)number;
}

/* More than a pipe holds, read slowly, with signals in between. */
static void test_print(void **state)
{
	static char text[300000], got[sizeof(text)];
	struct sigaction action = { .sa_handler = ignore_signal };
	size_t len = 0;
	ssize_t n;
	int fds[2], i, status;
	pid_t child;

	(void)state;
	for (i = 0; i < (int)sizeof(text); i++)
		text[i] = (char)('a' + i % 26);
	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		sigaction(SIGUSR1, &action, NULL);
		dup2(fds[1], STDERR_FILENO);
		close(fds[0]);
		errno = 77;
		host_print(text, sizeof(text));
		_exit(errno == 77 ? 0 : 1);
	}
	close(fds[1]);
	/* The child has its handler once the first byte is here.  The first
	 * signal ends a write that wrote something, the second one that waits
	 * for room and has written nothing. */
	while (len < 270000 &&
	       (n = read(fds[0], got + len, len ? 30000 : 1)) > 0) {
		len += (size_t)n;
		for (i = 0; i < 3; i++) {
			usleep(2000);
			kill(child, SIGUSR1);
		}
	}
	while (len < sizeof(got) &&
	       (n = read(fds[0], got + len, sizeof(got) - len)) > 0)
		len += (size_t)n;
	assert_int_equal(read(fds[0], &status, 1), 0);
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(len, sizeof(text));
	assert_memory_equal(got, text, sizeof(text));
}

static int print_nowhere(void)
{
	close(STDERR_FILENO);
	errno = 77;
	host_print("nobody", 6);
	return errno != 77;
}

static void test_print_closed(void **state)
{
	(void)state;
	assert_child(print_nowhere, 0);
}

static int abort_now(void)
{
	host_abort();
}

static void test_abort(void **state)
{
	(void)state;
	assert_child(abort_now, SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topology),
		cmocka_unit_test(test_this_cpu),
		cmocka_unit_test(test_reserve),
		cmocka_unit_test(test_map),
		cmocka_unit_test(test_map_refused),
		cmocka_unit_test(test_advice),
		cmocka_unit_test(test_unmap_refused),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_print),
		cmocka_unit_test(test_print_closed),
		cmocka_unit_test(test_abort),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
