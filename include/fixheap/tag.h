/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fixheap/tag.h: what memory is for, in the program's own numbers.
 * Included by <fixheap/fixheap.h>.
 *
 * Arrays, page runs and objects above 14,336 bytes can have a tag, 1 to 1,023;
 * 0 is none.  That of the attribute counts, and where it says none, that of
 * the calling thread.  An array keeps its tag when it grows or moves.  Smaller
 * objects share pages, and have none.  In a library without TAGS all of this
 * does nothing: fixheap_set_tag and fixheap_tags fail with -ENOTSUP.
 */
#ifndef FIXHEAP_TAG_H
#define FIXHEAP_TAG_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fixheap;

#define FIXHEAP_NR_TAGS 1024

/*
 * fixheap_set_tag - the tag of what the calling thread allocates from now on
 *
 * In all heaps.  A new thread has none.  Cost: two instructions.
 * Return: the one before; -EINVAL: too large, and nothing is changed.
 */
int fixheap_set_tag(unsigned tag);

struct fixheap_tag {
	size_t size; /* sizeof(struct fixheap_tag) */
	unsigned tag;
	size_t live_bytes; /* whole pages; what tickets hold, too */
	size_t peak_bytes; /* the most there were at a time */
	uint64_t nr_live;  /* runs; a part of one that was cut counts as one */
};

/*
 * fixheap_tags - call fn with data for each tag that was used, by number
 *
 * Context: any thread; fn runs without locks.  Cost: O(FIXHEAP_NR_TAGS).
 * Return: 0, or what fn returned: anything but 0 ends the walk.
 */
int fixheap_tags(struct fixheap *heap,
		 int (*fn)(void *data, const struct fixheap_tag *tag),
		 void *data);

#ifdef __cplusplus
}
#endif

#endif
