/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * loader.c: pointers that the dynamic loader made for itself
 *
 * Until it has found the program's malloc, the C library's loader serves
 * itself from what is left of the last page of its own data.  Such a pointer
 * may reach free() or realloc() later; it is the only kind of foreign pointer
 * that is nobody's mistake.
 *
 * 1. The range is read from the loader's program headers: from the end of its
 *    data to the end of that page, and nothing else.  Everything outside is
 *    the heap's to judge.
 *
 * Written once, before the heap is made and so before there are threads; read
 * without a lock.  Programs started by hand through the loader (ld.so PROGRAM)
 * have no AT_BASE; there the range is empty.
 */
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>

#include "preload.h"

size_t loader_start, loader_bytes;

void loader_find(void)
{
	size_t base = getauxval(AT_BASE), page = getauxval(AT_PAGESZ);
	const ElfW(Ehdr) *elf = (const void *)base;
	const ElfW(Phdr) * header;
	size_t end = 0, at;
	int i;

	if (!base || !page)
		return;
	header = (const void *)(base + elf->e_phoff);
	for (i = 0; i < elf->e_phnum; i++) {
		at = base + header[i].p_vaddr + header[i].p_memsz;
		if (header[i].p_type == PT_LOAD && at > end)
			end = at;
	}
	loader_start = end;
	loader_bytes = (page - end % page) % page;
}
