/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host_clock.c: time, work from time to time, and what is shared, on the
 * real machine, arch/linux/clock.c and mapping.c.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "child.h"
#include "host.h"

static void test_clock(void **state)
{
	u64 before = host_clock();

	(void)state;
	errno = 77;
	usleep(2000);
	assert_true(host_clock() >= before + 2000000);
	assert_int_equal(errno, 77);
}

struct seen {
	u32 calls; /* (A) */
	pthread_t thread;
	sigset_t blocked;
};

static void note(void *data)
{
	struct seen *seen = data;

	seen->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
	__atomic_add_fetch(&seen->calls, 1, __ATOMIC_RELEASE);
}

static void test_worker(void **state)
{
	struct host_worker *worker;
	struct seen seen = { 0 };
	u32 calls;

	(void)state;
	errno = 77;
	assert_int_equal(host_worker_start(&worker, 1000000, note, &seen), 0);
	while (__atomic_load_n(&seen.calls, __ATOMIC_ACQUIRE) < 3)
		usleep(500);
	host_worker_stop(worker);
	assert_int_equal(errno, 77);
	calls = seen.calls;
	assert_false(pthread_equal(seen.thread, pthread_self()));
	assert_true(sigismember(&seen.blocked, SIGTERM));
	assert_false(sigismember(&seen.blocked, SIGSEGV));
	usleep(3000);
	assert_int_equal(seen.calls, calls);
}

/* One that waits for long ends at once. */
static void test_worker_ends(void **state)
{
	struct host_worker *worker;
	struct seen seen = { 0 };

	(void)state;
	assert_int_equal(host_worker_start(&worker, 1ull << 60, note, &seen),
			 0);
	host_worker_stop(worker);
	assert_int_equal(seen.calls, 0);
}

static void test_shared(void **state)
{
	static const struct {
		int flags;
		bool shared;
	} table[] = {
		{ MAP_PRIVATE | MAP_ANONYMOUS, false },
		{ MAP_SHARED | MAP_ANONYMOUS, true },
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	static char own;
	bool alike;

	(void)state;
	errno = 77;
	assert_false(host_is_shared(&own, 1, &alike));
	assert_false(host_is_shared(&page, 1, &alike));
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *start = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
				   table[i].flags, -1, 0);

		assert_true(start != MAP_FAILED);
		assert_int_equal(host_is_shared(start, 3 * page, &alike),
				 table[i].shared);
		assert_true(alike);
		assert_int_equal(host_is_shared(start + 3 * page - 1, 1,
						&alike),
				 table[i].shared);
		munmap(start, 3 * page);
		/* of what is not there, nobody knows */
		assert_true(host_is_shared(start, 3 * page, &alike));
		assert_false(alike);
	}
	assert_int_equal(errno, 77);
}

/* Memory whose middle page is of another kind than those around it. */
static void test_mixed(void **state)
{
	static const struct {
		int flags;
		bool of_file, shared, alike;
	} table[] = {
		{ MAP_PRIVATE | MAP_ANONYMOUS, false, false, true },
		{ MAP_SHARED | MAP_ANONYMOUS, false, true, false },
		{ MAP_PRIVATE, true, false, false },
		{ MAP_SHARED, true, true, false },
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("mixed", 0);
	bool alike;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, (off_t)page), 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		char *start = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		assert_true(start != MAP_FAILED);
		assert_ptr_equal(mmap(start + page, page,
				      PROT_READ | PROT_WRITE,
				      table[i].flags | MAP_FIXED,
				      table[i].of_file ? fd : -1, 0),
				 start + page);
		assert_int_equal(host_is_shared(start, 3 * page, &alike),
				 table[i].shared);
		assert_int_equal(alike, table[i].alike);
		assert_false(host_is_shared(start, page, &alike));
		assert_true(alike);
		munmap(start, 3 * page);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_worker),
		cmocka_unit_test(test_worker_ends),
		cmocka_unit_test(test_shared),
		cmocka_unit_test(test_mixed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
