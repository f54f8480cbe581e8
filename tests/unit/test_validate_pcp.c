/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_validate_pcp.c: mm/validate_pcp.c, the invariants of the caches of CPUs.
 */
#include "pcp_test.h"

/* fixheap_validate names each field of a cache that is not what it should be:
 * the numbers are the invariants of mm/pcp.c. */
static void test_fields(void **state)
{
	static const struct {
		size_t offset, bytes;
		u64 flip;
		const char *named;
	} table[] = {
		/* 1 */
		{ offsetof(struct pcp, base), 8, 64, "page in a cache" },
		{ offsetof(struct pcp, base), 8, 1, "group of a cache" },
		{ offsetof(struct pcp, base), 8, 1ull << 40, "lies outside" },
		{ offsetof(struct pcp, buffer), 4, 1, "page in a cache" },
		{ offsetof(struct pcp, buffer), 4, 1u << 31, "lies outside" },
		/* 2 */
		{ offsetof(struct pcp, zero), 8, 1, "known-zero pages of a" },
		{ offsetof(struct pcp, zero), 8, 1ull << 63, "known-zero" },
		/* 3 */
		{ offsetof(struct pcp, nr_pages), 4, 1, "pages of a cache" },
		{ offsetof(struct pcp, nr), 4, 1, "pages of a cache" },
		{ offsetof(struct pcp, nr), 4, 128, "buffer of a cache" },
		{ offsetof(struct pcp, word), 8, 1, "pages of a cache" },
		{ offsetof(struct pcp, word), 8, 3, "page in a cache" },
	};
	struct test_heap t;
	u64 pfn = 0;

	(void)state;
	heap_make(&t, &(struct heap_spec){ .machine = "1x2",
					   .nr_pages = BLOCKS(8) });
	for (u32 n = 0; n < 64; n++)
		pfn = get(&t);
	put(&t, pfn - 1);
	take(&t, 1000);
	take(&t, 1002);
	put(&t, 1000);
	put(&t, 1002);
	heap_valid(&t);
	for (size_t i = 0; i < 2 * ARRAY_LEN(table); i++) {
		unsigned char *field = (unsigned char *)t.heap->node[0].pcp +
				       table[i / 2].offset;

		/* there, and back */
		host_sim_clear_output();
		for (size_t b = 0; b < table[i / 2].bytes; b++)
			field[b] ^= (unsigned char)(table[i / 2].flip >> 8 * b);
		if ((fixheap_validate(t.heap) == 0) != i % 2)
			fail_msg("line %zu: %s", i / 2, host_sim_output());
		if (i % 2 == 0)
			assert_non_null(
				strstr(host_sim_output(), table[i / 2].named));
	}
	heap_end(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
	};

	return cmocka_run_group_tests_name("validate_pcp", tests, NULL, NULL);
}
