/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpu.h for x86-64: what the C language has no word for.
 *
 * Each processor has a header of this name and with these three things in it;
 * the build puts the directory of one of them on the include path.
 *
 *   CACHE_LINE    bytes that two CPUs should not both write
 *   cpu_relax     tell the CPU that this is a waiting loop
 *   cpu_clear_nt  clear whole lines without filling the cache with them; it
 *                 returns when they are visible in program order to all CPUs
 */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stddef.h>

#define CACHE_LINE 64

static inline void cpu_relax(void)
{
	__builtin_ia32_pause();
}

/*
 * start and bytes are multiples of CACHE_LINE.  SSE2 is in every x86-64; its
 * header, which all files would read, is a fifth of what they take to compile.
 */
static inline void cpu_clear_nt(void *start, size_t bytes)
{
	typedef long long part __attribute__((vector_size(16)));
	const part zero = { 0 };
	char *end = (char *)start + bytes;
	char *at;

	for (at = start; at < end; at += sizeof(part))
		__asm__ volatile("movntdq %1, %0"
				 : "=m"(*(part *)at)
				 : "x"(zero));
	/* Streaming stores are weakly ordered: a later unlock does not wait
	 * for them on its own. */
	__builtin_ia32_sfence();
}

#endif
