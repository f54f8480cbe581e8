/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * registry.c: the heaps of this process, for two things that concern them
 * all: no two may overlap, and fork must find them at rest.
 *
 * This list is the library's one writable global beside what jemalloc needs.
 *
 * Locking: `lock` guards the list and comes before the locks of the heaps.
 * Around fork all of them are held, so that the child's copy of every heap
 * is whole; the child owns the locks then, as the thread that forked.
 * Cost: O(heaps), at creation, destruction and fork only.
 */
#include "heap.h"

#include "layout.h"
#include "pcp.h"
#include "prefault.h"
#include "ranges.h"
#include "share.h"

#include <errno.h>

static spinlock_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct fixheap *first;

/* Whether the heap has some of this memory. */
static bool has_some(struct fixheap *heap, const char *base, size_t bytes)
{
	const struct range *range = NULL;
	bool found = false;

	spin_lock(&heap->region.lock);
	while (!found && (range = range_next_locked(heap, range)))
		found = base < range->base + range->bytes &&
			range->base < base + bytes;
	spin_unlock(&heap->region.lock);
	return found;
}

static bool overlaps_locked(const void *base, size_t bytes)
{
	for (struct fixheap *heap = first; heap; heap = heap->next) {
		if (has_some(heap, base, bytes))
			return true;
	}
	return false;
}

bool registry_overlaps(const void *base, size_t bytes)
{
	bool found;

	spin_lock(&lock);
	found = overlaps_locked(base, bytes);
	spin_unlock(&lock);
	return found;
}

int registry_range_add(struct fixheap *heap, const struct range *want, u32 node)
{
	int id = -EINVAL;

	spin_lock(&lock);
	if (!overlaps_locked(want->base, want->bytes))
		id = range_add(heap, want, node);
	spin_unlock(&lock);
	return id;
}

int registry_add(struct fixheap *heap)
{
	int ret = 0;

	spin_lock(&lock);
	if (overlaps_locked(heap->base, heap->length))
		ret = -EINVAL;
	if (!ret) {
		heap->next = first;
		first = heap;
	}
	spin_unlock(&lock);
	return ret;
}

void registry_del(struct fixheap *heap)
{
	struct fixheap **link = &first;

	spin_lock(&lock);
	while (*link != heap)
		link = &(*link)->next;
	*link = heap->next;
	spin_unlock(&lock);
}

/* Pages that are bound to nodes, but at home elsewhere; whether they were
 * touched, nobody knows. */
static void add_beyond(const struct fixheap *heap, const struct topology *topo,
		       u64 *taken)
{
	for (u32 n = 0; n < heap->topo.nr_nodes; n++) {
		u32 id = topology_find(topo, heap->topo.number[n]);
		long nr = __atomic_load_n(&heap->beyond[n], __ATOMIC_RELAXED);

		if (id < topo->nr_nodes && nr > 0)
			taken[id] += (u64)nr;
	}
}

void registry_untouched(const struct fixheap *own, const struct topology *topo,
			size_t mapping_page, u64 *taken)
{
	spin_lock(&lock);
	for (struct fixheap *heap = first; heap; heap = heap->next) {
		if (!__atomic_load_n(&heap->bind, __ATOMIC_ACQUIRE) ||
		    heap->host_policy != HOST_POLICY_BIND ||
		    heap->mapping_page != mapping_page)
			continue;
		survey_untouched(heap, topo, taken);
		if (heap != own)
			add_beyond(heap, topo, taken);
	}
	spin_unlock(&lock);
}

void heap_lock_all(struct fixheap *heap)
{
	for (u32 i = 0; i < heap->nr_nodes; i++)
		spin_lock(&heap->node[i].slab_lock);
	spin_lock(&heap->trim_lock);
	for (u32 i = 0; i < heap->nr_nodes; i++)
		pcp_lock_all(&heap->node[i]);
	spin_lock(&heap->region.lock);
}

void heap_unlock_all(struct fixheap *heap)
{
	spin_unlock(&heap->region.lock);
	for (u32 i = 0; i < heap->nr_nodes; i++)
		pcp_unlock_all(&heap->node[i]);
	spin_unlock(&heap->trim_lock);
	for (u32 i = 0; i < heap->nr_nodes; i++)
		spin_unlock(&heap->node[i].slab_lock);
}

void heap_fork_prepare(void)
{
	spin_lock(&lock);
	for (struct fixheap *heap = first; heap; heap = heap->next)
		heap_lock_all(heap);
	share_fork_prepare();
}

static void unlock_heaps(void)
{
	for (struct fixheap *heap = first; heap; heap = heap->next)
		heap_unlock_all(heap);
	spin_unlock(&lock);
}

void heap_fork_parent(void)
{
	share_fork_parent();
	unlock_heaps();
}

/* Who asked for memory while the parent forked is not there any more, nor who
 * gave it back in the background. */
void heap_fork_child(void)
{
	share_fork_child();
	for (struct fixheap *heap = first; heap; heap = heap->next) {
		heap->ask_lock = (spinlock_t)PTHREAD_MUTEX_INITIALIZER;
		heap->decay_worker = NULL;
		prefault_fork_child(heap);
	}
	unlock_heaps();
}
