/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * allocator.c: fixed heaps of others, by their public interfaces.
 *
 *   memkind  memkind_create_fixed: a jemalloc over one range
 *   TBB      rml::pool_create_v1 with fixedPool, what tbb::fixed_pool is; by
 *            the names that a C++ compiler gives to these functions
 *   buddy    ours, of the textbooks
 *
 * The libraries are loaded when they are asked for, so that the benchmark is
 * built without their headers and goes on without them.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "buddy.h"
#include "peer.h"

/* The functions of a library by name; false: one is not there. */
static bool find(void *library, const char *const *name, void **function)
{
	for (; *name; name++, function++) {
		*function = dlsym(library, *name);
		if (!*function)
			return false;
	}
	return true;
}

/* ---- memkind ------------------------------------------------------------- */

static const char *open_memkind(struct allocator *allocator, void *base,
				size_t bytes)
{
	static const char *const names[] = { "memkind_create_fixed",
					     "memkind_malloc", "memkind_free",
					     NULL };
	void *library = dlopen("libmemkind.so.0", RTLD_NOW | RTLD_LOCAL);
	void *function[3];
	int (*create)(void *addr, size_t size, void **kind);

	if (!library || !find(library, names, function))
		return "no libmemkind.so.0";
	memcpy(&create, &function[0], sizeof(create));
	memcpy(&allocator->alloc, &function[1], sizeof(function[1]));
	memcpy(&allocator->free, &function[2], sizeof(function[2]));
	if (create(base, bytes, &allocator->heap))
		return "memkind_create_fixed fails";
	return NULL;
}

/* ---- TBB ----------------------------------------------------------------- */

/* rml::MemPoolPolicy of <tbb/scalable_allocator.h>. */
struct pool_policy {
	void *(*alloc)(intptr_t id, size_t *bytes);
	int (*free)(intptr_t id, void *memory, size_t bytes);
	size_t granularity;
	int version;
	unsigned fixed : 1, keep_all : 1, reserved : 30;
};

static struct {
	void *base;
	size_t bytes;
} tbb_memory;

/* All of it, once. */
static void *tbb_alloc(intptr_t id, size_t *bytes)
{
	void *base = tbb_memory.base;

	(void)id;
	if (!base || *bytes > tbb_memory.bytes)
		return NULL;
	*bytes = tbb_memory.bytes;
	tbb_memory.base = NULL;
	return base;
}

static int tbb_free(intptr_t id, void *memory, size_t bytes)
{
	(void)id;
	(void)memory;
	(void)bytes;
	return 0;
}

static bool (*tbb_pool_free)(void *pool, void *ptr);

static void call_tbb_free(void *heap, void *ptr)
{
	tbb_pool_free(heap, ptr);
}

static const char *open_tbb(struct allocator *allocator, void *base,
			    size_t bytes)
{
	static const char *const names[] = {
		"_ZN3rml14pool_create_v1ElPKNS_13MemPoolPolicyEPPNS_"
		"10MemoryPoolE",
		"_ZN3rml11pool_mallocEPNS_10MemoryPoolEm",
		"_ZN3rml9pool_freeEPNS_10MemoryPoolEPv", NULL
	};
	static const struct pool_policy policy = {
		.alloc = tbb_alloc, .free = tbb_free, .version = 1, .fixed = 1
	};
	void *library = dlopen("libtbbmalloc.so.2", RTLD_NOW | RTLD_LOCAL);
	void *function[3];
	int (*create)(intptr_t id, const struct pool_policy *policy,
		      void **pool);

	if (!library || !find(library, names, function))
		return "no libtbbmalloc.so.2";
	memcpy(&create, &function[0], sizeof(create));
	memcpy(&allocator->alloc, &function[1], sizeof(function[1]));
	memcpy(&tbb_pool_free, &function[2], sizeof(function[2]));
	allocator->free = call_tbb_free;
	tbb_memory.base = base;
	tbb_memory.bytes = bytes;
	if (create(1, &policy, &allocator->heap))
		return "rml::pool_create_v1 fails";
	return NULL;
}

/* ---- ours ---------------------------------------------------------------- */

static void *call_buddy_alloc(void *heap, size_t bytes)
{
	return buddy_alloc(heap, bytes);
}

static void call_buddy_free(void *heap, void *ptr)
{
	buddy_free(heap, ptr);
}

static const char *open_buddy(struct allocator *allocator, void *base,
			      size_t bytes, size_t unit)
{
	allocator->heap = buddy_create(base, bytes, unit);
	allocator->alloc = call_buddy_alloc;
	allocator->free = call_buddy_free;
	return allocator->heap ? NULL : "no memory";
}

const char *allocator_open(struct allocator *allocator, enum peer peer,
			   void *base, size_t bytes, size_t unit)
{
	if (!base)
		return "no address space";
	switch (peer) {
	case PEER_MEMKIND:
		return open_memkind(allocator, base, bytes);
	case PEER_TBB:
		return open_tbb(allocator, base, bytes);
	case PEER_DPDK:
		return dpdk_open(allocator, base, bytes);
	case PEER_BUDDY:
		return open_buddy(allocator, base, bytes, unit);
	case PEER_BUMP:
		return bump_open(allocator, base, bytes);
	default:
		return "not here";
	}
}
