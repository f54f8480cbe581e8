/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bump.c: a fixed heap as runtimes make one: jemalloc on a pointer that only
 * moves up.
 *
 * jemalloc is the one that is preloaded into this process.  An arena gets hooks
 * whose allocation moves the pointer and whose others give nothing back; what
 * is freed jemalloc keeps, splits and merges.  The hooks are set after the
 * arena is made, so that jemalloc's own data lie elsewhere.  Arrays and objects
 * use no thread cache: it would only hold memory back.
 *
 * Locking: jemalloc's, of the arena, is held in the hooks.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "peer.h"

#define NO_THREAD_CACHE 0x100			   /* MALLOCX_TCACHE_NONE */
#define IN_ARENA(index) ((int)((index) + 1) << 20) /* MALLOCX_ARENA */

struct extent_hooks;
/* jemalloc 5's; all but alloc, split and merge have one of these forms. */
typedef bool (*range_fn)(struct extent_hooks *hooks, void *addr, size_t size,
			 bool committed, unsigned arena);
typedef bool (*part_fn)(struct extent_hooks *hooks, void *addr, size_t size,
			size_t offset, size_t length, unsigned arena);

struct extent_hooks {
	void *(*alloc)(struct extent_hooks *hooks, void *new_addr, size_t size,
		       size_t alignment, bool *zero, bool *commit,
		       unsigned arena);
	range_fn dalloc;
	range_fn destroy; /* without a result */
	part_fn commit, decommit, purge_lazy, purge_forced;
	bool (*split)(struct extent_hooks *hooks, void *addr, size_t size,
		      size_t size_a, size_t size_b, bool committed,
		      unsigned arena);
	bool (*merge)(struct extent_hooks *hooks, void *addr_a, size_t size_a,
		      void *addr_b, size_t size_b, bool committed,
		      unsigned arena);
};

static struct {
	char *base;
	size_t bytes, cursor;
	int flags;
	void *(*mallocx)(size_t bytes, int flags);
	void (*dallocx)(void *ptr, int flags);
} bump;

static void *hook_alloc(struct extent_hooks *hooks, void *new_addr, size_t size,
			size_t alignment, bool *zero, bool *commit,
			unsigned arena)
{
	uintptr_t top = (uintptr_t)bump.base + bump.cursor;
	size_t start = ((top + alignment - 1) & ~(alignment - 1)) -
		       (uintptr_t)bump.base;

	(void)hooks;
	(void)arena;
	if (new_addr && new_addr != bump.base + start)
		return NULL;
	if (start > bump.bytes || size > bump.bytes - start)
		return NULL;
	bump.cursor = start + size;
	*zero = true; /* fresh from the system */
	*commit = true;
	return bump.base + start;
}

static bool refuse_range(struct extent_hooks *hooks, void *addr, size_t size,
			 bool committed, unsigned arena)
{
	(void)hooks, (void)addr, (void)size, (void)committed, (void)arena;
	return true;
}

static bool refuse_part(struct extent_hooks *hooks, void *addr, size_t size,
			size_t offset, size_t length, unsigned arena)
{
	(void)hooks, (void)addr, (void)size, (void)offset, (void)length;
	(void)arena;
	return true;
}

static bool allow_split(struct extent_hooks *hooks, void *addr, size_t size,
			size_t size_a, size_t size_b, bool committed,
			unsigned arena)
{
	(void)hooks, (void)addr, (void)size, (void)size_a, (void)size_b;
	(void)committed, (void)arena;
	return false;
}

static bool allow_merge(struct extent_hooks *hooks, void *addr_a, size_t size_a,
			void *addr_b, size_t size_b, bool committed,
			unsigned arena)
{
	(void)hooks, (void)addr_a, (void)size_a, (void)addr_b, (void)size_b;
	(void)committed, (void)arena;
	return false;
}

static struct extent_hooks hooks = {
	.alloc = hook_alloc,
	.dalloc = refuse_range,
	.destroy = refuse_range,
	.commit = refuse_part,
	.decommit = refuse_part,
	.purge_lazy = refuse_part,
	.purge_forced = refuse_part,
	.split = allow_split,
	.merge = allow_merge,
};

static void *call_alloc(void *heap, size_t bytes)
{
	(void)heap;
	return bump.mallocx(bytes ? bytes : 1, bump.flags);
}

static void call_free(void *heap, void *ptr)
{
	(void)heap;
	bump.dallocx(ptr, bump.flags);
}

const char *bump_open(struct allocator *allocator, void *base, size_t bytes)
{
	int (*mallctl)(const char *name, void *old, size_t *old_size, void *new,
		       size_t new_size);
	struct extent_hooks *pointer = &hooks;
	size_t size = sizeof(unsigned);
	unsigned arena;
	char name[48];

	*(void **)&mallctl = dlsym(RTLD_DEFAULT, "mallctl");
	*(void **)&bump.mallocx = dlsym(RTLD_DEFAULT, "mallocx");
	*(void **)&bump.dallocx = dlsym(RTLD_DEFAULT, "dallocx");
	if (!mallctl || !bump.mallocx || !bump.dallocx)
		return "no libjemalloc.so.2";
	bump.base = base;
	bump.bytes = bytes;
	if (mallctl("arenas.create", &arena, &size, NULL, 0))
		return "no arena";
	snprintf(name, sizeof(name), "arena.%u.extent_hooks", arena);
	if (mallctl(name, NULL, NULL, &pointer, sizeof(pointer)))
		return "no hooks";
	bump.flags = IN_ARENA(arena) | NO_THREAD_CACHE;
	allocator->alloc = call_alloc;
	allocator->free = call_free;
	allocator->heap = NULL;
	return NULL;
}
