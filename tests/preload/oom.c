/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * oom.c: a program meets the end of its heap and goes on
 *
 * oom BYTES: the heap has that many.  Fills it with blocks of several sizes,
 * checks how each function of the family says that there is no more, frees,
 * and fills it again; what fitted once must fit twice.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_MOST (1 << 20)

static void *blocks[BLOCKS_MOST];

static int complain(const char *what)
{
	printf("%s (errno %d)\n", what, errno);
	return 1;
}

static size_t fill(size_t bytes)
{
	size_t count = 0;

	for (;;) {
		errno = 0;
		blocks[count] = malloc(bytes);
		if (!blocks[count])
			return count;
		memset(blocks[count], 0x33, bytes < 64 ? bytes : 64);
		if (++count == BLOCKS_MOST)
			return count;
	}
}

static void empty(size_t count)
{
	while (count--)
		free(blocks[count]);
}

/* calloc: another of the same size; the others: more than all that is left. */
static int refusals(size_t bytes, size_t heap)
{
	void *ptr = NULL, *kept = blocks[0];

	errno = 0;
	if (calloc(1, bytes) || errno != ENOMEM)
		return complain("calloc does not refuse");
	errno = 0;
	if (aligned_alloc(4096, heap / 2) || errno != ENOMEM)
		return complain("aligned_alloc does not refuse");
	if (posix_memalign(&ptr, 4096, heap / 2) != ENOMEM || ptr)
		return complain("posix_memalign does not refuse");
	errno = 0;
	if (realloc(kept, heap / 2) || errno != ENOMEM)
		return complain("realloc does not refuse");
	if (*(unsigned char *)kept != 0x33)
		return complain("realloc lost the block");
	return 0;
}

static int round_of(size_t bytes, size_t heap)
{
	size_t once, twice;

	once = fill(bytes);
	if (errno != ENOMEM)
		return complain("malloc does not say ENOMEM");
	/* Nine tenths at least of the heap were of use. */
	if (once * bytes < heap / 10 * 9) {
		printf("%zu blocks of %zu in %zu\n", once, bytes, heap);
		return complain("the heap is full too early");
	}
	if (refusals(bytes, heap))
		return 1;
	empty(once);
	twice = fill(bytes);
	empty(twice);
	if (twice + twice / 50 + 1 < once)
		return complain("what fitted once does not fit twice");
	return 0;
}

int main(int argc, char **argv)
{
	static const size_t table[] = {
		(size_t)1 << 20, 112, 4096, 40000, 2048, (size_t)3 << 20, 64,
	};
	size_t i, heap;

	if (argc != 2)
		return 2;
	heap = strtoul(argv[1], NULL, 10);
	for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (round_of(table[i], heap))
			return 1;
	puts("goes on");
	return 0;
}
