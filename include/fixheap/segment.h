/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap/segment.h: metadata that others can read.
 *
 * A heap made with FIXHEAP_SHARE keeps its metadata in a file of /dev/shm,
 * fixheap.PID.NUMBER, which `fixheap stat`, `fixheap top` and `fixheap map`
 * read while the program runs, and after it was killed.  A child made by fork
 * has a file without a name instead, a descriptor to /memfd:fixheap.  This is
 * the format of both, for other readers.
 *
 * It begins with struct fixheap_segment, which says where columns of numbers
 * lie.  A column is an array of unsigned numbers of 1, 2, 4 or 8 bytes in the
 * byte order of the machine, with a distance (stride) from each to the next;
 * one that there is not has nr 0.  The program writes to them at any time: each
 * number is whole, but two need not be of the same moment.  What was never
 * used is a hole, which reads as zero; lseek(2) with SEEK_DATA passes over it.
 *
 * Pages are counted from an origin.  Those of the heap are in its ranges; a
 * page is at origin + (number << page_shift) + MOVES[number / 512].  What is in
 * use begins with a page that has a descriptor; the pages behind it, and those
 * that are free, have 0.  A descriptor:
 *
 *   bits 0-2    FIXHEAP_SEGMENT_SLAB, ... : what the pages are in use for
 *   bits 3-4    placement: 0 small, 1 medium, 2 array
 *   bit  6      FREEING: free pages that a thread keeps
 *   bit  7      ARRAY: POLICY_OF has its policy
 *   bits 16-25  placement array: ARRAYS at the time it was made, modulo 1,024
 *   bits 26-31  SLAB: the class of its objects; 0: see bits 48-53
 *   bits 48-53  SLAB: the class, if none of the page was in use; 0: not known
 *   bits 32-63  pages - 1; but SLAB and CACHED: something else, 1 page
 *
 * All other bits are the library's own.  Readers must not trust any number, as
 * the program may have written over them: the file may be cut short, too.
 */
#ifndef FIXHEAP_SEGMENT_H
#define FIXHEAP_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fixheap;

#define FIXHEAP_SEGMENT_MAGIC 0x7061656878696601ull
#define FIXHEAP_SEGMENT_VERSION 2u

/* What pages are in use for. */
enum fixheap_segment_kind {
	FIXHEAP_SEGMENT_NONE,	 /* free, or not the first page of its run */
	FIXHEAP_SEGMENT_SLAB,	 /* a page of small objects */
	FIXHEAP_SEGMENT_LARGE,	 /* an object of more than 14,336 bytes */
	FIXHEAP_SEGMENT_ARRAY,	 /* fixheap_array_alloc */
	FIXHEAP_SEGMENT_RUN,	 /* fixheap_pages_alloc */
	FIXHEAP_SEGMENT_CACHED,	 /* a free page in the cache of a CPU */
	FIXHEAP_SEGMENT_FREEING, /* about to be free */
	FIXHEAP_SEGMENT_RESERVED /* fixheap_reserve */
};

enum fixheap_segment_id {
	FIXHEAP_SEGMENT_PAGES, /* by page: descriptors */
	FIXHEAP_SEGMENT_MOVES, /* by 512 pages: bytes, modulo 2^64 */
	/* zones: pages [START, END), which may be of no range; those that there
	 * are; free ones; node, 2^32 - 1: of several, or any */
	FIXHEAP_SEGMENT_ZONE_START,
	FIXHEAP_SEGMENT_ZONE_END,
	FIXHEAP_SEGMENT_ZONE_PAGES,
	FIXHEAP_SEGMENT_ZONE_FREE,
	FIXHEAP_SEGMENT_ZONE_NODE,
	/* ranges, in no order: pages [START, END); END 0: not in use */
	FIXHEAP_SEGMENT_RANGE_START,
	FIXHEAP_SEGMENT_RANGE_END,
	/* by tag: pages now, the most there were, runs; by page: tag of the run
	 * that begins there */
	FIXHEAP_SEGMENT_TAG_PAGES,
	FIXHEAP_SEGMENT_TAG_PEAK,
	FIXHEAP_SEGMENT_TAG_RUNS,
	FIXHEAP_SEGMENT_TAG_OF,
	/* one number each */
	FIXHEAP_SEGMENT_HEAP,	   /* pages */
	FIXHEAP_SEGMENT_USED,	   /* pages in use */
	FIXHEAP_SEGMENT_PEAK_USED, /* the most there were */
	FIXHEAP_SEGMENT_HELD,	   /* part of USED: tickets */
	FIXHEAP_SEGMENT_LIVE,	   /* bytes; this and the next with VMSTAT */
	FIXHEAP_SEGMENT_PEAK_LIVE, /* bytes */
	FIXHEAP_SEGMENT_ALLOCS,	   /* runs allocated, with VMSTAT */
	FIXHEAP_SEGMENT_FREES,	   /* runs freed, with VMSTAT */
	FIXHEAP_SEGMENT_CLEARED,   /* bytes, with VMSTAT */
	FIXHEAP_SEGMENT_FAILS,	   /* allocations that failed */
	FIXHEAP_SEGMENT_RECLAIMS,  /* times that caches were taken back */
	FIXHEAP_SEGMENT_ARRAYS,	   /* arrays made */
	FIXHEAP_SEGMENT_REHOMES,   /* arrays bound elsewhere than at home */
	FIXHEAP_SEGMENT_REHOMED,   /* pages of such arrays */
	FIXHEAP_SEGMENT_METADATA,  /* bytes of address space */
	/* zones: pages kept back for what is small, and from other nodes; 1:
	 * the kernel was told the node; which place they are of */
	FIXHEAP_SEGMENT_ZONE_SMALL_MIN,
	FIXHEAP_SEGMENT_ZONE_LOCAL_MIN,
	FIXHEAP_SEGMENT_ZONE_BOUND,
	FIXHEAP_SEGMENT_ZONE_PLACE,
	/* places, nodes that the heap has: number as in ZONE_NODE; watermark */
	FIXHEAP_SEGMENT_PLACE_NODE,
	FIXHEAP_SEGMENT_PLACE_LOW, /* pages, with RECLAIM */
	/* by 512 pages: free ones, where some are free and some are not, else
	 * 0; and the placement of such a one */
	FIXHEAP_SEGMENT_BLOCK_FREE,
	FIXHEAP_SEGMENT_BLOCK_PLACEMENT,
	/* by class of slabs: bytes of an object, of a slab; with JEMALLOC */
	FIXHEAP_SEGMENT_CLASS_OBJECT,
	FIXHEAP_SEGMENT_CLASS_SLAB,
	/* by page, of an array: bits 0-2 enum fixheap_policy; bit 54 clear:
	 * bits 4-13 its set of nodes.  By set: places 0 to 63, from 64 on */
	FIXHEAP_SEGMENT_POLICY_OF,
	FIXHEAP_SEGMENT_SET_LOW,
	FIXHEAP_SEGMENT_SET_HIGH,
	FIXHEAP_SEGMENT_NR_COLUMNS
};

struct fixheap_segment_column {
	uint64_t at;	 /* byte of the file where it begins */
	uint64_t nr;	 /* numbers */
	uint32_t stride; /* bytes from each to the next */
	uint32_t width;	 /* bytes of each */
};

struct fixheap_segment {
	uint64_t magic; /* FIXHEAP_SEGMENT_MAGIC; 0: still being made */
	uint32_t version;
	uint32_t page_shift; /* a page has 1 << page_shift bytes */
	uint64_t bytes;	     /* of the file */
	uint64_t image;	     /* of the program that was run, by chance */
	uint64_t made_ns;    /* when, since 1970 */
	uint64_t origin;     /* address of page 0, see above */
	uint32_t pid; /* in its namespace; locked (flock) while it lives */
	uint32_t nr_columns; /* FIXHEAP_SEGMENT_NR_COLUMNS of the writer */
	char program[16];    /* its name, ends with 0 */
	struct fixheap_segment_column column[FIXHEAP_SEGMENT_NR_COLUMNS];
};

/*
 * fixheap_segment_path - where the metadata of a heap can be read
 *
 * Context: any thread.  The text lives as long as the heap.
 * Return: the name of the file, in a child made by fork /proc/PID/fd/NUMBER;
 * NULL: the heap was made without FIXHEAP_SHARE, or there could be no file for
 * this child.
 */
const char *fixheap_segment_path(const struct fixheap *heap);

/*
 * fixheap_segment_hide - remove that file's name, or close the descriptor
 *
 * From then on nobody can begin to read.  fixheap_destroy and exit(3) do it,
 * too; a program that ends by _exit(2) may do it before.
 * Context: any thread, a signal handler, too.  Keeps errno.
 */
void fixheap_segment_hide(struct fixheap *heap);

#ifdef __cplusplus
}
#endif

#endif
