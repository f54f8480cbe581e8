/* SPDX-License-Identifier: BSD-2-Clause */
/* test_host_text.c: files line by line, arch/linux/text.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "linux/text.h"

/* Begin to read a file with these contents. */
static void open_text(struct text *text, const char *contents, size_t bytes)
{
	int fd = memfd_create("text", 0);
	char path[64];

	assert_true(fd >= 0);
	assert_int_equal(write(fd, contents, bytes), bytes);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	errno = 77;
	text_open(text, path);
	assert_true(text->fd >= 0);
	close(fd);
}

static void test_lines(void **state)
{
	static const struct {
		const char *contents, *lines;
	} table[] = {
		{ "", "" },	    { "\n", "|" },
		{ "a", "a|" },	    { "a\n", "a|" },
		{ "a\nb", "a|b|" }, { "one\n\ntwo\n\n", "one||two||" },
	};
	struct text text;
	char got[64], *line;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(table); i++) {
		open_text(&text, table[i].contents, strlen(table[i].contents));
		for (got[0] = 0; (line = text_line(&text)) != NULL;) {
			strcat(got, line);
			strcat(got, "|");
		}
		assert_null(text_line(&text));
		text_close(&text);
		assert_string_equal(got, table[i].lines);
	}
	assert_int_equal(errno, 77);
}

/* Lines of all lengths, so that they lie in all ways over what is read. */
static void test_long(void **state)
{
	static char contents[600000];
	struct text text;
	size_t len = 0, i, got;
	char *line;

	(void)state;
	for (i = 1; i < 1000; i++) {
		memset(contents + len, 'a' + (int)(i % 26), i);
		len += i;
		contents[len++] = '\n';
	}
	open_text(&text, contents, len);
	for (i = 1; i < 1000; i++) {
		line = text_line(&text);
		assert_non_null(line);
		assert_int_equal(strlen(line), i);
		assert_int_equal(line[0], 'a' + i % 26);
		assert_int_equal(line[i - 1], 'a' + i % 26);
	}
	assert_null(text_line(&text));
	text_close(&text);
	/* One that is too long comes in pieces; the next is whole again. */
	memset(contents, 'x', 3 * TEXT_BYTES + 5);
	memcpy(contents + 3 * TEXT_BYTES + 5, "\nend", 4);
	open_text(&text, contents, 3 * TEXT_BYTES + 9);
	for (got = 0; (line = text_line(&text)) != NULL && *line == 'x';)
		got += strlen(line);
	assert_int_equal(got, 3 * TEXT_BYTES + 5);
	assert_string_equal(line, "end");
	text_close(&text);
}

static void test_missing(void **state)
{
	struct text text;

	(void)state;
	errno = 77;
	text_open(&text, "/proc/there/is/no/such/file");
	assert_null(text_line(&text));
	text_close(&text);
	/* It can be opened, not read. */
	text_open(&text, "/proc");
	assert_null(text_line(&text));
	text_close(&text);
	assert_int_equal(errno, 77);
}

static void test_number(void **state)
{
	static const struct {
		const char *line, *name;
		u64 number; /* 99: none */
	} table[] = {
		{ "MemFree:   123 kB", "MemFree:", 123 },
		{ "  pages free     7", "pages free", 7 },
		{ "\thigh\t0", "high", 0 },
		{ "high: 5", "high", 99 },
		{ "high_min 5", "high", 99 },
		{ "highest", "high", 99 },
		{ "high", "high", 99 },
		{ "high ", "high", 99 },
		{ "high x", "high", 99 },
		{ "high -1", "high", 99 },
		{ "high5", "high", 99 },
		{ "hig", "high", 99 },
		{ "", "high", 99 },
		{ "a high 5", "high", 99 },
		{ "Node 3, zone   Normal", "Node", 3 },
		{ "high 18446744073709551615", "high", UINT64_MAX },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_LEN(table); i++) {
		u64 number = 99;

		assert_int_equal(text_number(table[i].line, table[i].name,
					     &number),
				 table[i].number != 99);
		assert_int_equal(number, table[i].number);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_long),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
