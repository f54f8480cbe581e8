/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * grow.c: more memory, from the comm layer or from the system.
 *
 * A region passes these stations: asked for, touched, registered, part of the
 * heap; when one of them fails, it goes back by the way it came.  What fails is
 * reported to the comm layer's own function, and is fatal only if it says so.
 *
 * Invariants
 *  1. No byte is registered twice, and none is used before.
 *  2. The heap has no more than max_pages and max_ranges.
 *
 * Locking: ask_lock, so that two threads that find the heap full do not both
 * make it larger; no lock of zones or caches is held, as callbacks may free.
 * Cost: the comm layer's, and range_add.
 */
#include "grow.h"

#include "binding.h"
#include "config.h"
#include "heap.h"
#include "ready.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define PIECE_BYTES (4 * BLOCK_BYTES)

void comm_failed(const struct fixheap_comm *comm, const char *call,
		 const char *what, const struct range *range, int error)
{
	const struct fixheap_comm_failure failure = { .size = sizeof(failure),
						      .call = call,
						      .what = what,
						      .base = range->base,
						      .bytes = range->bytes,
						      .error = error };
	char text[200];
	int n;

	if (!comm)
		return;
	if (!(comm->flags & FIXHEAP_COMM_HALT)) {
		if (comm->failed)
			comm->failed(comm->data, &failure);
		return;
	}
	n = snprintf(text, sizeof(text),
		     "fixheap: comm layer: %s(%p, %zu bytes): %s (error %d)\n",
		     call, (void *)range->base, range->bytes, what, error);
	host_print(text, (size_t)n);
	host_abort();
}

int comm_check(const struct fixheap_config *config)
{
	const struct fixheap_comm *comm = config->comm;
	size_t bytes;

	if (!comm)
		return config->mode == FIXHEAP_DYNAMIC ? -EINVAL : 0;
	if (comm->size != sizeof(*comm) ||
	    comm->flags & ~(FIXHEAP_COMM_NO_CROSSING | FIXHEAP_COMM_HALT |
			    FIXHEAP_COMM_ZEROED) ||
	    (comm->page_size && !is_pow2(comm->page_size)) ||
	    (config->mode == FIXHEAP_DYNAMIC && !comm->region_alloc))
		return -EINVAL;
	return comm->max_heap ? fixheap_parse_size(comm->max_heap, &bytes) : 0;
}

int comm_alloc(const struct fixheap_config *config, size_t bytes, int node,
	       struct range *range)
{
	const struct fixheap_comm *comm = config->comm;

	range->bytes = bytes;
	range->base = NULL;
	if (config->mode == FIXHEAP_SIMPLE) {
		range->source = RANGE_HOST;
		range->zeroed = true;
		range->base = config_map(config->flags, bytes);
	} else {
		range->source = RANGE_COMM;
		range->key = FIXHEAP_KEY_NONE;
		range->zeroed = comm->flags & FIXHEAP_COMM_ZEROED;
		range->base = comm->region_alloc(comm->data, bytes, node);
	}
	if (range->base && (uintptr_t)range->base + bytes > bytes)
		return 0;
	comm_failed(comm, "region_alloc",
		    range->base ? "memory that wraps" : "no memory", range,
		    ENOMEM);
	range->base = NULL;
	return -ENOMEM;
}

/* --- touch ---------------------------------------------------------------- */

struct touch {
	char *base;
	size_t bytes;
	size_t next; /* (A) */
};

static void touch_pieces(void *data, u32 i)
{
	struct touch *touch = data;
	size_t at, end;

	(void)i;
	for (;;) {
		at = __atomic_fetch_add(&touch->next, PIECE_BYTES,
					__ATOMIC_RELAXED);
		if (at >= touch->bytes)
			return;
		end = min_u64(at + PIECE_BYTES, touch->bytes);
		touch_pages(touch->base + at, touch->base + end);
	}
}

static void touch_range(const struct fixheap_comm *comm,
			const struct range *range)
{
	char *start = (char *)round_up((uintptr_t)range->base, HOST_PAGE_MIN);
	struct touch touch = { start, 0, 0 };
	u32 number[256] = { 0 };
	u32 nr = (u32)min_u64(comm->touch_threads, ARRAY_LEN(number));

	if (comm->touch) {
		comm->touch(comm->data, range->base, range->bytes);
		return;
	}
	if (start >= range->base + range->bytes)
		return;
	touch.bytes = (size_t)(range->base + range->bytes - start);
	for (u32 i = 0; i < nr; i++)
		number[i] = NODE_IDS;
	if (nr && host_run_threads(nr, number, touch_pieces, &touch))
		touch_pieces(&touch, 0);
}

int comm_register(const struct fixheap_comm *comm, struct range *range)
{
	int ret;

	range->pending = false;
	if (!comm)
		return 0;
	/* or the program has touched it */
	if (!range->post)
		touch_range(comm, range);
	if (!comm->post_alloc)
		return 0;
	ret = comm->post_alloc(comm->data, range->base, range->bytes,
			       &range->key);
	if (ret)
		comm_failed(comm, "post_alloc", "not registered", range, -ret);
	return ret;
}

void comm_free(const struct fixheap_comm *comm, const struct range *range)
{
	if (range->source == RANGE_HOST)
		host_unmap(range->base, range->bytes);
	if (range->source != RANGE_COMM)
		return;
	if (comm->region_free && !comm->region_free(comm->data, range->base,
						    range->bytes, range->key))
		comm_failed(comm, "region_free", "not taken back", range,
			    EINVAL);
}

void range_release(struct fixheap *heap, const struct range *range)
{
	uintptr_t page = heap->mapping_page ? heap->mapping_page : PAGE_BYTES;
	uintptr_t start = round_up((uintptr_t)range->base, page);
	uintptr_t end = round_down((uintptr_t)range->base + range->bytes, page);

	const struct bounds pages = { range->start_pfn, range->end_pfn };

	/* of one that was never part of the heap: no pages */
	touching_wait(heap, &pages);
	if (heap->bind && range->source != RANGE_HOST && start < end)
		host_bind((void *)start, end - start, HOST_POLICY_LOCAL, NULL);
	comm_free(heap->comm, range);
}

/* --- more ----------------------------------------------------------------- */

/* Pages that the heap may have more. */
static u64 grow_room(const struct fixheap *heap)
{
	u64 nr = __atomic_load_n(&heap->nr_pages, __ATOMIC_RELAXED);

	/* what was isolated may have come back when others had its room */
	return heap->max_pages - min_u64(nr, heap->max_pages);
}

/* What it has for a request of so many pages, in bytes; 0: nothing. */
static size_t more_bytes(const struct fixheap *heap,
			 const struct run_request *req)
{
	const struct fixheap_comm *comm = heap->comm;
	u64 unit =
		max_u64(comm ? comm->page_size : 0, config_unit(heap->flags));
	u64 room = round_down(grow_room(heap) << PAGE_SHIFT, unit);
	u64 nr = req->nr_pages;

	if (heap->mode == FIXHEAP_DYNAMIC || req->align > BLOCK_PAGES)
		nr += req->align - 1;
	if (nr > room >> PAGE_SHIFT)
		return 0;
	if (heap->mode == FIXHEAP_DYNAMIC)
		nr += SPARE_PAGES;
	nr = max_u64(nr << PAGE_SHIFT, heap->extend_bytes);
	return min_u64(round_up(nr, unit), room);
}

/* The heap's node that a region for the request is on. */
static u32 node_for(const struct fixheap *heap, const struct run_request *req)
{
	u32 id = req->near ? req->near - 1 : heap_this_node(heap);

	if (req->node != NODE_ANY)
		return req->node;
	for (u32 i = 0; i < heap->nr_nodes; i++) {
		u32 n = heap->nodelist[id][i];

		if (!req->nodes || req->nodes >> n & 1)
			return n;
	}
	return heap->nodelist[id][0];
}

int grow_place(struct fixheap *heap, const struct range *range, u32 n)
{
	const struct node *node = &heap->node[n];
	uintptr_t start = round_up((uintptr_t)range->base, heap->mapping_page);
	uintptr_t end = round_down((uintptr_t)range->base + range->bytes,
				   heap->mapping_page);
	struct nodemask mask;

	if (!heap->bind || node->kind != NODE_REAL || start >= end)
		return 0;
	/* who touched it would be killed */
	if (range->source == RANGE_HOST &&
	    heap->host_policy == HOST_POLICY_BIND &&
	    host_node_free(heap->topo.number[node->id], heap->mapping_page) <
		    end - start)
		return -ENOSPC;
	mask = nodemask_of(heap->topo.number[node->id]);
	return host_bind((void *)start, end - start, heap->host_policy, &mask);
}

int grow_number(const struct fixheap *heap, u32 n)
{
	return heap->node[n].kind == NODE_REAL
		       ? heap->topo.number[heap->node[n].id]
		       : -1;
}

static u64 range_size(struct fixheap *heap, u32 id)
{
	u64 nr;

	spin_lock(&heap->region.lock);
	nr = heap->range[id].end_pfn - heap->range[id].start_pfn;
	spin_unlock(&heap->region.lock);
	return nr;
}

int grow_ask(struct fixheap *heap, size_t bytes, u32 n, struct range *range)
{
	const struct fixheap_config config = { .mode = heap->mode,
					       .flags = heap->flags,
					       .comm = heap->comm };
	int ret;

	if (comm_alloc(&config, bytes, grow_number(heap, n), range))
		return -ENOMEM;
	if (registry_overlaps(range->base, range->bytes)) {
		comm_failed(heap->comm, "region_alloc",
			    "memory that is in use already", range, EEXIST);
		return -ENOMEM;
	}
	ret = grow_place(heap, range, n);
	if (!ret && !range->pending)
		ret = comm_register(heap->comm, range);
	if (!ret)
		return 0;
	range_release(heap, range);
	return -ENOMEM;
}

/* ask_lock is held. */
static int more_locked(struct fixheap *heap, const struct run_request *req)
{
	struct range range = { .key = 0 };
	size_t bytes = more_bytes(heap, req);
	u32 n = node_for(heap, req);
	int id;

	if (!bytes || !ranges_have_room(heap, bytes >> PAGE_SHIFT))
		return -ENOMEM;
	if (grow_ask(heap, bytes, n, &range))
		return -ENOMEM;
	id = registry_range_add(heap, &range, n);
	if (id < 0) {
		comm_failed(heap->comm, "region_alloc",
			    "memory that cannot be used", &range, -id);
		range_release(heap, &range);
		return -ENOMEM;
	}
	__atomic_add_fetch(&heap->nr_asked, 1, __ATOMIC_RELAXED);
	/* to ask again and again would not help */
	return range_size(heap, (u32)id) < req->nr_pages ? -ENOMEM : 0;
}

int heap_more(struct fixheap *heap, const struct run_request *req, u64 nr_asked)
{
	int ret = 0;

	if (heap->mode == FIXHEAP_FIXED)
		return -ENOMEM;
	spin_lock(&heap->ask_lock);
	if (heap->nr_asked == nr_asked)
		ret = more_locked(heap, req);
	spin_unlock(&heap->ask_lock);
	return ret;
}

/* --- public --------------------------------------------------------------- */

/* The heap's node with the kernel's number; negative: where the caller is. */
static int find_node(const struct fixheap *heap, int number)
{
	u32 n;

	if (heap->nr_zones == 1 && number < 0)
		return 0;
	if (number < 0)
		return heap->nodelist[heap_this_node(heap)][0];
	n = heap_find_node(heap, number);
	return n < PLACES_MAX ? (int)n : -ENODEV;
}

int fixheap_add_region(struct fixheap *heap, struct fixheap_region *region)
{
	struct range range = { .source = RANGE_CALLER };
	int node = -1, ret = 0, n, id;
	void *first;

	if (!region || region->size != sizeof(*region) || !region->base ||
	    region->flags & ~FIXHEAP_REGION_ZEROED ||
	    (uintptr_t)region->base + region->bytes < (uintptr_t)region->base ||
	    region->bytes < PAGE_BYTES)
		return -EINVAL;
	if (heap_is_deterministic(heap))
		return -ENOTSUP;
	if (!heap_can_grow(heap))
		return -ENOSPC;
	range.base = region->base;
	range.bytes = region->bytes;
	range.key = region->key;
	range.zeroed = region->flags & FIXHEAP_REGION_ZEROED;
	node = region->node;
	first = (void *)round_up((uintptr_t)region->base, PAGE_BYTES);
	if (node < 0 && heap->mapping_page)
		host_nodes_of(&first, &node, 1);
	n = find_node(heap, node);
	if (n < 0)
		return n;
	if (registry_overlaps(range.base, range.bytes))
		return -EINVAL;
	/* what is in memory is where it is, if nobody says otherwise */
	if (region->node >= 0 || node < 0)
		ret = grow_place(heap, &range, (u32)n);
	id = ret ? -EACCES : registry_range_add(heap, &range, (u32)n);
	if (id < 0) {
		range_release(heap, &range);
		return id;
	}
	region->id = (unsigned)id;
	return 0;
}
