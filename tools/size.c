/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size.c: sizes as people write them, and back
 *
 * The command and the preload library read sizes with the same function, so
 * that FIXHEAP_HEAP in the environment means what --heap means.
 *
 * 1. Nothing here allocates: the preload library parses its heap's size
 *    before there is a heap.
 * 2. The result is exact for whole numbers; a fraction is rounded down to a
 *    byte.
 *
 * Suffixes follow GNU: K, KiB are 1024, KB is 1000, and so on.  Not handled:
 * signs, exponents, digit grouping.
 */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "size.h"

static const char letters[] = "KMGTPE";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static char upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

/* What the suffix multiplies by; 0: no such suffix. */
static size_t suffix_unit(const char *suffix)
{
	const char *letter;
	size_t base = 1024, unit = 1;
	ptrdiff_t power;

	if (!*suffix || (upper(*suffix) == 'B' && !suffix[1]))
		return 1;
	letter = strchr(letters, upper(*suffix));
	if (!letter)
		return 0;
	suffix++;
	if (upper(suffix[0]) == 'B' && !suffix[1])
		base = 1000;
	else if (*suffix &&
		 (suffix[0] != 'i' || upper(suffix[1]) != 'B' || suffix[2]))
		return 0;
	for (power = letter - letters + 1; power; power--)
		unit *= base;
	return unit;
}

/* Bytes of the machine's memory; 0 where the system does not tell. */
static size_t memory_bytes(void)
{
	long pages = sysconf(_SC_PHYS_PAGES);
	long page = sysconf(_SC_PAGESIZE);

	return pages > 0 && page > 0 ? (size_t)pages * (size_t)page : 0;
}

/* Read digits; false when there are none or the number is too large. */
static bool read_digits(const char **text, size_t *number)
{
	const char *at = *text;

	for (*number = 0; is_digit(*at); at++)
		if (__builtin_mul_overflow(*number, 10, number) ||
		    __builtin_add_overflow(*number, *at - '0', number))
			return false;
	if (at == *text)
		return false;
	*text = at;
	return true;
}

int size_parse(const char *text, size_t *bytes)
{
	size_t whole, unit, divisor = 1, fraction = 0;
	const char *at = text;
	unsigned __int128 all;

	if (!is_digit(*at))
		return -EINVAL;
	if (!read_digits(&at, &whole))
		return -ERANGE;
	if (*at == '.' && is_digit(at[1])) {
		for (at++; is_digit(*at); at++) {
			if (divisor >= 1000000000)
				continue;
			divisor *= 10;
			fraction = fraction * 10 + (size_t)(*at - '0');
		}
	}
	if (!strcmp(at, "%")) {
		unit = memory_bytes();
		divisor *= 100;
		whole = whole > SIZE_MAX / 100 ? SIZE_MAX : whole;
		all = (unsigned __int128)whole * unit / 100;
	} else {
		unit = suffix_unit(at);
		all = (unsigned __int128)whole * unit;
	}
	if (!unit)
		return -EINVAL;
	all += (unsigned __int128)fraction * unit / divisor;
	if (all > SIZE_MAX)
		return -ERANGE;
	*bytes = (size_t)all;
	return *bytes ? 0 : -EINVAL;
}

const char *size_format(char *buffer, size_t bytes)
{
	size_t unit = 1;
	int power = -1;

	while (bytes / unit >= 1024 && power < 5) {
		unit *= 1024;
		power++;
	}
	if (power < 0)
		snprintf(buffer, SIZE_TEXT_MAX, "%zu B", bytes);
	else
		snprintf(buffer, SIZE_TEXT_MAX, "%.1f %ciB",
			 (double)bytes / (double)unit, letters[power]);
	return buffer;
}
