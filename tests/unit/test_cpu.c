/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_cpu.c: what arch/ARCH/cpu.h has of the processor.
 */
#include "support.h"

#include "cpu.h"

/* The processor's own way to clear, around each size of line and block. */
static void test_cpu_clear(void **state)
{
	static char area[3 * 4096] __attribute__((aligned(4096)));
	size_t head, bytes, i;

	(void)state;
	for (head = 0; head <= 4096; head += CACHE_LINE) {
		bytes = (head * 7 + CACHE_LINE) % (2 * 4096 - CACHE_LINE);
		bytes &= ~(size_t)(CACHE_LINE - 1);
		if (head + bytes + 1 > sizeof(area))
			bytes = 0;
		memset(area, 'z', sizeof(area));
		cpu_clear_nt(area + head, bytes);
		for (i = 0; i < sizeof(area); i++)
			assert_int_equal(area[i], i - head < bytes ? 0 : 'z');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_clear),
	};

	return cmocka_run_group_tests_name("cpu", tests, NULL, NULL);
}
