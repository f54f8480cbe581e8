/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpu.h for any processor that a C compiler knows; see arch/x86_64/cpu.h for
 * what each name means.  Correct everywhere, best nowhere.
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stddef.h>
#include <string.h>

/* Larger lines than this exist; they cost time, not correctness. */
#define CACHE_LINE 64

static inline void cpu_relax(void)
{
	/* Keeps the compiler from hoisting a load out of the waiting loop. */
	__asm__ volatile("" ::: "memory");
}

static inline void cpu_clear_nt(void *start, size_t bytes)
{
	memset(start, 0, bytes);
}

#endif
