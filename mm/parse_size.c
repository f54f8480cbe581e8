/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * parse_size.c: sizes as people write them.
 *
 * The command, the preload library and runtimes read sizes with the same
 * function, so that FIXHEAP_HEAP in the environment means what --heap means.
 *
 * 1. Nothing here allocates: the preload library parses its heap's size
 *    before there is a heap.
 * 2. The result is exact for whole numbers; a fraction is rounded down to a
 *    byte.
 *
 * Suffixes follow GNU: K, KiB are 1024, KB is 1000, and so on.  Not handled:
 * signs, exponents, digit grouping.
 */
#include <fixheap/fixheap.h>

#include "host.h"

#include <errno.h>
#include <string.h>

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

int fixheap_parse_size(const char *text, size_t *bytes)
{
	size_t whole, unit, divisor = 1, fraction = 0, rest = 0;
	const char *at = text;
	unsigned __int128 all;

	if (!text || !bytes || !is_digit(*at))
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
		unit = (size_t)host_memory();
		all = (unsigned __int128)whole * unit;
		rest = (size_t)(all % 100) * divisor;
		divisor *= 100;
		all /= 100;
	} else {
		unit = suffix_unit(at);
		all = (unsigned __int128)whole * unit;
	}
	if (!unit)
		return -EINVAL;
	all += ((unsigned __int128)fraction * unit + rest) / divisor;
	if (all > SIZE_MAX)
		return -ERANGE;
	*bytes = (size_t)all;
	return *bytes ? 0 : -EINVAL;
}
