/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_size.c: tools/size.c, sizes for people to read, and a time that they
 * wrote.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "size.h"

#define NR(array) (sizeof(array) / sizeof((array)[0]))

static void test_format(void **state)
{
	static const struct {
		size_t bytes;
		const char *text;
	} table[] = {
		{ 0, "0 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ (1 << 20) - (1 << 10), "1023.0 KiB" },
		{ 1 << 20, "1.0 MiB" },
		{ 5ull << 30, "5.0 GiB" },
		{ 16ull << 40, "16.0 TiB" },
		{ 1ull << 50, "1.0 PiB" },
		{ 1ull << 60, "1.0 EiB" },
		{ SIZE_MAX, "16.0 EiB" },
	};
	char buffer[SIZE_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < NR(table); i++) {
		assert_ptr_equal(size_format(buffer, table[i].bytes), buffer);
		assert_string_equal(buffer, table[i].text);
	}
}

static void test_decay(void **state)
{
	static const struct {
		const char *text;
		int ret;
		unsigned ms;
	} table[] = {
		{ "0", 0, 0 },		 { "2500", 0, 2500 },
		{ "007", 0, 7 },	 { "4294967295", 0, UINT_MAX },
		{ "4294967296", -1, 0 }, { "99999999999999999999999", -1, 0 },
		{ "", -1, 0 },		 { "-1", -1, 0 },
		{ " 1", -1, 0 },	 { "1s", -1, 0 },
		{ "1:", -1, 0 },	 { "1/", -1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < NR(table); i++) {
		unsigned ms = 77;

		assert_int_equal(decay_parse(table[i].text, &ms), table[i].ret);
		/* what is wrong changes nothing */
		assert_int_equal(ms, table[i].ret ? 77 : table[i].ms);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_decay),
	};

	return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}
