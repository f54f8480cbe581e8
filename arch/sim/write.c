/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * write.c: what is written to file descriptors, which are real ones; names of
 * code, and who called it.
 *
 * Locking: none.  Cost: a system call for each piece.
 */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

int host_write(int fd, const char *text, size_t bytes)
{
	int err = sim_enter(HOST_SIM_WRITE), saved = errno;

	while (bytes && !err) {
		ssize_t written = write(fd, text, bytes);

		if (written < 0 && errno != EINTR)
			err = -errno;
		if (written > 0) {
			text += written;
			bytes -= (size_t)written;
		}
	}
	errno = saved;
	return err;
}

/* One module, "sim", that begins at 0. */
void host_symbol(const void *address, char *text, size_t bytes)
{
	sim_enter(HOST_SIM_SYMBOL);
	snprintf(text, bytes, "sim+%p", address);
}

/* Two callers, 1 and 2 bytes behind. */
u32 host_backtrace(const void *caller, void **frame, u32 nr)
{
	u32 i;

	sim_enter(HOST_SIM_BACKTRACE);
	for (i = 0; i < nr && i < 2; i++)
		frame[i] = (char *)(uintptr_t)caller + i + 1;
	return i;
}
