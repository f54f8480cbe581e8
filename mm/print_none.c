/* SPDX-License-Identifier: BSD-2-Clause */
/* print_none.c: a library built without CONFIG_PRINT. */
#include <fixheap/fixheap.h>

#include <errno.h>

int fixheap_print(struct fixheap *heap, int fd, const char *what)
{
	(void)heap;
	(void)fd;
	(void)what;
	return -ENOTSUP;
}
