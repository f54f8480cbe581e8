/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_trim_random.c: fixheap_trim at random between other calls: what is live
 * stays, what shall be zero is.
 */
#include "nodes.h"

#define NR_SLOTS 12
struct slot {
	unsigned char *start;
	u64 nr_pages;
	unsigned char byte;
};

static void slot_change(struct test_heap *t, struct slot *slot, u64 *seed)
{
	const struct fixheap_array_attr zero = ATTR(.flags = FIXHEAP_ZERO);
	bool cleared = random_below(seed, 2);
	size_t bytes = BYTES(slot->nr_pages);

	for (size_t i = 0; slot->start && i < bytes; i += 509)
		assert_int_equal(slot->start[i], slot->byte);
	fixheap_pages_free(t->heap, slot->start, slot->nr_pages);
	slot->start = NULL;
	if (random_below(seed, 4) == 0)
		return;
	slot->nr_pages = 1 + random_below(seed, BLOCKS(6));
	slot->start = fixheap_pages_alloc(t->heap, slot->nr_pages, 0,
					  cleared ? &zero : NULL);
	bytes = BYTES(slot->nr_pages);
	for (size_t i = 0; slot->start && cleared && i < bytes; i += 509)
		assert_int_equal(slot->start[i], 0);
	slot->byte = (unsigned char)(1 + random_below(seed, 255));
	/* or it is left as it came */
	if (cleared && random_below(seed, 2))
		slot->byte = 0;
	else if (slot->start)
		memset(slot->start, slot->byte, bytes);
}

static void test_random(void **state)
{
	u64 seed = nodes_seed("test_trim_random");
	struct slot slots[NR_SLOTS] = { { NULL, 0, 0 } };
	struct test_heap t;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .nr_pages = BLOCKS(30) + 100,
					   .skew = 5 * PAGE_BYTES,
					   .flags = FIXHEAP_ZEROED });
	for (u32 step = 0; step < TEST_STEPS(1000); step++) {
		slot_change(&t, &slots[random_below(&seed, NR_SLOTS)], &seed);
		if (random_below(&seed, 10) == 0)
			host_sim_fail(HOST_SIM_DISCARD, 2);
		if (random_below(&seed, 3) == 0)
			fixheap_trim(t.heap, random_below(&seed, 9) << 20, 0,
				     NULL);
		if (step % 16 == 0)
			heap_valid(&t);
	}
	for (u32 i = 0; i < NR_SLOTS; i++)
		fixheap_pages_free(t.heap, slots[i].start, slots[i].nr_pages);
	heap_is_empty(&t);
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
