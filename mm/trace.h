/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * trace.h: static tracepoints of provider "fixheap", for bpftrace, perf, gdb
 * and others; fixheap(7) has their names and arguments, which stay.
 *
 * Each is one nop, and a note of where its arguments are at that moment.  So
 * nothing may be worked out for an argument: it is what the function has in a
 * register or in memory anyhow, but not in the thread's own memory, which
 * bpftrace does not find.  Without CONFIG_TRACEPOINTS there is nothing.
 */
#ifndef MM_TRACE_H
#define MM_TRACE_H

#if IS_ENABLED(CONFIG_TRACEPOINTS)

#include <sys/sdt.h>

#define TRACE4(name, a, b, c, d) DTRACE_PROBE4(fixheap, name, a, b, c, d)
#define TRACE5(name, a, b, c, d, e) DTRACE_PROBE5(fixheap, name, a, b, c, d, e)

#else

#define TRACE4(name, a, b, c, d) ((void)0)
#define TRACE5(name, a, b, c, d, e) ((void)0)

#endif

/* A run was taken, or more pages for one that grows; enum page_kind. */
#define trace_alloc(heap, run, kind) \
	TRACE4(alloc, heap, (run)->pfn, (run)->nr_pages, (int)(kind))
/* Pages were given back. */
#define trace_free(heap, run, kind) \
	TRACE4(free, heap, (run)->pfn, (run)->nr_pages, (int)(kind))
/* The place for a run is in a pageblock of another placement. */
#define trace_steal(heap, pfn, nr, from, to) \
	TRACE5(steal, heap, pfn, nr, (int)(from), (int)(to))
/* Pages [pfn, end) of a zone, or of several, do not serve; the next ones are
 * looked at. */
#define trace_fallback(heap, in, req)                                 \
	TRACE5(fallback, heap, (in)->pfn, (in)->end, (req)->nr_pages, \
	       (int)(req)->policy)
/* A cache was filled: of which node, with what size, how many it has. */
#define trace_refill(heap, node, bytes, nr) \
	TRACE4(refill, heap, node, bytes, nr)
/* An allocation is refused. */
#define trace_fail(heap, req)                                               \
	TRACE5(fail, heap, (req)->nr_pages, (req)->align, (int)(req)->kind, \
	       (int)(req)->policy)

#endif
