/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_prefault.c: bringing pages into memory on the real machine: what the
 * kernel does for arch/linux/pages.c, and whole heaps, mm/prefault.c.
 */
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <fixheap/fixheap.h>

#include "child.h"
#include "host.h"
#include "lacks.h"

#define MIB ((size_t)1 << 20)
#define HEAP_BYTES (48 * MIB)
#define COUNTER_STEP ((size_t)16384)

static size_t page;

static int setup(void **state)
{
	(void)state;
	page = (size_t)sysconf(_SC_PAGESIZE);
	return 0;
}

static void need(bool there, const char *why)
{
	if (there)
		return;
	print_message("skipped: %s\n", why);
	skip();
}

/* All pages of the range are in memory. */
static bool is_present(const char *start, size_t bytes)
{
	static unsigned char in_core[65536];
	size_t nr = bytes / page, absent = 0;

	assert_true(nr <= sizeof(in_core));
	if (mincore((void *)(uintptr_t)start, bytes, in_core))
		return false;
	for (size_t i = 0; i < nr; i++)
		absent += !(in_core[i] & 1);
	return !absent;
}

static u64 faults(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_THREAD, &usage), 0);
	return (u64)usage.ru_minflt;
}

static void test_populate(void **state)
{
	char *start = host_map(8 * MIB, false);
	int ret;

	(void)state;
	assert_non_null(start);
	memset(start + page, 7, page);
	errno = 77;
	ret = host_populate(start, 4 * MIB);
	need(ret != -ENOSYS && !lacks("populate"), "a kernel before 5.14");
	assert_int_equal(ret, 0);
	assert_true(is_present(start, 4 * MIB));
	assert_int_equal(start[page], 7);
	assert_int_equal(start[2 * page - 1], 7);
	assert_int_equal(start[0] | start[2 * page], 0);
	assert_false(is_present(start + 4 * MIB, 4 * MIB));
	assert_int_equal(host_populate(start + 1, page), -ENOSYS);
	assert_int_equal(munmap(start + 4 * page, page), 0);
	assert_int_equal(host_populate(start, 8 * page), -ENOMEM);
	assert_int_equal(errno, 77);
	host_unmap(start, 4 * page);
	host_unmap(start + 5 * page, 8 * MIB - 5 * page);
}

static void test_no_file(void **state)
{
	int fd = memfd_create("short", MFD_CLOEXEC);
	char *start;
	int ret;

	(void)state;
	assert_int_equal(ftruncate(fd, (off_t)page), 0);
	start = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(start != MAP_FAILED);
	ret = host_populate(start, page);
	need(ret != -ENOSYS && !lacks("populate"), "a kernel before 5.14");
	assert_int_equal(ret, 0);
	/* behind the file's end who touches it is killed */
	assert_int_equal(host_populate(start, 2 * page), -EFAULT);
	assert_int_equal(munmap(start, 2 * page), 0);
	close(fd);
}

/* --- heaps ---------------------------------------------------------------- */

/* Page faults of writes to all pages of a heap; a sanitizer would add those of
 * what it keeps of them. */
__attribute__((no_sanitize("address"), no_sanitize("thread"))) static u64
write_faults(volatile char *start)
{
	u64 before = faults();

	for (size_t at = 8; at < HEAP_BYTES; at += page)
		start[at] = 1;
	return faults() - before;
}

struct writer {
	char *start;
	size_t bytes;
	unsigned stop, rounds; /* (A) */
};

/* Count in each page, without any lock or atomic operation: it is the only one
 * who writes to them. */
static void *write_all(void *data)
{
	struct writer *writer = data;

	while (!__atomic_load_n(&writer->stop, __ATOMIC_RELAXED)) {
		for (size_t at = 0; at < writer->bytes; at += COUNTER_STEP)
			++*(volatile u32 *)(writer->start + at);
		__atomic_add_fetch(&writer->rounds, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

/* A heap over memory that nobody has touched is brought while somebody writes
 * to a part of it. */
static int bring(unsigned flags, unsigned how_flags)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_prefault how = FIXHEAP_PREFAULT_INIT;
	struct writer writer = { .bytes = 8 * MIB };
	struct fixheap *heap;
	pthread_t thread;
	size_t wrong = 0;

	config.base = host_map(HEAP_BYTES, false);
	config.length = HEAP_BYTES;
	config.flags = flags;
	if (!config.base || fixheap_create(&config, &heap))
		return 1;
	writer.start =
		fixheap_pages_alloc(heap, writer.bytes >> PAGE_SHIFT, 0, NULL);
	if (!writer.start || pthread_create(&thread, NULL, write_all, &writer))
		return 2;
	how.nr_threads = 3;
	how.flags = how_flags;
	if (fixheap_prefault(heap, &how) || fixheap_prefault_wait(heap))
		return 3;
	__atomic_store_n(&writer.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	for (size_t at = 0; at < writer.bytes; at += COUNTER_STEP)
		wrong += *(u32 *)(writer.start + at) != writer.rounds;
	if (wrong)
		return 4;
	if (!is_present(config.base, HEAP_BYTES))
		return 5;
	/* the test's own are few */
	if (write_faults(config.base) > 64)
		return 6;
	if (fixheap_validate(heap))
		return 7;
	fixheap_destroy(heap);
	host_unmap(config.base, HEAP_BYTES);
	return 0;
}

static void test_heaps(void **state)
{
	(void)state;
	need(!lacks("populate"), "the emulator only says that it did");
	assert_int_equal(bring(0, 0), 0);
	assert_int_equal(bring(0, FIXHEAP_PREFAULT_NO_HUGEPAGES |
					  FIXHEAP_PREFAULT_BACKGROUND),
			 0);
	assert_int_equal(bring(FIXHEAP_PINNED, 0), 0);
}

/* A kernel that cannot be asked: pages are touched. */
static int bring_alone(void)
{
	if (!forbid(SYS_madvise, SYS_madvise, EINVAL))
		return CANNOT_FORBID;
	return bring(0, 0);
}

static void test_old_kernel(void **state)
{
	(void)state;
	assert_child(bring_alone, 0);
}

/* A heap of huge pages, or what to set. */
static void test_pool(void **state)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap_hugetlb pool = { .size = sizeof(pool) };
	struct fixheap *heap;
	char *run;
	int ret;

	(void)state;
	config.length = 16 * MIB;
	config.flags = FIXHEAP_HUGETLB_2M;
	ret = fixheap_check_hugetlb(&config, &pool);
	assert_int_equal(pool.needed, 8);
	assert_int_equal(!ret, pool.advice[0] == 0);
	assert_int_equal(fixheap_create(&config, &heap), ret ? -ENOMEM : 0);
	if (ret)
		print_message("%s\n", pool.advice);
	need(!ret, "the system has no huge pages to spare");
	assert_int_equal(fixheap_mapping_page(heap), 2 * MIB);
	assert_int_equal(fixheap_prefault(heap, NULL), 0);
	run = fixheap_pages_alloc(heap, 16 * MIB >> PAGE_SHIFT, 0, NULL);
	assert_non_null(run);
	assert_int_equal(host_mapping_page(run), 2 * MIB);
	assert_true(is_present(run, 16 * MIB));
	fixheap_destroy(heap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_populate, setup),
		cmocka_unit_test_setup(test_no_file, setup),
		cmocka_unit_test_setup(test_old_kernel, setup),
		cmocka_unit_test_setup(test_heaps, setup),
		cmocka_unit_test_setup(test_pool, setup),
	};

	return cmocka_run_group_tests_name("prefault", tests, NULL, NULL);
}
