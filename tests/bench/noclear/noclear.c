/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * noclear.c: a memset, to be preloaded, that leaves large ranges as they are.
 *
 * DPDK clears what is freed.  Loads with arrays of up to a GiB would take hours
 * by that, and as much memory as they have address space.  They never read the
 * memory, so whether it is cleared makes no difference to where things go.
 */
#include <stddef.h>

#define LARGE 65536

extern const char bench_noclear;
const char bench_noclear = 1;

void *memset(void *ptr, int value, size_t bytes);
void *memset(void *ptr, int value, size_t bytes)
{
	/* volatile: the compiler would make it a call of memset */
	volatile unsigned char *byte = ptr;

	if (bytes > LARGE)
		return ptr;
	while (bytes--)
		*byte++ = (unsigned char)value;
	return ptr;
}
