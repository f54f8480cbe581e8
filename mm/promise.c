/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * promise.c: what nodes have promised to a heap that is bound.
 *
 * The memory of a zone is promised to the heap by its node, touched or not, and
 * wherever its pages are just now: they come home when they are freed.
 * heap->spare is what the node had free beyond that when the heap was made,
 * heap->beyond what the heap has of that.
 *
 * Where an array made with FIXHEAP_FRESH is, decides who touches it: it needs
 * what it has from every node that a CPU takes memory from.
 *
 * Invariant: as long as beyond <= spare, no touch of a page can fail; unless
 * other programs take the memory.  So it is looked up, too, what is free now.
 *
 * Locking: none, the books are atomic.  Cost: O(parts of the array), and a look
 * at each node that shall give something, 60 us.
 */
#include "promise.h"

#include "binding.h"

#define SLACK 32

/* Anybody may touch them: any node that a CPU takes memory from may have to
 * give them. */
static void add_any(const struct fixheap *heap, int home, long nr_pages,
		    struct need *need)
{
	if (heap->host_policy != HOST_POLICY_BIND)
		return;
	for (u32 n = 0; n < heap->nr_nodes; n++) {
		u32 id = heap->node[n].id;

		if (heap->node[n].kind == NODE_REAL && (int)id != home &&
		    heap->local_nodes >> id & 1)
			need->nr_pages[id] += nr_pages;
	}
}

void promise_add(const struct fixheap *heap, const struct run *run,
		 node_at_fn node_at, const void *array, struct need *need)
{
	u64 end;

	for (u64 at = run->pfn; at < run->pfn + run->nr_pages; at = end) {
		u64 home_end;
		int node = node_at(heap, array, at, &end);
		int home = home_node(heap, at, &home_end);

		end = min_u64(min_u64(end, home_end), run->pfn + run->nr_pages);
		if (node < 0)
			add_any(heap, home, (long)(end - at), need);
		else if (node != home)
			need->nr_pages[node] += (long)(end - at);
	}
}

/* What the node has free now, and has not promised: that is an estimate, so it
 * is taken a little low. */
static void look_up(const struct fixheap *heap, u32 id, struct room *room)
{
	u64 nr = host_node_free(heap->topo.number[id], heap->mapping_page) >>
		 PAGE_SHIFT;
	u64 taken;

	if (!room->counted)
		registry_untouched(heap, &heap->topo, heap->mapping_page,
				   room->taken);
	room->counted = true;
	taken = room->taken[id] - room->taken[id] / SLACK;
	room->nr_pages[id] = (long)(nr - min_u64(nr, taken));
	room->known |= 1ull << id;
}

static bool has_room(const struct fixheap *heap, const struct need *need,
		     struct room *room)
{
	for (u32 id = 0; id < NODES_MAX; id++) {
		if (need->nr_pages[id] <= 0)
			continue;
		if (!(room->known >> id & 1))
			look_up(heap, id, room);
		if (need->nr_pages[id] > room->nr_pages[id])
			return false;
	}
	return true;
}

/* Take it back for the nodes below ids. */
static void unreserve(struct fixheap *heap, const struct need *need, u32 ids)
{
	for (u32 id = 0; id < ids; id++)
		__atomic_sub_fetch(&heap->beyond[id], need->nr_pages[id],
				   __ATOMIC_RELAXED);
}

/* Promise it, if all nodes have it. */
static bool reserve(struct fixheap *heap, const struct need *need)
{
	for (u32 id = 0; id < NODES_MAX; id++) {
		long beyond = __atomic_add_fetch(&heap->beyond[id],
						 need->nr_pages[id],
						 __ATOMIC_RELAXED);

		if (need->nr_pages[id] > 0 && beyond > heap->spare[id]) {
			unreserve(heap, need, id + 1);
			return false;
		}
	}
	return true;
}

bool promise_make(struct fixheap *heap, const struct need *need,
		  struct room *room)
{
	return has_room(heap, need, room) && reserve(heap, need);
}

void promise_end(struct fixheap *heap, const struct need *need)
{
	unreserve(heap, need, NODES_MAX);
}
