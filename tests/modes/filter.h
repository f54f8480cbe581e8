/* SPDX-License-Identifier: BSD-2-Clause */
/* filter.h: memory that no system call may change; see filter.c. */
#ifndef TESTS_MODES_FILTER_H
#define TESTS_MODES_FILTER_H

#include <stdbool.h>

/* HEAP_BYTES, mapped at the first call, with guards around it; not zeroed, and
 * not on a page's border. */
void *filter_blob(void);
/* From now on this process is killed by SIGSYS if it changes the mapping of the
 * blob, its pages or where they are.  false: there is no seccomp here. */
bool filter_install(void);

#endif
