/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * comm.c: a comm layer that keeps books instead of a network.
 *
 * Its memory is real, and what a comm layer may expect is checked: that a
 * region is registered once, with the bounds that it was allocated with, after
 * all of it was touched; and given back with these bounds.  A region that is
 * resized is registered anew, in Chapel's two steps.
 */
#define _GNU_SOURCE
#include "comm.h"

#include "comm/chpl-comm-impl.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define NR_REGIONS 4096

struct region {
	char *base; /* NULL: not in use */
	size_t bytes;
	bool registered;
};

static enum test_comm_kind comm_kind;
static size_t limit_bytes, used_bytes, threshold_bytes;
static struct region regions[NR_REGIONS];
static struct test_comm_sums sums;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void *fixed_heap;
static __thread size_t touched_bytes;

static void mistake(const char *what, const void *p, size_t size)
{
	sums.nr_mistakes++;
	printf("# comm layer: %s: %p, %zu bytes\n", what, p, size);
}

static struct region *find(const void *p)
{
	for (size_t i = 0; i < NR_REGIONS; i++) {
		if (regions[i].base == p)
			return &regions[i];
	}
	return NULL;
}

void test_comm_init(enum test_comm_kind kind, size_t bytes, size_t threshold)
{
	comm_kind = kind;
	limit_bytes = bytes;
	threshold_bytes = threshold;
	if (kind != TEST_COMM_FIXED)
		return;
	fixed_heap = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (fixed_heap == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
}

void test_comm_sums(struct test_comm_sums *result)
{
	pthread_mutex_lock(&lock);
	sums.nr_regions = sums.nr_registered = sums.registered_bytes = 0;
	for (size_t i = 0; i < NR_REGIONS; i++) {
		if (!regions[i].base)
			continue;
		sums.nr_regions++;
		if (regions[i].registered) {
			sums.nr_registered++;
			sums.registered_bytes += regions[i].bytes;
		}
	}
	*result = sums;
	pthread_mutex_unlock(&lock);
}

bool test_comm_reaches(const void *p, size_t bytes)
{
	const char *start = p;
	bool reaches = false;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; i < NR_REGIONS; i++) {
		struct region *r = &regions[i];

		if (r->base && start >= r->base &&
		    start + bytes <= r->base + r->bytes)
			reaches = r->registered;
	}
	pthread_mutex_unlock(&lock);
	return reaches;
}

void test_comm_heap_info(void **start, size_t *size)
{
	*start = fixed_heap;
	*size = fixed_heap ? limit_bytes : 0;
}

size_t test_comm_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

size_t test_comm_threshold(void)
{
	return comm_kind == TEST_COMM_DYNAMIC ? threshold_bytes : SIZE_MAX;
}

void *test_comm_alloc(size_t size)
{
	struct region *region;
	void *p = NULL;

	pthread_mutex_lock(&lock);
	region = find(NULL);
	if (size % test_comm_page_size())
		mistake("no whole number of pages", NULL, size);
	else if (region && size <= limit_bytes - used_bytes)
		p = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		p = NULL;
	if (p) {
		*region = (struct region){ p, size, false };
		used_bytes += size;
	}
	pthread_mutex_unlock(&lock);
	return p;
}

void test_comm_touched(size_t bytes)
{
	touched_bytes = bytes;
}

/* Whether so many bytes of it are in memory. */
static bool is_touched(char *p, size_t size, size_t bytes)
{
	size_t page = test_comm_page_size();
	size_t nr_pages = size / page, nr = 0;
	unsigned char *in = malloc(nr_pages);

	if (in && !mincore(p, size, in)) {
		for (size_t i = 0; i < nr_pages; i++)
			nr += in[i] & 1;
	}
	free(in);
	return nr * page >= bytes;
}

/* The lock is held. */
static void registration(void *p, size_t size)
{
	struct region *region = p ? find(p) : NULL;

	if (!region || region->bytes != size) {
		mistake("registers what is no region", p, size);
		return;
	}
	if (region->registered)
		mistake("registers it again", p, size);
	if (!is_touched(p, size, touched_bytes ? touched_bytes : size))
		mistake("registers it before it is touched", p, size);
	region->registered = true;
	sums.nr_registrations++;
}

void test_comm_post_alloc(void *p, size_t size)
{
	pthread_mutex_lock(&lock);
	registration(p, size);
	pthread_mutex_unlock(&lock);
}

void *test_comm_realloc(void *p, size_t old_size, size_t new_size)
{
	struct region *region;
	void *new_p = NULL;

	pthread_mutex_lock(&lock);
	region = p ? find(p) : NULL;
	if (!region || region->bytes != old_size)
		mistake("resizes what is no region", p, old_size);
	else if (new_size <= old_size ||
		 new_size - old_size <= limit_bytes - used_bytes)
		new_p = mremap(p, old_size, new_size, MREMAP_MAYMOVE);
	if (new_p == MAP_FAILED)
		new_p = NULL;
	if (new_p) {
		*region = (struct region){ new_p, new_size, false };
		used_bytes += new_size - old_size;
	}
	pthread_mutex_unlock(&lock);
	return new_p;
}

void test_comm_post_realloc(void *old_p, size_t old_size, void *new_p,
			    size_t new_size)
{
	if (!old_p || !old_size)
		mistake("no old region", old_p, old_size);
	test_comm_post_alloc(new_p, new_size);
}

bool test_comm_free(void *p, size_t size)
{
	struct region *region;
	bool mine;

	pthread_mutex_lock(&lock);
	region = p ? find(p) : NULL;
	mine = region && region->bytes == size;
	if (mine) {
		munmap(p, size);
		used_bytes -= size;
		*region = (struct region){ NULL, 0, false };
	} else {
		mistake("frees what is no region", p, size);
	}
	pthread_mutex_unlock(&lock);
	return mine;
}
