/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share.c: files of metadata on the simulated machine: shared memory without a
 * name, so that fork leaves it to both as it does with files.
 */
#include "sim.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK_PAGES 4096

void *host_share(size_t bytes, struct host_share *share)
{
	int err = sim_enter(HOST_SIM_SHARE);
	void *start;

	if (err) {
		errno = -err;
		return NULL;
	}
	start = host_reserve(bytes);
	if (start &&
	    mmap(start, bytes, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) != start)
		sim_misuse("mmap of shared memory failed");
	memset(share, 0, sizeof(*share));
	snprintf(share->path, sizeof(share->path), "/sim/%p", start);
	snprintf(share->program, sizeof(share->program), "sim");
	share->pid = (u32)getpid();
	share->fd = -1;
	return start;
}

bool host_share_is_own(const struct host_share *share)
{
	return share->pid == (u32)getpid();
}

void host_share_end(const struct host_share *share)
{
	(void)share;
	sim_enter(HOST_SIM_SHARE_END);
}

/* Private: what a child's file is, the tests on a real machine tell. */
void *host_share_copy(const struct host_share *share, void *start, size_t bytes,
		      struct host_share *to)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	unsigned char in[CHUNK_PAGES];
	char *copy;

	*to = *share;
	to->fd = -1;
	if (sim_enter(HOST_SIM_SHARE_COPY))
		return NULL;
	copy = host_reserve(bytes);
	for (size_t at = 0; copy && at < bytes; at += CHUNK_PAGES * page) {
		size_t nr = min_u64(CHUNK_PAGES * page, bytes - at);

		if (mincore((char *)start + at, nr, in))
			sim_misuse("mincore failed");
		for (size_t i = 0; i * page < nr; i++) {
			if (in[i] & 1)
				share_copy_words(copy + at + i * page,
						 (char *)start + at + i * page,
						 min_u64(page, nr - i * page));
		}
	}
	if (copy)
		memset(copy, 0, sizeof(u64));
	return copy;
}

void host_share_drop(struct host_share *copy, void *memory, size_t bytes)
{
	(void)copy;
	host_release(memory, bytes);
}

void host_share_replace(struct host_share *share, void *start,
			const struct host_share *copy, void *memory,
			size_t bytes)
{
	*share = *copy;
	sim_enter(HOST_SIM_SHARE_REPLACE);
	if (mremap(memory, bytes, bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		   start) == MAP_FAILED)
		sim_misuse("mremap failed");
	host_release(memory, bytes);
}

/* Tests end in their own way. */
int host_at_exit(void (*fn)(void))
{
	(void)fn;
	return sim_enter(HOST_SIM_AT_EXIT);
}
