/* SPDX-License-Identifier: BSD-2-Clause */
/* cpu.h for arm64; see arch/x86_64/cpu.h for what each name means. */
#ifndef ARCH_CPU_H
#define ARCH_CPU_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CACHE_LINE 64

static inline void cpu_relax(void)
{
	/* `yield` is a no-op on most cores; `isb` waits a little on all. */
	__asm__ volatile("isb" ::: "memory");
}

/*
 * Bytes that one `dc zva` clears: a power of two from 4 to 2048, as the
 * system register says.  0 when the system forbids the instruction.
 */
static inline size_t cpu_zva_bytes(void)
{
	uint64_t dczid;

	__asm__("mrs %0, dczid_el0" : "=r"(dczid));
	return dczid & 16 ? 0 : (size_t)4 << (dczid & 15);
}

/*
 * `dc zva` clears a block without reading it from memory first; the cores
 * that stream do so on their own when they see a row of them.  The stores are
 * ordered as any others.  start and bytes are multiples of CACHE_LINE.
 */
static inline void cpu_clear_nt(void *start, size_t bytes)
{
	size_t zva = cpu_zva_bytes();
	size_t head = zva ? -(uintptr_t)start & (zva - 1) : bytes;
	char *block, *end;

	if (head >= bytes || bytes - head < zva) {
		memset(start, 0, bytes);
		return;
	}
	memset(start, 0, head);
	block = (char *)start + head;
	end = block + ((bytes - head) & ~(zva - 1));
	for (; block < end; block += zva)
		__asm__ volatile("dc zva, %0" ::"r"(block) : "memory");
	memset(end, 0, (size_t)((char *)start + bytes - end));
}

#endif
