/* SPDX-License-Identifier: BSD-2-Clause */
/* print.h: text about a heap, through a small buffer; see print.c. */
#ifndef MM_PRINT_H
#define MM_PRINT_H

#include "heap.h"

#define PRINT_BYTES 512
#define PRINT_STDERR (-1) /* by host_print */

/* Where text goes. */
struct printer {
	struct fixheap *heap;
	int fd;	 /* or PRINT_STDERR */
	int err; /* the first -errno; then nothing more is written */
	u32 nr;	 /* bytes in text */
	char text[PRINT_BYTES];
};

/* As printf, of less than PRINT_BYTES at a time.  Without a lock held. */
void print_text(struct printer *p, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* What is still in the buffer, too.  0 or -errno. */
int print_flush(struct printer *p);

/* A zone's node as the public interface numbers it. */
int print_node(const struct fixheap *heap, const struct zone *zone);
/* The next zone with pages behind this one; NULL begins, or ends. */
const struct zone *print_zone_next(const struct fixheap *heap,
				   const struct zone *zone);
/* Orders that free runs of this heap can have. */
u32 print_orders(const struct fixheap *heap);
/* FIXHEAP_USE_SMALL is "small", ... */
const char *print_use(enum fixheap_use use);

/* What a zone's pages are: scanned one run at a time. */
struct zone_scan {
	u64 nr_runs[FIXHEAP_NR_ORDERS];	    /* free runs by order */
	u64 used[FIXHEAP_USE_RESERVED + 1]; /* pages by use */
	u64 nr_out;  /* pages that are neither in use nor free */
	u64 longest; /* free run, pages */
};
void scan_zone(struct fixheap *heap, const struct zone *zone,
	       struct zone_scan *scan);

/* Small objects of one class. */
struct slab_scan {
	u64 nr_live, nr_slabs, nr_active; /* active: with a live object */
};
/* Of all classes; [NR_SIZE_CLASSES + 1].  Nothing without JEMALLOC. */
void scan_slabs(struct fixheap *heap, struct slab_scan *slabs);

/* Each text. */
void print_buddyinfo(struct printer *p);
void print_zoneinfo(struct printer *p);
void print_pagetypeinfo(struct printer *p);
void print_vmstat(struct printer *p);
void print_slabinfo(struct printer *p);
void print_numa_maps(struct printer *p);
void print_map(struct printer *p);
void print_prometheus(struct printer *p);

#endif
