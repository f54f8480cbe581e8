/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload_say.c: what the preload library says, on standard error
 *
 * Locking: none; a line is one write, if it is taken whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "preload.h"

#define EXIT_NO_HEAP 125

void print_line(const char *line, size_t length)
{
	while (length) {
		ssize_t done = write(STDERR_FILENO, line, length);

		if (done <= 0)
			return;
		line += done;
		length -= (size_t)done;
	}
}

void no_heap(const char *why, const char *text, const char *reason)
{
	char line[400];
	int length;

	length = snprintf(line, sizeof(line), "fixheap: %s '%s': %s\n", why,
			  text, reason);
	print_line(line, length < (int)sizeof(line) ? (size_t)length
						    : sizeof(line) - 1);
	syscall(SYS_exit_group, EXIT_NO_HEAP);
}

/*
 * A mistake of the program, in the words of the C library: it called free, not
 * fixheap_free.
 */
void on_fault(void *unused, const struct fixheap_fault *fault)
{
	static const char before[] = "fixheap: fixheap_";
	const char *text = fault->message;
	char line[1024];
	int length;

	(void)unused;
	if (strncmp(text, before, sizeof(before) - 1))
		length = snprintf(line, sizeof(line), "%s\n", text);
	else
		length = snprintf(line, sizeof(line), "fixheap: %s%s\n",
				  strstr(fault->api, "usable_size") ? "malloc_"
								    : "",
				  text + sizeof(before) - 1);
	print_line(line, length < (int)sizeof(line) ? (size_t)length
						    : sizeof(line) - 1);
	abort();
}
