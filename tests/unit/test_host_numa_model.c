/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_host_numa_model.c: where pages are on the simulated machine, at random
 * against a plain array, with much address space, and with threads.
 */
#include <pthread.h>

#include "host_numa_test.h"

/* --- against a plain array --------------------------------------------- */

/* What each page should be like. */
struct model {
	struct {
		enum host_policy policy;
		u64 bits;
		char node; /* '0' and up; '.': not in memory */
	} page[NR_PAGES];
	u64 seed;
};

static char model_node(const struct model *model, u64 i, u32 cpu)
{
	u64 bits = model->page[i].bits, n;

	if (model->page[i].policy == HOST_POLICY_LOCAL)
		return (char)('0' + cpu / 2);
	n = (uintptr_t)at(i) / page % (u64)__builtin_popcountll(bits);
	if (model->page[i].policy != HOST_POLICY_INTERLEAVE)
		n = 0;
	for (; n; n--)
		bits &= bits - 1;
	return (char)('0' + __builtin_ctzll(bits));
}

static void model_bind(struct model *model, u64 i, u64 nr)
{
	enum host_policy policy =
		(enum host_policy)random_below(&model->seed, 4);
	u64 bits = 1 + random_below(&model->seed, 15);

	assert_int_equal(bind(i, nr, policy, bits), 0);
	for (; nr; nr--, i++) {
		model->page[i].policy = policy;
		model->page[i].bits = bits;
	}
}

static void model_step(struct model *model)
{
	u64 i = random_below(&model->seed, NR_PAGES);
	u64 nr = 1 + random_below(&model->seed, NR_PAGES - i), end = i + nr;
	u32 cpu = (u32)random_below(&model->seed, 8);

	switch (random_below(&model->seed, 4)) {
	case 0:
		model_bind(model, i, nr);
		break;
	case 1:
		assert_int_equal(host_discard(at(i), nr * page), 0);
		for (; i < end; i++)
			model->page[i].node = '.';
		break;
	case 2:
		/* a node without a CPU in this test, to be seen */
		host_sim_move(at(i), nr * page, (u32)nr % 4);
		for (; i < end; i++)
			if (model->page[i].node != '.')
				model->page[i].node = (char)('0' + nr % 4);
		break;
	default:
		host_sim_set_cpu(cpu);
		for (; i < end; i += 1 + random_below(&model->seed, 3)) {
			*at(i) = 1;
			if (model->page[i].node == '.')
				model->page[i].node = model_node(model, i, cpu);
		}
		host_sim_settle(area, NR_PAGES * page);
	}
}

static void model_check(const struct model *model, u64 round)
{
	char wanted[NR_PAGES + 1] = "";
	u64 i, ranges = 0;
	bool same;

	for (i = 0; i < NR_PAGES; i++) {
		wanted[i] = model->page[i].node;
		same = i && model->page[i].policy == model->page[i - 1].policy;
		if (same && model->page[i].policy != HOST_POLICY_LOCAL)
			same = model->page[i].bits == model->page[i - 1].bits;
		ranges += same ? 0 : 1;
	}
	if (strcmp(picture(0, NR_PAGES), wanted))
		fail_msg("round %llu: %s, wanted %s", (unsigned long long)round,
			 picture(0, NR_PAGES), wanted);
	assert_int_equal(host_sim_policies(), ranges);
}

static void test_model(void **state)
{
	struct model model = { .seed = 31 };
	u64 i;

	(void)state;
	assert_int_equal(bind(0, NR_PAGES, HOST_POLICY_LOCAL, 0), 0);
	for (i = 0; i < NR_PAGES; i++) {
		model.page[i].policy = HOST_POLICY_LOCAL;
		model.page[i].node = '.';
	}
	for (i = 0; i < 3000; i++) {
		/* Both ways to find what is in memory. */
		resident_page_by_page = (int)(i & 1);
		model_step(&model);
		model_check(&model, i);
	}
	resident_page_by_page = 0;
}

/* --- much address space ------------------------------------------------ */

static void huge(u64 bytes, u64 step)
{
	struct nodemask nodes = nodemask_of_bits(15);
	char *start = host_map(bytes, false);
	u64 i, kept = 0;

	assert_non_null(start);
	assert_int_equal(
		host_bind(start, bytes, HOST_POLICY_INTERLEAVE, &nodes), 0);
	/* A thousand pages, spread; an odd step, so that all nodes get some. */
	for (i = 0; i < 1000; i++) {
		start[i * step * page] = 1;
		kept += i * step * page >= bytes / 2 && i * step % 4 == 1;
	}
	nodes = nodemask_of(3);
	assert_int_equal(host_bind(start, bytes, HOST_POLICY_BIND, &nodes), 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(host_sim_on_node(start, bytes, (u32)i),
				 250 * page);
	assert_int_equal(host_discard(start, bytes / 2), 0);
	assert_int_equal(host_sim_on_node(start, bytes, 1), kept * page);
	host_unmap(start, bytes);
}

static void test_huge(void **state)
{
	(void)state;
	resident_page_by_page = 1;
	huge(4 * GIB, 4 * GIB / 1001 / page | 1);
	resident_page_by_page = 0;
	huge(4 * GIB, 4 * GIB / 1001 / page | 1);
	if (!host_sim_room(16 * TIB))
		skip();
	huge(16 * TIB, 16 * TIB / 1001 / page | 1);
}

/* --- threads ----------------------------------------------------------- */

struct seen {
	u32 cpu[16], calls[16];
	pthread_t thread[16];
};

static void note_thread(void *data, u32 i)
{
	struct seen *seen = data;

	seen->cpu[i] = host_this_cpu();
	seen->thread[i] = pthread_self();
	__atomic_fetch_add(&seen->calls[i], 1, __ATOMIC_RELAXED);
	touch(4 * i, 4);
	host_sim_settle(at(4 * i), 4 * page);
}

static void test_run_threads(void **state)
{
	static const u32 node[16] = { 3, 0, 2, 1, 1, 9 };
	static const u32 cpu[16] = { 6, 0, 4, 2, 2, 5 };
	static struct seen seen;
	u32 i;

	(void)state;
	host_sim_set_cpu(5);
	memset(&seen, 0, sizeof(seen));
	errno = 77;
	assert_int_equal(host_run_threads(6, node, note_thread, &seen), 0);
	assert_int_equal(errno, 77);
	for (i = 0; i < 16; i++) {
		assert_int_equal(seen.calls[i], i < 6);
		assert_int_equal(seen.cpu[i], cpu[i]);
	}
	assert_string_equal(picture(0, 25), "333300002222111111112222.");
	/* Only two can be started: the caller does the rest, on its CPU. */
	memset(&seen, 0, sizeof(seen));
	host_sim_set_threads(2);
	assert_int_equal(host_run_threads(5, node, note_thread, &seen), 0);
	for (i = 0; i < 5; i++) {
		assert_int_equal(seen.calls[i], 1);
		assert_int_equal(seen.cpu[i], i < 2 ? cpu[i] : 5);
		assert_int_equal(pthread_equal(seen.thread[i], pthread_self()),
				 i >= 2);
	}
	memset(&seen, 0, sizeof(seen));
	host_sim_set_threads(0);
	assert_int_equal(host_run_threads(5, node, note_thread, &seen),
			 -EAGAIN);
	assert_int_equal(seen.calls[0], 0);
	assert_int_equal(host_run_threads(0, node, note_thread, &seen), 0);
	host_sim_reset();
	assert_int_equal(host_run_threads(1, node, note_thread, &seen), 0);
	assert_int_equal(seen.calls[0], 1);
}

static void churn(void *data, u32 i)
{
	struct model model = { .seed = 5 + i };
	enum host_policy policy;
	struct nodemask nodes;
	u32 *rounds = data;

	for (; *rounds && host_sim_calls(HOST_SIM_DISCARD) < *rounds;) {
		u64 first = 16 * i + random_below(&model.seed, 8);

		touch(first, 2);
		assert_int_equal(bind(first, 2, HOST_POLICY_BIND, 1ull << i),
				 0);
		touch(first, 8);
		assert_int_equal(host_discard(at(first), 2 * page), 0);
		assert_int_equal(host_policy_of(at(first), &policy, &nodes), 0);
		assert_int_equal(nodes.word[0], 1ull << i);
		assert_int_equal(host_sim_on_node(at(first), page, i), 0);
		host_node_free(i, page);
	}
}

/* Four threads, each on memory of its own. */
static void test_threads(void **state)
{
	static const u32 node[4] = { 0, 1, 2, 3 };
	u32 rounds = 2000;

	(void)state;
	host_sim_set_node_free(2, GIB);
	assert_int_equal(host_run_threads(4, node, churn, &rounds), 0);
	assert_int_equal(host_discard(area, NR_PAGES * page), 0);
	assert_int_equal(host_node_free(2, page), GIB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(model),
		TEST(huge),
		TEST(run_threads),
		TEST(threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
