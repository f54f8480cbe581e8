/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host.c: the simulated machine, arch/sim.  Other tests lean on it, so it
 * is tested as if it were part of the library: that each call is counted, that
 * the call that was asked to fail fails and no other, and that misuse is
 * noticed.  The machine itself is test_machine.c's.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sim/host_sim.h"

#define TIB (1ull << 40)
#define GIB (1ull << 30)
#define MIB (1ull << 20)

static int setup(void **state)
{
	(void)state;
	host_sim_reset();
	return 0;
}

/* --- memory ------------------------------------------------------------ */

static void test_memory(void **state)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *big, *small, *heap;
	size_t i;

	(void)state;
	big = host_reserve(4 * GIB);
	small = host_reserve(page + 1);
	heap = host_map(3 * MIB + 1, true);
	assert_non_null(big);
	assert_non_null(small);
	assert_non_null(heap);
	assert_int_equal((uintptr_t)heap % (2 * MIB), 0);
	assert_int_equal(host_sim_held(), 4 * GIB + page + 1 + 3 * MIB + 1);

	/* Nothing is there until it is touched, and then one page. */
	assert_int_equal(host_sim_resident(big, GIB), 0);
	assert_int_equal(host_sim_resident(small, page + 1), 0);
	big[5 * page] = 1;
	big[700 * MIB] = 1;
	heap[3 * MIB] = 1;
	assert_int_equal(host_sim_resident(big, GIB), 2 * page);
	assert_int_equal(host_sim_resident(heap, 3 * MIB + 1), page);
	for (i = 0; i <= page; i++)
		assert_int_equal(small[i], 0);
	assert_int_equal(host_sim_resident(small, page + 1), 2 * page);

	host_release(big, 4 * GIB);
	host_unmap(heap, 3 * MIB + 1);
	assert_int_equal(host_sim_held(), page + 1);
	host_sim_reset();
	assert_int_equal(host_sim_held(), 0);
	host_release(small, page + 1);
	assert_int_equal(host_sim_held(), 0);
}

static void test_memory_refused(void **state)
{
	(void)state;
	errno = 0;
	assert_null(host_reserve(0));
	assert_int_equal(errno, EINVAL);
	assert_null(host_map(SIZE_MAX, true));
	assert_int_equal(errno, ENOMEM);
	assert_null(host_map(SIZE_MAX - 4 * MIB, false));
	assert_int_equal(errno, ENOMEM);
	assert_int_equal(host_sim_held(), 0);
}

static void test_memory_huge(void **state)
{
	char *start;

	(void)state;
	if (!host_sim_room(16 * TIB))
		skip();
	start = host_map(16 * TIB, false);
	assert_non_null(start);
	start[16 * TIB - 1] = 1;
	assert_int_equal(start[8 * TIB], 0);
	assert_int_equal(host_sim_resident(start + 16 * TIB - GIB, GIB),
			 sysconf(_SC_PAGESIZE));
	host_unmap(start, 16 * TIB);
}

static void test_clear(void **state)
{
	char text[64];

	(void)state;
	memset(text, 'x', sizeof(text));
	host_clear(text + 1, 62);
	host_clear(text + 7, 3);
	assert_int_equal(text[0], 'x');
	assert_int_equal(text[1], 0);
	assert_int_equal(text[62], 0);
	assert_int_equal(text[63], 'x');
	assert_int_equal(host_sim_cleared(), 65);
	assert_int_equal(host_sim_calls(HOST_SIM_CLEAR), 2);
}

/* Runs fn in a child that must end by SIGABRT with text on stderr. */
static void assert_dies(void (*fn)(void), const char *text)
{
	char said[4096];
	size_t len = 0;
	ssize_t got;
	int fds[2], status;
	pid_t child;

	assert_int_equal(pipe(fds), 0);
	child = fork();
	assert_true(child >= 0);
	if (!child) {
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		fn();
		_exit(0);
	}
	close(fds[1]);
	while (len < sizeof(said) - 1 &&
	       (got = read(fds[0], said + len, sizeof(said) - 1 - len)) > 0)
		len += (size_t)got;
	said[len] = 0;
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	if (!strstr(said, text))
		fail_msg("not '%s' but '%s'", text, said);
}

static char *misused;

static void release_twice(void)
{
	host_release(misused, MIB);
	host_release(misused, MIB);
}

static void release_part(void)
{
	host_release(misused, MIB / 2);
}

static void release_as_mapped(void)
{
	host_unmap(misused, MIB);
}

static void resident_nowhere(void)
{
	host_release(misused, MIB);
	host_sim_resident(misused, MIB);
}

static void abort_unexpected(void)
{
	host_print("why\n", 4);
	host_abort();
}

static void test_misuse(void **state)
{
	(void)state;
	misused = host_reserve(MIB);
	assert_non_null(misused);
	assert_dies(release_twice, "not handed out");
	assert_dies(release_part, "another length");
	assert_dies(release_as_mapped, "not handed out");
	assert_dies(resident_nowhere, "not mapped");
	assert_dies(abort_unexpected, "why\n");
	host_release(misused, MIB);
}

/* --- failures ---------------------------------------------------------- */

static void count_threads(void *data, u32 i)
{
	__atomic_fetch_add((u32 *)data, i + 1, __ATOMIC_RELAXED);
}

static void note_nothing(void *data)
{
	(void)data;
}

/* The same for the functions about nodes; each fails with its own error. */
static unsigned call_all_numa(void)
{
	static char page[65536] __attribute__((aligned(65536)));
	struct nodemask nodes = nodemask_of(0);
	enum host_policy policy;
	void *addr = page;
	unsigned failed = 0;
	u32 sum = 0, zero = 0;
	struct host_worker *worker;
	int node, err;

	err = host_bind(page, sizeof(page), HOST_POLICY_BIND, &nodes);
	failed |= err == -ENOMEM ? 16 : 0;
	failed |= host_discard(page, sizeof(page)) == -EINVAL ? 32 : 0;
	failed |= host_nodes_of(&addr, &node, 1) == -ENOMEM ? 64 : 0;
	failed |= host_policy_of(page, &policy, &nodes) == -ENOSYS ? 128 : 0;
	failed |= host_allowed_nodes(&nodes) == -ENOSYS ? 256 : 0;
	err = host_run_threads(1, &zero, count_threads, &sum);
	failed |= err == -EAGAIN ? 512 : 0;
	assert_int_equal(sum, err ? 0 : 1);
	err = host_worker_start(&worker, 1, note_nothing, NULL);
	if (!err)
		host_worker_stop(worker);
	failed |= err == -EAGAIN ? 1024 : 0;
	addr = host_start_thread(count_threads, &sum);
	failed |= addr ? 0 : 2048;
	if (addr)
		host_join_thread(addr);
	failed |= host_populate(page, sizeof(page)) == -ENOMEM ? 4096 : 0;
	return failed | (host_write(-1, "", 0) == -EIO ? 8192 : 0);
}

/* One call of each function that can fail; a bit for each that did. */
static unsigned call_all(void)
{
	struct topology topo;
	unsigned failed = 0;
	void *start;

	failed |= host_topology(&topo) == -ENOMEM ? 1 : 0;
	start = host_reserve(1);
	if (start)
		host_release(start, 1);
	failed |= start ? 0 : 2;
	start = host_map(1, false);
	if (start)
		host_unmap(start, 1);
	failed |= start ? 0 : 4;
	failed |= host_membarrier() == -ENOSYS ? 8 : 0;
	return failed | call_all_numa();
}

static void test_fail(void **state)
{
	static const enum host_sim_call table[] = {
		HOST_SIM_TOPOLOGY,	HOST_SIM_RESERVE,
		HOST_SIM_MAP,		HOST_SIM_MEMBARRIER,
		HOST_SIM_BIND,		HOST_SIM_DISCARD,
		HOST_SIM_NODES_OF,	HOST_SIM_POLICY_OF,
		HOST_SIM_ALLOWED_NODES, HOST_SIM_RUN_THREADS,
		HOST_SIM_WORKER_START,	HOST_SIM_START_THREAD,
		HOST_SIM_POPULATE,	HOST_SIM_WRITE,
	};

	(void)state;
	assert_int_equal(call_all(), 0);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		host_sim_fail(table[i], 1);
		assert_int_equal(call_all(), 1u << i);
		assert_int_equal(call_all(), 0);
		host_sim_fail(table[i], 2);
		assert_int_equal(call_all(), 0);
		assert_int_equal(call_all(), 1u << i);
		assert_int_equal(call_all(), 0);
		host_sim_fail(table[i], 1);
		host_sim_fail(table[i], 0);
		assert_int_equal(call_all(), 0);
		host_sim_fail_any((long)i + 1);
		assert_int_equal(call_all(), 1u << i);
		assert_int_equal(call_all(), 0);
		assert_int_equal(host_sim_failed(), 3 * (i + 1));
	}
	host_sim_fail(HOST_SIM_MAP, 1);
	host_sim_fail_any(3);
	assert_int_equal(call_all(), 4);
	assert_int_equal(call_all(), 0);
	host_sim_fail_any(2);
	host_sim_reset();
	assert_int_equal(call_all(), 0);
	assert_int_equal(host_sim_failed(), 0);
	assert_int_equal(host_sim_held(), 0);
}

/* --- the rest ---------------------------------------------------------- */

static void test_random(void **state)
{
	u64 first = host_random(), second = host_random();

	(void)state;
	assert_int_not_equal(first, second);
	host_sim_reset();
	assert_int_equal(host_random(), first);
	host_sim_seed(99);
	assert_int_not_equal(host_random(), second);
	host_sim_seed(1);
	assert_int_equal(host_random(), first);
}

static void test_print(void **state)
{
	static char text[70000];

	(void)state;
	assert_string_equal(host_sim_output(), "");
	host_print("one\n", 4);
	host_print("twofold", 3);
	assert_string_equal(host_sim_output(), "one\ntwo");
	host_sim_clear_output();
	assert_string_equal(host_sim_output(), "");
	memset(text, 'y', sizeof(text));
	host_print(text, 40000);
	host_print(text, 40000);
	assert_int_equal(strlen(host_sim_output()), 65536);
	assert_int_equal(host_sim_calls(HOST_SIM_PRINT), 4);
}

static void count_up(void *data)
{
	++*(int *)data;
}

static void abort_after_count(void *data)
{
	count_up(data);
	host_abort();
}

static void test_abort(void **state)
{
	int count = 0;

	(void)state;
	assert_false(host_sim_aborts(count_up, &count));
	assert_true(host_sim_aborts(abort_after_count, &count));
	assert_int_equal(count, 2);
	assert_int_equal(host_sim_calls(HOST_SIM_ABORT), 1);
	if (!HOST_SIM_CATCH_ABORT()) {
		host_abort();
		fail_msg("host_abort came back");
	}
	/* What was caught is over; the next one is real. */
	assert_dies(abort_unexpected, "no test waits");
}

static void note_call(void *data, enum host_sim_call call)
{
	*(unsigned *)data |= 1u << call;
}

static void test_hook(void **state)
{
	struct host_pool pool;
	unsigned seen = 0, n;
	char text[40] = "";
	bool flag;

	(void)state;
	host_sim_set_hook(note_call, &seen);
	call_all();
	host_this_cpu();
	host_clear(text, sizeof(text));
	host_random();
	host_yield();
	host_mapping_page(text);
	host_is_shared(text, sizeof(text), &flag);
	host_clock();
	host_node_free(0, 4096);
	host_advise_huge(text, sizeof(text));
	assert_int_equal(host_pool(1 << 21, &pool), -ENODEV);
	host_print(text, 1);
	host_symbol(text, text, sizeof(text));
	host_backtrace(text, NULL, 0);
	assert_true(host_sim_aborts(abort_after_count, &(int){ 0 }));
	n = (1u << HOST_SIM_SHARE) - 1; /* the rest: test_share.c */
	assert_int_equal(seen, n & ~(1u << HOST_SIM_THIS_CPU));
	for (n = 0; n < HOST_SIM_SHARE; n++)
		assert_int_equal(host_sim_calls((enum host_sim_call)n), 1);
	host_sim_set_hook(NULL, NULL);
	seen = 0;
	host_yield();
	assert_int_equal(seen, 0);
}

#define NR_THREADS 4
#define NR_ROUNDS 200

static void *use_all(void *data)
{
	u64 *failed = data;
	int i;

	for (i = 0; i < NR_ROUNDS; i++) {
		unsigned bits = call_all();

		host_print("t", 1);
		while (bits) {
			bits &= bits - 1;
			++*failed;
		}
	}
	return NULL;
}

/* Exactly one call is the n-th, whoever makes it. */
static void test_threads(void **state)
{
	pthread_t thread[NR_THREADS];
	u64 failed[NR_THREADS] = { 0 }, sum = 0;
	int i;

	(void)state;
	host_sim_fail(HOST_SIM_RESERVE, NR_ROUNDS);
	host_sim_fail_any(NR_ROUNDS);
	for (i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, use_all,
						&failed[i]),
				 0);
	for (i = 0; i < NR_THREADS; i++) {
		assert_int_equal(pthread_join(thread[i], NULL), 0);
		sum += failed[i];
	}
	assert_int_equal(sum, 2);
	assert_int_equal(host_sim_failed(), 2);
	assert_int_equal(host_sim_calls(HOST_SIM_MAP), NR_THREADS * NR_ROUNDS);
	assert_int_equal(strlen(host_sim_output()), NR_THREADS * NR_ROUNDS);
	assert_int_equal(host_sim_held(), 0);
}

#define TEST(name) cmocka_unit_test_setup(test_##name, setup)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory), TEST(memory_refused), TEST(memory_huge),
		TEST(clear),  TEST(misuse),	    TEST(fail),
		TEST(random), TEST(print),	    TEST(abort),
		TEST(hook),   TEST(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
