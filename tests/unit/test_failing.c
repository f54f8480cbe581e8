/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_failing.c: the host refuses the first, the second, the third ... of
 * all calls that it may refuse, until a whole scenario runs without a refusal.
 * Each time the error is the right one, and nothing is left behind.
 */
#include "support.h"

#include <sys/mman.h>

/* What a scenario ended with. */
struct outcome {
	int error;	/* of fixheap_create, else 0 */
	u32 nr_refused; /* calls after it that were refused */
};

struct scenario {
	const char *machine;
	u64 nr_pages;
	unsigned flags;
	bool mapped; /* by fixheap_create */
};

static void *memory; /* for the heaps that are not mapped */

static struct fixheap *create(const struct scenario *s, struct outcome *outcome)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	struct fixheap *heap = NULL;

	config.base = s->mapped ? NULL : memory;
	config.length = BYTES(s->nr_pages);
	config.flags = s->flags;
	outcome->error = fixheap_create(&config, &heap);
	assert_int_equal(heap == NULL, outcome->error != 0);
	return heap;
}

static void use_arrays(struct fixheap *heap, struct outcome *outcome)
{
	char *array, *other;

	array = fixheap_array_alloc(heap, BYTES(300), NULL);
	other = fixheap_array_realloc(heap, array, BYTES(500));
	outcome->nr_refused += !array + !other;
	outcome->nr_refused += fixheap_array_resize(heap, other, 1) != 0;
	assert_null(fixheap_array_alloc(heap, BYTES(1ull << 20), NULL));
	fixheap_array_free(heap, other);
}

/* The host is asked for nothing here: nothing may be refused. */
static void use_pages(struct fixheap *heap, struct outcome *outcome)
{
	struct fixheap_array_attr attr = FIXHEAP_ARRAY_ATTR_INIT;
	void *pages[20];

	attr.flags = FIXHEAP_ZERO;
	for (u32 i = 0; i < 20; i++) {
		host_sim_set_cpu(i);
		pages[i] = fixheap_pages_alloc(heap, 1 + i % 3, 0, &attr);
		outcome->nr_refused += !pages[i];
	}
	for (u32 i = 0; i < 20; i++)
		fixheap_pages_free(heap, pages[i], 1 + i % 3);
	if (IS_ENABLED(CONFIG_ARRAY))
		use_arrays(heap, outcome);
	assert_int_equal(outcome->nr_refused, 0);
	assert_int_equal(fixheap_validate(heap), 0);
}

/* Objects may need memory of the host for the thread's caches; then they are
 * refused with ENOMEM, or served some other way. */
static void use_objects(struct fixheap *heap, struct outcome *outcome)
{
	static const size_t sizes[] = { 1, 100, 5000, 14336, 14337, 100000 };
	void *object[ARRAY_LEN(sizes)];

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		errno = 0;
		object[i] = fixheap_malloc(heap, sizes[i]);
		if (object[i]) {
			memset(object[i], 1, sizes[i]);
			continue;
		}
		assert_int_equal(errno, ENOMEM);
		outcome->nr_refused++;
	}
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		fixheap_free(heap, object[i]);
}

static struct outcome play(const struct scenario *s)
{
	struct outcome outcome = { 0, 0 };
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct fixheap *heap = create(s, &outcome);

	if (!heap)
		return outcome;
	use_pages(heap, &outcome);
	use_objects(heap, &outcome);
	fixheap_reclaim(heap);
	assert_int_equal(fixheap_validate(heap), 0);
	assert_int_equal(fixheap_stats(heap, &stats), 0);
	assert_int_equal(stats.used_bytes, 0);
	fixheap_destroy(heap);
	return outcome;
}

/* What the library keeps for good, once everything has run once. */
static u64 held_after(const struct scenario *s)
{
	struct outcome outcome = play(s);

	assert_int_equal(outcome.error, 0);
	assert_int_equal(outcome.nr_refused, 0);
	return host_sim_held();
}

static const struct scenario scenarios[] = {
	{ "1x1", 5000, 0, false },
	{ "1x4", 5000, FIXHEAP_ZEROED, false },
	{ "1x1", 5000, FIXHEAP_HUGEPAGES, true },
	{ "3x2", 5000, 0, true },
	{ "8x1", 10000, 0, false },
};

static void test_each(void **state)
{
	(void)state;
	need(BYTES(10000) <= 1ull << CONFIG_HEAP_SHIFT,
	     "HEAP_SHIFT allows no such heap");
	for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
		const struct scenario *s = &scenarios[i];
		u32 nr_errors = 0;
		long n = 0;
		u64 held;

		host_sim_reset();
		assert_int_equal(host_sim_describe(s->machine), 0);
		held_after(s);
		held = held_after(s);
		do {
			u64 failed = host_sim_failed();
			struct outcome outcome;

			host_sim_fail_any(++n);
			outcome = play(s);
			failed = host_sim_failed() - failed;
			host_sim_fail_any(0);
			assert_int_equal(host_sim_held(), held);
			if (outcome.error) {
				assert_int_equal(outcome.error, -ENOMEM);
				nr_errors++;
			}
			if (!failed) {
				assert_int_equal(outcome.error, 0);
				assert_int_equal(outcome.nr_refused, 0);
				break;
			}
		} while (n < 1000);
		/* topology, metadata, and the heap's memory at the least */
		assert_in_range(n, 3, 100);
		assert_true(nr_errors >= 2u + s->mapped);
	}
}

/* Each function of the host on its own. */
static void test_functions(void **state)
{
	static const struct {
		enum host_sim_call call;
		bool mapped;
	} table[] = {
		{ HOST_SIM_TOPOLOGY, false },
		{ HOST_SIM_RESERVE, false },
		{ HOST_SIM_MAP, true },
		{ HOST_SIM_RESERVE, true },
	};

	(void)state;
	need(BYTES(8000) <= 1ull << CONFIG_HEAP_SHIFT,
	     "HEAP_SHIFT allows no such heap");
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct scenario s = { "2x1", 8000, 0, table[i].mapped };
		u64 held;

		host_sim_reset();
		assert_int_equal(host_sim_describe(s.machine), 0);
		held_after(&s);
		held = held_after(&s);
		host_sim_fail(table[i].call, 1);
		assert_int_equal(play(&s).error, -ENOMEM);
		assert_int_equal(host_sim_failed(), 1);
		assert_int_equal(host_sim_held(), held);
		/* and then it works */
		assert_int_equal(play(&s).error, 0);
	}
}

/* From the first object of a thread on: nothing is there yet. */
static void test_first_use(void **state)
{
	const struct scenario s = { "2x2", 8000, 0, false };
	u32 n;

	(void)state;
	need(BYTES(8000) <= 1ull << CONFIG_HEAP_SHIFT,
	     "HEAP_SHIFT allows no such heap");
	for (n = 1; n < 100; n++) {
		u64 failed;

		host_sim_reset();
		assert_int_equal(host_sim_describe(s.machine), 0);
		host_sim_fail_any(n);
		play(&s);
		failed = host_sim_failed();
		host_sim_fail_any(0);
		assert_int_equal(play(&s).error, 0);
		if (!failed)
			break;
	}
	assert_in_range(n, 3, 99);
}

static int setup(void **state)
{
	(void)state;
	memory = mmap(NULL, BYTES(10000), PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return memory == MAP_FAILED ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_use),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_functions),
	};

	return cmocka_run_group_tests_name("failing", tests, setup, NULL);
}
