/* SPDX-License-Identifier: BSD-2-Clause */
/* fork.h: keeping heaps whole over fork; see fork.c. */
#ifndef MM_FORK_H
#define MM_FORK_H

/*
 * Let fork take and release the locks of all heaps.  Once in the process, and
 * before jemalloc starts.  0 or -ENOMEM.
 */
int fork_guard_heaps(void);

#endif
