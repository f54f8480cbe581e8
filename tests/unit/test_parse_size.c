/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * test_parse_size.c: mm/parse_size.c.
 */
#include "support.h"

#define K ((size_t)1 << 10)
#define M ((size_t)1 << 20)
#define G ((size_t)1 << 30)

static const struct {
	const char *text;
	size_t bytes; /* or 0, and an error */
	int ret;
} sizes[] = {
	{ "1", 1, 0 },
	{ "0007", 7, 0 },
	{ "12B", 12, 0 },
	{ "12b", 12, 0 },
	{ "64M", 64 * M, 0 },
	{ "64m", 64 * M, 0 },
	{ "64MiB", 64 * M, 0 },
	{ "64mib", 64 * M, 0 },
	{ "64MB", 64000000, 0 },
	{ "1.5G", 3 * G / 2, 0 },
	{ "8GB", 8000000000, 0 },
	{ "0.5K", 512, 0 },
	{ "1.7", 1, 0 },
	{ "1.0009765625K", 1024, 0 },
	{ "3T", 3 * K *G, 0 },
	{ "3P", 3 * M *G, 0 },
	{ "15E", 15 * G *G, 0 },
	{ "15.999E", 15 * G *G + G *G / 1000 * 999 + 975, 0 },
	{ "18446744073709551615", SIZE_MAX, 0 },
	{ "18446744073709551616", 0, -ERANGE },
	{ "99999999999999999999999", 0, -ERANGE },
	{ "16E", 0, -ERANGE },
	{ "20EB", 0, -ERANGE },
	{ "18EB", 18000000000000000000ull, 0 },
	/* of 4 GiB */
	{ "100%", 4 * G, 0 },
	{ "50%", 2 * G, 0 },
	{ "12.5%", G / 2, 0 },
	{ "200%", 8 * G, 0 },
	{ "0.0001%", 4294, 0 },
	{ "18446744073709551615%", 0, -ERANGE },
	/* none */
	{ "", 0, -EINVAL },
	{ "0", 0, -EINVAL },
	{ "0G", 0, -EINVAL },
	{ "0.0001", 0, -EINVAL },
	{ "0%", 0, -EINVAL },
	{ "G", 0, -EINVAL },
	{ ".5G", 0, -EINVAL },
	{ "5.G", 0, -EINVAL },
	{ "-5", 0, -EINVAL },
	{ "+5", 0, -EINVAL },
	{ " 5", 0, -EINVAL },
	{ "5 ", 0, -EINVAL },
	{ "5 M", 0, -EINVAL },
	{ "5Q", 0, -EINVAL },
	{ "5Mi", 0, -EINVAL },
	{ "5MiBs", 0, -EINVAL },
	{ "5MBs", 0, -EINVAL },
	{ "5Bs", 0, -EINVAL },
	{ "5%%", 0, -EINVAL },
	{ "5M%", 0, -EINVAL },
	{ "1.2.3", 0, -EINVAL },
	{ "1e3", 0, -EINVAL },
	{ "0x10", 0, -EINVAL },
	{ "1,000", 0, -EINVAL },
};

static void test_sizes(void **state)
{
	(void)state;
	host_sim_reset();
	assert_int_equal(host_sim_describe("2x1:3G,1G"), 0);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t bytes = 0;
		int ret = fixheap_parse_size(sizes[i].text, &bytes);

		if (ret != sizes[i].ret || (!ret && bytes != sizes[i].bytes))
			fail_msg("\"%s\": %d, %zu", sizes[i].text, ret, bytes);
	}
}

static void test_arguments(void **state)
{
	size_t bytes = 3;

	(void)state;
	assert_int_equal(fixheap_parse_size(NULL, &bytes), -EINVAL);
	assert_int_equal(fixheap_parse_size("1", NULL), -EINVAL);
	assert_int_equal(bytes, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_arguments),
	};

	return cmocka_run_group_tests_name("parse_size", tests, NULL, NULL);
}
