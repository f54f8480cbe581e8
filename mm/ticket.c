/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ticket.c: arrays that are set aside before they are needed.
 *
 * A ticket is the name of an array that nobody has: made as any other, by the
 * same rules, but of another kind, so that no call but those with its ticket
 * touches it.  To use it is to write one descriptor; so it cannot fail.
 *
 * The number: bits 0-32 are the page number + 1, bits 40-49 the stamp of the
 * array's age, by which a ticket that has ended is told from a later one of
 * the same page; but for one in 1,024, which then ends that other ticket.
 *
 * Locking: the region lock for the descriptor.  Cost: as array.c.
 */
#include "ticket.h"

#include "page_owner.h"
#include "tag.h"

#include <errno.h>

#define STAMP_SHIFT 40
#define PFN_MASK ((1ull << STAMP_SHIFT) - 1)

static u64 ticket_of(u64 pfn, u64 page)
{
	return (pfn + 1) | page_stamp(page) << STAMP_SHIFT;
}

static u64 with_kind(u64 page, enum page_kind kind)
{
	return (page & ~PAGE_KIND_MASK) | kind;
}

/* Let the array be an array again, if there is such a ticket for so many
 * pages.  0, -EINVAL: not so many; -ENOENT: no such ticket. */
static int redeem(struct fixheap *heap, u64 ticket, u64 nr_pages,
		  struct run *run)
{
	struct region *region = &heap->region;
	int ret = -ENOENT;
	u64 page;

	run->pfn = (ticket & PFN_MASK) - 1;
	if (!pfn_valid(heap, run->pfn))
		return ret;
	spin_lock(&region->lock);
	page = page_read(&heap->page[run->pfn]);
	run->nr_pages = page_len(page);
	if (page_kind(page) == PAGE_TICKET &&
	    ticket_of(run->pfn, page) == ticket)
		ret = nr_pages <= run->nr_pages ? 0 : -EINVAL;
	if (!ret)
		page_write(&heap->page[run->pfn], with_kind(page, PAGE_ARRAY));
	spin_unlock(&region->lock);
	if (ret)
		return ret;
	__atomic_sub_fetch(&heap->reserved, run->nr_pages, __ATOMIC_RELAXED);
	heap_account(heap, (long)(run->nr_pages << PAGE_SHIFT));
	return 0;
}

/* As redeem; a ticket that is none is reported. */
static int redeem_or_fault(struct fixheap *heap, const char *api, u64 ticket,
			   u64 nr_pages, struct run *run)
{
	int ret = redeem(heap, ticket, nr_pages, run);

	if (ret == -ENOENT)
		heap_fault(heap, api, "no such ticket",
			   pfn_valid(heap, run->pfn)
				   ? pfn_to_addr(heap, run->pfn)
				   : NULL,
			   0);
	return ret ? -EINVAL : 0;
}

uint64_t fixheap_reserve(struct fixheap *heap, size_t bytes,
			 const struct fixheap_array_attr *attr)
{
	struct run_request req = { .kind = PAGE_ARRAY,
				   .nr_pages = bytes_to_pages(bytes),
				   .placement = PLACE_ARRAY };
	int ret = heap_attr(heap, attr, &req);
	struct region *region = &heap->region;
	void *array;
	u64 pfn, page;

	if (attr && !ret && attr->ticket)
		ret = -EINVAL;
	if (ret) {
		errno = -ret;
		return 0;
	}
	array = heap_alloc_run(heap, &req);
	if (!array)
		return 0;
	page_owner_alloc(heap, array, req.nr_pages, CALLER);
	pfn = addr_to_pfn(heap, array);
	if (req.zero)
		run_set_zero(heap, &(struct run){ pfn, req.nr_pages });
	spin_lock(&region->lock);
	page = with_kind(page_read(&heap->page[pfn]), PAGE_TICKET);
	page_write(&heap->page[pfn], page);
	spin_unlock(&region->lock);
	__atomic_add_fetch(&heap->reserved, page_len(page), __ATOMIC_RELAXED);
	return ticket_of(pfn, page);
}

void fixheap_release(struct fixheap *heap, uint64_t ticket)
{
	static const char api[] = "fixheap_release";
	struct run run;

	if (ticket && !redeem_or_fault(heap, api, ticket, 0, &run))
		heap_free_run(heap, api, pfn_to_addr(heap, run.pfn), PAGE_ARRAY,
			      CALLER);
}

void *ticket_use(struct fixheap *heap, const char *api, u64 ticket,
		 const struct run_request *req)
{
	u64 length = req->nr_pages, page;
	struct run run;
	char *array;

	if (redeem_or_fault(heap, api, ticket, req->nr_pages, &run)) {
		errno = EINVAL;
		return NULL;
	}
	array = pfn_to_addr(heap, run.pfn);
	heap_resize_run(heap, api, array, &length, PAGE_ARRAY);
	tag_begin(heap, req->tag);
	if (req->tag)
		tag_change(heap, run.pfn, page_len(heap->page[run.pfn]),
			   req->tag);
	page = page_read(&heap->page[run.pfn]);
	if (!req->zero || page & PAGE_ZERO_FLAG)
		return array;
	/* with what it keeps beyond what was asked for, as it may grow */
	host_clear(array, page_len(page) << PAGE_SHIFT);
	run_set_zero(heap, &run);
	return array;
}
