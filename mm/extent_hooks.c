/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * extent_hooks.c: jemalloc's arenas take their slabs from the heap's nodes.
 *
 * jemalloc calls an *extent* what is a run of pages here.  It gets the pages
 * for its slabs (1, 2, 3, 5 or 7 of them) through nine hooks, of which two do
 * something: alloc takes a run, dalloc gives any range back.  For each node of
 * each heap there is an arena, with its hooks in a struct binding.
 *
 * Invariants
 *  1. An arena has taken exactly what it asked for.  jemalloc's growing
 *     requests, which take more and keep the rest for ever, are known by
 *     *commit being false, and refused before anything is locked.
 *  2. dalloc always succeeds, so that jemalloc never tries to decommit or to
 *     retain.  split always succeeds: a refused one would lose the extent.
 *  3. Bindings and arenas are never destroyed: a thread that was bound to an
 *     arena when its heap ended may still name it.  An arena without a node
 *     gets no pages and owns none.
 *  4. Within a free extent, of any two pages whose descriptors name a class,
 *     either both were written for the same slab or they cannot be taken for
 *     parts of one.  That is what lets malloc.c look at one page of a slab
 *     and know about the others.  Slabs are described as a whole; merging
 *     could break it, so merge wipes one of its two sides, the smaller one.
 *
 * Locking: hooks run with jemalloc's locks held and take those of the caches
 * and the region in run_alloc and run_free; split and merge take none.  Nothing
 * here calls jemalloc from within a hook, or allocates.  The list of idle
 * bindings is under threads_lock, which is taken before jemalloc's locks.
 *
 * Cost: a hook is one call of run_alloc or run_free.  merge: pages of the
 * smaller side, so O(n log n) for merging n pages into one extent.  An arena
 * costs about 90 kB of jemalloc's memory outside of the heap.
 *
 * Not here: which thread uses which arena (thread_cache.c).
 */
#include "extent_hooks.h"

#include "bug.h"
#include "run.h"
#include "slab.h"
#include "thread_cache.h"

/* Bindings are carved from reservations of this many, never given back. */
#define BINDINGS_PER_CHUNK 64

static struct {
	struct binding *idle;
	struct binding *fresh;
	u32 nr_fresh;
} pool; /* (L) */

static struct binding *binding_of(struct extent_hooks *hooks)
{
	return container_of(hooks, struct binding, hooks);
}

static struct node *binding_node(struct binding *binding)
{
	return __atomic_load_n(&binding->node, __ATOMIC_ACQUIRE);
}

static void *refuse(struct binding *binding, size_t size)
{
	__atomic_store_n(&binding->probe_bytes, size, __ATOMIC_RELAXED);
	__atomic_add_fetch(&binding->nr_probes, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void *hook_alloc(struct extent_hooks *hooks, void *new_addr, size_t size,
			size_t alignment, bool *zero, bool *commit,
			unsigned arena)
{
	struct binding *binding = binding_of(hooks);
	struct node *node;
	struct run_request req = {
		.nr_pages = size >> PAGE_SHIFT,
		.align = alignment >> PAGE_SHIFT,
		.kind = PAGE_EXTENT,
		.placement = PLACE_SMALL,
		.node = 0,
		.policy = FIXHEAP_POLICY_DEFAULT,
		.nodes = 0,
		.zero = *zero,
	};
	struct run run;

	(void)arena;
	/* A request to grow, or one for the pages behind an extent: slabs have
	 * a fixed size, nothing is gained by serving it. */
	if (!*commit || new_addr)
		return NULL;
	node = binding_node(binding);
	if (!node)
		return refuse(binding, size);
	if (!req.align)
		req.align = 1;
	req.node = node->index;
	if (run_alloc(node->heap, &req, &run))
		return NULL;
	__atomic_add_fetch(&binding->nr_pages, run.nr_pages, __ATOMIC_RELAXED);
	return pfn_to_addr(node->heap, run.pfn);
}

static void give_back(struct extent_hooks *hooks, void *addr, size_t size)
{
	struct binding *binding = binding_of(hooks);
	struct node *node = binding_node(binding);
	struct run run;
	const char *what;

	if (!node)
		return;
	run.pfn = addr_to_pfn(node->heap, addr);
	run.nr_pages = size >> PAGE_SHIFT;
	what = run_free(node->heap, &run, PAGE_EXTENT);
	/* jemalloc returned pages that it does not have. */
	MM_BUG_ON(what != NULL);
	__atomic_sub_fetch(&binding->nr_pages, run.nr_pages, __ATOMIC_RELAXED);
}

static bool hook_dalloc(struct extent_hooks *hooks, void *addr, size_t size,
			bool committed, unsigned arena)
{
	(void)committed;
	(void)arena;
	give_back(hooks, addr, size);
	return false;
}

static void hook_destroy(struct extent_hooks *hooks, void *addr, size_t size,
			 bool committed, unsigned arena)
{
	(void)committed;
	(void)arena;
	give_back(hooks, addr, size);
}

/* commit, decommit and both purges: nothing like that is done here. */
static bool hook_refuse(struct extent_hooks *hooks, void *addr, size_t size,
			size_t offset, size_t length, unsigned arena)
{
	(void)hooks;
	(void)addr;
	(void)size;
	(void)offset;
	(void)length;
	(void)arena;
	return true;
}

static bool hook_split(struct extent_hooks *hooks, void *addr, size_t size,
		       size_t size_a, size_t size_b, bool committed,
		       unsigned arena)
{
	(void)hooks;
	(void)addr;
	(void)size;
	(void)size_a;
	(void)size_b;
	(void)committed;
	(void)arena;
	return false;
}

static bool hook_merge(struct extent_hooks *hooks, void *addr_a, size_t size_a,
		       void *addr_b, size_t size_b, bool committed,
		       unsigned arena)
{
	struct node *node = binding_node(binding_of(hooks));
	size_t bytes = size_a < size_b ? size_a : size_b;
	u64 *page, *end;

	(void)committed;
	(void)arena;
	if (!node)
		return false;
	/* they follow each other in memory, but not in the heap */
	if (addr_to_pfn(node->heap, addr_a) + (size_a >> PAGE_SHIFT) !=
	    addr_to_pfn(node->heap, addr_b))
		return true;
	page = &node->heap->page[addr_to_pfn(
		node->heap, size_a < size_b ? addr_a : addr_b)];
	for (end = page + (bytes >> PAGE_SHIFT); page < end; page++)
		page_write(page, slab_forget(page_read(page)));
	return false;
}

static const struct extent_hooks binding_hooks = {
	.alloc = hook_alloc,
	.dalloc = hook_dalloc,
	.destroy = hook_destroy,
	.commit = hook_refuse,
	.decommit = hook_refuse,
	.purge_lazy = hook_refuse,
	.purge_forced = hook_refuse,
	.split = hook_split,
	.merge = hook_merge,
};

/*
 * Whether the arena asks for what is needed, once, and for no more: it has no
 * node yet, so the request is only written down.
 */
static bool binding_asks_exactly(struct binding *binding)
{
	const struct size_class *class = &size_class[size_class_of(PAGE_BYTES)];
	void *ptr = fhje_mallocx(class->size,
				 JE_ARENA(binding->arena) | JE_TCACHE_NONE);

	return !ptr && binding->nr_probes == 1 &&
	       binding->probe_bytes == size_class_slab(class, je_page_shift);
}

static struct binding *binding_create(void)
{
	struct binding *binding;

	if (!pool.nr_fresh) {
		pool.fresh =
			host_reserve(BINDINGS_PER_CHUNK * sizeof(*pool.fresh));
		if (!pool.fresh)
			return NULL;
		pool.nr_fresh = BINDINGS_PER_CHUNK;
	}
	binding = pool.fresh;
	binding->hooks = binding_hooks;
	if (je_arena_create(&binding->hooks, &binding->arena))
		return NULL;
	/* From here on jemalloc knows the binding's address. */
	pool.fresh++;
	pool.nr_fresh--;
	return binding_asks_exactly(binding) ? binding : NULL;
}

struct binding *binding_attach(struct node *node)
{
	struct binding *binding = pool.idle;

	if (binding)
		pool.idle = binding->next;
	else
		binding = binding_create();
	if (binding)
		__atomic_store_n(&binding->node, node, __ATOMIC_RELEASE);
	return binding;
}

void binding_purge(struct binding *binding)
{
	je_arena_purge(binding->arena);
}

void binding_detach(struct binding *binding)
{
	je_arena_reset(binding->arena);
	je_arena_purge(binding->arena);
	/* In a child of fork, pages that another thread was just getting or
	 * giving back belong to nobody; they end with the heap. */
	MM_BUG_ON(binding->nr_pages && !threads_in_child());
	binding->nr_pages = 0;
	__atomic_store_n(&binding->node, NULL, __ATOMIC_RELEASE);
	binding->next = pool.idle;
	pool.idle = binding;
}
