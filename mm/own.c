/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * own.c: arrays that have a region of their own.
 *
 * The comm layer gives one for each array from its threshold on, and gets it
 * back when the array is freed.  The array is a run like any other, over all
 * pages of its range; nothing else is ever in there, as long as the array does
 * not shrink.  If it does, its tail is everybody's, and the range leaves when
 * all of it is free.
 *
 * Not for arrays whose alignment the comm layer need not know of, nor for those
 * over several nodes: they lie in ranges that are shared.
 *
 * Locking: ask_lock around callbacks but region_free, the region lock for the
 * books.  Cost: the comm layer's, and range_add.
 */
#include "clear.h"
#include "grow.h"
#include "heap.h"
#include "policy.h"
#include "runmap.h"
#include "tag.h"
#include "trace.h"
#include "zone.h"

#include <errno.h>
#include <string.h>

static bool over_threshold(const struct fixheap *heap, u64 nr_pages)
{
	return heap->mode == FIXHEAP_DYNAMIC && heap->comm->alloc_threshold &&
	       nr_pages << PAGE_SHIFT >= heap->comm->alloc_threshold;
}

/* The heap's node that all of the array shall be on; NODE_ANY: several. */
static u32 node_of(const struct fixheap *heap, const struct run_request *req)
{
	u32 id = req->near ? req->near - 1 : heap_this_node(heap);

	if (req->policy == FIXHEAP_POLICY_INTERLEAVE ||
	    req->policy == FIXHEAP_POLICY_BLOCKED)
		return NODE_ANY;
	for (u32 i = 0; req->nodes && i < heap->nr_nodes; i++) {
		u32 n = heap->nodelist[id][i];

		if (req->nodes >> n & 1)
			return n;
	}
	return heap->nodelist[id][0];
}

bool own_is_wanted(const struct fixheap *heap, const struct run_request *req)
{
	return unlikely(over_threshold(heap, req->nr_pages)) &&
	       req->align << PAGE_SHIFT <=
		       max_u64(heap->comm->page_size, PAGE_BYTES) &&
	       !req->fresh && node_of(heap, req) != NODE_ANY;
}

static size_t region_bytes(const struct fixheap *heap, u64 nr_pages)
{
	return round_up(nr_pages << PAGE_SHIFT,
			max_u64(heap->comm->page_size, PAGE_BYTES));
}

/* Into the heap, as one run of so many pages at least; 0 or -errno, and nothing
 * is changed. */
static int adopt(struct fixheap *heap, const struct range *range, u32 n,
		 u64 nr_pages, struct run *run)
{
	struct region *region = &heap->region;
	int id = registry_range_add(heap, range, n);
	int ret = 0;

	if (id < 0)
		return id;
	spin_lock(&region->lock);
	run->pfn = heap->range[id].start_pfn;
	run->nr_pages = heap->range[id].end_pfn - run->pfn;
	if (run->nr_pages < nr_pages) {
		/* it lost the parts of a page at its ends */
		runmap_clear(region, run);
		region_unclaim(region, run->nr_pages);
		range_del_locked(heap, (u32)id);
		ret = -ERANGE;
	}
	spin_unlock(&region->lock);
	return ret;
}

/* ask_lock is held.  -ERANGE: it was too small once its ends were cut. */
static int try_locked(struct fixheap *heap, const struct run_request *req,
		      size_t bytes, struct range *range, struct run *run)
{
	u32 n = node_of(heap, req);
	int ret;

	if (grow_ask(heap, bytes, n, range))
		return -ENOMEM;
	ret = adopt(heap, range, n, req->nr_pages, run);
	if (ret)
		range_release(heap, range);
	return ret;
}

static int alloc_locked(struct fixheap *heap, const struct run_request *req,
			struct range *range, struct run *run)
{
	size_t bytes = region_bytes(heap, req->nr_pages);
	size_t more = region_bytes(heap, req->nr_pages + SPARE_PAGES);
	int ret = try_locked(heap, req, bytes, range, run);

	if (ret == -ERANGE && ranges_have_room(heap, more >> PAGE_SHIFT))
		ret = try_locked(heap, req, more, range, run);
	if (ret && ret != -ENOMEM)
		comm_failed(heap->comm, "region_alloc",
			    "memory that cannot be used", range, -ret);
	return ret ? -ENOMEM : 0;
}

int own_alloc(struct fixheap *heap, const struct run_request *req,
	      struct run *run)
{
	struct range range = { .own = true,
			       .was_own = true,
			       .post = req->post,
			       .pending = req->post };
	u64 nr = region_bytes(heap, req->nr_pages) >> PAGE_SHIFT;
	int ret = -EAGAIN;

	spin_lock(&heap->ask_lock);
	if (ranges_have_room(heap, nr))
		ret = alloc_locked(heap, req, &range, run);
	spin_unlock(&heap->ask_lock);
	if (ret)
		return ret;
	if (req->policy != FIXHEAP_POLICY_DEFAULT &&
	    !policy_note(heap, run, req, 0)) {
		own_free(heap, run);
		return -ENOMEM;
	}
	tag_change(heap, run->pfn, run->nr_pages, req->tag);
	trace_alloc(heap, run, PAGE_ARRAY);
	heap_account(heap,
		     (long)((run->nr_pages - req->nr_pages) << PAGE_SHIFT));
	if (req->zero && !range.zeroed)
		clear_run(heap, run, (struct zero_range){ 0, 0 }, req->zero);
	return 0;
}

/* The range that the array at pfn is all of; *page: its descriptor. */
static struct range *own_range_locked(struct fixheap *heap, u64 pfn, u64 *page)
{
	struct range *range = range_find_locked(heap, pfn);

	*page = page_read(&heap->page[pfn]);
	if (!range || !range->own || range->start_pfn != pfn ||
	    page_kind(*page) != PAGE_ARRAY ||
	    page_len(*page) != range->end_pfn - pfn)
		return NULL;
	return range;
}

/* Take the array and its range out of the heap. */
static void leave_locked(struct fixheap *heap, struct range *range, u64 page,
			 struct run *run)
{
	*run = (struct run){ range->start_pfn,
			     range->end_pfn - range->start_pfn };
	policy_drop_locked(heap, run->pfn, page);
	runmap_clear(&heap->region, run);
	region_unclaim(&heap->region, run->nr_pages);
	range_del_locked(heap, range_id(heap, range));
}

bool own_free(struct fixheap *heap, struct run *run)
{
	struct region *region = &heap->region;
	struct range *range, left;
	u64 page;

	spin_lock(&region->lock);
	range = own_range_locked(heap, run->pfn, &page);
	if (range && run->nr_pages &&
	    run->nr_pages != range->end_pfn - range->start_pfn)
		range = NULL;
	if (range) {
		left = *range;
		leave_locked(heap, range, page, run);
		trace_free(heap, run, PAGE_ARRAY);
	}
	spin_unlock(&region->lock);
	if (range)
		range_release(heap, &left);
	return range != NULL;
}

/* --- realloc -------------------------------------------------------------- */

/* What the array was, and is to be. */
struct change {
	const struct run *run;
	struct run_request req;
	u64 page;	  /* its descriptor */
	const void *from; /* where region_realloc has put it, */
	size_t bytes;	  /* so much of it */
	u32 node;
};

/* Pages from the nth on, which are more than the array was asked for: they read
 * as zero when it grows. */
static void clear_from(struct fixheap *heap, const struct run *run, u64 nr)
{
	if (nr < run->nr_pages)
		host_clear(pfn_to_addr(heap, run->pfn + nr),
			   (run->nr_pages - nr) << PAGE_SHIFT);
}

/* It is one again: what was noted of it. */
static void note_again(struct fixheap *heap, const struct change *change,
		       const struct run *moved)
{
	u64 old = change->run->nr_pages;

	tag_change(heap, moved->pfn, moved->nr_pages, change->req.tag);
	if (change->req.policy != FIXHEAP_POLICY_DEFAULT)
		policy_note(heap, moved, &change->req, 0);
	if (change->page & PAGE_ZERO_FLAG)
		run_set_zero(heap, moved);
	if (change->req.zero)
		clear_from(heap, moved, min_u64(old, change->req.nr_pages));
	heap_account(heap,
		     ((long)moved->nr_pages - (long)old) * (long)PAGE_BYTES);
}

/* The memory has moved or changed its length: into the heap again. */
static int replace_locked(struct fixheap *heap, struct change *change,
			  const struct range *range)
{
	struct region *region = &heap->region;
	struct range *old;
	struct run moved;
	int ret;

	spin_lock(&region->lock);
	old = own_range_locked(heap, change->run->pfn, &change->page);
	change->node = zone_of(heap, change->run->pfn)->node;
	policy_again(heap, change->run->pfn, change->page, &change->req);
	leave_locked(heap, old, change->page, &moved);
	spin_unlock(&region->lock);
	ret = adopt(heap, range, change->node, range->bytes >> PAGE_SHIFT,
		    &moved);
	if (!ret)
		note_again(heap, change, &moved);
	return ret;
}

/* The heap cannot have all pages of that memory: copy to other memory. */
static void *rescue(struct fixheap *heap, const struct change *change,
		    const struct range *from)
{
	struct range range = { .own = true,
			       .was_own = true,
			       .post = from->post,
			       .pending = from->post };
	struct run moved;

	if (alloc_locked(heap, &change->req, &range, &moved))
		return NULL;
	memcpy(pfn_to_addr(heap, moved.pfn), change->from, change->bytes);
	note_again(heap, change, &moved);
	return pfn_to_addr(heap, moved.pfn);
}

/* Whether region_realloc may be asked: the region is there for the array. */
static bool may_resize(struct fixheap *heap, const struct run *run,
		       struct range *range, size_t bytes)
{
	u32 id;

	return heap->comm->region_realloc &&
	       range_read(heap, run->pfn, range, &id) && range->own &&
	       !range->isolated &&
	       pfn_to_addr(heap, run->pfn) == (void *)range->base &&
	       (bytes <= range->bytes ||
		ranges_have_room(heap, (bytes - range->bytes) >> PAGE_SHIFT));
}

/* ask_lock is held, which keeps the range; *moved as own_realloc. */
static bool resize_locked(struct fixheap *heap, const struct run *run,
			  u64 nr_pages, void **moved)
{
	const struct fixheap_comm *comm = heap->comm;
	size_t bytes = region_bytes(heap, nr_pages);
	struct change change = { .run = run,
				 .req = { .nr_pages = nr_pages, .align = 1 } };
	struct range range;
	void *base;

	if (!may_resize(heap, run, &range, bytes))
		return false;
	base = comm->region_realloc(comm->data, range.base, range.bytes, bytes);
	if (!base)
		return false;
	change.from = base;
	change.bytes = min_u64(range.bytes, bytes);
	/* what was registered last, if anything was */
	if (!range.pending) {
		range.old_base = range.base;
		range.old_bytes = range.bytes;
	}
	range.base = base;
	range.bytes = bytes;
	range.pending = range.post;
	range.above = range.below = 0;
	*moved = range.base;
	/* contents are kept, so that it is used wherever it is */
	grow_place(heap, &range, zone_of(heap, run->pfn)->node);
	if (!range.post)
		own_register_again(comm, &range);
	if (!replace_locked(heap, &change, &range))
		return true;
	*moved = rescue(heap, &change, &range);
	range_release(heap, &range);
	if (!*moved)
		errno = ENOMEM;
	return true;
}

bool own_is_post(struct fixheap *heap, u64 pfn)
{
	struct range range;
	u32 id;

	return range_read(heap, pfn, &range, &id) && range.post;
}

/* The array, which is all of its region, into one that it has to itself. */
static bool move(struct fixheap *heap, const struct run *run, u64 nr_pages,
		 void **moved)
{
	struct run_request req = { .kind = PAGE_ARRAY,
				   .nr_pages = nr_pages,
				   .placement = PLACE_ARRAY };
	u64 page = page_read(&heap->page[run->pfn]);
	struct run old = { run->pfn, 0 }, new;

	heap_attr(heap, NULL, &req);
	policy_again(heap, run->pfn, page, &req);
	req.post = own_is_post(heap, run->pfn);
	if (!own_is_wanted(heap, &req) || own_alloc(heap, &req, &new))
		return false;
	if (req.zero)
		run_set_zero(heap, &new);
	*moved = pfn_to_addr(heap, new.pfn);
	memcpy(*moved, pfn_to_addr(heap, run->pfn),
	       min_u64(nr_pages, run->nr_pages) << PAGE_SHIFT);
	own_free(heap, &old);
	heap_account(heap,
		     ((long)nr_pages - (long)old.nr_pages) * (long)PAGE_BYTES);
	return true;
}

/* Whether the array at run, own: of its own region, need not move between such
 * a region and others to have so many pages. */
static bool stays(struct fixheap *heap, const struct run *run, u64 page,
		  bool own, u64 nr_pages)
{
	struct run_request req = { .nr_pages = nr_pages };

	if (!own && nr_pages <= run->nr_pages)
		return true;
	heap_attr(heap, NULL, &req);
	policy_again(heap, run->pfn, page, &req);
	return own == own_is_wanted(heap, &req);
}

bool own_realloc(struct fixheap *heap, void *array, u64 nr_pages, void **moved)
{
	struct region *region = &heap->region;
	bool own, wanted = over_threshold(heap, nr_pages), done = false;
	struct run run = { addr_to_pfn(heap, array), 0 };
	u64 page;

	*moved = NULL;
	if (heap->mode != FIXHEAP_DYNAMIC || !pfn_valid(heap, run.pfn) ||
	    (uintptr_t)array & (PAGE_BYTES - 1))
		return false;
	spin_lock(&region->lock);
	own = own_range_locked(heap, run.pfn, &page) != NULL;
	run.nr_pages = page_len(page);
	spin_unlock(&region->lock);
	if (page_kind(page) != PAGE_ARRAY)
		return false;
	if (heap->comm->flags & FIXHEAP_COMM_NO_CROSSING &&
	    !stays(heap, &run, page, own, nr_pages)) {
		errno = EXDEV;
		return true;
	}
	if (!own || !wanted)
		return false;
	if (region_bytes(heap, nr_pages) == run.nr_pages << PAGE_SHIFT) {
		if (page & PAGE_ZERO_FLAG)
			clear_from(heap, &run, nr_pages);
		*moved = array;
		return true;
	}
	spin_lock(&heap->ask_lock);
	done = resize_locked(heap, &run, nr_pages, moved);
	spin_unlock(&heap->ask_lock);
	return done || move(heap, &run, nr_pages, moved);
}

u64 own_least(struct fixheap *heap, u64 pfn)
{
	struct range *range;
	u64 nr = 0, page;

	spin_lock(&heap->region.lock);
	range = own_range_locked(heap, pfn, &page);
	if (range && range->pending)
		nr = range->end_pfn - range->start_pfn;
	spin_unlock(&heap->region.lock);
	return nr;
}

void own_shrunk(struct fixheap *heap, u64 pfn)
{
	struct region *region = &heap->region;
	struct range *range, changed;

	spin_lock(&region->lock);
	range = range_find_locked(heap, pfn);
	if (range && range->own) {
		changed = *range;
		changed.own = false;
		range_change_locked(heap, range_id(heap, range), &changed);
	}
	spin_unlock(&region->lock);
}

/* --- public --------------------------------------------------------------- */

bool fixheap_array_can_realloc(struct fixheap *heap, const void *array,
			       size_t bytes)
{
	struct run run = { .pfn = addr_to_pfn(heap, array) };
	bool own;
	u64 page;

	if (heap->mode != FIXHEAP_DYNAMIC || !pfn_valid(heap, run.pfn))
		return true;
	spin_lock(&heap->region.lock);
	own = own_range_locked(heap, run.pfn, &page) != NULL;
	spin_unlock(&heap->region.lock);
	run.nr_pages = page_len(page);
	return page_kind(page) != PAGE_ARRAY ||
	       stays(heap, &run, page, own, bytes_to_pages(bytes));
}
