/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size.c: sizes for people to read, and a time that they wrote.
 */
#include <limits.h>
#include <stdio.h>

#include "size.h"

static const char letters[] = "KMGTPE";

int decay_parse(const char *text, unsigned *ms)
{
	unsigned long long value = 0;

	if (!*text)
		return -1;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -1;
		value = value * 10 + (unsigned)(*text - '0');
		if (value > UINT_MAX)
			return -1;
	}
	*ms = (unsigned)value;
	return 0;
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
