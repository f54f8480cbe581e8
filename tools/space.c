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
 * 2. A heap that cannot be shared is made all the same: not to be seen is no
 *    reason not to run.
 * 3. The range lives as long as the process.
 *
 * Huge pages from a pool are the exception: fixheap_create maps them, and they
 * are promised, as the process would be killed where one is missing.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "space.h"

#define HUGE_BYTES ((size_t)2 << 20)

bool space_pages(const char *name, unsigned *pages)
{
	static const struct {
		const char *name;
		unsigned pages;
	} table[] = {
		{ "", FIXHEAP_HUGEPAGES },    { "1", FIXHEAP_HUGEPAGES },
		{ "thp", FIXHEAP_HUGEPAGES }, { "2M", FIXHEAP_HUGETLB_2M },
		{ "1G", FIXHEAP_HUGETLB_1G },
	};
	size_t i;

	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (strcmp(name, table[i].name))
			continue;
		*pages = table[i].pages;
		return true;
	}
	return false;
}

/* Its flags are those of memory from a pool. */
static struct fixheap_config config_of(const struct space_request *request)
{
	struct fixheap_config config = FIXHEAP_CONFIG_INIT;

	config.length = request->bytes;
	config.flags = request->pages &
		       (FIXHEAP_HUGETLB_2M | FIXHEAP_HUGETLB_1G);
	config.topology = request->topology;
	config.fault = request->fault;
	config.decay_ms = request->decay_ms;
	return config;
}

bool space_lacks_pages(const struct space_request *request,
		       struct fixheap_hugetlb *pool)
{
	struct fixheap_config config = config_of(request);
	int error;

	pool->size = sizeof(*pool);
	error = fixheap_check_hugetlb(&config, pool);
	return error == -ENOMEM || error == -ENODEV;
}

size_t space_available(void)
{
	static const char name[] = "MemAvailable:";
	char text[1024] = "";
	int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
	const char *line;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = '\0';
	if (fd >= 0)
		close(fd);
	line = strstr(text, name);
	return line ? strtoull(line + strlen(name), NULL, 10) << 10 : 0;
}

static int create(const struct space_request *request,
		  struct fixheap_config *config, struct fixheap **heap)
{
	int error = -ENOTSUP;

	if (request->share) {
		config->flags |= FIXHEAP_SHARE;
		error = fixheap_create(config, heap);
		config->flags &= ~FIXHEAP_SHARE;
	}
	return error ? fixheap_create(config, heap) : 0;
}

int space_create(const struct space_request *request, struct fixheap **heap)
{
	struct fixheap_config config = config_of(request);
	bool huge = request->pages & FIXHEAP_HUGEPAGES;
	size_t slack = request->alignment;
	char *start;
	int error;

	if (config.flags)
		return create(request, &config, heap);
	if (huge && slack < HUGE_BYTES)
		slack = HUGE_BYTES;
	if (request->bytes > SIZE_MAX - slack)
		return -EINVAL;
	start = mmap(NULL, request->bytes + slack, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		return -errno;
	if (slack)
		start += -(uintptr_t)start & (slack - 1);
	config.base = start;
	/* Advice: a kernel without huge pages does without. */
	if (huge)
		madvise(start, request->bytes, MADV_HUGEPAGE);
	config.flags = FIXHEAP_ZEROED;
	error = create(request, &config, heap);
	if (error)
		munmap(config.base, request->bytes);
	return error;
}
