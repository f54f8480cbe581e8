/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * size.c: sizes for people to read.
 */
#include <stdio.h>

#include "size.h"

static const char letters[] = "KMGTPE";

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
