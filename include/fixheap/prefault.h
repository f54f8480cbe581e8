/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap/prefault.h: to have a heap's memory there before it is used.
 * Included by <fixheap/fixheap.h>.
 *
 * A system gives memory page by page, where it is touched first; fixheap never
 * touches free pages.  Who would rather wait at start-up, or needs the pages in
 * place to register them, touches the heap beforehand.
 */
#ifndef FIXHEAP_PREFAULT_H
#define FIXHEAP_PREFAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fixheap;

/* fixheap_prefault.flags */
/* return at once: a thread of the library's own goes on with it */
#define FIXHEAP_PREFAULT_BACKGROUND 0x1u
/* do not ask for transparent huge pages; else they are asked for before pages
 * are touched, but on a pinned heap and for what the comm layer gave */
#define FIXHEAP_PREFAULT_NO_HUGEPAGES 0x2u

struct fixheap_prefault {
	size_t size; /* sizeof(struct fixheap_prefault) */
	unsigned flags;
	unsigned nr_threads; /* 0: one for each CPU; at most 256 */
	/* NULL, or told bytes that are done, of all: at the beginning, each
	 * 128th part and at the end, by one thread at a time, not always the
	 * same, and without locks.  A result other than 0 stops it.  It may
	 * call any function of this library but fixheap_destroy,
	 * fixheap_prefault and fixheap_prefault_wait */
	int (*progress)(void *data, size_t done, size_t total);
	void *data; /* first argument of progress */
};
#define FIXHEAP_PREFAULT_INIT                                  \
	{                                                      \
		sizeof(struct fixheap_prefault), 0, 0, NULL, 0 \
	}

/*
 * fixheap_prefault - bring all pages of a heap into memory, where they belong
 *
 * how NULL: the defaults.  Starts up to nr_threads threads, bound to those CPUs
 * of the heap's nodes that the caller may use, which touch the pages of their
 * node, and waits for them; pages of a node that has no thread are touched by
 * any.  With one thread and one node it is the caller who touches.  Contents
 * are kept, whoever uses the pages meanwhile; what reads as zero still does.
 * The order is that in which allocation takes pages: from both ends of each
 * node's part to its middle; so what is allocated while it goes on is in memory
 * already, if it is not faster.
 *
 * Pages that an earlier call has brought are not touched again, so that a call
 * goes on where one ended that was stopped or has failed.  Left out are arrays
 * made with FIXHEAP_FRESH, regions of one array (they are touched when they are
 * registered), and regions that are being taken out; those that are added later
 * are for the next call.
 *
 * Context: any thread; others may call anything but fixheap_destroy.  On a
 * pinned heap pages are touched, without any call that changes the mapping.
 * Signals sent to the process are not delivered on the threads.  A child of
 * fork has no such threads: there it is as if it had been stopped.
 * Cost: a thread each, 60 us; for each 2 MiB a call into the kernel and the
 * pages' faults; 16 KiB for each 1,024 parts that are not of one node.
 * Return: 0: all are there, or with _BACKGROUND: it has begun;
 * -ECANCELED: stopped; -EBUSY: another call is at work; -EINVAL: an unknown
 * flag or size; -ENOMEM: the system has no more memory, or no room for the
 * books; -EAGAIN: _BACKGROUND, and no thread could be started; -EFAULT: memory
 * that cannot be touched, such as hugetlb pages that a node does not have.
 */
int fixheap_prefault(struct fixheap *heap, const struct fixheap_prefault *how);

/*
 * fixheap_prefault_wait - wait for the one that is at work
 *
 * Context: any thread.  Return: what the last one returned, or returns now; 0
 * if there was none.
 */
int fixheap_prefault_wait(struct fixheap *heap);

/*
 * fixheap_prefault_cancel - stop the one that is at work
 *
 * Does not wait for its end, which comes after 2 MiB for each thread, or a page
 * where these are larger.  fixheap_destroy does both.
 * Context: any thread, and any place: it sets a flag.
 */
void fixheap_prefault_cancel(struct fixheap *heap);

/* --- huge pages ----------------------------------------------------------- */

struct fixheap_config;

struct fixheap_hugetlb {
	size_t size;	   /* sizeof(struct fixheap_hugetlb) */
	size_t page_bytes; /* of the pages asked for; 0: none are */
	uint64_t needed;   /* pages, for the memory that the heap begins with */
	uint64_t free;	   /* that can still be promised */
	uint64_t total;	   /* that the pool has */
	/* what there is, and what to do about it, in a line: "9 pages of 2 MiB
	 * are free, 16 needed: echo 23 > /sys/..."; "": nothing */
	char advice[160];
};

/*
 * fixheap_check_hugetlb - whether there are the huge pages for such a heap
 *
 * For a message when fixheap_create has failed with -ENOMEM, or before; others
 * may take the pages in between.
 * Context: any thread.  Cost: some file reads.
 * Return: 0: yes, or it asks for none; -ENOMEM: too few are free; -ENODEV: the
 * system has no such pages; -EINVAL: a size unknown, or a config that
 * fixheap_create refuses.  Of what is not -EINVAL the fields are filled in.
 */
int fixheap_check_hugetlb(const struct fixheap_config *config,
			  struct fixheap_hugetlb *pool);

/*
 * fixheap_mapping_page - size of the pages that the heap is mapped with
 *
 * Of its first region: 2 MiB or 1 GiB with hugetlb, else the system's page;
 * also with transparent huge pages, which come and go.
 * Context: any thread, no lock.  Cost: for memory that was not mapped here the
 * system is asked: some file reads for each mapping of the process.
 */
size_t fixheap_mapping_page(const struct fixheap *heap);

#ifdef __cplusplus
}
#endif

#endif
