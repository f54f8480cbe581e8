/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host_pages.c: dropping pages, their size, and what nodes have left, on
 * the real machine, arch/linux/pages.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "child.h"
#include "host.h"
#include "lacks.h"

#define MIB ((size_t)1 << 20)

static size_t page;

static int setup(void **state)
{
	(void)state;
	page = (size_t)sysconf(_SC_PAGESIZE);
	errno = 77;
	return 0;
}

static void need(bool there, const char *why)
{
	if (there)
		return;
	print_message("skipped: %s\n", why);
	skip();
}

/* Pages of the range in memory. */
static u32 resident(char *start, u32 nr)
{
	unsigned char in_core[64];
	u32 i, count = 0;

	assert_true(nr <= sizeof(in_core));
	assert_int_equal(mincore(start, nr * page, in_core), 0);
	for (i = 0; i < nr; i++)
		count += in_core[i] & 1;
	return count;
}

/* Drop pages 1 and 2 of 4, which are full; a second mapping may see it. */
static void drop(char *start, const char *also)
{
	memset(start, 5, 4 * page);
	errno = 77;
	assert_int_equal(host_discard(start + page, 2 * page), 0);
	assert_int_equal(errno, 77);
	assert_int_equal(start[page - 1], 5);
	assert_int_equal(start[3 * page], 5);
	assert_int_equal(also[page], 0);
	assert_int_equal(also[3 * page - 1], 0);
	assert_int_equal(start[page], 0);
	start[page] = 1;
	assert_int_equal(host_discard(start, 4 * page), 0);
	assert_int_equal(start[page], 0);
	assert_int_equal(start[0], 0);
}

static void test_discard(void **state)
{
	char *start;

	(void)state;
	need(!lacks("remove"), "the system ignores MADV_REMOVE");
	start = host_map(4 * page, false);
	assert_non_null(start);
	madvise(start, 4 * page, MADV_NOHUGEPAGE);
	errno = 77;
	drop(start, start);
	assert_int_equal(host_discard(start, 4 * page), 0);
	assert_int_equal(resident(start, 4), 0);
	assert_int_equal(host_discard(start, 4 * page), 0);
	memset(start, 1, 4 * page);
	assert_int_equal(host_discard(start + page, page), 0);
	assert_int_equal(resident(start, 4), 3);
	host_unmap(start, 4 * page);
}

static void test_discard_shared(void **state)
{
	char *a, *b;
	int fd;

	(void)state;
	need(!lacks("remove"), "the system ignores MADV_REMOVE");
	fd = memfd_create("pages", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(4 * page)), 0);
	a = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	b = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(a != MAP_FAILED && b != MAP_FAILED);
	drop(a, b);
	munmap(a, 4 * page);
	munmap(b, 4 * page);
	close(fd);
	a = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(a != MAP_FAILED);
	drop(a, a);
	munmap(a, 4 * page);
}

/* What would read as the file afterwards is left alone. */
static void test_discard_file(void **state)
{
	char *start;
	int fd;

	(void)state;
	need(!lacks("remove"), "the system ignores MADV_REMOVE");
	fd = memfd_create("file", MFD_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)(4 * page)), 0);
	assert_int_equal(pwrite(fd, "x", 1, 0), 1);
	start = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
		     0);
	assert_true(start != MAP_FAILED);
	*start = 'y';
	errno = 77;
	assert_int_equal(host_discard(start, 4 * page), -EINVAL);
	assert_int_equal(errno, 77);
	assert_int_equal(*start, 'y');
	munmap(start, 4 * page);
	close(fd);
}

static void test_discard_refused(void **state)
{
	char *start = host_map(4 * page, false);
	bool locked;

	(void)state;
	assert_non_null(start);
	memset(start, 1, 4 * page);
	assert_int_equal(host_discard(start + 1, page), -EINVAL);
	assert_int_equal(host_discard(start, page - 1), -EINVAL);
	assert_int_equal(host_discard(start, 0), -EINVAL);
	need(!lacks("remove"), "the system ignores MADV_REMOVE");
	/* Sanitizers make mlock do nothing. */
	locked = !syscall(SYS_mlock, start + page, page);
	errno = 77;
	if (locked)
		assert_int_equal(host_discard(start + page, page), -EINVAL);
	assert_int_equal(start[page], 1);
	host_unmap(start, 4 * page);
	assert_int_equal(host_discard(start, 4 * page), -EINVAL);
	assert_int_equal(errno, 77);
	need(locked, "no memory may be locked here");
}

static void test_mapping_page(void **state)
{
	char *start = host_map(4 * MIB, true);

	(void)state;
	assert_non_null(start);
	memset(start, 1, 4 * MIB);
	errno = 77;
	/* Transparent huge pages are the system's pages. */
	assert_int_equal(host_mapping_page(start), page);
	assert_int_equal(host_mapping_page(start + 4 * MIB - 1), page);
	assert_int_equal(host_mapping_page(&start), page);
	assert_int_equal(host_mapping_page(NULL), page);
	host_unmap(start, 4 * MIB);
	assert_int_equal(host_mapping_page(start), page);
	assert_int_equal(errno, 77);
}

static void test_hugetlb(void **state)
{
	const size_t huge = 2 * MIB;
	u64 before = host_node_free(0, huge);
	char *start = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB |
				   21 << MAP_HUGE_SHIFT,
			   -1, 0);
	int err;

	(void)state;
	assert_int_equal(before % huge, 0);
	need(start != MAP_FAILED, "no huge pages are reserved");
	assert_int_equal(host_mapping_page(start), huge);
	assert_int_equal(host_mapping_page(start + 2 * huge - 1), huge);
	memset(start, 1, 2 * huge);
	err = host_discard(start, huge);
	assert_int_equal(start[huge], 1);
	/* Linux before 5.18 does not drop these. */
	if (err)
		assert_int_equal(err, -EINVAL);
	assert_int_equal(start[0], err ? 1 : 0);
	munmap(start, 2 * huge);
	need(!err, "the kernel does not drop huge pages");
}

/* A line of meminfo of a node, or of the machine where there are none. */
static u64 meminfo(u32 node, const char *name)
{
	unsigned long long kib = 0;
	char path[64], line[256], *at = NULL;
	int saved = errno;
	FILE *file;

	snprintf(path, sizeof(path), "/sys/devices/system/node/node%u/meminfo",
		 node);
	file = IS_ENABLED(CONFIG_NUMA) ? fopen(path, "r") : NULL;
	if (!file && !node)
		file = fopen("/proc/meminfo", "r");
	while (file && !at && fgets(line, sizeof(line), file)) {
		at = strstr(line, name);
		if (at && sscanf(at + strlen(name), ": %llu kB", &kib) != 1)
			at = NULL;
	}
	if (file)
		fclose(file);
	errno = saved;
	return kib << 10;
}

static void test_node_free(void **state)
{
	u64 bytes, sum = 0;
	u32 node;

	(void)state;
	for (node = 0; node < NODE_IDS; node++) {
		bytes = host_node_free(node, page);
		assert_int_equal(bytes % 512, 0);
		assert_true(bytes <= meminfo(node, "MemTotal"));
		sum += bytes;
	}
	/* Somewhere there is room for this program. */
	assert_true(sum >= MIB);
	assert_int_equal(errno, 77);
	assert_int_equal(host_node_free(NODE_IDS, page), 0);
	assert_int_equal(host_node_free(UINT32_MAX, page), 0);
	/* No huge pages of a size that there is not. */
	assert_int_equal(host_node_free(0, 3 * MIB), 0);
}

/*
 * Between half of what is free and all of what is free or cached.  Others take
 * and give at the same time, so it may be tried again.
 */
static void test_node_free_range(void **state)
{
	u64 bytes, least, most;
	u32 node, try;

	(void)state;
	/* Some machines get memory as they need it: /proc/meminfo has what
	 * there could be, zones and nodes have what there is. */
	need(IS_ENABLED(CONFIG_NUMA) &&
		     !access("/sys/devices/system/node/node0/meminfo", R_OK),
	     "there are no nodes to compare with");
	for (node = 0; node < NODES_MAX; node++) {
		for (try = 0; try < 20; try++) {
			bytes = host_node_free(node, page);
			least = meminfo(node, "MemFree") / 2;
			most = meminfo(node, "MemFree") +
			       meminfo(node, "Active(file)") +
			       meminfo(node, "Inactive(file)");
			/* What is reserved is a larger part of little. */
			least -= min_u64(least, 64 * MIB);
			if (bytes >= least && bytes <= most)
				break;
		}
		assert_in_range(bytes, least, most);
	}
}

#define TEST(name) cmocka_unit_test_setup(test_##name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(discard),	    TEST(discard_shared),
		TEST(discard_file), TEST(discard_refused),
		TEST(mapping_page), TEST(hugetlb),
		TEST(node_free),    TEST(node_free_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
