/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host_time.c: CPUs and time on the simulated machine, arch/sim/clock.c,
 * and who works when.
 */
#include <pthread.h>

#include "support.h"

/* --- CPUs -------------------------------------------------------------- */

static void *cpu_of_thread(void *data)
{
	u32 *cpu = data;

	cpu[0] = host_this_cpu();
	host_sim_set_cpu(cpu[1]);
	cpu[1] = host_this_cpu();
	return NULL;
}

static void test_cpu(void **state)
{
	pthread_t thread;
	u32 cpu[2] = { 9, 9 };

	(void)state;
	host_sim_reset();
	assert_int_equal(host_sim_describe("2x4"), 0);
	assert_int_equal(host_this_cpu(), 0);
	host_sim_set_cpu(7);
	assert_int_equal(host_this_cpu(), 7);
	/* Another thread begins on CPU 0; 9 modulo 8 is 1. */
	assert_int_equal(pthread_create(&thread, NULL, cpu_of_thread, cpu), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(cpu[0], 0);
	assert_int_equal(cpu[1], 1);
	assert_int_equal(host_this_cpu(), 7);
	assert_int_equal(host_sim_calls(HOST_SIM_THIS_CPU), 5);
	host_sim_reset();
	assert_int_equal(host_this_cpu(), 0);
}

static void test_cpu_roving(void **state)
{
	u32 i;

	(void)state;
	host_sim_reset();
	assert_int_equal(host_sim_describe("1x3"), 0);
	host_sim_set_cpu(HOST_SIM_ROVING);
	for (i = 0; i < 7; i++)
		assert_int_equal(host_this_cpu(), i % 3);
}

/* --- time -------------------------------------------------------------- */

struct seen {
	u64 at[8];
	u32 nr;
};

static void note(void *data)
{
	struct seen *seen = data;

	assert_true(seen->nr < ARRAY_LEN(seen->at));
	seen->at[seen->nr++] = host_clock();
}

static void test_clock(void **state)
{
	(void)state;
	host_sim_reset();
	assert_int_equal(host_clock(), 0);
	assert_int_equal(host_clock(), 0);
	host_sim_advance(7);
	assert_int_equal(host_clock(), 7);
	assert_int_equal(host_sim_calls(HOST_SIM_CLOCK), 3);
	host_sim_reset();
	assert_int_equal(host_clock(), 0);
}

/* Each at its times, whatever steps time goes on by. */
static void test_workers(void **state)
{
	static const u64 steps[] = { 1, 3, 29, 33 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct seen seen[2] = { { .nr = 0 } };
		struct host_worker *worker[2];

		host_sim_reset();
		assert_int_equal(
			host_worker_start(&worker[0], 10, note, &seen[0]), 0);
		assert_int_equal(
			host_worker_start(&worker[1], 15, note, &seen[1]), 0);
		assert_int_equal(host_sim_workers(), 2);
		for (u64 at = 0; at < 33; at += steps[i])
			host_sim_advance(min_u64(steps[i], 33 - at));
		assert_int_equal(host_clock(), 33);
		assert_int_equal(seen[0].nr, 3);
		assert_int_equal(seen[1].nr, 2);
		for (u32 n = 0; n < 3; n++)
			assert_int_equal(seen[0].at[n], 10 * (n + 1));
		for (u32 n = 0; n < 2; n++)
			assert_int_equal(seen[1].at[n], 15 * (n + 1));
		host_worker_stop(worker[0]);
		host_sim_advance(7);
		assert_int_equal(seen[0].nr, 3);
		assert_int_equal(seen[1].nr, 2);
		host_worker_stop(worker[1]);
		assert_int_equal(host_sim_workers(), 0);
	}
}

static void test_shared(void **state)
{
	bool alike = false;

	(void)state;
	host_sim_reset();
	assert_false(host_is_shared(state, 1, &alike));
	host_sim_set_shared(true);
	assert_true(host_is_shared(state, 1, &alike));
	assert_true(alike);
	assert_int_equal(host_sim_calls(HOST_SIM_IS_SHARED), 2);
	host_sim_reset();
	assert_false(host_is_shared(state, 1, &alike));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu),
		cmocka_unit_test(test_cpu_roving),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_workers),
		cmocka_unit_test(test_shared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
