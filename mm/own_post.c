/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * own_post.c: the region of one array is registered after it was made, or once
 * more, as it has changed.
 *
 * Locking: ask_lock around callbacks, the region lock for the books.  Cost: the
 * comm layer's.
 */
#include "grow.h"
#include "runmap.h"

#include <errno.h>

int own_register_again(const struct fixheap_comm *comm, struct range *range)
{
	int ret = 0;

	if (comm->post_realloc)
		ret = comm->post_realloc(comm->data, range->old_base,
					 range->old_bytes, range->base,
					 range->bytes, &range->key);
	if (ret)
		comm_failed(comm, "post_realloc", "not registered", range,
			    -ret);
	return ret;
}

/* ask_lock is held.  The range was read without a lock, but is the array's. */
static int post_locked(struct fixheap *heap, u32 id, struct range *range)
{
	const struct fixheap_comm *comm = heap->comm;
	struct range changed;
	int ret;

	if (range->old_base)
		ret = own_register_again(comm, range);
	else
		ret = comm_register(comm, range);
	if (ret)
		return ret;
	spin_lock(&heap->region.lock);
	changed = heap->range[id];
	changed.pending = false;
	changed.key = range->key;
	range_change_locked(heap, id, &changed);
	spin_unlock(&heap->region.lock);
	return 0;
}

int fixheap_array_post_alloc(struct fixheap *heap, void *array)
{
	u64 pfn = addr_to_pfn(heap, array);
	struct range range;
	struct run run;
	u64 page;
	int ret = 0;
	u32 id;

	if (!pfn_valid(heap, pfn) || !run_find(heap, pfn, &run, &page) ||
	    page_kind(page) != PAGE_ARRAY ||
	    pfn_to_addr(heap, run.pfn) != array)
		return -EINVAL;
	if (heap->mode != FIXHEAP_DYNAMIC)
		return 0;
	spin_lock(&heap->ask_lock);
	if (range_read(heap, pfn, &range, &id) && range.pending)
		ret = post_locked(heap, id, &range);
	spin_unlock(&heap->ask_lock);
	return ret;
}
