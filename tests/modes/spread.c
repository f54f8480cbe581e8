/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * spread.c: a fixed heap whose regions lie where the test says.
 *
 * The memory is one mapping, so that regions can touch each other, share a
 * pageblock, or lie far apart; the heap begins with SPREAD_FIRST bytes at its
 * start.
 */
#include "spread.h"

#include <sys/mman.h>

void spread_prepare(struct spread *s)
{
	heap_prepare(&s->t, &modes[0]);
	s->mapping = mmap(NULL, SPREAD_BYTES + BLOCK_BYTES,
			  PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	must(s->mapping != MAP_FAILED);
	s->memory = (char *)(((uintptr_t)s->mapping + BLOCK_BYTES - 1) &
			     -BLOCK_BYTES);
	s->t.config.base = s->memory;
	s->t.config.length = SPREAD_FIRST;
	s->t.config.max_bytes = SPREAD_BYTES;
}

static void unmap(struct spread *s)
{
	/* The heap has left it as it was. */
	memset(s->memory, 1, SPREAD_FIRST);
	must(!munmap(s->mapping, SPREAD_BYTES + BLOCK_BYTES));
}

void spread_close(struct spread *s)
{
	heap_close(&s->t);
	unmap(s);
}

void spread_drop(struct spread *s)
{
	heap_drop(&s->t);
	unmap(s);
}

int spread_add(struct spread *s, size_t offset, size_t bytes, uint64_t key,
	       unsigned *id)
{
	struct fixheap_region region = FIXHEAP_REGION_INIT;
	int err;

	region.base = s->memory + offset;
	region.bytes = bytes;
	region.key = key;
	region.id = 12345;
	err = fixheap_add_region(s->t.heap, &region);
	*id = region.id;
	return err;
}

unsigned spread_must_add(struct spread *s, size_t offset, size_t bytes,
			 uint64_t key)
{
	unsigned id;

	assert_int_equal(spread_add(s, offset, bytes, key, &id), 0);
	heap_valid(&s->t);
	return id;
}

size_t spread_bytes(struct spread *s)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };

	assert_int_equal(fixheap_stats(s->t.heap, &stats), 0);
	return stats.heap_bytes;
}

size_t spread_fill(struct spread *s, size_t nr_pages, bool across)
{
	size_t page = fixheap_page_size(), total = 0;
	char *last = NULL, *run, *next;

	while ((run = fixheap_pages_alloc(s->t.heap, nr_pages, 0, NULL))) {
		struct fixheap_region first = region_of(&s->t, run);
		char *end = run + nr_pages * page - 1;

		if (!across)
			assert_int_equal(region_of(&s->t, end).id, first.id);
		memcpy(run, &last, sizeof(last));
		last = run;
		total += nr_pages;
	}
	assert_int_equal(errno, ENOMEM);
	heap_valid(&s->t);
	for (run = last; run; run = next) {
		memcpy(&next, run, sizeof(next));
		fixheap_pages_free(s->t.heap, run, nr_pages);
	}
	return total;
}

void spread_avoids(struct spread *s, unsigned id)
{
	static void *array[4096];
	unsigned nr = 0;
	size_t bytes;

	while (nr < ARRAY_LEN(array) &&
	       (bytes = fixheap_largest_free(s->t.heap, NULL))) {
		bytes = bytes < 64 * KIB ? bytes : 64 * KIB;
		array[nr] = array_make(&s->t, bytes, 0);
		assert_non_null(array[nr]);
		assert_int_not_equal(region_of(&s->t, array[nr]).id, id);
		nr++;
	}
	while (nr)
		fixheap_array_free(s->t.heap, array[--nr]);
}
