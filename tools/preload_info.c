/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * preload_info.c: what the C library tells of its allocator, told of the heap
 *
 * mallinfo, malloc_stats and malloc_info in their forms, with one arena: the
 * heap.  In use is what the program holds; what caches hold is free.
 *
 * mallopt is the C library's own: what it tunes, nobody uses.
 *
 * Locking: none of its own.  Cost: that of fixheap_stats.
 */
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>

#include "preload.h"

struct mallinfo2 mallinfo2(void)
{
	struct fixheap_stats stats = { .size = sizeof(stats) };
	struct mallinfo2 info = { 0 };

	if (!the_heap || fixheap_stats(the_heap, &stats))
		return info;
	info.arena = stats.heap_bytes;
	info.uordblks = stats.live_bytes;
	info.fordblks = stats.heap_bytes - stats.live_bytes;
	info.keepcost = stats.largest_run_bytes;
	return info;
}

/* As the C library does it: what does not fit is cut off. */
struct mallinfo mallinfo(void)
{
	struct mallinfo2 info = mallinfo2();

	return (struct mallinfo){ .arena = (int)info.arena,
				  .uordblks = (int)info.uordblks,
				  .fordblks = (int)info.fordblks,
				  .keepcost = (int)info.keepcost };
}

void malloc_stats(void)
{
	struct mallinfo2 info = mallinfo2();

	fprintf(stderr,
		"Arena 0:\n"
		"system bytes     = %10zu\n"
		"in use bytes     = %10zu\n"
		"Total (incl. mmap):\n"
		"system bytes     = %10zu\n"
		"in use bytes     = %10zu\n",
		info.arena, info.uordblks, info.arena, info.uordblks);
}

int malloc_info(int options, FILE *stream)
{
	struct mallinfo2 info = mallinfo2();
	int n;

	if (options)
		return EINVAL;
	n = fprintf(stream,
		    "<malloc version=\"1\">\n"
		    "<total type=\"rest\" count=\"1\" size=\"%zu\"/>\n"
		    "<system type=\"current\" size=\"%zu\"/>\n"
		    "<system type=\"max\" size=\"%zu\"/>\n"
		    "</malloc>\n",
		    info.fordblks, info.arena, info.arena);
	return n < 0 ? -1 : 0;
}
