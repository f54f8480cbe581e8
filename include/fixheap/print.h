/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap/print.h: a heap as text, in the manner of the kernel's files.
 * Included by <fixheap/fixheap.h>.
 */
#ifndef FIXHEAP_PRINT_H
#define FIXHEAP_PRINT_H

#ifdef __cplusplus
extern "C" {
#endif

struct fixheap;

/*
 * fixheap_print - write what is known of the heap to a file descriptor
 * @what: one of
 *
 *	"buddyinfo"	free runs of each zone, by order
 *	"zoneinfo"	each zone: size, free pages, pages by use, CPU caches
 *	"pagetypeinfo"	free runs and pageblocks of each zone, by placement
 *	"vmstat"	sums and counters of the heap, a line each
 *	"slabinfo"	small objects, by size class
 *	"numa_maps"	nodes of each zone and of each array
 *	"map"		a line for each run: addresses, use, tag, node
 *	"prometheus"	Prometheus text exposition format, 0.0.4
 *
 * fixheap(7) has the fields.  Later versions may add fields at the end of a
 * line, and lines; what is there keeps its name and place.  Figures of a heap
 * in use are each true at some moment, not all at the same.  Nothing is
 * allocated, and caches are left alone.
 *
 * Context: any thread.  The heap's lock is taken for a run, a pageblock, or
 * to find the largest run of one zone, and never while text is written.
 * Cost: O(runs), "vmstat" O(zones); "slabinfo" looks at each small object.
 * Return: 0; -EINVAL: no such text; what write gave, as -EBADF, -EPIPE, -EAGAIN
 * or -ENOSPC, and then a part may be written; -ENOTSUP: a library without
 * PRINT.
 */
int fixheap_print(struct fixheap *heap, int fd, const char *what);

#ifdef __cplusplus
}
#endif

#endif
