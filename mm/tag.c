/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * tag.c: what the program says a run is for.
 *
 * The tag of a run stands in a table, at its first page; runs without one have
 * 0 there.  Runs are counted where they get their head and lose it, in
 * runmap.c, so that whatever cuts, joins or moves them, the counts are right.
 * Until a heap sees its first tag, none of this is done.
 *
 * Locking: none; who writes a tag owns the page.  Cost: three atomic adds for
 * each run that begins or ends, and 2 bytes of metadata for each.
 */
#include "tag.h"

#include <errno.h>

__thread u32 tag_of_thread __attribute__((tls_model("initial-exec")));

size_t tag_bytes(u64 nr_pages)
{
	return nr_pages * sizeof(u16);
}

size_t tag_count_bytes(void)
{
	return FIXHEAP_NR_TAGS * sizeof(struct tag_count);
}

void tag_begin(struct fixheap *heap, u32 tag)
{
	if (tag && !__atomic_load_n(&heap->tagged, __ATOMIC_RELAXED))
		__atomic_store_n(&heap->tagged, 1, __ATOMIC_RELEASE);
}

void tag_add(struct fixheap *heap, u64 pfn, u64 nr_pages, int sign)
{
	u32 tag = tag_of(heap, pfn);
	struct tag_count *count = &heap->tag_count[tag];
	u64 now, peak;

	if (!tag)
		return;
	__atomic_add_fetch(&count->nr_runs, (u64)(i64)sign, __ATOMIC_RELAXED);
	if (sign < 0) {
		__atomic_sub_fetch(&count->nr_pages, nr_pages,
				   __ATOMIC_RELAXED);
		return;
	}
	now = __atomic_add_fetch(&count->nr_pages, nr_pages, __ATOMIC_RELAXED);
	peak = __atomic_load_n(&count->peak_pages, __ATOMIC_RELAXED);
	while (now > peak && !__atomic_compare_exchange_n(
				     &count->peak_pages, &peak, now, true,
				     __ATOMIC_RELAXED, __ATOMIC_RELAXED))
		;
}

int fixheap_set_tag(unsigned tag)
{
	u32 old = tag_of_thread;

	if (tag >= FIXHEAP_NR_TAGS)
		return -EINVAL;
	tag_of_thread = tag;
	return (int)old;
}

int fixheap_tags(struct fixheap *heap,
		 int (*fn)(void *data, const struct fixheap_tag *tag),
		 void *data)
{
	int ret = 0;

	for (u32 i = 1; i < FIXHEAP_NR_TAGS && heap->tagged && !ret; i++) {
		const struct tag_count *count = &heap->tag_count[i];
		struct fixheap_tag tag = { .size = sizeof(tag), .tag = i };

		tag.peak_bytes =
			__atomic_load_n(&count->peak_pages, __ATOMIC_RELAXED)
			<< PAGE_SHIFT;
		tag.live_bytes =
			__atomic_load_n(&count->nr_pages, __ATOMIC_RELAXED)
			<< PAGE_SHIFT;
		tag.nr_live =
			__atomic_load_n(&count->nr_runs, __ATOMIC_RELAXED);
		if (tag.peak_bytes)
			ret = fn(data, &tag);
	}
	return ret;
}
