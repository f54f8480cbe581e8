/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host_threads.c: threads on the CPUs of nodes, on the real machine,
 * arch/linux/threads.c.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "child.h"
#include "host.h"

#define NR_THREADS 24

struct seen {
	u32 calls;
	bool by_caller;
	cpu_set_t cpus;
	sigset_t blocked;
};

static pthread_t caller;

static void look(void *data, u32 i)
{
	struct seen *seen = (struct seen *)data + i;

	seen->calls++;
	seen->by_caller = pthread_equal(pthread_self(), caller);
	sched_getaffinity(0, sizeof(seen->cpus), &seen->cpus);
	pthread_sigmask(SIG_SETMASK, NULL, &seen->blocked);
	errno = 5;
}

/* The CPUs among these that are online on a node; all of them if none is. */
static void wanted_cpus(u32 node, const cpu_set_t *mine, cpu_set_t *wanted)
{
	char path[96];
	int cpu;

	CPU_ZERO(wanted);
	for (cpu = 0; cpu < CPU_SETSIZE; cpu++) {
		snprintf(path, sizeof(path),
			 "/sys/devices/system/node/node%u/cpu%d", node, cpu);
		if (IS_ENABLED(CONFIG_NUMA) && CPU_ISSET(cpu, mine) &&
		    access(path, F_OK) == 0)
			CPU_SET(cpu, wanted);
	}
	if (!CPU_COUNT(wanted))
		*wanted = *mine;
}

/* Run them all with the CPUs that the caller has now. */
static void check_run(u32 nr)
{
	static struct seen seen[NR_THREADS];
	u32 node[NR_THREADS], i;
	cpu_set_t mine, after, wanted;
	sigset_t before, blocked;

	assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
	pthread_sigmask(SIG_SETMASK, NULL, &before);
	memset(seen, 0, sizeof(seen));
	for (i = 0; i < NR_THREADS; i++)
		node[i] = i % 4 == 3 ? 1000 + i : i % 4;
	caller = pthread_self();
	errno = 77;
	assert_int_equal(host_run_threads(nr, node, look, seen), 0);
	assert_int_equal(errno, 77);
	for (i = 0; i < NR_THREADS; i++) {
		assert_int_equal(seen[i].calls, i < nr);
		if (i >= nr || seen[i].by_caller)
			continue;
		wanted_cpus(node[i], &mine, &wanted);
		assert_true(CPU_EQUAL(&seen[i].cpus, &wanted));
		assert_true(sigismember(&seen[i].blocked, SIGUSR1));
		assert_true(sigismember(&seen[i].blocked, SIGINT));
		assert_false(sigismember(&seen[i].blocked, SIGSEGV));
		assert_false(sigismember(&seen[i].blocked, SIGBUS));
	}
	/* Nothing of this happened to the caller. */
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&mine, &after));
	pthread_sigmask(SIG_SETMASK, NULL, &blocked);
	assert_int_equal(sigismember(&before, SIGUSR1),
			 sigismember(&blocked, SIGUSR1));
}

static void test_run(void **state)
{
	static const u32 table[] = { 0, 1, 2, 3, NR_THREADS };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(table); i++)
		check_run(table[i]);
}

/* A caller that was put on one CPU has threads on no other. */
static void test_confined(void **state)
{
	cpu_set_t mine, one;
	int cpu, checked = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(mine), &mine), 0);
	for (cpu = 0; cpu < CPU_SETSIZE && checked < 4; cpu++) {
		CPU_ZERO(&one);
		CPU_SET(cpu, &one);
		if (!CPU_ISSET(cpu, &mine) ||
		    sched_setaffinity(0, sizeof(one), &one))
			continue;
		check_run(3);
		checked++;
	}
	assert_true(checked > 0);
	assert_int_equal(sched_setaffinity(0, sizeof(mine), &mine), 0);
}

static void count(void *data, u32 i)
{
	(void)i;
	__atomic_fetch_add((u32 *)data, 1, __ATOMIC_RELAXED);
}

static int no_threads(void)
{
	static const u32 node[4];
	u32 calls = 0;

	if (!forbid(SYS_clone3, SYS_clone, EAGAIN))
		return CANNOT_FORBID;
	errno = 77;
	if (host_run_threads(4, node, count, &calls) != -EAGAIN || calls)
		return 1;
	return errno != 77;
}

static void test_no_threads(void **state)
{
	(void)state;
	assert_child(no_threads, 0);
}

/* Pages of address space that the process has. */
static unsigned long mapped_pages(void)
{
	unsigned long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	if (file && fscanf(file, "%lu", &pages) != 1)
		pages = 0;
	if (file)
		fclose(file);
	return pages;
}

static int few_threads(void)
{
	static struct seen seen[NR_THREADS];
	static const u32 node[NR_THREADS];
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	const size_t stack = 64u << 20, mapped = mapped_pages() * page;
	struct rlimit limit = { mapped + 3 * stack, mapped + 3 * stack };
	pthread_attr_t attr;
	u32 i, by_caller = 0;

	/* A sanitizer has too much address space to count. */
	if (!mapped || mapped > (size_t)1 << 40 || pthread_attr_init(&attr) ||
	    pthread_attr_setstacksize(&attr, stack) ||
	    pthread_setattr_default_np(&attr) || setrlimit(RLIMIT_AS, &limit))
		return CANNOT_FORBID;
	caller = pthread_self();
	errno = 77;
	if (host_run_threads(NR_THREADS, node, look, seen))
		return 1;
	if (errno != 77)
		return 2;
	for (i = 0; i < NR_THREADS; i++) {
		if (seen[i].calls != 1)
			return 3;
		by_caller += seen[i].by_caller;
	}
	/* An emulator may not hold the program to the limit. */
	if (!by_caller)
		return CANNOT_FORBID;
	return by_caller == NR_THREADS ? 4 : 0;
}

static void test_few_threads(void **state)
{
	(void)state;
	assert_child(few_threads, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_confined),
		cmocka_unit_test(test_no_threads),
		cmocka_unit_test(test_few_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
