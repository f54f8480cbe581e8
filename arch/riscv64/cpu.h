/* SPDX-License-Identifier: BSD-2-Clause */
/* cpu.h for riscv64; see arch/x86_64/cpu.h for what each name means. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stddef.h>
#include <string.h>

#define CACHE_LINE 64

static inline void cpu_relax(void)
{
	/*
	 * The `pause` of Zihintpause by its encoding, which is a hint: cores
	 * without the extension, and assemblers that do not know its name,
	 * take it as well.
	 */
	__asm__ volatile(".4byte 0x0100000f" ::: "memory");
}

/*
 * The base instruction set has no store that bypasses the cache, and `cbo.zero`
 * of Zicboz traps where it is missing, so this is the C library's choice.
 */
static inline void cpu_clear_nt(void *start, size_t bytes)
{
	memset(start, 0, bytes);
}

#endif
