/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * space.c: a heap over address space of its own
 *
 * The heaps of `fixheap run` and `fixheap demo` are limits and not
 * reservations: every process of a compiler has one of half the machine's
 * memory.  So the range is mapped here, without a claim on memory
 * (MAP_NORESERVE), and given to fixheap_create as memory that reads as zero.
 * A heap that fixheap_create maps itself is memory promised.
 *
 * 1. Memory is taken where the program touches it; the system may refuse it
 *    then, as it may for any program where memory is overcommitted.
 * 2. The range lives as long as the process.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/mman.h>

#include "space.h"

#define HUGE_BYTES ((size_t)2 << 20)

int space_create(const struct space_request *request, struct fixheap **heap)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;
	size_t slack = request->hugepages ? HUGE_BYTES : 0;
	char *start;
	int error;

	if (request->bytes > SIZE_MAX - HUGE_BYTES)
		return -EINVAL;
	start = mmap(NULL, request->bytes + slack, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return -errno;
	config.base = start;
	if (request->hugepages) {
		start += -(uintptr_t)start & (HUGE_BYTES - 1);
		config.base = start;
		/* Advice: a kernel without huge pages does without. */
		madvise(start, request->bytes, MADV_HUGEPAGE);
	}
	config.length = request->bytes;
	config.flags = FIXHEAP_ZEROED;
	config.topology = request->topology;
	config.fault = request->fault;
	error = fixheap_create(&config, heap);
	if (error)
		munmap(config.base, request->bytes);
	return error;
}
