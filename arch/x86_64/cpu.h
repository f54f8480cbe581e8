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

#include <emmintrin.h>
#include <stddef.h>

#define CACHE_LINE 64

static inline void cpu_relax(void)
{
	_mm_pause();
}

/* start and bytes are multiples of CACHE_LINE.  SSE2 is in every x86-64. */
static inline void cpu_clear_nt(void *start, size_t bytes)
{
	const __m128i zero = _mm_setzero_si128();
	char *end = (char *)start + bytes;
	char *line;

	for (line = start; line < end; line += CACHE_LINE) {
		_mm_stream_si128((__m128i *)line, zero);
		_mm_stream_si128((__m128i *)(line + 16), zero);
		_mm_stream_si128((__m128i *)(line + 32), zero);
		_mm_stream_si128((__m128i *)(line + 48), zero);
	}
	/* Streaming stores are weakly ordered: a later unlock does not wait
	 * for them on its own. */
	_mm_sfence();
}

#endif
