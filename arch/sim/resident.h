/* SPDX-License-Identifier: BSD-2-Clause */
/* resident.h: which pages are in memory. */
#ifndef ARCH_SIM_RESIDENT_H
#define ARCH_SIM_RESIDENT_H

#include "types.h"

/* Bytes of a page of the machine: the system's, or one of ours if that is
 * larger.  Pages here are numbered by address. */
size_t resident_page(void);
/* Of how many of the system's pages it consists, at most. */
#define RESIDENT_PARTS (1u << (PAGE_SHIFT - 12))

/*
 * resident_runs - call fn for each run of pages that are in memory
 *
 * The runs are of [first, end), in order, and do not overlap; two of them may
 * touch each other.  What is not mapped is not in memory.
 */
typedef void (*resident_fn)(void *data, u64 first, u64 end);
void resident_runs(u64 first, u64 end, resident_fn fn, void *data);

/* 1: long ranges are looked through page by page, as on a kernel that knows no
 * other way; for the test of that way. */
extern int resident_page_by_page;

#endif
